"""Trusted schedules, tables and notices in, those held out: of each place the newest, in bounded room.

A schedule's place is its region and start, a table's its region and item, a notice's its region and text. The higher
time stamp replaces, whichever key signed it (protocol, Schedule; What a receiver must do, 2 and 11). Memory without
I/O, as in `ledger`. Milliseconds since 2024-01-01T00:00Z.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final

from rds.oda.records import BulletinRecord
from rds.oda.records.notice import Notice
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.schedule_fields import HELD_TICKS, TICKS_A_DAY, ScheduleFields
from receiver.bulletin_assembly import Envelopes
from receiver.clock import TICK_MS
from receiver.verify import Rejection, TrustedRecord

SCHEDULES: Final = 16
NOTICES: Final = 8
TABLES: Final = 32
STARTS_BEFORE: Final = TICKS_A_DAY
STARTS_AFTER: Final = 8 * TICKS_A_DAY
WAY_BACK_MS: Final = 4 * 3_600_000
"""The longest window that an edge is spread over: so long a charger may go on waiting when all is over."""
"""How far a schedule's start may lie from its bulletin's TS, in ticks."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record stands, for the store: the whole bulletin's envelopes and the record's number."""

    envelopes: Envelopes
    number: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A record that is held."""

    trusted: TrustedRecord[BulletinRecord]
    origin: Origin


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Records of one sort: how many, and which is given up first when they are too many."""

    room: int
    worth: Callable[[TrustedRecord[BulletinRecord]], tuple[int, int]]
    """The least goes first, and the newcomer may be it."""


def _need(trusted: TrustedRecord[BulletinRecord]) -> tuple[int, int]:
    """Of schedules, the one that begins last is the least; of these, the older."""
    assert isinstance(trusted.record, ScheduleFields)
    return -trusted.record.start_tick, trusted.ts


def _age(trusted: TrustedRecord[BulletinRecord]) -> tuple[int, int]:
    """Of tables and notices, the oldest is the least."""
    return trusted.ts, 0


_SCHEDULE_SHELF: Final = _Shelf(SCHEDULES, _need)
_SHELVES: Final[dict[int, _Shelf]] = {
    TierSchedule.TYPE: _SCHEDULE_SHELF,
    PriceSchedule.TYPE: _SCHEDULE_SHELF,
    Table.TYPE: _Shelf(TABLES, _age),
    Notice.TYPE: _Shelf(NOTICES, _age),
}


class ScheduleLedger:
    """Holds schedules, tables and notices."""

    def __init__(self) -> None:
        """Holds nothing."""
        self._placed: dict[Hashable, Placed] = {}

    @property
    def records(self) -> tuple[TrustedRecord[BulletinRecord], ...]:
        """What is held, in the order taken."""
        return tuple(placed.trusted for placed in self._placed.values())

    @property
    def origins(self) -> tuple[Origin, ...]:
        """What a store must keep."""
        return tuple(placed.origin for placed in self._placed.values())

    def apply(self, trusted: TrustedRecord[BulletinRecord], origin: Origin, now_ms: int) -> Rejection | None:
        """Take a record, or say why not."""
        reason = _refusal(trusted, now_ms)
        if reason is not None:
            return reason
        place = _place(trusted.record)
        held = self._placed.get(place)
        if held is not None and held.trusted.ts >= trusted.ts:
            return Rejection.REPEAT if held.trusted == trusted else Rejection.REPLAY
        if held is None and not self._make_room(trusted):
            return Rejection.FULL
        self._placed[place] = Placed(trusted, origin)
        return None

    def expire(self, now_ms: int) -> bool:
        """Drop schedules and notices that are over. True if anything went."""
        return self._keep(lambda placed: now_ms < _gone_ms(placed.trusted))

    def forget(self, public_key: bytes) -> bool:
        """Drop what a public key said. True if anything went."""
        return self._keep(lambda placed: placed.trusted.public_key != public_key)

    def restore(self, placed: Iterable[Placed]) -> None:
        """Begin with what a store had kept."""
        self._placed = {_place(one.trusted.record): one for one in placed}

    def _keep(self, wanted: Callable[[Placed], bool]) -> bool:
        before = len(self._placed)
        self._placed = {place: one for place, one in self._placed.items() if wanted(one)}
        return len(self._placed) < before

    def _make_room(self, trusted: TrustedRecord[BulletinRecord]) -> bool:
        """Whether there is room, if need be after what is worth least has gone."""
        shelf = _SHELVES[trusted.record.TYPE]
        beside = {place: one for place, one in self._placed.items() if _SHELVES[one.trusted.record.TYPE] is shelf}
        if len(beside) < shelf.room:
            return True
        least = min(beside, key=lambda place: shelf.worth(beside[place].trusted))
        if shelf.worth(beside[least].trusted) >= shelf.worth(trusted):
            return False
        del self._placed[least]
        return True


def _place(record: BulletinRecord) -> Hashable:
    match record:
        case TierSchedule() | PriceSchedule():
            return record.TYPE, record.region, record.start_tick
        case Table():
            return record.TYPE, record.region, record.item
        case Notice():
            return record.TYPE, record.region, record.text
        case _:
            raise AssertionError(f"record {record.TYPE} is not held here")


def _refusal(trusted: TrustedRecord[BulletinRecord], now_ms: int) -> Rejection | None:
    """What speaks against a record by its own dates."""
    record = trusted.record
    if isinstance(record, ScheduleFields) and not -STARTS_BEFORE <= record.start_tick - trusted.ts <= STARTS_AFTER:
        return Rejection.OUT_OF_REACH
    return Rejection.EXPIRED if now_ms >= _over_ms(trusted) else None


def _gone_ms(trusted: TrustedRecord[BulletinRecord]) -> float:
    """When nobody waits any more for the way back from it."""
    way_back_ms = WAY_BACK_MS if isinstance(trusted.record, (TierSchedule, PriceSchedule)) else 0
    return _over_ms(trusted) + way_back_ms


def _over_ms(trusted: TrustedRecord[BulletinRecord]) -> float:
    """When a record means nothing any more: a last slot may hold on for an hour; tables stay."""
    match trusted.record:
        case TierSchedule() | PriceSchedule():
            return TICK_MS * (trusted.record.end_tick + HELD_TICKS)
        case Notice():
            return TICK_MS * trusted.record.end_tick(trusted.ts)
        case _:
            return float("inf")
