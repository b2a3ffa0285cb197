"""Trusted events, ends and horizons in, the events held out, and what must never run (protocol, Replay and Memory).

Urgent and planned events are one here: known by public key and TS, ended, voided and buried alike. Memory without I/O.
Milliseconds since 2024-01-01T00:00Z.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from rds.oda.certificate import Role
from rds.oda.codes import RELEASE_DEFAULT
from rds.oda.messages import UrgentMessage
from rds.oda.messages.end import End
from rds.oda.target_fields import ALL_TARGETS, TargetFields
from receiver.clock import LEAP_MS, TICK_MS
from receiver.event_term import Event, HeldEvent, limit_of, over_ms
from receiver.schedule_ledger import Origin
from receiver.settings import Settings
from receiver.verify import Rejection, Trusted

EVENTS: Final = 16
TOMBSTONES: Final = 16
UNHEARD_MS: Final = 7 * 24 * 3600 * 1000
ANY_KEY: Final = b""
"""Stands for every public key in tombstones and floors made by a key with role 04."""
_TARGET_SPAN: Final = 1 << 24
_Identity = tuple[bytes, int]
"""Public key and TS."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An event that must not run, heard or unheard."""

    public_key: bytes
    ts: int
    until_ms: int


class EventLedger:
    """The events of one receiver.

    Args:
        settings: The charger's: whose limits are lower, and when an event has no effect left.
        others: Those of the other chargers behind the receiver; the longest event is the same for all.
    """

    def __init__(self, settings: Settings, *, others: Iterable[Settings] = ()) -> None:
        self._settings = settings
        self._chargers = (settings, *others)
        self._over_ms: dict[HeldEvent, int] = {}
        """As it was found: with many chargers it takes a while."""
        self._events: dict[_Identity, HeldEvent] = {}
        self._origins: dict[_Identity, Origin] = {}
        self._tombstones: OrderedDict[_Identity, int] = OrderedDict()
        self._floors: dict[bytes, int] = {}

    @property
    def events(self) -> tuple[HeldEvent, ...]:
        """The events held, ended ones until their release is over."""
        return tuple(self._events.values())

    @property
    def origins(self) -> Mapping[_Identity, Origin]:
        """Where the planned ones stand."""
        return self._origins

    @property
    def tombstones(self) -> tuple[Tombstone, ...]:
        """What must not run, the oldest first."""
        return tuple(Tombstone(*identity, until_ms) for identity, until_ms in self._tombstones.items())

    @property
    def floors(self) -> tuple[tuple[bytes, int], ...]:
        """By public key, the TS below which its events are void."""
        return tuple(self._floors.items())

    def held(self, public_key: bytes, ts: int) -> HeldEvent | None:
        """The event of a key with a time stamp."""
        return self._events.get((public_key, ts))

    def restore(
        self,
        events: Iterable[tuple[HeldEvent, Origin | None]],
        tombstones: Iterable[Tombstone],
        floors: Iterable[tuple[bytes, int]],
    ) -> None:
        """Begin with what a store had kept."""
        self._floors = dict(floors)
        self._tombstones = OrderedDict(((one.public_key, one.ts), one.until_ms) for one in tombstones)
        for event, origin in events:
            self._hold(event, origin)

    def expire(self, now_ms: int) -> bool:
        """Drop what has no effect left; an event ended early is buried to its own end. True if anything went.

        What is dated over a day ahead goes too: it was taken on a time that has not been confirmed.
        """
        ahead = [event for event in self._events.values() if event.message.ts * TICK_MS - now_ms > LEAP_MS]
        for event in ahead:
            self._drop(event)
        over = [event for event in self._events.values() if self._over(event) <= now_ms]
        for event in over:
            self._drop(event)
            if now_ms < event.end_ms(self._settings):
                self._bury(*event.identity, until_ms=event.end_ms(self._settings))
        buried = [key for key, until_ms in self._tombstones.items() if until_ms <= now_ms]
        for key in buried:
            del self._tombstones[key]
        return bool(ahead or over or buried)

    def forget(self, public_key: bytes, now_ms: int | None) -> None:
        """Release a key's events as if they ended now; at once where the time is unknown.

        What it may have said of other keys' events holds for none that is still to come: it may be ahead of time.
        """
        if ANY_KEY in self._floors:
            self._floors[ANY_KEY] = min(self._floors[ANY_KEY], 0 if now_ms is None else now_ms // TICK_MS)
        for event in self.events:
            if event.trusted.public_key == public_key:
                if now_ms is None:
                    self._drop(event)
                else:
                    self._stop(event, now_ms)

    def take(self, event: HeldEvent, now_ms: int, *, origin: Origin | None = None) -> Rejection | None:
        """Take an event, or say why not. A planned one has an origin."""
        public_key, ts = event.identity
        if event.identity in self._events:
            return Rejection.REPEAT
        if now_ms >= event.end_ms(self._settings):
            return Rejection.EXPIRED
        buried = any((key, ts) in self._tombstones for key in (public_key, ANY_KEY))
        if buried or any(ts < self._floors.get(key, 0) for key in (public_key, ANY_KEY)):
            return Rejection.VOID
        if len(self._events) >= EVENTS and not self._make_room(event.trusted, now_ms):
            return Rejection.FULL
        self._hold(event.received(now_ms), origin)
        return None

    def end(
        self, trusted: Trusted[UrgentMessage], message: TargetFields, now_ms: int, *, firm: bool = True
    ) -> Rejection | None:
        """End or cancel: what it reaches ends now; what it names and nobody heard is buried, if the time is firm."""
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
        # Below a floor it is void already: recordings of old ends must not turn tombstones over and wear the flash.
        floor = max(self._floors.get(one, 0) for one in (key, ANY_KEY))
        if wanted_ts < floor or (key, wanted_ts) in self._tombstones:
            return Rejection.REPEAT
        if not firm:
            return Rejection.UNSURE
        self._bury(key, wanted_ts, until_ms=now_ms + UNHEARD_MS)
        return None

    def raise_floor(self, public_key: bytes, ts: int, now_ms: int) -> None:
        """Events of the key below `ts` are void for ever; what runs of them is released as if ended now."""
        self._floors[public_key] = max(ts, self._floors.get(public_key, 0))
        for event in self.events:
            if event.message.ts < ts and event.trusted.public_key == public_key:
                self._stop(event, now_ms)

    def _make_room(self, trusted: Trusted[Event], now_ms: int) -> bool:
        """A lower limit replaces the unstarted event with the latest start, else the highest limit."""
        limit_ma = self._limit_ma(trusted)
        unstarted = [event for event in self._events.values() if event.start_ms > now_ms]
        first = max(unstarted, key=lambda event: event.start_ms, default=None)
        highest = max(self._events.values(), key=lambda event: self._limit_ma(event.trusted))
        for event in filter(None, (first, highest)):
            if self._limit_ma(event.trusted) > limit_ma:
                self._drop(event)
                return True
        return False

    def _end_event(self, event: HeldEvent, message: TargetFields, now_ms: int) -> bool:
        """Whether the message ends the event. An end leaves alone what has not started; a cancel does not."""
        is_early = isinstance(message, End) and now_ms < event.start_ms
        return not is_early and self._stop(event, now_ms, message.release)

    def _stop(self, event: HeldEvent, now_ms: int, release: int = RELEASE_DEFAULT) -> bool:
        """End an event now. What has not started makes room at once, and stays buried to its own end."""
        end_ms = event.end_ms(self._settings)
        if event.ended_ms is not None or now_ms >= end_ms:
            return False
        if now_ms < event.start_ms:
            self._drop(event)
            if event.message.ts >= self._floors.get(event.trusted.public_key, 0):
                self._bury(*event.identity, until_ms=end_ms)
        else:
            self._events[event.identity] = replace(event, ended_ms=now_ms, ended_release=release)
        return True

    def _over(self, event: HeldEvent) -> int:
        """When an event has no effect left on any charger."""
        if event not in self._over_ms:
            held = {one: ms for one, ms in self._over_ms.items() if one in self._events.values()}
            self._over_ms = held | {event: max(over_ms(event, one) for one in self._chargers)}
        return self._over_ms[event]

    def _limit_ma(self, trusted: Trusted[Event]) -> int:
        """The lowest limit that an event asks of a charger."""
        return min(limit_of(trusted, one) for one in self._chargers)

    def _hold(self, event: HeldEvent, origin: Origin | None) -> None:
        self._events[event.identity] = event
        if origin is not None:
            self._origins[event.identity] = origin

    def _drop(self, event: HeldEvent) -> None:
        del self._events[event.identity]
        self._origins.pop(event.identity, None)

    def _bury(self, public_key: bytes, ts: int, *, until_ms: int) -> None:
        """Remember an event that must not run; the oldest such makes room and becomes its key's floor."""
        self._tombstones[public_key, ts] = until_ms
        if len(self._tombstones) > TOMBSTONES:
            (oldest_key, oldest_ts), _ = self._tombstones.popitem(last=False)
            self._floors[oldest_key] = max(oldest_ts + 1, self._floors.get(oldest_key, 0))


def _is_older_within(event: HeldEvent, message: TargetFields) -> bool:
    return event.message.ts < message.ts and event.message.region.within(message.region)
