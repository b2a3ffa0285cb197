"""A command and a charging station's abilities in, the charging profiles that say so out (OCPP 2.0.1 and 2.1, K01).

Our limit is one profile for the whole station, purpose ChargingStationMaxProfile on EVSE 0, above which no transaction
goes; or, where a station does not take that, a TxDefaultProfile on each EVSE with its share. It is Absolute, starts a
minute in the past, so that a station whose clock is a little behind leaves no gap at its own current, and always ends:
stations keep profiles while nobody talks to them. ChargingStationExternalConstraints is no choice: a central system may
neither set (K01.FR.22) nor clear it (K10.FR.04).

A station of 2.1 may know `maxOfflineDuration`: the profile is then void so many seconds after we are gone, and what is
one stack level lower holds. There goes a second profile of ours, the fallback, with the same end and never a higher
limit. That is a watchdog. `randomizedDelay` is left out, which means none: the receiver spreads starts itself.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ocpp.v21.datatypes import ChargingProfileType, ChargingSchedulePeriodType, ChargingScheduleType

from rds.errors import ChargerRefusedError, UsageError
from receiver.chargers._ocpp_hub import HubOptions
from receiver.chargers._ocpp_time import format_time
from receiver.chargers._options import number
from receiver.chargers.driver import LOWEST_MA, PAUSE_MA, ChargerCommand

WHOLE: Final = 0
"""The EVSE number that stands for the whole station."""
EVSES: Final = 16
"""The most EVSEs of one station."""
LIMIT_ID: Final = 7101
"""Id of the limit on EVSE 0; on another EVSE its number is added. The same each time, so that a new one replaces it."""
FALLBACK_ID: Final = 7201
"""Id of the fallback on EVSE 0, and so on."""
OUR_IDS: Final = frozenset(first + evse for first in (LIMIT_ID, FALLBACK_ID) for evse in range(EVSES + 1))
"""All that is ours in any configuration: what an earlier one left behind is found by these."""
START_MARGIN: Final = timedelta(seconds=60)
STATION_MAX: Final = "ChargingStationMaxProfile"
TX_DEFAULT: Final = "TxDefaultProfile"
HIGHEST_LIMIT_MA: Final = 10_000_000
"""A station that says more talks nonsense."""
HIGHEST_STACK_LEVEL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Options(HubOptions):
    """The table of the driver `ocpp201`.

    Attributes:
        purpose: ChargingStationMaxProfile, or TxDefaultProfile for stations that refuse that.
        evses: With TxDefaultProfile, among how many EVSEs the limit is shared.
        answer_timeout_s: How long the station may take for an answer.
        profile_s: The longest that the station keeps a limit without hearing of it again.
        watchdog_s: 2.1: after how many seconds without us the fallback holds; 0: never, the limit stays to its end.
        fallback_a: 2.1: the fallback, per phase; below 6 it is a pause.
        phases: Phases that charge, for stations that take watts only.
        voltage_v: Voltage from phase to neutral, for the same.
    """

    purpose: str = STATION_MAX
    evses: int = number(1, low=1, high=EVSES)
    answer_timeout_s: float = number(30.0, low=0.1, high=600)
    profile_s: int = number(86400, low=5, high=604800)
    watchdog_s: int = number(300, low=0, high=86400)
    fallback_a: int = number(6, low=0, high=80)
    phases: int | None = number(None, low=1, high=3)
    voltage_v: float | None = number(None, low=100, high=300)

    def __post_init__(self) -> None:
        if self.purpose not in (STATION_MAX, TX_DEFAULT):
            raise UsageError(
                f"charger ocpp201 option purpose is {self.purpose!r}; allowed: {STATION_MAX} or {TX_DEFAULT}"
            )
        if self.purpose == STATION_MAX and self.evses != 1:
            raise UsageError(
                f"charger ocpp201 option evses is {self.evses} with purpose {STATION_MAX}; allowed: 1, for it limits "
                f"the whole station, or purpose {TX_DEFAULT}"
            )

    @property
    def targets(self) -> range:
        """The EVSEs that get a profile."""
        return range(WHOLE, WHOLE + 1) if self.purpose == STATION_MAX else range(1, self.evses + 1)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a station said of itself in GetVariables.

    Attributes:
        unit: The unit that its schedules may have, A if both.
        stack_level: Its highest level: there our limit holds, whatever others left below.
        watchdog: Whether it knows `maxOfflineDuration`.
        charges_smartly: False if it says that smart charging is not there or switched off.
        resumption_s: Its own random delay after an interruption, s; 0 for none.
        name: Maker, model and firmware, as far as told.
    """

    unit: str = "A"
    stack_level: int = 0
    watchdog: bool = False
    charges_smartly: bool = True
    resumption_s: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile to be set.

    Attributes:
        evse: Where.
        limit_ma: What the station must make of it, mA per phase, after rounding down.
        content: The profile in the library's words.
    """

    evse: int
    limit_ma: int
    content: ChargingProfileType


def read_abilities(values: Mapping[str, str]) -> Abilities:
    """The abilities from variables by `Component.Variable`; one that is missing or odd counts as left out."""
    units = {unit.strip().upper() for unit in values.get("SmartChargingCtrlr.RateUnit", "").split(",")}
    switches = (values.get(f"SmartChargingCtrlr.{name}", "true").strip().lower() for name in ("Available", "Enabled"))
    told = (values.get(f"ChargingStation.{name}", "").strip() for name in ("VendorName", "Model", "FirmwareVersion"))
    return Abilities(
        unit="W" if units == {"W"} else "A",
        stack_level=min(_whole(values.get("SmartChargingCtrlr.ProfileStackLevel", "")), HIGHEST_STACK_LEVEL),
        watchdog=values.get("SmartChargingCtrlr.SupportsMaxOfflineDuration", "").strip().lower() == "true",
        charges_smartly="false" not in switches,
        resumption_s=_whole(values.get("TxCtrlr.EnergyTransferResumptionRandomRange", "")),
        name=" ".join(word for word in told if word and word.isprintable()),
    )


def uses_watchdog(options: Options, abilities: Abilities) -> bool:
    """Whether the fallback can be set: it needs a stack level of its own below the limit's."""
    return abilities.watchdog and abilities.stack_level > 0 and options.watchdog_s > 0


