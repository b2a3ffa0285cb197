"""The owner's times of day in, moments out: the local profile's terms and the hours before a car is needed.

Days are the owner's, with the hour that a clock change adds or takes away. Milliseconds since 2024-01-01T00:00Z.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from typing import Final

import numpy as np

from receiver.clock import TICK_MS, datetime_of, ms_of
from receiver.holdings import Holdings
from receiver.policy_arithmetic import (
    UNLIMITED_MA,
    Chargers,
    Stretch,
    Terms,
    charge_by_starts_ms,
    drivable_ma,
    timetable_terms,
    windows_ms,
)
from receiver.schedule_term import DrawOf, Timetable
from receiver.settings import ChargeBy, Profile, Settings

_QUARTER_HOUR: Final = timedelta(minutes=15)
_MINUTES_AN_HOUR: Final = 60
_DAYS: Final = range(-2, 3)
"""Around today: what began earlier is over, what comes later is decided later."""
_LOCAL_KEY: Final = 0
"""In the draws of what no key has sent."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without any verified heartbeat, once it has lasted five minutes."""

    since_ms: int | None
    """When it was found out; None: before the time was known."""
    until_ms: int | None = None
    """When a heartbeat was heard again; None: it lasts."""
    time_is_sure: bool = True
    """Whether the time was known all along; if not, nothing that is planned for a time is done."""


def zone_of(settings: Settings, holdings: Holdings) -> tzinfo:
    """The owner's time zone: configured, else the newest heartbeat's offset, else UTC."""
    if settings.timezone is not None:
        return settings.timezone
    offset = holdings.heartbeat.message.utc_offset * _QUARTER_HOUR if holdings.heartbeat else timedelta()
    return timezone(offset) if offset and abs(offset) < timedelta(days=1) else UTC


def moments_ms(minute: int, now_ms: int, zone: tzinfo) -> Iterator[int]:
    """When a minute of the local day comes, on the days around now."""
    today = datetime_of(now_ms).astimezone(zone).date()
    for day in _DAYS:
        local = datetime.combine(today + timedelta(days=day), time(*divmod(minute, _MINUTES_AN_HOUR)), zone)
        yield ms_of(local.astimezone(UTC))


def profile_terms(
    profile: Profile,
    outage: Outage,
    now_ms: int,
    *,
    zone: tzinfo,
    coverage: Sequence[Timetable],
    chargers: Chargers,
    draw_of: DrawOf,
) -> list[Terms]:
    """The terms of the local profile: while the signal is lost, where no schedule says anything.

    Args:
        profile: The owner's.
        outage: The last one.
        now_ms: The time.
        zone: The owner's.
        coverage: What schedules and now-messages say, of tiers and of prices.
        chargers: Whose limits.
        draw_of: Their draws.
    """
    slots = sorted((ms, limit) for minute, limit in profile.slots for ms in moments_ms(minute, now_ms, zone))
    began_ms = max(slots[0][0], outage.since_ms or 0)
    wanted_ms = {began_ms, *(ms for ms, _ in slots), *(part.start_ms for table in coverage for part in table.parts)}
    if outage.until_ms is not None:
        wanted_ms.add(outage.until_ms)
    found: list[Stretch] = []
    for edge_ms in sorted(ms for ms in wanted_ms if began_ms <= ms <= slots[-1][0]):
        limit_ma = UNLIMITED_MA
        is_lost = outage.until_ms is None or edge_ms < outage.until_ms
        if is_lost and not any(table.value_at(edge_ms) for table in coverage):
            own_ma = next(limit for ms, limit in reversed(slots) if ms <= edge_ms)
            limit_ma = own_ma if outage.time_is_sure else profile.unsure_ma
        if not found or int(found[-1].limit_ma[0]) != limit_ma:
            found.append(_stretch(edge_ms, limit_ma, chargers, draw_of))
    return timetable_terms([*found, _stretch(slots[-1][0], UNLIMITED_MA, chargers, draw_of)])


def charge_by_terms(
    charge_by: ChargeBy, now_ms: int, *, zone: tzinfo, chargers: Chargers, draw_of: DrawOf
) -> list[Terms]:
    """When waiting for a tier, a price or the profile is over, because the car is needed."""
    found = []
    for by_ms in moments_ms(charge_by.minute, now_ms, zone):
        drawn = draw_of("E", _LOCAL_KEY, by_ms // TICK_MS)
        start_ms = charge_by_starts_ms(by_ms, charge_by.needed_ms, chargers, drawn)
        ends_ms = np.full_like(start_ms, by_ms)
        nothing = np.zeros_like(start_ms)
        found.append(Terms(nothing + UNLIMITED_MA, start_ms, ends_ms, ends_ms, nothing))
    return found


def _stretch(start_ms: int, limit_ma: int, chargers: Chargers, draw_of: DrawOf) -> Stretch:
    """A stretch of the profile; its edge is spread as the receiver's default says."""
    limits_ma = drivable_ma(np.array([limit_ma], dtype=np.int64))
    return Stretch(
        start_ms, limits_ma, windows_ms((0,), chargers), lambda: draw_of("E", _LOCAL_KEY, start_ms // TICK_MS)
    )
