"""Trusted messages in, what is held out: events, tombstones, horizons, last time stamps (protocol, Replay and Memory).

Memory without I/O: `snapshot` and `restore` are what a store keeps. Milliseconds since 2024-01-01T00:00Z.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, cast

from rds.oda.certificate import Role
from rds.oda.codes import duration_s
from rds.oda.event_fields import EventFields
from rds.oda.messages import UrgentMessage
from rds.oda.messages.end import End
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.tier_now import TierNow
from rds.oda.target_fields import ALL_TARGETS, TargetFields
from rds.oda.urgent_envelope import urgent_head
from receiver.clock import TICK_MS
from receiver.event_term import Event, HeldEvent, limit_of, over_ms
from receiver.settings import Settings
from receiver.verify import Rejection, Trusted

EVENTS: Final = 16
TOMBSTONES: Final = 16
HEADS: Final = 64
STORED_TYPES: Final = (TierNow.TYPE, PriceNow.TYPE)
"""Besides events. A heartbeat comes again by itself, a test is only shown."""
UNHEARD_MS: Final = 7 * 24 * 3600 * 1000
ANY_KEY: Final = b""
"""Stands for every public key in tombstones and floors made by a key with role 04."""
_TARGET_SPAN: Final = 1 << 24


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An event that must not run, heard or unheard."""

    public_key: bytes
    ts: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """An envelope as a store keeps it: it is verified anew when it comes back."""

    envelope: bytes
    ended_ms: int | None = None
    ended_release: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that must survive a power cut. Keys of the mappings: public key; public key and type."""

    messages: tuple[StoredMessage, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()
    floors: tuple[tuple[bytes, int], ...] = ()
    last_ts: tuple[tuple[bytes, int, int], ...] = ()


class Ledger:
    """What a receiver holds. `apply` takes a trusted message or says why it changes nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._events: dict[tuple[bytes, int], HeldEvent] = {}
        self._now: dict[int, Trusted[UrgentMessage]] = {}
        self._tombstones: OrderedDict[tuple[bytes, int], int] = OrderedDict()
        self._floors: dict[bytes, int] = {}
        self._last_ts: dict[tuple[bytes, int], int] = {}
        self._heads: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self.key_alarms: Counter[bytes] = Counter()
        """By public key: how often it signed two contents with one time stamp."""

    @property
    def events(self) -> tuple[HeldEvent, ...]:
        """The events held, ended ones until their release is over."""
        return tuple(self._events.values())

    @property
    def latest(self) -> dict[int, Trusted[UrgentMessage]]:
        """The newest heartbeat, tier, price and test by type: for display."""
        return dict(self._now)

    def apply(self, trusted: Trusted[UrgentMessage], now_ms: int, *, firm: bool = True) -> Rejection | None:
        """Take a message, or say why not. A time that is not `firm` (see `clock`) raises no floor."""
        if self._is_second_content(trusted):
            self.key_alarms[trusted.public_key] += 1
            return Rejection.KEY_ALARM
        message = trusted.message
        if isinstance(message, Event):
            return self._take_event(cast("Trusted[Event]", trusted), now_ms)
        if isinstance(message, TargetFields):
            return self._end(trusted, message, now_ms)
        reason = self._take_newest(trusted, now_ms, firm=firm)
        if reason is None and isinstance(message, Heartbeat) and message.void_below is not None and firm:
            self._raise_floor(trusted.public_key, message.void_below, now_ms)
        return reason

    def expire(self, now_ms: int) -> bool:
        """Drop what has no effect left; an event ended early is buried to its own end. True if anything went."""
        over = [event for event in self._events.values() if over_ms(event, self._settings) <= now_ms]
        for event in over:
            del self._events[event.identity]
            if now_ms < event.end_ms(self._settings):
                self._bury(*event.identity, until_ms=event.end_ms(self._settings))
        buried = [key for key, until_ms in self._tombstones.items() if until_ms <= now_ms]
        for key in buried:
            del self._tombstones[key]
        return bool(over or buried)

    def snapshot(self) -> Snapshot:
        """What a store must keep."""
        events = (StoredMessage(e.trusted.envelope, e.ended_ms, e.ended_release) for e in self._events.values())
        newest = (StoredMessage(self._now[kind].envelope) for kind in STORED_TYPES if kind in self._now)
        return Snapshot(
            messages=(*events, *newest),
            tombstones=tuple(Tombstone(*key, until_ms) for key, until_ms in self._tombstones.items()),
            floors=tuple(self._floors.items()),
            last_ts=tuple((*key, ts) for key, ts in self._last_ts.items()),
        )

    def restore(self, snapshot: Snapshot, trusted: Iterable[tuple[StoredMessage, Trusted[UrgentMessage]]]) -> None:
        """Begin with what a store had kept; `trusted` are those of its messages that still verify."""
        self._floors = dict(snapshot.floors)
        self._last_ts = {(public_key, kind): ts for public_key, kind, ts in snapshot.last_ts}
        self._tombstones = OrderedDict(((one.public_key, one.ts), one.until_ms) for one in snapshot.tombstones)
        for stored, one in trusted:
            self._is_second_content(one)
            if isinstance(one.message, Event):
                event = HeldEvent(cast("Trusted[Event]", one), stored.ended_ms, stored.ended_release)
                self._events[event.identity] = event
            else:
                self._now[one.message.TYPE] = one

    def _is_second_content(self, trusted: Trusted[UrgentMessage]) -> bool:
        """Whether the key has signed another content with this time stamp; remembers the first of each."""
        identity, head = (trusted.public_key, trusted.message.ts), urgent_head(trusted.envelope)
        held = self._events.get(identity)
        first = urgent_head(held.trusted.envelope) if held else self._heads.setdefault(identity, head)
        if len(self._heads) > HEADS:
            self._heads.popitem(last=False)
        return first != head

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
        shown = self._now.get(message.TYPE)
        if shown is None or message.ts > shown.message.ts:
            self._now[message.TYPE] = trusted
        return None

    def _take_event(self, trusted: Trusted[Event], now_ms: int) -> Rejection | None:
        event = HeldEvent(trusted)
        public_key, ts = event.identity
        if event.identity in self._events:
            return Rejection.REPEAT
        if now_ms >= event.end_ms(self._settings):
            return Rejection.EXPIRED
        buried = any((key, ts) in self._tombstones for key in (public_key, ANY_KEY))
        if buried or any(ts < self._floors.get(key, 0) for key in (public_key, ANY_KEY)):
            return Rejection.VOID
        if len(self._events) >= EVENTS and not self._make_room(trusted, now_ms):
            return Rejection.FULL
        self._events[event.identity] = event
        return None

    def _make_room(self, trusted: Trusted[Event], now_ms: int) -> bool:
        """A lower limit replaces the unstarted event with the latest start, else the highest limit."""
        limit_ma = limit_of(trusted, self._settings)
        unstarted = [event for event in self._events.values() if event.start_ms > now_ms]
        first = max(unstarted, key=lambda event: event.start_ms, default=None)
        highest = max(self._events.values(), key=lambda event: limit_of(event.trusted, self._settings))
        for event in filter(None, (first, highest)):
            if limit_of(event.trusted, self._settings) > limit_ma:
                del self._events[event.identity]
                return True
        return False

    def _end(self, trusted: Trusted[UrgentMessage], message: TargetFields, now_ms: int) -> Rejection | None:
        """End or cancel: what it reaches ends now; one that it names and nobody heard is buried."""
        any_key = bool(trusted.certificate.roles & Role.OTHERS)
        wanted_ts = message.ts - (message.ts - message.target) % _TARGET_SPAN
        is_all = message.target == ALL_TARGETS
        reached = [
            event
            for event in self._events.values()
            if (any_key or event.trusted.public_key == trusted.public_key)
            and (_is_older_within(event, message) if is_all else event.message.ts == wanted_ts)
        ]
        ended = [self._end_event(event, message, now_ms) for event in reached]
        if is_all or reached:
            return None if any(ended) else Rejection.REPEAT
        key = ANY_KEY if any_key else trusted.public_key
        if wanted_ts < 0 or (key, wanted_ts) in self._tombstones:
            return Rejection.REPEAT
        self._bury(key, wanted_ts, until_ms=now_ms + UNHEARD_MS)
        return None

    def _end_event(self, event: HeldEvent, message: TargetFields, now_ms: int) -> bool:
        """Whether the message ends the event. An end leaves alone what has not started; a cancel does not."""
        is_early = isinstance(message, End) and now_ms < event.start_ms
        if event.ended_ms is not None or is_early or now_ms >= event.end_ms(self._settings):
            return False
        self._events[event.identity] = replace(event, ended_ms=now_ms, ended_release=message.release)
        return True

    def _raise_floor(self, public_key: bytes, ts: int, now_ms: int) -> None:
        """Events of the key below `ts` are void for ever; what runs of them is released as if ended now."""
        self._floors[public_key] = max(ts, self._floors.get(public_key, 0))
        for event in self.events:
            is_below = event.message.ts < ts and event.trusted.public_key == public_key
            if is_below and event.ended_ms is None and now_ms < event.end_ms(self._settings):
                self._events[event.identity] = replace(event, ended_ms=now_ms)

    def _bury(self, public_key: bytes, ts: int, *, until_ms: int) -> None:
        """Remember an event that must not run; the oldest such makes room and becomes its key's floor."""
        self._tombstones[public_key, ts] = until_ms
        if len(self._tombstones) > TOMBSTONES:
            (oldest_key, oldest_ts), _ = self._tombstones.popitem(last=False)
            self._floors[oldest_key] = max(oldest_ts + 1, self._floors.get(oldest_key, 0))


def _is_older_within(event: HeldEvent, message: TargetFields) -> bool:
    return event.message.ts < message.ts and event.message.region.within(message.region)
