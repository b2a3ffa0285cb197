"""Bytes of a communication module in, a charger's answers out: CTA-2045 from the device's side, on a terminal.

What it is told it reads with the library `cta2045`, another hand than the driver's; only the link is our own.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from cta2045.app import BasicDR, decode
from cta2045.codec import build_frame
from cta2045.enums import BasicDRCategory

from receiver.chargers import _cta2045_link as _link
from tests.live.terminal import terminal

ACK_S = 0.045
"""A little after the 40 ms that the standard leaves for turning the line round."""
REPLY_S = 0.1
METER_WH = 123_456
MENTIONS = (BasicDRCategory.Present_Relative_Price, BasicDRCategory.Next_Relative_Price, BasicDRCategory.Time_Sync)


def with_checksum(frame: bytes) -> bytes:
    """Two bytes that make both of Fletcher's sums vanish: found by trying, so that no formula is shared."""
    for high in range(1, 256):
        first = second = 0
        for byte in (*frame, high):
            first, second = (first + byte) % 255, (second + first + byte) % 255
        low = 255 - (0xAA + first) % 255
        # Begun at AA, the second sum gains AA for each byte.
        second = (second + 0xAA * (len(frame) + 1)) % 255
        if (second + (0xAA + first) + low) % 255 == 0:
            return frame + bytes((high, low))
    raise AssertionError("no checksum fits")


TURN_S = _link.TURN_S


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """Driver and charger make a tenth of the standard's pauses. Begin it before the charger is made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_link, "TURN_S", _link.TURN_S / 10)
        patch.setattr(_link, "GAP_S", _link.GAP_S / 10)
        yield


class Charger:
    """One charger with an EcoPort; set the attributes to make it ill.

    Attributes:
        events: Categories and durations in seconds, as it was told them.
        refused: What it did not know.
        mentions: What it was told beside them, category and second operation code.
        deaf: How many messages it does not answer at all.
        refusing: How many messages it refuses with a checksum error.
        override: A customer has opted out.
        ignores: It acknowledges events and does not follow them.
        intermediate: It speaks intermediate DR and has a meter.
        echo: The adapter hears itself.
    """

    def __init__(self) -> None:
        self.send: Callable[[bytes], object] = len  # nobody is there
        self.pace = _link.TURN_S / TURN_S  # as the driver's
        self.events: list[tuple[BasicDRCategory, int | None]] = []
        self.refused: list[BasicDRCategory] = []
        self.mentions: list[tuple[BasicDRCategory, int]] = []
        self.deaf = 0
        self.refusing = 0
        self.override = False
        self.ignores = False
        self.intermediate = True
        self.echo = False
        self.unsupported: tuple[BasicDRCategory, ...] = ()
        self.link_answers: list[bytes] = []
        self.outside: int | None = None
        self._pending = b""
        self._held: BasicDRCategory | None = None

    def feed(self, data: bytes) -> None:
        if self.echo:
            self.send(data)
        self._pending += data
        while len(self._pending) >= 2:
            if self._pending[0] in (0x06, 0x15):
                self.link_answers.append(self._pending[:2])
                self._pending = self._pending[2:]
                continue
            size = 6 + int.from_bytes(self._pending[2:4], "big")
            if len(self._pending) < max(size, 6):
                return
            whole, self._pending = self._pending[:size], self._pending[size:]
            self._take(whole)

    def _later(self, delay_s: float, data: bytes) -> None:
        asyncio.get_running_loop().call_later(delay_s, lambda: self.send(data))

    def _take(self, whole: bytes) -> None:
        if self.deaf:
            self.deaf -= 1
        elif self.refusing or whole != with_checksum(whole[:-2]):
            self.refusing = max(self.refusing - 1, 0)
            self._later(self.pace * ACK_S, b"\x15\x03")
        elif whole[:2] not in (b"\x08\x01", b"\x08\x02") or (whole[1] == 2 and not self.intermediate):
            self._later(self.pace * ACK_S, b"\x15\x06")
        else:
            self._later(self.pace * ACK_S, b"\x06\x00")
            answer = self._answer(whole[:-2])
            if answer is not None:
                self._later(self.pace * (ACK_S + REPLY_S), with_checksum(answer))

    def say(self, frame: bytes) -> None:
        """Send a message by itself."""
        self.send(with_checksum(frame))

    def _answer(self, frame: bytes) -> bytes | None:
        if len(frame) == 4:
            return None
        if frame[1] == 2:
            if frame[4:6] == b"\x06\x00":
                record = bytes((0,)) + (0).to_bytes(6, "big") + METER_WH.to_bytes(6, "big")
                return bytes(build_frame(8, 2, b"\x06\x80\x00" + record))
            body = b"\x00B\x00" + b"\x12\x34" + bytes(2 + 2 + 4 + 1) + b"EcoBox 11".ljust(15) + bytes(20)
            return bytes(build_frame(8, 2, b"\x01\x81" + body))
        message, _ = decode(frame)
        assert isinstance(message, BasicDR)
        assert message.category is not None
        return self._obey(message, message.category)

    def _obey(self, message: BasicDR, category: BasicDRCategory) -> bytes:
        if category is BasicDRCategory.Operational_State_Query:
            return _basic(BasicDRCategory.State_Query_Response, self._state())
        if category in self.unsupported:
            self.refused.append(category)
            return _basic(BasicDRCategory.NAK, 1)
        if category is BasicDRCategory.Connection_Status:
            self.outside = message.opcode2
        elif category in MENTIONS:
            self.mentions.append((category, message.opcode2))
        else:
            seconds = message.duration.seconds if message.duration is not None else None
            self.events.append((category, seconds))
            if self.override:
                return _basic(BasicDRCategory.NAK, 5)
            over = category in (BasicDRCategory.End_Shed, BasicDRCategory.Load_Up)
            self._held = None if over else category
        return _basic(BasicDRCategory.ACK, category.value)

    def _state(self) -> int:
        if self.override:
            return 12
        return 1 if self._held is None or self.ignores else 2

    def limit_ma(self) -> int | None:
        """What this maker has decided: nothing in a grid emergency, 6 A in any other event."""
        if self._held is None or self.override:
            return None
        return 0 if self._held is BasicDRCategory.Grid_Emergency else 6000


def _basic(category: BasicDRCategory, value: int) -> bytes:
    return bytes(BasicDR(category, value).to_bytes())


@contextlib.asynccontextmanager
async def on_terminal(charger: Charger) -> AsyncIterator[str]:
    """Yield the path of a serial port with this charger behind it."""
    async with terminal(charger.feed) as (path, charger.send):
        yield path
