"""Time stamps heard and seconds of stream in, the time of day out: a lower bound, or a start time that is trusted.

Protocol, What a receiver must do, 4 and 5. `at_ms` is the stream's own time, milliseconds from its first sample;
`_ms` otherwise is milliseconds since 2024-01-01T00:00Z. Nothing here reads a clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from rds.oda.bulletin import Bulletin
from rds.oda.messages import UrgentMessage
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.ticks import EPOCH, TICK_S
from receiver.verify import Rejection

TICK_MS: Final = 1000 * TICK_S
_MINUTE_MS: Final = 60_000
TRUSTED_BEHIND_MS: Final = 10 * _MINUTE_MS
"""A clock further behind what keys say is not trusted; a time stamp further ahead of a trusted one is refused."""
LEAP_MS: Final = 24 * 60 * _MINUTE_MS
PROVISIONAL_MS: Final = 10 * _MINUTE_MS
AGREEMENT_MS: Final = 2 * _MINUTE_MS


class Stamped(Protocol):
    """A trusted message or bulletin: who stamped it, and with what."""

    @property
    def public_key(self) -> bytes:
        """Whose signature holds."""

    @property
    def ts(self) -> int:
        """The time stamp."""


def ms_of(moment: datetime) -> int:
    """Milliseconds since the protocol's epoch of an aware datetime."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def datetime_of(ms: int) -> datetime:
    """The UTC datetime of milliseconds since the protocol's epoch."""
    return EPOCH + timedelta(milliseconds=ms)


@dataclass(frozen=True, slots=True)
class _Provisional:
    """A time that one key claims, far ahead of what was known."""

    offset_ms: int
    since_at_ms: int
    public_key: bytes


