"""Orders in, one coded symbol out at each application slot: what an operator's key sends next (protocol, Carousel).

An urgent envelope is a run of two passes; it pre-empts all else but another urgent one, and a second urgent one takes
the first one's second pass. Then comes a heartbeat. Between two heartbeats stand at most two other runs of one pass:
one repeat of an order, 60 s after its last run or as soon after as its turn comes, always the same bits, until its
end; and what the rotation of bulletins has next. What an urgent run interrupts is sent again as a new run. A bulletin
with an event that begins at once is urgent, envelope by envelope, and then in the rotation.

Tags. A tag may return 15 s after its last group. Back to back at 4 groups/s a full pass lasts 7.5 s, and a run cut
short is always followed by an urgent one, whose last before anything else runs two passes: between two uses of a tag
there are at least 61 symbols, 15.5 s. So nothing ever waits at 1, 2 or 4 groups/s; with a faster caller the slot
stays empty until the tag is free.

Time stamps. A pass of 7.5 s is shorter than a tick of 10 s, so where nothing else is to be sent a heartbeat whose tick
still runs after its first pass is given its second instead of a new time stamp; heartbeats alone never run ahead of
the clock. Where they are too far ahead, as a bulletin took many, what else there is goes on.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from encoder.operator_key import OperatorKey
from encoder.orders import Order, UrgentOrder, is_event, over_at, repeated_until, silences
from encoder.rotation import Posted, Rotation, post_records
from rds.oda.announcement import Announcement
from rds.oda.application_group import TAGS, CodedSymbol
from rds.oda.erasure_code import SYMBOLS, encode_envelope
from rds.oda.messages import UrgentMessage
from rds.oda.messages.heartbeat import NO_HORIZON, Heartbeat
from rds.oda.records import BulletinRecord
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.ticks import moment_of, tick_of

TAG_PAUSE: Final = timedelta(seconds=15)
REPEAT_AFTER: Final = timedelta(seconds=60)
MOST_BETWEEN: Final = 2
"""Other runs between two heartbeats."""
MOST_LIVE_EVENTS: Final = 15
"""15 in a heartbeat means 15 or more."""

Compose = Callable[[int, int], UrgentMessage]
"""Makes a message of a key id and a time stamp."""
ComposeRecord = Callable[[int], BulletinRecord]
"""Makes a record of its bulletin's time stamp."""


class _Kind(Enum):
    URGENT = "urgent"
    REPEAT = "repeat"
    BULLETIN = "bulletin"
    HEARTBEAT = "heartbeat"


@dataclass(slots=True)
class _Run:
    """One envelope on the air under one tag."""

    kind: _Kind
    tag: int
    symbols: Sequence[int]
    order: UrgentOrder | None = None
    posted: Posted | None = None
    sent: int = 0


