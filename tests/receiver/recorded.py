"""Records as a bulletin under the test operator's key would bring them, for the policy."""

from typing import Final, TypeVar

from rds.oda.certificate import Certificate
from rds.oda.price_scale import PriceScale
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import Region
from rds.oda.schedule_fields import QUARTERS_A_DAY, TICKS_A_QUARTER
from receiver.verify import TrustedRecord
from tests.receiver.broadcast import TS, certificate

R = TypeVar("R")
EURO_CENTS: Final = PriceScale(978, 1, 2)


def recorded(record: R, *, ts: int = TS, by: Certificate | None = None) -> TrustedRecord[R]:
    return TrustedRecord(record, by or certificate(), ts)


def day_and_start(start_tick: int) -> tuple[int, int]:
    quarters, rest = divmod(start_tick, TICKS_A_QUARTER)
    assert rest == 0
    return divmod(quarters, QUARTERS_A_DAY)


def tiers(*values: int, start_tick: int = TS, region: str = "12FFF", slot: int = 0, stagger: int = 1) -> TierSchedule:
    """Hourly tiers from a tick on, the last one to the end; an edge is spread over the receiver's minimum."""
    whole = (*values, *[values[-1]] * (24 - len(values)))
    return TierSchedule(Region.parse(region), *day_and_start(start_tick), slot, stagger, whole)


def prices(*codes: int, start_tick: int = TS, region: str = "12FFF", scale: PriceScale = EURO_CENTS) -> PriceSchedule:
    """Hourly prices from a tick on, in cents, the last one to the end."""
    whole = (*codes, *[codes[-1]] * (24 - len(codes)))
    return PriceSchedule(Region.parse(region), *day_and_start(start_tick), 0, scale.code, whole)
