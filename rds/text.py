"""Characters to bytes and back, by the basic character table of IEC 62106-4 (EN 50067, annex E, table E.1)."""

from typing import Final

_ROWS: Final = (
    " !\"#¤%&'()*+,-./",  # 2x
    "0123456789:;<=>?",  # 3x
    "@ABCDEFGHIJKLMNO",  # 4x
    "PQRSTUVWXYZ[\\]―_",  # 5x
    "‖abcdefghijklmno",  # 6x
    "pqrstuvwxyz{|}¯\x7f",  # 7x
    "áàéèíìóòúùÑÇŞβ¡Ĳ",  # 8x
    "âäêëîïôöûüñçşǧıĳ",  # 9x
    "ªα©‰Ǧěňőπ€£$←↑→↓",  # Ax
    "º¹²³±İńűµ¿÷°¼½¾§",  # Bx
    "ÁÀÉÈÍÌÓÒÚÙŘČŠŽÐĿ",  # Cx
    "ÂÄÊËÎÏÔÖÛÜřčšžđŀ",  # Dx
    "ÃÅÆŒŷÝÕØÞŊŔĆŚŹŦð",  # Ex
    "ãåæœŵýõøþŋŕćśźŧ\xff",  # Fx
)
_TABLE: Final = "".join(_ROWS)
_FIRST: Final = 0x20
_BYTES: Final = {character: _FIRST + i for i, character in enumerate(_TABLE) if character not in "\x7f\xff"}
CARRIAGE_RETURN: Final = 0x0D
"""Ends a radio text shorter than its place (EN 50067, 3.1.5.3)."""


def encode_text(text: str) -> bytes:
    """The bytes of a text.

    Raises:
        ValueError: a character is not in the table.
    """
    for character in text:
        if character not in _BYTES:
            raise ValueError(f"{character!r} (U+{ord(character):04X}) is not in the RDS character table")
    return bytes(_BYTES[character] for character in text)


def decode_text(data: bytes) -> str:
    """The text of bytes off the air: total; codes without a character become a space."""
    return "".join(_TABLE[byte - _FIRST] if byte >= _FIRST and byte not in (0x7F, 0xFF) else " " for byte in data)
