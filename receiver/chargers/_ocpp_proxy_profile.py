"""A charging profile of the operator as OCPP writes it in, what it holds at a moment out (OCPP 1.6, 7.8; 2.0.1, K).

Limits are whole tenths of A per phase or of W, as the station takes them, rounded down.

What a profile holds at a moment is either certain or not. It is not for a profile that counts from a transaction's
start (Relative, or without a start), by local time or by the station's own adjustment (Dynamic), with several schedules
to choose from, and for a recurring one before its first start. Then its lowest number counts, and it hides nothing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

UNBOUND: Final = 10_000_000
"""The highest limit, in tenths: as good as none."""
GUESSED_PHASES: Final = 3
GUESSED_V: Final = 253.0
"""Where nothing is configured, watts are the lowest current that they can mean: three phases, 230 V + 10 %."""
_RECURRENCE_S: Final = {"Daily": 86400, "Weekly": 604800}
_FURTHEST: Final = timedelta(days=36500)
_LARGEST: Final = 1e12


@dataclass(frozen=True, slots=True)
class Supply:
    """The unit that a station's schedules have ("A" or "W") and, if configured, its phases and volts to neutral."""

    unit: str = "A"
    phases: int | None = None
    voltage_v: float | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """What holds at a moment: a limit in tenths, phases; None: not bound."""

    limit: int | None = None
    phases: int | None = None

    def lower(self, other: "Bound") -> "Bound":
        """The minimum of both."""
        return Bound(_lower(self.limit, other.limit), _lower(self.phases, other.phases))


@dataclass(frozen=True, slots=True)
class Period:
    """A bound from a second of its schedule on."""

    start_s: int
    bound: Bound


@dataclass(frozen=True, slots=True)
class OperatorProfile:
    """A profile of the operator, as far as it bounds.

    Attributes:
        number: Its id; level: its stack level.
        start: When its schedule begins or first began; None: that cannot be known.
        recurrence_s: After how many seconds it begins anew; None: never.
        duration_s: How long the schedule lasts; None: to the profile's end.
        valid_from: When the profile begins to count; None: at once.
        valid_to: When it ends; None: never.
        periods: By their starts; at least one.
    """

    number: int
    level: int
    start: datetime | None
    recurrence_s: int | None
    duration_s: int | None
    valid_from: datetime | None
    valid_to: datetime | None
    periods: tuple[Period, ...]

    def at(self, moment: datetime) -> tuple[Bound, bool] | None:
        """What it holds and whether that is certain; None: nothing."""
        if (self.valid_from and moment < self.valid_from) or (self.valid_to and moment >= self.valid_to):
            return None
        if self.start is None or (self.recurrence_s and moment < self.start):
            return self.lowest, False
        since_s = (moment - self.start).total_seconds()
        if self.recurrence_s:
            since_s %= self.recurrence_s
        if self.duration_s is not None and since_s >= self.duration_s:
            return None
        begun = [period for period in self.periods if period.start_s <= since_s]
        return (begun[-1].bound, True) if begun else None

    @property
    def lowest(self) -> Bound:
        """The minimum of all its periods."""
        bound = Bound()
        for period in self.periods:
            bound = bound.lower(period.bound)
        return bound

    @property
    def end(self) -> datetime | None:
        """After this it holds nothing; None: it has no end."""
        ends = [self.valid_to] if self.valid_to else []
        if self.start and self.duration_s is not None and not self.recurrence_s:
            ends.append(self.start + timedelta(seconds=self.duration_s))
        return min(ends, default=None)

    def changes(self, first: datetime, last: datetime) -> Iterable[datetime]:
        """The moments after `first` and before `last` at which something may change."""
        moments = [moment for moment in (self.valid_from, self.valid_to, self.start) if moment]
        if self.start:
            edges_s = [period.start_s for period in self.periods]
            edges_s += [self.duration_s] if self.duration_s is not None else []
            turns = range(1)
            if self.recurrence_s:
                span_s = self.recurrence_s
                turns = range(
                    max(0, math.floor((first - self.start).total_seconds() / span_s)),
                    max(0, math.floor((last - self.start).total_seconds() / span_s)) + 1,
                )
                edges_s = [edge_s for edge_s in edges_s if edge_s <= span_s]
            begins = [self.start + timedelta(seconds=turn * (self.recurrence_s or 0)) for turn in turns]
            moments += [begin + timedelta(seconds=edge_s) for begin in begins for edge_s in edges_s]
        return (moment for moment in moments if first < moment < last)


