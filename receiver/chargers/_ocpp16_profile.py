"""A command and the charge point's abilities in, the charging profile that says so out (OCPP 1.6, 3.13 and 7.8).

One profile carries our limit: purpose ChargePointMaxProfile on connector 0, above which no transaction goes, Absolute.
It starts a minute in the past, so that a charge point whose clock is a little behind leaves no gap at its own current,
and it always has an end: charge points keep profiles while nobody talks to them, and this interface has no watchdog.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ocpp.v16.datatypes import ChargingProfile, ChargingSchedule, ChargingSchedulePeriod
from ocpp.v16.enums import ChargingProfileKindType, ChargingProfilePurposeType, ChargingRateUnitType

from rds.errors import ChargerRefusedError
from receiver.chargers._ocpp_hub import HubOptions
from receiver.chargers._options import number
from receiver.chargers.driver import ChargerCommand

PROFILE_ID: Final = 7101
"""The profile's number in the charge point: the same each time, so that a new limit replaces the old one."""
START_MARGIN: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Options(HubOptions):
    """The table of the driver `ocpp16`: what `HubOptions` says, and these.

    Attributes:
        answer_timeout_s: How long the charge point may take for an answer.
        profile_s: The longest that the charge point keeps a limit without hearing of it again.
        phases: Phases that charge, for charge points that take watts only.
        voltage_v: Voltage from phase to neutral, for the same.
    """

    answer_timeout_s: float = number(30.0, low=0.1, high=600)
    profile_s: int = number(86400, low=60, high=604800)
    phases: int | None = number(None, low=1, high=3)
    voltage_v: float | None = number(None, low=100, high=300)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a charge point said of itself in GetConfiguration.

    Attributes:
        unit: The unit that its schedules may have, A if both.
        stack_level: Its highest level: there our limit holds, whatever others left below, and replaces none of theirs.
    """

    unit: ChargingRateUnitType
    stack_level: int


def read_abilities(values: dict[str, str]) -> Abilities:
    """The abilities from configuration keys and their values; a key that is missing or odd means A and level 0."""
    units = {unit.strip().lower() for unit in values.get("ChargingScheduleAllowedChargingRateUnit", "").split(",")}
    # OCPP 1.6, 9.4.2 allows the words Current and Power; some charge points say A and W.
    watts_only = bool(units & {"power", "w"}) and not units & {"current", "a"}
    level = values.get("ChargeProfileMaxStackLevel", "0").strip()
    return Abilities(
        unit=ChargingRateUnitType.watts if watts_only else ChargingRateUnitType.amps,
        stack_level=int(level) if level.isascii() and level.isdecimal() and len(level) < 9 else 0,
    )


def profile_end(command: ChargerCommand, now: datetime, options: Options) -> datetime:
    """When the profile of a command ends: with the command, but no later than `profile_s` from now."""
    latest = now + timedelta(seconds=options.profile_s)
    return latest if command.until is None else min(command.until, latest)


def make_profile(command: ChargerCommand, now: datetime, options: Options, abilities: Abilities) -> ChargingProfile:
    """The charging profile of a command that restricts.

    Raises:
        ChargerRefusedError: the charge point takes watts only, and phases and voltage are not configured.
    """
    start = (now - START_MARGIN).replace(microsecond=0)
    end = profile_end(command, now, options)
    period = ChargingSchedulePeriod(
        start_period=0, limit=_limit(command.limit_ma, options, abilities.unit), number_phases=options.phases
    )
    schedule = ChargingSchedule(
        charging_rate_unit=abilities.unit,
        charging_schedule_period=[period],
        duration=math.ceil((end - start).total_seconds()),
        start_schedule=format_time(start),
    )
    return ChargingProfile(
        charging_profile_id=PROFILE_ID,
        stack_level=abilities.stack_level,
        charging_profile_purpose=ChargingProfilePurposeType.charge_point_max_profile,
        charging_profile_kind=ChargingProfileKindType.absolute,
        charging_schedule=schedule,
        valid_to=format_time(end),
    )


def format_time(moment: datetime) -> str:
    """An aware time as OCPP writes it: `2026-01-15T18:00:00Z`. Fractions of a second are dropped."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _limit(limit_ma: int, options: Options, unit: ChargingRateUnitType) -> float:
    """The limit in A with one decimal, per phase, or in whole W for all phases; rounded down, never up."""
    if unit is ChargingRateUnitType.amps:
        return limit_ma // 100 / 10
    if options.phases is None or options.voltage_v is None:
        raise ChargerRefusedError(
            "the charge point takes limits in W only; set phases (1 to 3) and voltage_v of its supply"
        )
    return float(math.floor(limit_ma * options.phases * options.voltage_v / 1000))