class Clock:
    """Keeps the time of a stream.

    Args:
        start_ms: The time at the stream's first sample, if something trusted says so.
        bound_ms: The latest time that an earlier run had known: it cannot be earlier now.
        bound_key: The public key whose word that was.
    """

    def __init__(self, *, start_ms: int | None = None, bound_ms: int | None = None, bound_key: bytes = b"") -> None:
        self._start_ms = start_ms
        self._bound_key = bound_key
        # Per public key: its highest TS and the offset (time minus stream time) that it gave. b"" is the earlier run.
        self._heard: dict[bytes, tuple[int, int]] = {} if bound_ms is None else {b"": (bound_ms // TICK_MS, bound_ms)}
        self._not_before_ms = bound_ms or 0
        self._provisional: _Provisional | None = None
        self._heartbeat_heard = False

    @property
    def trusted(self) -> bool:
        """Whether the start time is known and not behind what the keys say."""
        bound = self._bound_offset_ms()
        return self._start_ms is not None and (bound is None or bound - self._start_ms <= TRUSTED_BEHIND_MS)

    @property
    def provisional(self) -> bool:
        """Whether the time is one key's word, far ahead of what was known: nothing planned runs on it."""
        return self._provisional is not None

    @property
    def cold(self) -> bool:
        """Whether events and now-messages must wait for a heartbeat."""
        return not self.trusted and not self._heartbeat_heard

    def now_ms(self, at_ms: int) -> int | None:
        """The time at a moment of the stream, or None if nothing is known. Steps back only from a provisional time."""
        offset = self._offset_ms()
        if offset is None:
            return None
        now = at_ms + offset
        return now if self._provisional else max(now, self._not_before_ms)

    def firm_ms(self, at_ms: int) -> int | None:
        """The time at a moment of the stream that later starts may build on, or None before a key was heard.

        Never a provisional time, and a trusted one only as far as keys bear it out: a start time that was wrong once,
        by a dead battery or a forged time server, must not stand above all that is heard ever after.
        """
        bound = self._bound_offset_ms()
        if bound is None:
            return None
        if self.trusted and self._start_ms is not None:
            return at_ms + min(self._start_ms, bound + TRUSTED_BEHIND_MS)
        return max(at_ms + bound, self._not_before_ms)

    @property
    def firm_key(self) -> bytes:
        """The public key whose word `firm_ms` is."""
        public_key = max(self._heard, key=lambda heard: self._heard[heard][1], default=b"")
        return public_key or self._bound_key

    def at_ms(self, time_ms: int) -> int | None:
        """When in the stream a time later than now will come, as far as is known."""
        offset = self._offset_ms()
        return None if offset is None else time_ms - offset

    def refusal(self, message: UrgentMessage | Bulletin, at_ms: int) -> Rejection | None:
        """What the clock has against an operator's message or bulletin whose signature holds."""
        if self.trusted and self._start_ms is not None:
            ahead_ms = message.ts * TICK_MS - (at_ms + self._start_ms)
            if ahead_ms > TRUSTED_BEHIND_MS:
                return Rejection.FUTURE
            if isinstance(message, Heartbeat) and ahead_ms < -TRUSTED_BEHIND_MS:
                return Rejection.STALE
        if self.cold and not isinstance(message, Heartbeat):
            return Rejection.WAITING
        return None

    def hear(self, trusted: Stamped, at_ms: int) -> bool:
        """Learn from a trusted message. True if its time is firm; if not, it must raise no floor and end no replay."""
        ts_ms = trusted.ts * TICK_MS
        bound = self._bound_offset_ms()
        if not self.trusted and bound is not None and ts_ms - (at_ms + bound) > LEAP_MS:
            return self._leap(trusted, at_ms)
        self._contradict(trusted, at_ms)
        self._raise_bound(trusted, at_ms)
        return True

    def warm(self) -> None:
        """A heartbeat was taken: events need wait no longer."""
        self._heartbeat_heard = True

    def forget(self, public_key: bytes) -> None:
        """A key lost its certificate: what it said of the time counts no more, in this run or in an earlier one.

        Else a stolen key that dated itself ahead would keep all others out for ever.
        """
        if public_key == self._bound_key:
            self._heard.pop(b"", None)
            self._not_before_ms = 0
        if self._heard.pop(public_key, None) is not None:
            self._not_before_ms = 0
        if self._provisional is not None and self._provisional.public_key == public_key:
            self._provisional = None

    def _leap(self, trusted: Stamped, at_ms: int) -> bool:
        """A TS over a day ahead: provisional until one 10 min or more later agrees within 2 min."""
        offset_ms = trusted.ts * TICK_MS - at_ms
        claimed = self._provisional
        if claimed is None or abs(offset_ms - claimed.offset_ms) > AGREEMENT_MS:
            self._provisional = _Provisional(offset_ms, at_ms, trusted.public_key)
        elif at_ms - claimed.since_at_ms >= PROVISIONAL_MS:
            self._provisional = None
            self._raise_bound(trusted, at_ms)
            return True
        return False

    def _contradict(self, trusted: Stamped, at_ms: int) -> None:
        """A new message 10 min or more after a leap that agrees with the old time within 2 min ends the leap.

        Else one time stamp far ahead, by a key that may do nothing but heartbeats, would void all events for good.
        """
        bound, ts = self._bound_offset_ms(), trusted.ts
        if self._provisional is None or bound is None or at_ms - self._provisional.since_at_ms < PROVISIONAL_MS:
            return
        is_new = ts > self._heard.get(trusted.public_key, (-1, 0))[0]
        if is_new and abs(ts * TICK_MS - at_ms - bound) <= AGREEMENT_MS:
            self._provisional = None

    def _raise_bound(self, trusted: Stamped, at_ms: int) -> None:
        ts = trusted.ts
        if ts > self._heard.get(trusted.public_key, (-1, 0))[0]:
            if self._provisional is None:
                self._not_before_ms = self.now_ms(at_ms) or 0
            self._heard[trusted.public_key] = (ts, ts * TICK_MS - at_ms)

    def _bound_offset_ms(self) -> int | None:
        return max((offset for _, offset in self._heard.values()), default=None)

    def _offset_ms(self) -> int | None:
        if self.trusted:
            return self._start_ms
        if self._provisional is not None:
            return self._provisional.offset_ms
        return self._bound_offset_ms()
