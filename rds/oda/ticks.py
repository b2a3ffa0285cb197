"""Moments to the protocol's time stamps and back: ticks of 10 s since 2024-01-01T00:00Z (protocol, Urgent envelope)."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(2024, 1, 1, tzinfo=UTC)
TICK_S: Final = 10
TICK_BITS: Final = 28
MAX_TICK: Final = (1 << TICK_BITS) - 1
"""Reached in 2109."""


def tick_of(moment: datetime) -> int:
    """The tick that an aware datetime falls into.

    Raises:
        ValueError: the moment is before 2024 or after the last tick.
    """
    tick = (moment - EPOCH) // timedelta(seconds=TICK_S)
    if not 0 <= tick <= MAX_TICK:
        raise ValueError(f"{moment.isoformat()} has no time stamp; allowed: 2024-01-01 to {moment_of(MAX_TICK).date()}")
    return tick


def moment_of(tick: int) -> datetime:
    """The UTC datetime at which a tick begins."""
    return EPOCH + timedelta(seconds=TICK_S * tick)
