"""A charge point's composite schedule in, its limit now and what is wrong with it out (OCPP 1.6, 5.7)."""

import math
from datetime import datetime
from typing import Final

from receiver.chargers._ocpp16_profile import STEP_MA, Options
from receiver.chargers._ocpp16_station import HIGHEST_MA

READ_BACK_S: Final = 300
"""How much of the schedule is asked for."""
ROUNDED_MA: Final = 1000
"""By so much less a charge point may round a limit down."""
_PERIODS: Final = 1000


class NonsenseError(ValueError):
    """A composite schedule that cannot be."""


def composite_ma(schedule: object, start: object, *, now: datetime, options: Options) -> int | None:
    """The limit that a composite schedule gives now, in mA per phase; None: none, or W without phases and voltage.

    Args:
        schedule: `chargingSchedule` of the answer, its names in snake case.
        start: `scheduleStart` of the answer.
        now: The chain's time, which is the charge point's.
        options: Phases and voltage, for a schedule in W.

    Raises:
        NonsenseError: it holds no limit where it must, or one that cannot be.
    """
    if not isinstance(schedule, dict):
        return None
    periods = schedule.get("charging_schedule_period")
    elapsed_s = _elapsed_s(start if start is not None else schedule.get("start_schedule"), now)
    limit: object = None
    for period in periods[:_PERIODS] if isinstance(periods, list) else []:
        at_s = period.get("start_period") if isinstance(period, dict) else None
        if isinstance(at_s, int | float) and (limit is None or at_s <= elapsed_s):
            limit = period.get("limit")
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit < math.inf:
        raise NonsenseError(f"a limit of {str(limit)[:40]!r}")
    unit = schedule.get("charging_rate_unit")
    if unit not in ("A", "W"):
        raise NonsenseError(f"a limit in {str(unit)[:40]!r}")
    factor = 1.0
    if unit == "W":
        if options.phases is None or options.voltage_v is None:
            return None
        factor = options.phases * options.voltage_v
    if limit * 1000 > HIGHEST_MA * factor:
        raise NonsenseError(f"a limit of {str(limit)[:40]} {unit}")
    return round(limit * 1000 / factor)


def difference(name: str, *, wanted_ma: int, said_ma: int) -> str | None:
    """What is wrong with a limit read back, or None."""
    told = f"charge point {name} says that its limit is {said_ma / 1000:g} A, wanted {wanted_ma / 1000:g} A"
    if said_ma >= wanted_ma + STEP_MA:
        return f"{told}: it does not obey; it is told again, look at its own settings and firmware"
    if said_ma <= wanted_ma - ROUNDED_MA:
        return f"{told}: something else at the charge point limits it further"
    return None


def _elapsed_s(start: object, now: datetime) -> float:
    """How far now is in a schedule; 0 where its start is not told or makes no sense."""
    try:
        begun = datetime.fromisoformat(str(start))
    except ValueError:
        return 0.0
    if begun.tzinfo is None:
        return 0.0
    return max((now - begun).total_seconds(), 0.0)
