"""A list of groups in hex, a line each, to groups; a line that is none is an error that names it."""

from collections.abc import Iterator
from typing import Final, Protocol

from rds.errors import InputError
from rds.group import Group
from rds.hex_line import parse_words

_LONGEST_LINE: Final = 4096
_SHOWN: Final = 40


class Lines(Protocol):
    """A binary file, as far as this reads it."""

    def readline(self, limit: int, /) -> bytes:
        """The next line, or as much of it as `limit` octets hold; nothing at the end."""
        ...


def read_groups(lines: Lines, name: str) -> Iterator[Group]:
    """The groups of a list as they are read. Empty lines and lines that begin with # are passed over.

    Args:
        lines: the open list.
        name: what an error calls it.

    Raises:
        InputError: a line that holds no group, or one with a block that was not heard; or a list without groups.
    """
    empty = True
    number = 0
    while octets := lines.readline(_LONGEST_LINE):
        number += 1
        line = octets.decode("ascii", errors="replace").strip()
        if not line or line.startswith("#"):
            continue
        words = parse_words(line)
        if words is None:
            raise InputError(
                f"{name} line {number}: {line[:_SHOWN]!r} is no group; write four words: 9331 20B6 594C 554D"
            )
        one, two, three, four = words
        if one is None or two is None or three is None or four is None:
            raise InputError(f"{name} line {number}: {line[:_SHOWN]!r} lacks a block; only whole groups can be sent")
        empty = False
        yield Group((one, two, three, four))
    if empty:
        raise InputError(f"{name} holds no groups; write one a line: 9331 20B6 594C 554D")
