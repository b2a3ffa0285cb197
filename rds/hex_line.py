"""One group as a line of text and back: `9331 20B6 594C ----`, four words of four hex digits, `----` for none."""

import re
from typing import Final

Words = tuple[int | None, int | None, int | None, int | None]
"""The four words of a group as heard: None where a block was not accepted."""

_LINE: Final = re.compile(
    r"\s*([0-9A-Fa-f]{4}|-{4})\s+([0-9A-Fa-f]{4}|-{4})\s+([0-9A-Fa-f]{4}|-{4})\s+([0-9A-Fa-f]{4}|-{4})(?:\s.*)?"
)
NO_WORD: Final = "----"


def format_words(words: Words) -> str:
    """The line of a group, without a line end."""
    return " ".join(NO_WORD if word is None else f"{word:04X}" for word in words)


def parse_words(line: str) -> Words | None:
    """The words in a line, or None if it holds no group. What follows the four words is not looked at."""
    match = _LINE.fullmatch(line.rstrip("\r\n"))
    if match is None:
        return None
    one, two, three, four = (None if word == NO_WORD else int(word, 16) for word in match.groups())
    return one, two, three, four
