"""A command and the charge point's abilities in, the charging profiles that say so out (OCPP 1.6, 3.13 and 7.8).

By default one profile carries our limit: purpose ChargePointMaxProfile on connector 0, which no transaction exceeds.
For charge points that do not know it, TxDefaultProfile or TxProfile carry a share of the limit on every connector. All
are Absolute and start a minute in the past, so that a charge point whose clock is a little behind leaves no gap at its
own current, and all have an end: charge points keep profiles while nobody talks to them, and there is no watchdog.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ocpp.v16.datatypes import ChargingProfile, ChargingSchedule, ChargingSchedulePeriod
from ocpp.v16.enums import ChargingProfileKindType, ChargingProfilePurposeType, ChargingRateUnitType

from rds.errors import ChargerRefusedError
from receiver.chargers._ocpp16_settings import Abilities
from receiver.chargers._ocpp16_station import CONNECTORS, WHOLE
from receiver.chargers._ocpp_hub import HubOptions
from receiver.chargers._ocpp_time import format_time
from receiver.chargers._options import number
from receiver.chargers.driver import LOWEST_MA, ChargerCommand

PROFILE_ID: Final = 7101
"""The profile's number in the charge point, plus the connector's: the same each time, so that a new limit replaces the
old one, also one that an earlier run left."""
START_MARGIN: Final = timedelta(seconds=60)
STEP_MA: Final = 100
"""Limits have one decimal (7.9)."""
PURPOSES: Final = [purpose.value for purpose in ChargingProfilePurposeType]


@dataclass(frozen=True, slots=True)
class Options(HubOptions):
    """The table of the driver `ocpp16`: what `HubOptions` says, and these.

    Attributes:
        answer_timeout_s: How long the charge point may take for an answer.
        profile_s: The longest that the charge point keeps a limit without hearing of it again.
        purpose: The purpose of our profiles; when refused, those after it in `PURPOSES` are tried.
        stack_level: The level of our profiles; None: the charge point's highest, and when refused its lowest.
        connectors: How many share the limit when the purpose is not ChargePointMaxProfile; None: as many as it says.
        phases: Phases that charge, for charge points that take watts only.
        voltage_v: Voltage from phase to neutral, for the same.
    """

    answer_timeout_s: float = number(30.0, low=0.1, high=600)
    profile_s: int = number(86400, low=5, high=604800)
    purpose: str = PURPOSES[0]
    stack_level: int | None = number(None, low=0, high=1000)
    connectors: int | None = number(None, low=1, high=CONNECTORS - 1)
    phases: int | None = number(None, low=1, high=3)
    voltage_v: float | None = number(None, low=100, high=300)


@dataclass(frozen=True, slots=True)
class Way:
    """How a limit is said.

    Attributes:
        purpose: Of the profiles.
        stack_level: Of the profiles.
    """

    purpose: ChargingProfilePurposeType
    stack_level: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one connector may take.

    Attributes:
        connector: 0 for the whole charge point.
        limit_ma: Per phase, in steps of 100 mA.
        transaction: That a TxProfile is for.
    """

    connector: int
    limit_ma: int
    transaction: int | None = None

    @property
    def profile_id(self) -> int:
        """The number of its profile."""
        return PROFILE_ID + self.connector


def ways(options: Options, abilities: Abilities) -> list[Way]:
    """In which order a limit is tried to be said: the configured purpose first, the highest stack level first."""
    levels = [abilities.stack_level, 0] if options.stack_level is None else [options.stack_level]
    purposes = PURPOSES[PURPOSES.index(options.purpose) :]
    return [
        Way(ChargingProfilePurposeType(purpose), level) for purpose in purposes for level in sorted({*levels})[::-1]
    ]


def split(
    purpose: ChargingProfilePurposeType,
    limit_ma: int,
    *,
    connectors: int,
    plugged: Collection[int] = (),
    transactions: Mapping[int, int],
) -> list[Share]:
    """The limit of the whole charge point as shares that never sum to more.

    As many connectors as can have 6 A share evenly, those with a car first, then by number; the others pause. A
    TxProfile is for running transactions, so only these share.
    """
    limit_ma -= limit_ma % STEP_MA
    if purpose is ChargingProfilePurposeType.charge_point_max_profile:
        return [Share(WHOLE, limit_ma)]
    is_tx = purpose is ChargingProfilePurposeType.tx_profile
    sharing = [one for one in range(1, connectors + 1) if not is_tx or one in transactions]
    sharing.sort(key=lambda one: (one not in plugged, one))
    served = min(len(sharing), limit_ma // LOWEST_MA)
    each_ma = limit_ma // served // STEP_MA * STEP_MA if served else 0
    return [
        Share(connector, each_ma if rank < served else 0, transactions.get(connector) if is_tx else None)
        for rank, connector in enumerate(sharing)
    ]


def profile_end(command: ChargerCommand, now: datetime, options: Options) -> datetime:
    """When the profile of a command ends: with the command, but no later than `profile_s` from now."""
    latest = now + timedelta(seconds=options.profile_s)
    return latest if command.until is None else min(command.until, latest)


def make_profile(
    share: Share, way: Way, *, now: datetime, end: datetime, options: Options, unit: ChargingRateUnitType
) -> ChargingProfile:
    """The charging profile of a share.

    Raises:
        ChargerRefusedError: the charge point takes watts only, and phases and voltage are not configured.
    """
    start = (now - START_MARGIN).replace(microsecond=0)
    period = ChargingSchedulePeriod(
        start_period=0, limit=_limit(share.limit_ma, options, unit), number_phases=options.phases
    )
    schedule = ChargingSchedule(
        charging_rate_unit=unit,
        charging_schedule_period=[period],
        duration=math.ceil((end - start).total_seconds()),
        start_schedule=format_time(start),
    )
    return ChargingProfile(
        charging_profile_id=share.profile_id,
        stack_level=way.stack_level,
        charging_profile_purpose=way.purpose,
        charging_profile_kind=ChargingProfileKindType.absolute,
        charging_schedule=schedule,
        valid_to=format_time(end),
        transaction_id=share.transaction,
    )


def _limit(limit_ma: int, options: Options, unit: ChargingRateUnitType) -> float:
    """The limit in A with one decimal, per phase, or in whole W for all phases; rounded down, never up."""
    if unit is ChargingRateUnitType.amps:
        return limit_ma // STEP_MA / 10
    if options.phases is None or options.voltage_v is None:
        raise ChargerRefusedError(
            "the charge point takes limits in W only; set phases (1 to 3) and voltage_v of its supply"
        )
    return float(math.floor(limit_ma * options.phases * options.voltage_v / 1000))
