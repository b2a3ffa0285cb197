"""What passes between a station and its operator in; what the operator holds there, the time, the meter out."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from receiver.chargers._ocpp16_station import Station as Meter
from receiver.chargers._ocpp_proxy_dialect import Dialect
from receiver.chargers._ocpp_proxy_profile import OperatorProfile, Supply, read_profile, read_time

CLOCK_TOLERANCE: Final = timedelta(seconds=2)
PROFILES: Final = 100
"""As many of the operator's profiles are remembered; more, and the oldest is forgotten with an alarm."""

_log = logging.getLogger(__name__)


class Overheard:
    """What is known of one station by listening, connection after connection.

    Attributes:
        profiles: The operator's profiles that bound the whole station, by number, each with the call that set it.
        base: What the station held before it could be listened to; None: nothing, or not known.
        version: Grows with every change of what our profile must carry, or of the station's clock.
        ours_is_gone: The operator, or a restart, has taken our profile away, or may have.
        restarted: The station has restarted: what it holds must be asked for anew.
        trouble: What of the operator's profiles cannot be carried, for people.
        changed: Set with each change.
        told: Set when the station has been told the time.
        greeted: Cleared while the operator has not yet answered the station's BootNotification.
        reported: Set when the station has reported all profiles that it was asked for.
    """

    def __init__(self, dialect: Dialect, number: int, supply: Callable[[], Supply]) -> None:
        self.profiles: dict[int, tuple[OperatorProfile, Mapping[str, Any]]] = {}  # Any: JSON from the wire
        self.base: OperatorProfile | None = None
        self.version = 0
        self.ours_is_gone = False
        self.restarted = True
        self.level: int | None = None
        """The stack level of our profile; None: it has not been set."""
        self.trouble: str | None = None
        self.changed = asyncio.Event()
        self.told = asyncio.Event()
        self.greeted = asyncio.Event()
        self.greeted.set()
        self.meter = Meter()
        self._dialect = dialect
        self._number = number
        self._supply = supply
        self._told: tuple[datetime, float] | None = None
        self._report: int | None = None
        self.reported = asyncio.Event()

    @property
    def station_time(self) -> datetime | None:
        """The time on the station's clock, which is the operator's; None: it has not been heard."""
        if self._told is None:
            return None
        return self._told[0] + timedelta(seconds=time.monotonic() - self._told[1])

    def expect_report(self, request: int) -> None:
        """Claim the ReportChargingProfiles that answer a request of ours; `reported` is set with the last."""
        self._report = request
        self.reported.clear()

    def station_calls(self, action: str, payload: Mapping[str, Any]) -> None:  # Any: JSON from the wire
        """See `Listener`."""
        if action == "BootNotification":
            self.profiles.clear()
            self.base, self.restarted, self.trouble = None, True, None
            self.meter.hear_boot(_identity(payload))
            self.greeted.clear()
            self._lose_ours()
        elif action == "MeterValues":
            connector = payload.get("connectorId", payload.get("evseId"))
            self._hear_values(connector, payload.get("meterValue"), payload.get("transactionId"))
        elif action == "StatusNotification":
            status = {"Occupied": "Charging"}.get(str(payload.get("connectorStatus")), payload.get("connectorStatus"))
            self.meter.hear_status(payload.get("evseId", payload.get("connectorId")), payload.get("status", status))
        elif action == "StopTransaction":
            self.meter.hear_stop(payload.get("transactionId"), payload.get("meterStop"))
        elif action == "TransactionEvent":
            place = payload.get("evse")
            self._hear_values(place.get("id") if isinstance(place, dict) else 1, payload.get("meterValue"), None)

    def claims(self, action: str, payload: Mapping[str, Any]) -> bool:  # Any: JSON from the wire
        """See `Listener`: the profiles that we have asked for, in 2.x."""
        if action != "ReportChargingProfiles" or self._report is None or payload.get("requestId") != self._report:
            return False
        profiles = payload.get("chargingProfile")
        for profile in profiles if isinstance(profiles, list) else []:
            if not isinstance(profile, dict) or profile.get("id") == self._number:
                continue
            if profile.get("chargingProfilePurpose") == self._dialect.purpose:
                self._keep(profile, {"evseId": 0, "chargingProfile": profile})
        if not payload.get("tbc"):
            self._report = None
            self.reported.set()
        return True

    def operator_answers(
        self, action: str, asked: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> None:  # Any: JSON from the wire
        """See `Listener`: the time that the station is told, and the number of a transaction."""
        if action == "BootNotification":
            self.greeted.set()
        if action in ("BootNotification", "Heartbeat"):
            try:
                moment = read_time(answer.get("currentTime"))
            except ValueError:
                return
            if moment is None:
                return
            before = self.station_time
            self._told = moment, time.monotonic()
            self.told.set()
            if before is None or abs(before - moment) > CLOCK_TOLERANCE:
                self._change()
        elif action == "StartTransaction" and isinstance(answer.get("transactionId"), int):
            self.meter.hear_start(answer["transactionId"], asked.get("connectorId"), asked.get("meterStart"))

    def station_answers(
        self, action: str, asked: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> None:  # Any: JSON from the wire
        """See `Listener`: what the operator has set and cleared."""
        if action == "SetChargingProfile" and answer.get("status") == "Accepted":
            profile = self._dialect.profile_set(asked)
            if profile is not None:
                self._keep(profile, asked)
        elif action == "ClearChargingProfile" and answer.get("status") in ("Accepted", "Unknown"):
            # Unknown is a profile too whose place ours has taken: the operator wants it no more.
            self._clear(asked)

    def _keep(self, profile: Mapping[str, Any], asked: Mapping[str, Any]) -> None:  # Any: JSON from the wire
        number = profile.get("chargingProfileId" if self._dialect.is_old else "id")
        level = profile.get("stackLevel")
        if number == self._number:
            self.trouble = f"the operator's profile has our number {number}; set profile_id to another"
            self._lose_ours()
            return
        if self._dialect.is_old:  # the same level of the same purpose is replaced (OCPP 1.6, 3.13.2)
            self.profiles = {one: kept for one, kept in self.profiles.items() if kept[0].level != level}
            if level == self.level:
                self._lose_ours()
        try:
            read = read_profile(profile, self._supply())
        except ValueError as fault:
            self.trouble = f"the operator's profile {str(number)[:20]} cannot be read and is not carried: {fault}"[:200]
            _log.warning("%s", self.trouble)
            return
        self.profiles.pop(read.number, None)
        self.profiles[read.number] = read, asked
        if len(self.profiles) > PROFILES:
            del self.profiles[next(iter(self.profiles))]
            self.trouble = (
                f"the operator has more than {PROFILES} profiles for the whole station; the first is forgotten"
            )
        self._change()

    def _clear(self, asked: Mapping[str, Any]) -> None:  # Any: JSON from the wire
        which = self._dialect.selection(asked)
        if which.number is not None:
            self.profiles = {one: kept for one, kept in self.profiles.items() if one != which.number}
            if which.number == self._number:
                self._lose_ours()
        elif which.place in (None, 0) and which.purpose in (None, self._dialect.purpose):
            self.profiles = {
                one: kept for one, kept in self.profiles.items() if which.level not in (None, kept[0].level)
            }
            if which.level is None:
                self.base = None
            if which.level in (None, self.level):
                self._lose_ours()
        self._change()

    def _lose_ours(self) -> None:
        self.ours_is_gone, self.level = True, None
        self._change()

    def _change(self) -> None:
        self.version += 1
        self.changed.set()

    def _hear_values(self, connector: object, meter_value: object, transaction: object) -> None:
        """Meter values in the words of the meter, which are those of the `ocpp` library for 1.6."""
        rows = [one for one in meter_value if isinstance(one, dict)] if isinstance(meter_value, list) else []
        samples = [one.get("sampledValue") for one in rows]
        translated = [
            _translate(one) for row in samples if isinstance(row, list) for one in row if isinstance(one, dict)
        ]
        self.meter.hear_values(connector, [{"sampled_value": translated}], transaction)


def _identity(payload: Mapping[str, Any]) -> dict[str, object]:  # Any: JSON from the wire
    """Maker and model in the words of the meter, which are those of the `ocpp` library for 1.6."""
    station = payload.get("chargingStation")
    if isinstance(station, dict):  # 2.x
        names = {"vendorName": "vendor", "model": "model"}
        return {f"charge_point_{word}": station[name] for name, word in names.items() if name in station}
    names = {"chargePointVendor": "vendor", "chargePointModel": "model"}
    return {f"charge_point_{word}": payload[name] for name, word in names.items() if name in payload}


def _translate(sample: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON from the wire
    """A sampled value of 2.x as 1.6 writes it; one of 1.6 as it is."""
    unit = sample.get("unitOfMeasure")
    if not isinstance(unit, dict):
        return dict(sample)
    power = unit.get("multiplier", 0)
    value = sample.get("value")
    if isinstance(power, int) and abs(power) < 10 and isinstance(value, (int, float)):
        value = value * 10.0**power
    return {**sample, "value": value, "unit": unit.get("unit", "Wh")}
