"""Bytes of CTA-2045 in, link answers and messages out; messages in, bytes out. No I/O.

    T T  t t  . L L L  L L ...  P ...  C C    T message type, L length of the payload (13 bits), P payload, C checksum
    0 6  0 0                                  the link's acknowledgement
    1 5  R R                                  its refusal, R reason

Payloads of basic DR (08 01) are two operation codes. Clauses are those of ANSI/CTA-2045-B; the values were compared
with the libraries `cta2045` and EPRI's libcea2045, not with the standard's own text.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

BASIC: Final = (0x08, 0x01)
INTERMEDIATE: Final = (0x08, 0x02)
DATA_LINK: Final = (0x08, 0x03)
ACK: Final = 0x06
NAK: Final = 0x15
HIGHEST_PAYLOAD: Final = 256
"""Ours are two bytes; the longest that we ask for, the device's description, has 48."""
HEADER_BYTES: Final = 4
CHECKSUM_BYTES: Final = 2
NO_END: Final = 0x00
"""The duration of an event whose end is not known."""
TOO_LONG: Final = 0xFF
UNKNOWN_PRICE: Final = 0
HIGHEST_PRICE: Final = 0xFF


class Refusal(IntEnum):
    """Why the link refuses a message (clause 6)."""

    NO_REASON = 0x00
    CHECKSUM = 0x03
    UNSUPPORTED_TYPE = 0x06
    UNSUPPORTED_REQUEST = 0x07


class Basic(IntEnum):
    """The first operation code of basic DR (Table 10-1)."""

    SHED = 0x01
    END_SHED = 0x02
    APP_ACK = 0x03
    APP_NAK = 0x04
    PRICE = 0x07
    NEXT_PRICE = 0x08
    CRITICAL_PEAK = 0x0A
    GRID_EMERGENCY = 0x0B
    CONNECTION_STATUS = 0x0E
    CUSTOMER_OVERRIDE = 0x11
    QUERY_STATE = 0x12
    STATE = 0x13
    TIME_SYNC = 0x16
    LOAD_UP = 0x17


@dataclass(frozen=True, slots=True)
class LinkAnswer:
    """The other side's ACK (`refusal` None) or NAK."""

    refusal: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message whose checksum is right."""

    type: tuple[int, int]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """What looked like a message and has a wrong checksum."""


Received = LinkAnswer | Message | Damaged


def checksum(data: bytes) -> bytes:
    """Fletcher's two bytes after `data`, begun at AA 00 (clause 6)."""
    first, second = 0xAA, 0
    for byte in data:
        first = (first + byte) % 255
        second = (second + first) % 255
    high = 255 - (first + second) % 255
    return bytes((high, 255 - (first + high) % 255))


def encode(message: Message) -> bytes:
    """A message's bytes on the wire."""
    data = bytes(message.type) + len(message.payload).to_bytes(2, "big") + message.payload
    return data + checksum(data)


def basic(code: Basic, value: int = 0) -> Message:
    """A message of basic DR."""
    return Message(BASIC, bytes((code, value)))


def duration_code(seconds: float | None) -> int:
    """The second operation code of an event: n for 2 n² s, rounded up so that no event ends early (clause 10.1.2)."""
    if seconds is None:
        return NO_END
    return min(max(math.ceil(math.sqrt(max(seconds, 0) / 2)), 1), TOO_LONG)


def price_code(ratio: float | None) -> int:
    """The second operation code of a relative price: Y for (Y - 1)(Y + 63) / 8192 of the mean, 0 where none is known.

    Rounded down, and no more than the highest (clause 10.1.6: about ten times the mean).
    """
    if ratio is None:
        return UNKNOWN_PRICE
    return min(max(math.floor(math.sqrt(1024 + 8192 * max(ratio, 0)) - 31), 1), HIGHEST_PRICE)


def time_code(moment: datetime) -> int:
    """The second operation code of the time: WWW HHHHH, weekday from Sunday 0 on and hour."""
    return (moment.isoweekday() % 7) << 5 | moment.hour


class Deframer:
    """Bytes in any pieces to what they hold. Nonsense is passed over byte by byte."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Received]:
        """What is whole now."""
        self._pending += data
        found: list[Received] = []
        while len(self._pending) >= 2:
            size = self._size()
            if size is None:
                break
            whole = bytes(self._pending[:size])
            one = _decode(whole) if size else None
            del self._pending[: size if one is not None and not isinstance(one, Damaged) else 1]
            if one is not None:
                found.append(one)
        return found

    def flush(self) -> list[Received]:
        """The line has been silent too long for what began: pass over its first byte."""
        del self._pending[:1]
        return self.feed(b"")

    @property
    def is_amid(self) -> bool:
        """Whether something has begun and is not whole."""
        return bool(self._pending)

    def _size(self) -> int | None:
        """The bytes of what begins here; 0: nothing begins here; None: not enough has come to tell or to decode."""
        head = self._pending
        if head[0] in (ACK, NAK):
            return 2
        if head[0] != BASIC[0]:
            return 0
        if len(head) < HEADER_BYTES:
            return None
        payload = int.from_bytes(head[2:4], "big") & 0x1FFF
        size = HEADER_BYTES + payload + CHECKSUM_BYTES
        if payload > HIGHEST_PAYLOAD:
            return 0
        return size if len(head) >= size else None


def _decode(whole: bytes) -> Received:
    if whole[0] in (ACK, NAK):
        return LinkAnswer(None if whole[0] == ACK else whole[1])
    if checksum(whole[:-CHECKSUM_BYTES]) != whole[-CHECKSUM_BYTES:]:
        return Damaged()
    return Message((whole[0], whole[1]), whole[HEADER_BYTES:-CHECKSUM_BYTES])
