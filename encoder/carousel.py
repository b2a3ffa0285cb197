"""Orders in, one coded symbol out at each application slot: what an operator's key sends next (protocol, Carousel).

An urgent envelope is a run of two passes; it pre-empts all else but another urgent one, and a second urgent one takes
the first one's second pass. Then comes a heartbeat, then one more pass every 60 s or as soon after as only every
second run is a repeat, always the same bits, until the event's end. What is left is heartbeats. What an urgent run
interrupts is sent again as a new run.

Tags. A tag may return 15 s after its last group. Back to back at 4 groups/s a full pass lasts 7.5 s, and a run cut
short is always followed by an urgent one, whose last before anything else runs two passes: between two uses of a tag
there are at least 61 symbols, 15.5 s. So nothing ever waits at 1, 2 or 4 groups/s; with a faster caller the slot
stays empty until the tag is free.

Time stamps. A pass of 7.5 s is shorter than a tick of 10 s, so a heartbeat whose tick still runs after its first
pass is given its second instead of a new time stamp; heartbeats alone never run ahead of the clock.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, TypeGuard

from encoder.operator_key import OperatorKey
from rds.oda.announcement import Announcement
from rds.oda.application_group import TAGS, CodedSymbol
from rds.oda.codes import duration_s
from rds.oda.erasure_code import SYMBOLS, encode_envelope
from rds.oda.event_fields import EventFields
from rds.oda.messages import UrgentMessage
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.halt import Halt
from rds.oda.messages.heartbeat import NO_HORIZON, Heartbeat
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.tier_now import TierNow
from rds.oda.target_fields import ALL_TARGETS, TargetFields, target_of
from rds.oda.ticks import moment_of, tick_of

TAG_PAUSE: Final = timedelta(seconds=15)
REPEAT_AFTER: Final = timedelta(seconds=60)
MOST_LIVE_EVENTS: Final = 15
"""15 in a heartbeat means 15 or more."""

Compose = Callable[[int, int], UrgentMessage]
"""Makes a message of a key id and a time stamp."""


class _Kind(Enum):
    URGENT = "urgent"
    REPEAT = "repeat"
    HEARTBEAT = "heartbeat"


@dataclass(slots=True, eq=False)
class _Order:
    """A signed message that is sent at once and then repeated."""

    message: UrgentMessage
    symbols: Sequence[int]
    until: datetime
    """No repeat begins from here on."""
    due: datetime
    """When the next repeat is wanted."""
    silenced: bool = False
    """Ended or overtaken in all its region: not repeated, but an end of it still runs to its `until`."""


@dataclass(slots=True)
class _Run:
    """One envelope on the air under one tag."""

    kind: _Kind
    tag: int
    symbols: Sequence[int]
    order: _Order | None = None
    sent: int = 0


class Carousel:
    """One key's sequence of runs on one application. Time is an argument and never runs back."""

    def __init__(self, key: OperatorKey, *, utc_offset: timedelta = timedelta()) -> None:
        """An empty carousel: heartbeats, until something is ordered.

        Raises:
            TrustError: the key may not send heartbeats.
        """
        key.require_role(Heartbeat)
        self._key = key
        self._utc_offset = utc_offset
        self._waiting: deque[_Order] = deque()
        self._orders: list[_Order] = []
        self._run: _Run | None = None
        self._last_kind: _Kind | None = None
        self._runs = 0
        self._tag_free: dict[int, datetime] = {}

    @property
    def announcement(self) -> Announcement:
        """What 3A says now: urgent while an urgent envelope waits or is in its own run."""
        urgent = bool(self._waiting) or (self._run is not None and self._run.kind is _Kind.URGENT)
        return Announcement(
            network=self._key.domain.network, epoch=self._key.certificate.epoch, urgent=int(urgent), run=self._runs
        )

    def order(self, compose: Compose, now: datetime) -> UrgentMessage:
        """Stamps, signs and queues a message, which goes on the air at the next slot or after those that wait.

        Raises:
            TrustError: the certificate does not allow it, or its time stamp would be too far ahead.
            ValueError: a field does not fit.
        """
        message = compose(self._key.certificate.key, self._key.stamp(now))
        symbols = encode_envelope(self._key.sign(message))
        order = _Order(message, symbols, until=self._repeated_until(message, now), due=now)
        for held in self._orders:
            held.silenced |= _silences(message, held.message)
        self._orders.append(order)
        self._waiting.append(order)
        return message

    def next_symbol(self, now: datetime) -> CodedSymbol | None:
        """The symbol for an application slot at `now`, or None: leave the slot to the base programme.

        Raises:
            TrustError: the certificate does not hold at `now`.
        """
        if self._run is not None and self._is_over(self._run, now):
            self._close(self._run, now)
        if self._run is None:
            self._run = self._begin(now)
        run = self._run
        if run is None:
            return None
        esi = run.sent % SYMBOLS
        run.sent += 1
        self._tag_free[run.tag] = now + TAG_PAUSE
        return CodedSymbol(run.tag, esi, run.symbols[esi])

    def _is_over(self, run: _Run, now: datetime) -> bool:
        if self._waiting and (run.kind is not _Kind.URGENT or run.sent >= SYMBOLS):
            return True
        if run.sent != SYMBOLS or run.kind is _Kind.URGENT:
            return run.sent >= 2 * SYMBOLS
        return run.kind is _Kind.REPEAT or tick_of(now) > self._key.last_ts

    def _close(self, run: _Run, now: datetime) -> None:
        if run.order is not None and run.sent < SYMBOLS:
            run.order.due = now
        self._last_kind = run.kind
        self._run = None

    def _begin(self, now: datetime) -> _Run | None:
        tag = (self._runs + 1) % TAGS
        if tag in self._tag_free and now < self._tag_free[tag]:
            return None
        self._orders = [order for order in self._orders if order in self._waiting or now < order.until]
        run = self._urgent_run(tag, now) or self._repeat_run(tag, now) or self._heartbeat_run(tag, now)
        if run is not None:
            self._runs += 1
        return run

    def _urgent_run(self, tag: int, now: datetime) -> _Run | None:
        if not self._waiting:
            return None
        order = self._waiting.popleft()
        order.due = now + REPEAT_AFTER
        return _Run(_Kind.URGENT, tag, order.symbols, order)

    def _repeat_run(self, tag: int, now: datetime) -> _Run | None:
        due = [order for order in self._orders if order.due <= now and not order.silenced]
        if not due or self._last_kind is not _Kind.HEARTBEAT:
            return None
        order = min(due, key=lambda order: order.due)
        order.due = now + REPEAT_AFTER
        return _Run(_Kind.REPEAT, tag, order.symbols, order)

    def _heartbeat_run(self, tag: int, now: datetime) -> _Run | None:
        """A heartbeat, whose horizon is the oldest live event; without one it voids all that came before."""
        if self._key.next_ts(now) is None:
            return None
        ts = self._key.stamp(now)
        live = [order.message.ts for order in self._orders if _is_event(order.message) and not order.silenced]
        heartbeat = Heartbeat(
            key=self._key.certificate.key,
            ts=ts,
            horizon=min(ts - min(live, default=ts), NO_HORIZON),
            live_events=min(len(live), MOST_LIVE_EVENTS),
            utc_offset=self._utc_offset // timedelta(minutes=15),
        )
        return _Run(_Kind.HEARTBEAT, tag, encode_envelope(self._key.sign(heartbeat)))

    def _repeated_until(self, message: UrgentMessage, now: datetime) -> datetime:
        """A message's own end; for an end or cancel that of the last event it reaches, or now if it reaches none."""
        if isinstance(message, EventFields):
            return _end(message)
        return max((order.until for order in self._orders if _reaches(message, order.message)), default=now)


def _end(event: EventFields) -> datetime:
    return moment_of(event.ts) + timedelta(seconds=duration_s(event.duration))


def _is_event(message: UrgentMessage) -> TypeGuard[Curtail | Halt | LoadUp]:
    return isinstance(message, Curtail | Halt | LoadUp)


def _reaches(message: UrgentMessage, older: UrgentMessage) -> bool:
    """Whether an end or cancel reaches an older event of the same key, if only in part of its region."""
    if not isinstance(message, TargetFields) or not _is_event(older):
        return False
    if message.target == ALL_TARGETS:
        return older.region.within(message.region)
    return message.target == target_of(older.ts)


def _silences(message: UrgentMessage, older: UrgentMessage) -> bool:
    """Whether nobody needs to hear the older message again: it is ended, or overtaken, in all its region."""
    if isinstance(message, TierNow | PriceNow):
        return type(older) is type(message) and older.region.within(message.region)
    if isinstance(message, TargetFields) and _is_event(older):
        return _reaches(message, older) and older.region.within(message.region)
    return False
