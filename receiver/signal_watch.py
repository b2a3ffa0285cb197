"""Heartbeats and the stream's time in, the last time without a signal out (protocol, What a receiver must do, 7)."""

from dataclasses import replace
from typing import Final

from receiver.local_calendar import Outage

LOST_MS: Final = 5 * 60_000
"""Without a verified heartbeat."""


class SignalWatch:
    """Tells when the signal is lost. Moments `at_ms` are the stream's own; `now_ms` is the time, None while unknown."""

    def __init__(self) -> None:
        """Begins as if a heartbeat had just been heard: a receiver that starts has five minutes."""
        self._heard_at_ms = 0
        self.heartbeat_at_ms: int | None = None
        """When the last one was really heard."""
        self.outage: Outage | None = None
        """The last one; it is over when it has an `until_ms`."""

    @property
    def lost(self) -> bool:
        """Whether there is no signal."""
        return self.outage is not None and self.outage.until_ms is None

    @property
    def due_at_ms(self) -> int | None:
        """When the signal will be lost if nothing is heard; None if it is."""
        return None if self.lost else self._heard_at_ms + LOST_MS

    def hear(self, at_ms: int, now_ms: int | None) -> None:
        """A heartbeat was taken."""
        self._heard_at_ms = self.heartbeat_at_ms = at_ms
        if self.outage is not None and self.outage.until_ms is None:
            self.outage = None if now_ms is None else replace(self.outage, until_ms=now_ms)

    def pass_time(self, at_ms: int, now_ms: int | None, *, time_is_sure: bool) -> None:
        """Find out whether the signal is lost by now."""
        if self.due_at_ms is not None and at_ms >= self.due_at_ms:
            self.outage = Outage(now_ms, time_is_sure=time_is_sure and now_ms is not None)
