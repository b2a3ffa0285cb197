"""What we ask of a station in, the calls that say so in its version of OCPP out; and what their answers say.

Our profile has the purpose that bounds the whole station, ChargePointMaxProfile (1.6) or ChargingStationMaxProfile
(2.x): above it no transaction goes. ChargingStationExternalConstraints is not for us: a station must refuse it from
whoever speaks as its central system (OCPP 2.0.1, K01.FR.22), and it cannot know that we are somebody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from receiver.chargers._ocpp_proxy_profile import UNBOUND
from receiver.chargers._ocpp_proxy_schedule import Schedule
from receiver.chargers._ocpp_time import format_time

Call = tuple[str, dict[str, object]]
"""An action and its payload."""
OLD: Final = "ocpp1.6"
PROTOCOLS: Final = ("ocpp2.1", "ocpp2.0.1", OLD)
SCHEDULE_PERIODS: Final = 24
"""As many periods are taken by a station that does not tell."""
_KEYS_16: Final = {
    "unit": "ChargingScheduleAllowedChargingRateUnit",
    "level": "ChargeProfileMaxStackLevel",
    "periods": "ChargingScheduleMaxPeriods",
}
_VARIABLES: Final = {"unit": "RateUnit", "level": "ProfileStackLevel", "periods": "PeriodsPerSchedule"}
_COMPONENT: Final = "SmartChargingCtrlr"


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a station said of itself.

    Attributes:
        unit: "A", or "W" if it takes nothing else.
        level: Its highest stack level; None: it did not tell.
        periods: As many periods a schedule of it has at most.
    """

    unit: str = "A"
    level: int | None = None
    periods: int = SCHEDULE_PERIODS


@dataclass(frozen=True, slots=True)
class Selection:
    """Which profiles a ClearChargingProfile names; None: all, in this respect."""

    number: object = None
    place: object = None
    purpose: object = None
    level: object = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version of OCPP, by its sub-protocol."""

    protocol: str

    @property
    def is_old(self) -> bool:
        """Whether it is 1.6."""
        return self.protocol == OLD

    @property
    def purpose(self) -> str:
        """The purpose that bounds the whole station."""
        return "ChargePointMaxProfile" if self.is_old else "ChargingStationMaxProfile"

    def ask_abilities(self) -> Call:
        """GetConfiguration or GetVariables."""
        if self.is_old:
            return "GetConfiguration", {"key": list(_KEYS_16.values())}
        asked = [{"component": {"name": _COMPONENT}, "variable": {"name": name}} for name in _VARIABLES.values()]
        return "GetVariables", {"getVariableData": asked}

    def read_abilities(self, answer: Mapping[str, Any]) -> Abilities:  # Any: JSON from the wire
        """What is missing or odd is as if it were not told."""
        told: dict[str, str] = {}
        rows = answer.get("configurationKey" if self.is_old else "getVariableResult")
        for row in rows if isinstance(rows, list) else []:
            match row:
                case {"key": str(name), "value": str(value)}:
                    told[name] = value
                case {"variable": {"name": str(name)}, "attributeValue": str(value)}:
                    told[name] = value
        names = _KEYS_16 if self.is_old else _VARIABLES
        units = {word.strip().lower() for word in told.get(names["unit"], "").split(",")}
        # OCPP 1.6, 9.4.2 has the words Current and Power; some charge points say A and W.
        watts_only = bool(units & {"power", "w"}) and not units & {"current", "a"}
        return Abilities(
            unit="W" if watts_only else "A",
            level=_number(told.get(names["level"])),
            periods=max(1, _number(told.get(names["periods"])) or SCHEDULE_PERIODS),
        )

    def set_profile(self, number: int, level: int, schedule: Schedule, unit: str) -> Call:
        """SetChargingProfile with our profile, for the whole station."""
        periods = []
        for period in schedule.periods:
            limit = UNBOUND if period.bound.limit is None else period.bound.limit
            one: dict[str, object] = {"startPeriod": period.start_s, "limit": limit / 10}
            periods.append(one if period.bound.phases is None else {**one, "numberPhases": period.bound.phases})
        body: dict[str, object] = {
            "startSchedule": format_time(schedule.start),
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": periods,
        }
        if schedule.duration_s is not None:
            body["duration"] = schedule.duration_s
        profile: dict[str, object] = {
            "chargingProfileId" if self.is_old else "id": number,
            "stackLevel": level,
            "chargingProfilePurpose": self.purpose,
            "chargingProfileKind": "Absolute",
            "chargingSchedule": body if self.is_old else [{"id": number, **body}],
        }
        if schedule.end is not None:
            profile["validTo"] = format_time(schedule.end)
        if self.is_old:
            return "SetChargingProfile", {"connectorId": 0, "csChargingProfiles": profile}
        return "SetChargingProfile", {"evseId": 0, "chargingProfile": profile}

    def clear_profile(self, number: int) -> Call:
        """ClearChargingProfile of our profile alone."""
        return "ClearChargingProfile", {"id" if self.is_old else "chargingProfileId": number}

    def profile_set(self, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:  # Any: JSON from the wire
        """The profile in a SetChargingProfile, if it bounds the whole station as ours does."""
        profile = asked.get("csChargingProfiles" if self.is_old else "chargingProfile")
        fits = isinstance(profile, dict) and profile.get("chargingProfilePurpose") == self.purpose
        return profile if fits else None

    def selection(self, asked: Mapping[str, Any]) -> Selection:  # Any: JSON from the wire
        """What a ClearChargingProfile names."""
        if self.is_old:
            return Selection(*(asked.get(key) for key in ("id", "connectorId", "chargingProfilePurpose", "stackLevel")))
        which = asked.get("chargingProfileCriteria")
        which = which if isinstance(which, dict) else {}
        return Selection(
            asked.get("chargingProfileId"),
            *(which.get(key) for key in ("evseId", "chargingProfilePurpose", "stackLevel")),
        )


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None