def profile_end(command: ChargerCommand, now: datetime, options: Options) -> datetime:
    """When the profile of a command ends: with the command, but no later than `profile_s` from now."""
    latest = now + timedelta(seconds=options.profile_s)
    return latest if command.until is None else min(command.until, latest)


def make_profiles(command: ChargerCommand, now: datetime, options: Options, abilities: Abilities) -> list[Profile]:
    """The profiles of a command that restricts, in the order in which to set them.

    Raises:
        ChargerRefusedError: the station takes watts only, and phases and voltage are not configured.
    """
    share_ma = _pilot_ma(command.limit_ma // len(options.targets))
    fallback_ma = min(share_ma, _pilot_ma(1000 * options.fallback_a // len(options.targets)))
    watched = uses_watchdog(options, abilities)
    profiles = []
    for evse in options.targets:
        common = _Frame(evse, now, profile_end(command, now, options), options, abilities)
        if watched:
            profiles.append(common.profile(FALLBACK_ID, fallback_ma, stack_level=abilities.stack_level - 1))
        watchdog_s = options.watchdog_s if watched else None
        profiles.append(common.profile(LIMIT_ID, share_ma, stack_level=abilities.stack_level, watchdog_s=watchdog_s))
    return profiles


def scheduled_ma(schedule: object, options: Options) -> int:
    """The limit in mA per phase at the start of a schedule as the library gives it (composite, or of a profile).

    Raises:
        ValueError: it is no schedule, or its limit is nonsense.
    """
    periods = schedule.get("charging_schedule_period") if isinstance(schedule, dict) else None
    first = periods[0] if isinstance(periods, list) and periods else None
    limit = first.get("limit") if isinstance(first, dict) else None
    if not isinstance(schedule, dict) or isinstance(limit, bool) or not isinstance(limit, int | float):
        raise ValueError("a schedule without a limit")
    unit, factor = schedule.get("charging_rate_unit"), 1000.0
    if unit == "W" and options.phases is not None and options.voltage_v is not None:
        factor = 1000 / (options.phases * options.voltage_v)
    elif unit != "A":
        raise ValueError(f"a limit in {str(unit)[:20]!r}, which phases and voltage_v of its supply are needed for")
    # No whole number of any length is turned into a float: it may be too long for one.
    if not 0 <= limit <= HIGHEST_LIMIT_MA or math.isnan(limit) or limit * factor > HIGHEST_LIMIT_MA:
        raise ValueError("an impossible limit")
    return round(limit * factor)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the profiles of one EVSE have in common."""

    evse: int
    now: datetime
    end: datetime
    options: Options
    abilities: Abilities

    def profile(self, first_id: int, limit_ma: int, *, stack_level: int, watchdog_s: int | None = None) -> Profile:
        start = (self.now - START_MARGIN).replace(microsecond=0)
        limit, held_ma = _limit(limit_ma, self.options, self.abilities.unit)
        schedule = ChargingScheduleType(
            id=first_id + self.evse,
            charging_rate_unit=self.abilities.unit,
            charging_schedule_period=[
                ChargingSchedulePeriodType(start_period=0, limit=limit, number_phases=self.options.phases)
            ],
            duration=math.ceil((self.end - start).total_seconds()),
            start_schedule=format_time(start),
        )
        content = ChargingProfileType(
            id=first_id + self.evse,
            stack_level=stack_level,
            charging_profile_purpose=self.options.purpose,
            charging_profile_kind="Absolute",
            charging_schedule=[schedule],
            valid_to=format_time(self.end),
            max_offline_duration=watchdog_s,
        )
        return Profile(self.evse, held_ma, content)


def _limit(limit_ma: int, options: Options, unit: str) -> tuple[float, int]:
    """The limit in A with one decimal, per phase, or in whole W for all phases, rounded down; and what is left, mA."""
    if unit == "A":
        return limit_ma // 100 / 10, limit_ma // 100 * 100
    if options.phases is None or options.voltage_v is None:
        raise ChargerRefusedError(
            "the charging station takes limits in W only; set phases (1 to 3) and voltage_v of its supply"
        )
    watts = math.floor(limit_ma * options.phases * options.voltage_v / 1000)
    return float(watts), round(1000 * watts / (options.phases * options.voltage_v))


def _pilot_ma(limit_ma: int) -> int:
    """A limit as a pilot can offer it: below 6 A it is a pause."""
    return limit_ma if limit_ma >= LOWEST_MA else PAUSE_MA


def _whole(text: str) -> int:
    """A whole number, not negative, from a variable's value; 0 for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
