"""Bytes from an OpenEVSE controller in, its answers and notices out; commands in, answers awaited.

    $ C C  parameters  : S S  ^ X X  CR      C command, S sequence 01 to FF, X exclusive-or of all before "^", in hex

An answer is `$OK ...` or `$NK ...`; a notice comes unasked: `$AT` state, `$AB` boot, `$AN` button, `$WF` WiFi, in older
firmware `$ST`. Sequences are known from firmware 3 on. Source: the comment of OpenEVSE's own rapi_proc.h, of 2023.
"""

import asyncio
import contextlib
import re
from dataclasses import dataclass
from typing import Final

from rds.errors import ChargerRefusedError
from receiver.chargers._serial_wire import Wire

LINE_BYTES: Final = 256
"""The longest line let in; the controller's own buffer is shorter."""
TRY_S: Final = 1.0
"""How long one command waits for its answer; the controller answers in a few milliseconds, or when a check is over."""
TRIES: Final = 3
_START, _END = ord("$"), ord("\r")
_LINE = re.compile(rb"\$([\x20-\x5d\x5f-\x7e]+)\^([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the controller, checked: its words, and the sequence that it answers; None: it names none."""

    words: tuple[str, ...]
    sequence: int | None

    @property
    def is_answer(self) -> bool:
        """Whether it answers a command."""
        return self.words[0] in ("OK", "NK")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a command: whether it is a yes, and the values after it."""

    command: str
    ok: bool
    values: tuple[str, ...]

    def number(self, place: int, *, base: int = 10) -> int:
        """The value at a place.

        Raises:
            ChargerRefusedError: there is none, or it is no number.
        """
        try:
            return int(self.values[place], base)
        except (IndexError, ValueError):
            raise ChargerRefusedError(
                f"OpenEVSE answered ${self.command} with {self.words()}; a number is wanted"
            ) from None

    def words(self) -> str:
        """The answer as it came, for people."""
        return repr(" ".join(("OK" if self.ok else "NK", *self.values))[:80])


def checksum(text: bytes) -> int:
    """The exclusive-or of all bytes."""
    value = 0
    for byte in text:
        value ^= byte
    return value


def encode_command(command: str, sequence: int | None) -> bytes:
    """The bytes of a command such as "SC 16 V"."""
    text = f"${command}".encode("ascii")
    if sequence is not None:
        text += b" :%02X" % sequence
    return text + b"^%02X\r" % checksum(text)


def parse_line(text: bytes) -> Line | None:
    """A line from "$" to before its carriage return; None when it is damaged or carries no checksum."""
    match = _LINE.fullmatch(text)
    if match is None or checksum(text[: match.end(1)]) != int(match[2], 16):
        return None
    words = match[1].decode("ascii").split()
    sequence = None
    if len(words) > 1 and re.fullmatch(":[0-9A-Fa-f]{2}", words[-1]):
        sequence = int(words.pop()[1:], 16)
    return Line(tuple(words), sequence) if words else None


class Lines:
    """Bytes in, whole and undamaged lines out, however the bytes are cut."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._inside = False

    def feed(self, data: bytes) -> list[Line]:
        """The lines that these bytes complete."""
        lines = []
        for byte in data:
            if byte == _START:  # also inside a line, whose end was lost
                self._kept.clear()
                self._inside = True
            if not self._inside:
                continue
            if byte == _END:
                self._inside = False
                line = parse_line(bytes(self._kept))
                if line is not None:
                    lines.append(line)
            elif len(self._kept) < LINE_BYTES:
                self._kept.append(byte)
            else:
                self._inside = False
        return lines


class RapiLink:
    """Commands and answers over one open wire.

    Attributes:
        booted: Whether the controller may have booted since this was last set to False.
    """

    def __init__(self, wire: Wire) -> None:
        self.booted = True
        self._wire = wire
        self._lines = Lines()
        self._sequence = 0
        self._sequenced = True

    async def ask(self, command: str) -> Answer:
        """Send a command and wait for its answer.

        Without sequences it is sent once: a late answer could be taken for the next one's.

        Raises:
            OSError: the wire failed, or nobody answered (TimeoutError).
        """
        for _ in range(TRIES if self._sequenced else 1):
            self._sequence = self._sequence % 255 + 1
            await self._wire.write(encode_command(command, self._sequence if self._sequenced else None))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TRY_S):
                    return await self._answer(command)
        raise TimeoutError

    async def demand(self, command: str) -> Answer:
        """Send a command that must be answered with a yes.

        Raises:
            ChargerRefusedError: the answer is a no.
            OSError: the wire failed, or nobody answered.
        """
        answer = await self.ask(command)
        if not answer.ok:
            raise ChargerRefusedError(f"OpenEVSE answered ${command} with {answer.words()}; a yes is wanted")
        return answer

    async def close(self) -> None:
        """Let go of the wire."""
        await self._wire.close()

    async def _answer(self, command: str) -> Answer:
        """The answer to the last sequence; notices and late answers before it are passed over."""
        while True:
            for line in self._lines.feed(await self._wire.read()):
                if line.words[0] == "AB":
                    self.booted = True
                if line.is_answer and line.sequence in (self._sequence, None):
                    self._sequenced = line.sequence is not None
                    return Answer(command, line.words[0] == "OK", line.words[1:])