def read_profile(profile: Mapping[str, Any], supply: Supply) -> OperatorProfile:  # Any: JSON from the wire
    """A profile as OCPP 1.6 or 2.x writes it.

    Raises:
        ValueError: it has no number, level or limits that could be read.
    """
    try:
        found = profile["chargingSchedule"]
        schedules = list(found) if isinstance(found, list) else [found]
        kind = profile["chargingProfileKind"]
        starts = [read_time(one.get("startSchedule")) for one in schedules]
        moves = kind not in ("Absolute", "Recurring") or any(one.get("useLocalTime") for one in schedules)
        recurrence_s = _RECURRENCE_S[profile["recurrencyKind"]] if kind == "Recurring" else None
        periods = [_read_period(one, schedule, supply) for schedule in schedules for one in _periods(schedule)]
        number = profile["chargingProfileId"] if "chargingProfileId" in profile else profile["id"]
        return OperatorProfile(
            number=int(number),
            level=int(profile["stackLevel"]),
            start=None if moves or len(schedules) > 1 else starts[0],
            recurrence_s=recurrence_s,
            duration_s=_read_seconds(schedules[0].get("duration")),
            valid_from=read_time(profile.get("validFrom")),
            valid_to=read_time(profile.get("validTo")),
            periods=tuple(sorted(periods, key=lambda period: period.start_s)),
        )
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as fault:
        raise ValueError(f"no charging profile: {fault}") from fault


def read_composite(schedule: Mapping[str, Any], start: object, supply: Supply) -> OperatorProfile:  # Any: as above
    """The answer to GetCompositeSchedule as a profile that goes on with its last limit.

    Raises:
        ValueError: it cannot be read.
    """
    flat = {key: value for key, value in schedule.items() if key != "duration"}
    flat["startSchedule"] = schedule.get("startSchedule", start)
    words = {"chargingProfileId": 0, "stackLevel": 0, "chargingProfileKind": "Absolute", "chargingSchedule": flat}
    return read_profile(words, supply)


def read_time(text: object) -> datetime | None:
    """An OCPP time, aware: one without a zone is taken for UTC; None for none.

    Raises:
        ValueError: it is no time, or so far away that nothing could be added to it.
    """
    if text is None:
        return None
    moment = datetime.fromisoformat(str(text))
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not 1970 <= moment.year <= 9000:
        raise ValueError(f"time is {text!r}; allowed: the years 1970 to 9000")
    return moment.astimezone(UTC)


def _periods(schedule: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:  # Any: JSON from the wire
    periods: Sequence[Mapping[str, Any]] = schedule["chargingSchedulePeriod"]  # Any: JSON from the wire
    if not periods:
        raise ValueError("a schedule without periods")
    return periods


def _read_period(period: Mapping[str, Any], schedule: Mapping[str, Any], supply: Supply) -> Period:  # Any: JSON
    phases = period.get("numberPhases")
    limits = [_read_limit(period[name]) for name in ("limit", "limit_L2", "limit_L3") if period.get(name) is not None]
    limit = min(limits, default=None)
    start_s = _read_seconds(period["startPeriod"])
    if start_s is None or (phases is not None and not 0 <= phases <= 3):
        raise ValueError("a period without start, or with phases that are none")
    return Period(start_s, Bound(_convert(limit, schedule["chargingRateUnit"], supply), phases))


def _read_limit(value: float) -> float:
    if isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise ValueError(f"limit is {value!r}; allowed: 0 and more")
    return float(value)


def _read_seconds(value: int | None) -> int | None:
    if value is not None and not 0 <= value <= _FURTHEST.total_seconds():
        raise ValueError(f"seconds are {value!r}; allowed: 0 and more")
    return None if value is None else int(value)


def _convert(limit: float | None, unit: str, supply: Supply) -> int | None:
    """A limit in A or W as whole tenths of the station's unit, rounded down."""
    if limit is None:
        return None
    if unit not in ("A", "W"):
        raise ValueError(f"unit is {unit!r}; allowed: A, W")
    if unit != supply.unit:
        if supply.unit == "A":
            limit /= (supply.phases or GUESSED_PHASES) * (supply.voltage_v or GUESSED_V)
        else:  # the lowest power that these amperes can mean
            limit *= (supply.phases or 1) * (supply.voltage_v or 100.0)
    return min(math.floor(limit * 10 + 1e-6), UNBOUND)


def _lower(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)
