"""Configuration keys in; what profiles may be, and what an installer should know, out (OCPP 1.6, 9).

Vendors add keys of their own. Of these only names tell: one with "random" and "delay" in it delays what we ask, one
with "current" and "fallback", "failsafe", "offline" or "default" tells what it takes without us.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ocpp.v16.enums import ChargingRateUnitType

from receiver.chargers._ocpp16_station import CONNECTORS, shown

ABILITY_KEYS: Final = ["ChargingScheduleAllowedChargingRateUnit", "ChargeProfileMaxStackLevel", "NumberOfConnectors"]
SETTINGS: Final = 1000
"""As many keys are looked at."""
_OFF: Final = {"", "0", "0.0", "false", "off", "no", "none", "disabled"}
_WITHOUT_US: Final = ("fallback", "failsafe", "fail_safe", "offline", "default")
_LINES: Final = 4
"""As many of a kind are told."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a charge point said of itself in GetConfiguration.

    Attributes:
        unit: The unit that its schedules may have, A if both.
        stack_level: Its highest level: there our limit holds, whatever others left below, and replaces none of theirs.
        connectors: How many it has.
    """

    unit: ChargingRateUnitType
    stack_level: int
    connectors: int = 1


def read_settings(answer: object) -> dict[str, str]:
    """Keys and values from the list in GetConfiguration.conf; what does not look like one is passed over."""
    items = answer[:SETTINGS] if isinstance(answer, list) else []
    pairs = [(item.get("key"), item.get("value")) for item in items if isinstance(item, dict)]
    return {key: "" if value is None else str(value) for key, value in pairs if isinstance(key, str)}


def read_abilities(settings: Mapping[str, str]) -> Abilities:
    """The abilities; a key that is missing or odd means A, level 0 and one connector."""
    units = {unit.strip().lower() for unit in settings.get("ChargingScheduleAllowedChargingRateUnit", "").split(",")}
    # OCPP 1.6, 9.4.2 allows the words Current and Power; some charge points say A and W.
    watts_only = bool(units & {"power", "w"}) and not units & {"current", "a"}
    return Abilities(
        unit=ChargingRateUnitType.watts if watts_only else ChargingRateUnitType.amps,
        stack_level=_whole(settings.get("ChargeProfileMaxStackLevel", ""), 0),
        connectors=min(max(_whole(settings.get("NumberOfConnectors", ""), 1), 1), CONNECTORS - 1),
    )


def random_delays(settings: Mapping[str, str]) -> list[str]:
    """The charge point's own random delays that are on, as KEY = VALUE."""
    return _told(
        settings,
        lambda name, value: "random" in name and "delay" in name and value.strip().lower() not in _OFF,
    )


def currents_without_us(settings: Mapping[str, str]) -> list[str]:
    """What the charge point takes when nobody talks to it, as KEY = VALUE, as far as a key's name tells."""
    return _told(settings, lambda name, _value: "current" in name and any(word in name for word in _WITHOUT_US))


def installer_warnings(settings: Mapping[str, str]) -> list[str]:
    """What should be changed at the charge point, a line each."""
    lines = [f"its own random delay is on: {line}; switch it off, ours is enough" for line in random_delays(settings)]
    features = settings.get("SupportedFeatureProfiles")
    if features is not None and "smartcharging" not in features.lower().replace(" ", ""):
        lines.append(f"no SmartCharging among its feature profiles ({shown(features)}); switch it on or update it")
    if settings.get("MeterValueSampleInterval", "").strip() == "0":
        lines.append("MeterValueSampleInterval is 0; set it to 60 or so, or energy and current are not told")
    return lines


def _told(settings: Mapping[str, str], fits: Callable[[str, str], bool]) -> list[str]:
    found = [f"{shown(name)} = {shown(value)}" for name, value in settings.items() if fits(name.lower(), value)]
    return found[:_LINES]


def _whole(text: str, otherwise: int) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else otherwise
