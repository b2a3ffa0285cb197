"""Everything trusted that a receiver holds, as the ledger gives it and the policy takes it: frozen data."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.test import Test
from rds.oda.messages.tier_now import TierNow
from rds.oda.records.notice import Notice
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import Region
from receiver.event_term import HeldEvent
from receiver.verify import Trusted, TrustedRecord

Now = TypeVar("Now", TierNow, PriceNow)


@dataclass(frozen=True, slots=True)
class Holdings:
    """Events until their release is over; of what is valid now, the newest; schedules, tables and notices."""

    events: tuple[HeldEvent, ...] = ()
    """Urgent and planned, ended ones too."""
    tier_now: Trusted[TierNow] | None = None
    price_now: Trusted[PriceNow] | None = None
    tier_schedules: tuple[TrustedRecord[TierSchedule], ...] = ()
    price_schedules: tuple[TrustedRecord[PriceSchedule], ...] = ()
    tables: tuple[TrustedRecord[Table], ...] = ()
    notices: tuple[TrustedRecord[Notice], ...] = ()
    heartbeat: Trusted[Heartbeat] | None = None
    test: Trusted[Test] | None = None


class ScopedHoldings:
    """What of a receiver's holdings is for one of its chargers.

    Args:
        regions: The charger's own codes; empty: all of it is.
    """

    def __init__(self, regions: Iterable[Region]) -> None:
        self._regions = tuple(regions)
        self._whole: Holdings | None = None
        self._part = Holdings()

    def part_of(self, whole: Holdings) -> Holdings:
        """The part. Asked again with the same object, it gives the same."""
        if not self._regions:
            return whole
        if whole is not self._whole:
            self._whole, self._part = whole, self._choose(whole)
        return self._part

    def _choose(self, whole: Holdings) -> Holdings:
        return Holdings(
            events=tuple(event for event in whole.events if self._is_for_us(event.message.region)),
            tier_now=self._ours(whole.tier_now),
            price_now=self._ours(whole.price_now),
            tier_schedules=tuple(one for one in whole.tier_schedules if self._is_for_us(one.record.region)),
            price_schedules=tuple(one for one in whole.price_schedules if self._is_for_us(one.record.region)),
            tables=whole.tables,
            notices=tuple(one for one in whole.notices if self._is_for_us(one.record.region)),
            heartbeat=whole.heartbeat,
            test=whole.test,
        )

    def _ours(self, trusted: Trusted[Now] | None) -> Trusted[Now] | None:
        return trusted if trusted is not None and self._is_for_us(trusted.message.region) else None

    def _is_for_us(self, region: Region) -> bool:
        return any(region.matches(code) for code in self._regions)
