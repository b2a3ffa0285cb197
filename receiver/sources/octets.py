"""A file or standard input as bytes, read in pieces: what every format reads from."""

import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

from rds.errors import InputError

STDIN: Final = "-"
CHUNK_OCTETS: Final = 1 << 17


class Octets:
    """The bytes of an input. Reading gives what is there: from a pipe, pieces as they come."""

    def __init__(self, file: BinaryIO, name: str, *, length: int | None) -> None:
        """Takes an open file; `length` is None where it has no end that can be known."""
        self._file = file
        self.name = name
        self.length = length
        self.notes: list[str] = []
        """What was assumed or found odd, a line each; more come while the bytes are read."""
        self._kept = b""

    @classmethod
    def open(cls, name: str) -> Self:
        """The bytes of a file, or of standard input for "-".

        Raises:
            InputError: it is missing, empty, a folder or not to be read.
        """
        if name == STDIN:
            if sys.stdin is None:
                raise InputError("standard input is closed; give a file, or pipe something into it")
            # Without its buffer, whose lock would outlast a thread that waits in it, and then the process.
            return cls(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), "standard input", length=None)
        path = Path(name)
        try:
            if path.is_dir():
                raise InputError(f"{name} is a folder; give a file, or - for standard input")
            length = path.stat().st_size if path.is_file() else None
            if length == 0:
                raise InputError(f"{name} is empty; was the recording stopped before it began?")
            octets = cls(file := path.open("rb"), name, length=length)
        except FileNotFoundError:
            raise InputError(f"{name}: no such file; give a file that exists, or - for standard input") from None
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror}") from None
        except ValueError:
            raise InputError(f"{name!a} can be no file's name; give a file that exists") from None
        # Streams hand the bytes on lazily: the file is closed when the last of them has gone.
        weakref.finalize(octets, file.close)
        return octets

    def peek(self, count: int) -> bytes:
        """The next `count` bytes without taking them; fewer at the end."""
        while len(self._kept) < count and (piece := self._from_file(count - len(self._kept))):
            self._kept += piece
        return self._kept[:count]

    def skip(self, count: int) -> None:
        """Takes and drops `count` bytes."""
        while count > 0 and (piece := self.read(min(count, CHUNK_OCTETS))):
            count -= len(piece)

    def read(self, count: int = CHUNK_OCTETS) -> bytes:
        """At most `count` bytes, what is there; none at the end."""
        if self._kept:
            piece, self._kept = self._kept[:count], self._kept[count:]
            return piece
        return self._from_file(count)

    def _from_file(self, count: int) -> bytes:
        try:
            # read1 gives what a pipe holds instead of waiting for a full chunk; a file fills the chunk.
            return self._file.read1(count) if hasattr(self._file, "read1") else self._file.read(count)
        except OSError as error:
            raise InputError(f"{self.name} cannot be read further: {error.strerror}") from None

    def records(self, octets: int, *, limit: int | None = None, at_once: int = CHUNK_OCTETS) -> Iterator[bytes]:
        """Pieces of whole samples of `octets` bytes, to the end or `limit` bytes; what is odd at the end is noted.

        `at_once` is how many bytes to ask for; a pipe may give fewer.
        """
        rest, left = b"", limit
        while left is None or left > 0:
            piece = self.read(at_once if left is None else min(left, at_once))
            if not piece:
                break
            left = None if left is None else left - len(piece)
            piece = rest + piece
            whole = len(piece) // octets * octets
            rest = piece[whole:]
            if whole:
                yield piece[:whole]
        if left:
            self.notes.append(
                f"{self.name} is cut short: {left} of {limit} bytes of samples are missing; what is there was read"
            )
        if rest:
            self.notes.append(
                f"{self.name} ends within a sample: the last {len(rest)} of its bytes are no sample of {octets} and"
                " were left out"
            )

    def lines(self, longest: int = 4096) -> Iterator[str]:
        """Lines of text without their ends; a line longer than `longest` comes in parts."""
        rest = b""
        while piece := self.read():
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line.decode("latin-1").rstrip("\r") for line in whole)
            while len(rest) > longest:
                part, rest = rest[:longest], rest[longest:]
                yield part.decode("latin-1")
        if rest:
            yield rest.decode("latin-1").rstrip("\r")