class Carousel:
    """One key's sequence of runs on one application. Time is an argument and never runs back."""

    def __init__(
        self, key: OperatorKey, *, utc_offset: timedelta = timedelta(), certificates: Sequence[Posted] = ()
    ) -> None:
        """A carousel of heartbeats and certificates, until something is ordered.

        Raises:
            TrustError: the key may not send heartbeats.
        """
        key.require_role(Heartbeat)
        self._key = key
        self._utc_offset = utc_offset
        self._waiting: deque[UrgentOrder | Sequence[int]] = deque()
        self._orders: list[Order] = []
        self._rotation = Rotation()
        for posted in certificates:
            self._rotation.post(posted, first=False)
        self._run: _Run | None = None
        self._last_kind: _Kind | None = None
        self._between = MOST_BETWEEN
        self._runs = 0
        self._tag_free: dict[int, datetime] = {}

    @property
    def announcement(self) -> Announcement:
        """What 3A says now."""
        return Announcement(
            network=self._key.domain.network,
            epoch=self._key.certificate.epoch,
            urgent=int(self.urgent),
            run=self._runs,
        )

    @property
    def urgent(self) -> bool:
        """Whether an urgent envelope waits or is in its own run."""
        return bool(self._waiting) or (self._run is not None and self._run.kind is _Kind.URGENT)

    def order(self, compose: Compose, now: datetime) -> UrgentMessage:
        """Stamps, signs and queues a message, which goes on the air at the next slot or after those that wait.

        Raises:
            TrustError: the certificate does not allow it, or its time stamp would be too far ahead.
            ValueError: a field does not fit.
        """
        message = compose(self._key.certificate.key, self._key.stamp(now))
        symbols = encode_envelope(self._key.sign(message))
        until = repeated_until(message, self._orders, now)
        order = UrgentOrder(message=message, begins=moment_of(message.ts), until=until, symbols=symbols, due=now)
        for held in self._orders:
            held.silenced |= silences(message, held, now)
        self._orders.append(order)
        self._waiting.append(order)
        return message

    def publish(self, drafts: Sequence[ComposeRecord], now: datetime, *, events: int = 0) -> int:
        """Stamps, signs and posts a bulletin, whose first `events` records are planned events. Gives its TS.

        Raises:
            TrustError: the certificate does not allow it, or a time stamp would be too far ahead.
            ValueError: the records do not fit a bulletin.
        """
        number, ts = self._rotation.free_number(), self._key.stamp(now, max(1, events))
        records = [compose(ts) for compose in drafts]
        envelopes = self._key.sign_bulletin(number, ts, records)
        planned = [record for record in records if isinstance(record, PlannedEvent)]
        orders = [self._planned(event, ts, index) for index, event in enumerate(planned)]
        posted = post_records(number, ts, records, envelopes, orders)
        urgent = any(event.start == 0 for event in planned)
        if urgent:
            self._waiting.extend(posted.envelopes)
        self._rotation.post(posted, first=not urgent)
        self._orders += orders
        return ts

    def _planned(self, event: PlannedEvent, bulletin_ts: int, index: int) -> Order:
        begins = moment_of(event.start_tick(bulletin_ts, index))
        message = event.message(self._key.certificate.key, bulletin_ts + index)
        return Order(message=message, begins=begins, until=over_at(begins, event.duration))

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
        return run.kind is not _Kind.HEARTBEAT or tick_of(now) > self._key.last_ts or self._rotation.next() is not None

    def _close(self, run: _Run, now: datetime) -> None:
        if run.order is not None and run.sent < SYMBOLS:
            run.order.due = now
        if run.posted is not None and run.sent >= SYMBOLS:
            self._rotation.sent(run.posted)
        self._last_kind = run.kind
        self._run = None

    def _begin(self, now: datetime) -> _Run | None:
        tag = (self._runs + 1) % TAGS
        if tag in self._tag_free and now < self._tag_free[tag]:
            return None
        self._orders = [order for order in self._orders if order in self._waiting or now < order.until]
        self._rotation.drop_past(now)
        run = self._urgent_run(tag, now)
        if run is None and self._between < MOST_BETWEEN:
            run = self._repeat_run(tag, now) or self._bulletin_run(tag)
        run = run or self._heartbeat_run(tag, now) or self._bulletin_run(tag)
        if run is not None:
            self._runs += 1
            self._between = {_Kind.URGENT: MOST_BETWEEN, _Kind.HEARTBEAT: 0}.get(run.kind, self._between + 1)
        return run

    def _urgent_run(self, tag: int, now: datetime) -> _Run | None:
        """What waits longest; a heartbeat is to follow."""
        if not self._waiting:
            return None
        order = self._waiting.popleft()
        if not isinstance(order, UrgentOrder):
            return _Run(_Kind.URGENT, tag, order)
        order.due = now + REPEAT_AFTER
        return _Run(_Kind.URGENT, tag, order.symbols, order)

    def _repeat_run(self, tag: int, now: datetime) -> _Run | None:
        orders = [order for order in self._orders if isinstance(order, UrgentOrder)]
        due = [order for order in orders if order.due <= now and not order.silenced]
        if not due or self._last_kind is _Kind.REPEAT:
            return None
        order = min(due, key=lambda order: order.due)
        order.due = now + REPEAT_AFTER
        return _Run(_Kind.REPEAT, tag, order.symbols, order)

    def _bulletin_run(self, tag: int) -> _Run | None:
        posted = self._rotation.next()
        return None if posted is None else _Run(_Kind.BULLETIN, tag, posted.envelopes[posted.next], posted=posted)

    def _heartbeat_run(self, tag: int, now: datetime) -> _Run | None:
        """A heartbeat, whose horizon is the oldest event ahead or live; without one it voids all that came before."""
        if self._key.next_ts(now) is None:
            return None
        ts = self._key.stamp(now)
        events = [order for order in self._orders if is_event(order.message) and not order.silenced]
        heartbeat = Heartbeat(
            key=self._key.certificate.key,
            ts=ts,
            horizon=min(ts - min((order.message.ts for order in events), default=ts), NO_HORIZON),
            live_events=min(sum(order.begins <= now for order in events), MOST_LIVE_EVENTS),
            schedule=self._rotation.newest_schedule_ts & 0xFF,
            utc_offset=self._utc_offset // timedelta(minutes=15),
        )
        return _Run(_Kind.HEARTBEAT, tag, encode_envelope(self._key.sign(heartbeat)))
