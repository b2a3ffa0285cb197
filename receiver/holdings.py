"""Everything trusted that a receiver holds, as the ledger gives it and the policy takes it: frozen data."""

from dataclasses import dataclass

from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.test import Test
from rds.oda.messages.tier_now import TierNow
from rds.oda.records.notice import Notice
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from receiver.event_term import HeldEvent
from receiver.verify import Trusted, TrustedRecord


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
