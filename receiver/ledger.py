"""Trusted messages and bulletins in, what is held out, for the policy and for a store (protocol, Replay and Memory).

Events are kept in `event_ledger`, schedules, tables and notices in `schedule_ledger`; the newest messages here.
Memory without I/O: `snapshot` and `restore` are what a store keeps. Milliseconds since 2024-01-01T00:00Z.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, cast

from rds.oda.codes import duration_s
from rds.oda.event_fields import EventFields
from rds.oda.messages import UrgentMessage
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.test import Test
from rds.oda.messages.tier_now import TierNow
from rds.oda.records.notice import Notice
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.target_fields import TargetFields
from rds.oda.urgent_envelope import urgent_head
from receiver.clock import LEAP_MS, TICK_MS
from receiver.event_ledger import EventLedger
from receiver.event_term import Event, HeldEvent
from receiver.holdings import Holdings
from receiver.schedule_ledger import WAY_BACK_MS, Origin, Placed, ScheduleLedger
from receiver.settings import Settings
from receiver.snapshot import Snapshot, StoredMessage, StoredRecord
from receiver.verify import ExaminedRecord, Rejection, Trusted, TrustedBulletin

HEADS: Final = 64
STORED_TYPES: Final = (TierNow.TYPE, PriceNow.TYPE)
"""Besides events. A heartbeat comes again by itself, a test is only shown."""


class Ledger:
    """What a receiver holds. `apply` takes a trusted message or says why it changes nothing."""

    def __init__(self, settings: Settings, *, others: Iterable[Settings] = ()) -> None:
        self._events = EventLedger(settings, others=others)
        self._schedules = ScheduleLedger()
        self._now: dict[tuple[bytes, int], Trusted[UrgentMessage]] = {}
        """By public key and type."""
        self._over: frozenset[tuple[bytes, int]] = frozenset()
        """Of these, what is over, and kept for the way back alone."""
        self._last_ts: dict[tuple[bytes, int], int] = {}
        self._heads: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self.key_alarms: Counter[bytes] = Counter()
        """By public key: how often it signed two contents with one time stamp."""

    @property
    def events(self) -> tuple[HeldEvent, ...]:
        """The events held, ended ones until their release is over."""
        return self._events.events

    @property
    def latest(self) -> dict[int, Trusted[UrgentMessage]]:
        """The newest heartbeat, tier, price and test by type: what is over after all that lives."""
        held = sorted(self._now.items(), key=lambda one: (one[0] not in self._over, one[1].ts))
        return {kind: one for (_, kind), one in held}

    @property
    def holdings(self) -> Holdings:
        """All that a policy decides by; chargers may yet wait for their way back from what is over."""
        newest: dict[int, Any] = dict(self.latest)  # Any: by type, which a mapping cannot say
        records: dict[int, tuple[Any, ...]] = {}  # Any: as above
        for one in self._schedules.records:
            records[one.record.TYPE] = (*records.get(one.record.TYPE, ()), one)
        return Holdings(
            events=self.events,
            tier_now=newest.get(TierNow.TYPE),
            price_now=newest.get(PriceNow.TYPE),
            tier_schedules=records.get(TierSchedule.TYPE, ()),
            price_schedules=records.get(PriceSchedule.TYPE, ()),
            tables=records.get(Table.TYPE, ()),
            notices=records.get(Notice.TYPE, ()),
            heartbeat=newest.get(Heartbeat.TYPE),
            test=newest.get(Test.TYPE),
        )

    def apply(self, trusted: Trusted[UrgentMessage], now_ms: int, *, firm: bool = True) -> Rejection | None:
        """Take a message, or say why not. A time that is not `firm` (see `clock`) raises no floor."""
        if self._is_second_content(trusted.public_key, trusted.ts, urgent_head(trusted.envelope)):
            return Rejection.KEY_ALARM
        message = trusted.message
        if isinstance(message, Event):
            return self._events.take(HeldEvent(cast("Trusted[Event]", trusted)), now_ms)
        if isinstance(message, TargetFields):
            return self._events.end(trusted, message, now_ms, firm=firm)
        reason = self._take_newest(trusted, now_ms, firm=firm)
        if reason is None and isinstance(message, Heartbeat) and message.void_below is not None and firm:
            self._events.raise_floor(trusted.public_key, message.void_below, now_ms)
        return reason

    def apply_bulletin(
        self, bulletin: TrustedBulletin, now_ms: int, *, sure: bool = True
    ) -> list[Rejection | None] | Rejection:
        """Take a bulletin's records, each for itself, or say why not; one reason where it is against the whole.

        Args:
            bulletin: As verified.
            now_ms: The time.
            sure: Whether that is more than one key's claim: nothing is planned on such a one, and no floor raised.
        """
        content = _content_of(bulletin.envelopes)
        if self._is_second_content(bulletin.public_key, bulletin.ts, content):
            return Rejection.KEY_ALARM
        return [self._apply_record(bulletin, one, now_ms, sure=sure) for one in bulletin.records]

    def _apply_record(
        self, bulletin: TrustedBulletin, examined: ExaminedRecord, now_ms: int, *, sure: bool
    ) -> Rejection | None:
        if examined.trusted is None:
            return examined.rejection
        origin = Origin(bulletin.envelopes, examined.number)
        event = planned_event(examined)
        if event is None:
            return self._schedules.apply(examined.trusted, origin, now_ms) if sure else Rejection.UNSURE
        if not sure and event.is_planned and event.start_ms > now_ms:
            return Rejection.UNSURE
        if self._is_second_content(*event.identity, _content_of(bulletin.envelopes)):
            return Rejection.KEY_ALARM
        return self._events.take(event, now_ms, origin=origin)

    def forget(self, public_key: bytes, now_ms: int | None) -> None:
        """A key lost its certificate: its events are released as if ended now, the rest of what it said is gone.

        Its time stamps, floor and tombstones stay, for the key may be certified again.
        """
        self._events.forget(public_key, now_ms)
        self._now = {key: one for key, one in self._now.items() if one.public_key != public_key}
        self._schedules.forget(public_key)

    def expire(self, now_ms: int) -> bool:
        """Drop what has no effect left, or was said on a time that nobody has confirmed. True if anything went."""
        before = self._over
        self._over = frozenset(key for key, one in self._now.items() if now_ms >= _over_ms(one.message))
        ahead = [key for key, one in self._now.items() if one.ts * TICK_MS - now_ms > LEAP_MS]
        for key in (*self._over, *ahead):
            if key in ahead or now_ms >= _gone_ms(self._now[key].message):
                del self._now[key]
        self._over &= self._now.keys()
        return any((self._events.expire(now_ms), self._schedules.expire(now_ms), self._over != before, ahead))

    def snapshot(self) -> Snapshot:
        """What a store must keep."""
        messages, records = [], []
        for event in self.events:
            origin = self._events.origins.get(event.identity)
            if origin is None:
                messages.append(StoredMessage(event.trusted.envelope, *_fate(event)))
            else:
                records.append(StoredRecord(origin.envelopes, origin.number, *_fate(event)))
        messages += [StoredMessage(one.envelope) for (_, kind), one in self._now.items() if kind in STORED_TYPES]
        records += [StoredRecord(origin.envelopes, origin.number) for origin in self._schedules.origins]
        return Snapshot(
            messages=tuple(messages),
            tombstones=self._events.tombstones,
            floors=self._events.floors,
            last_ts=tuple((*key, ts) for key, ts in self._last_ts.items()),
            records=tuple(records),
        )

    def restore(
        self,
        snapshot: Snapshot,
        trusted: Iterable[tuple[StoredMessage, Trusted[UrgentMessage]]],
        records: Iterable[tuple[StoredRecord, ExaminedRecord]] = (),
    ) -> None:
        """Begin with what a store had kept; `trusted` and `records` are those of it that still verify."""
        self._last_ts = {(public_key, kind): ts for public_key, kind, ts in snapshot.last_ts}
        events: list[tuple[HeldEvent, Origin | None]] = []
        placed: list[Placed] = []
        for stored, one in trusted:
            self._is_second_content(one.public_key, one.ts, urgent_head(one.envelope))
            if isinstance(one.message, Event):
                events.append((_as_kept(HeldEvent(cast("Trusted[Event]", one)), stored), None))
            else:
                self._now[one.public_key, one.message.TYPE] = one
        for kept, examined in records:
            origin, planned = Origin(kept.envelopes, kept.number), planned_event(examined)
            if planned is not None:
                events.append((_as_kept(planned, kept), origin))
            elif examined.trusted is not None:
                self._is_second_content(examined.trusted.public_key, examined.trusted.ts, _content_of(kept.envelopes))
                placed.append(Placed(examined.trusted, origin))
        self._events.restore(events, snapshot.tombstones, snapshot.floors)
        self._schedules.restore(placed)

    def _is_second_content(self, public_key: bytes, ts: int, content: bytes) -> bool:
        """Whether the key has signed another content with this time stamp; remembers the first of each."""
        identity = public_key, ts
        held, origin = self._events.held(*identity), self._events.origins.get(identity)
        if origin is not None:
            first = _content_of(origin.envelopes)
        else:
            first = urgent_head(held.trusted.envelope) if held else self._heads.setdefault(identity, content)
        if len(self._heads) > HEADS:
            self._heads.popitem(last=False)
        if first != content:
            self.key_alarms[public_key] += 1
        return first != content

    def _take_newest(self, trusted: Trusted[UrgentMessage], now_ms: int, *, firm: bool) -> Rejection | None:
        """Heartbeats, tiers, prices and tests: the key's newest of the type counts, while it is valid."""
        message = trusted.message
        last = (trusted.public_key, message.TYPE)
        last_ts = self._last_ts.get(last, -1)
        if message.ts <= last_ts:
            # A tier is sent again for who joins late; a heartbeat is new each time.
            is_repeat = message.ts == last_ts and isinstance(message, EventFields)
            return Rejection.REPEAT if is_repeat else Rejection.REPLAY
        if isinstance(message, EventFields) and now_ms >= message.ts * TICK_MS + 1000 * duration_s(message.duration):
            return Rejection.EXPIRED
        if firm:
            self._last_ts[last] = message.ts
        shown = self._now.get(last)
        if shown is None or message.ts > shown.ts:
            self._now[last] = trusted
        return None


