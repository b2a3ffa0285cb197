"""Bytes of a signed text to what a screen may show, and back (protocol, Records: text)."""

import unicodedata
from typing import Final

_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that move a cursor, hide text or turn its direction instead of showing something."""


def clean_text(data: bytes) -> str:
    """The text of UTF-8 bytes without control characters, and without what is no UTF-8. Total; never longer."""
    return "".join(c for c in data.decode("utf-8", errors="ignore") if unicodedata.category(c) not in _DROPPED)


def encode_display_text(text: str) -> bytes:
    """The UTF-8 bytes of a text.

    Raises:
        ValueError: it holds a character that `clean_text` would drop.
    """
    for character in text:
        if unicodedata.category(character) in _DROPPED:
            raise ValueError(f"control character U+{ord(character):04X} in text; allowed: characters that show")
    return text.encode("utf-8")
