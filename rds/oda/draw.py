"""A device's own random number for an event, the same after every restart (protocol, Draw)."""

import hashlib
from typing import Final

DEVICE_ID_OCTETS: Final = 16
DRAW_BITS: Final = 32
_PREFIX: Final = b"evrds/1\0"


def draw(label: str, device_id: bytes, *, key: int, ts: int) -> int:
    """32 bits from SHA-256 over label (one ASCII letter), device id (16 bytes), key id and the event's TS."""
    seed = _PREFIX + label.encode("ascii") + device_id + bytes([key]) + ts.to_bytes(4, "big")
    return int.from_bytes(hashlib.sha256(seed).digest()[:4], "big")


def delay_ms(drawn: int, window_s: int) -> int:
    """The share of a window that a draw stands for, in whole milliseconds, below the window's end."""
    return drawn * window_s * 1000 >> DRAW_BITS