def planned_event(examined: ExaminedRecord) -> HeldEvent | None:
    """The event that a trusted record plans, or None if it is another record."""
    record = examined.record
    if not isinstance(record, PlannedEvent) or examined.trusted is None or examined.event is None:
        return None
    return HeldEvent(
        cast("Trusted[Event]", examined.event),
        start_after_ms=TICK_MS * (record.start_tick(examined.trusted.ts, examined.number) - examined.event.ts),
        ramp_s=record.ramp_s,
        programmes=record.programmes,
    )


def _fate(event: HeldEvent) -> tuple[int | None, int, int]:
    """What the envelopes do not say."""
    return event.ended_ms, event.ended_release, event.early_ms


def _as_kept(event: HeldEvent, kept: StoredMessage | StoredRecord) -> HeldEvent:
    return replace(event, ended_ms=kept.ended_ms, ended_release=kept.ended_release, early_ms=kept.early_ms)


def _over_ms(message: UrgentMessage) -> float:
    """When a tier, price or test is over; a heartbeat is only followed by the next."""
    if not isinstance(message, EventFields):
        return float("inf")
    return message.ts * TICK_MS + 1000 * duration_s(message.duration)


def _gone_ms(message: UrgentMessage) -> float:
    """When nobody waits any more for the way back from a tier or price; nobody does after a test."""
    return _over_ms(message) + (WAY_BACK_MS if isinstance(message, (TierNow, PriceNow)) else 0)


def _content_of(envelopes: Sequence[bytes]) -> bytes:
    """What tells one bulletin from another of the same key and time stamp."""
    return sha256(b"".join(envelopes)).digest()
