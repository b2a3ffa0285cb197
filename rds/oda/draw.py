"""A device's own random number for an event, the same after every restart (protocol, Draw)."""

import hashlib
from collections.abc import Iterable
from typing import Final

DEVICE_ID_OCTETS: Final = 16
DRAW_BITS: Final = 32
_DRAW_OCTETS: Final = DRAW_BITS // 8
_PREFIX: Final = b"evrds/1\0"


def draw(label: str, device_id: bytes, *, key: int, ts: int) -> int:
    """32 bits from SHA-256 over label (one ASCII letter), device id (16 bytes), key id and the event's TS."""
    return int.from_bytes(draws_octets(label, [device_id], key=key, ts=ts), "big")


def draws_octets(label: str, device_ids: Iterable[bytes], *, key: int, ts: int) -> bytes:
    """The draws of many devices for one event, four octets each, most significant first."""
    sha256, before, after = hashlib.sha256, _PREFIX + label.encode("ascii"), bytes([key]) + ts.to_bytes(4, "big")
    return b"".join([sha256(before + device_id + after).digest()[:_DRAW_OCTETS] for device_id in device_ids])


def delay_ms(drawn: int, window_s: int) -> int:
    """The share of a window that a draw stands for, in whole milliseconds, below the window's end."""
    return drawn * window_s * 1000 >> DRAW_BITS
