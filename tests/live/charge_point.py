"""A central system's address in, an OCPP 1.6J charge point at it: keeps its profile and tells each limit as JSON.

    python tests/live/charge_point.py ws://HOST:PORT/NAME [--log FILE] [--rate-unit Current|Power] [--reject] [--silent]
                                      [--meter] [--takes PURPOSE] [--connectors N] [--disobey]

It connects again whenever the connection ends (0.1 s, doubling to 5 s) and runs until SIGTERM or SIGINT, which end it
with code 0. Its clock is the one that the central system tells in BootNotification and Heartbeat. Its memory is the
process's: killed and started again it knows no profile. --rate-unit says what it takes (default Current), --reject
makes it refuse every profile, --silent leave SetChargingProfile unanswered. --meter: once greeted, a car is plugged in,
a transaction counts from 1000 to 3500 Wh, and the car leaves. --takes names the only purpose of profiles that it takes
(default ChargePointMaxProfile), --connectors says how many it has (default 1). It tells its composite schedule, 32 A
where nothing limits; --disobey lets it take 32 A whatever it accepted.

One line goes to standard output (or is appended to FILE) for every change:

    {"event": "set", "limit_a": 16.0, "limit_w": null, "until": "2026-01-15T19:00:00Z",
     "purpose": "ChargePointMaxProfile", "clock": "2026-01-15T18:00:00Z"}

event      set (accepted), rejected (with --reject, or a profile that it cannot take), cleared (by ClearChargingProfile)
           or ended (by the profile's own end, on this clock)
limit_a    what holds now, in A per phase, of all connectors that have a profile; null when nothing limits, also when a
           profile begins in the future
limit_w    the same for a profile in W
until      the end of what holds; null for none
purpose    of the profile that holds; null for none
clock      the charge point's own time of the event
"""

import argparse
import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import (
    Action,
    ChargingProfileStatus,
    ClearChargingProfileStatus,
    GetCompositeScheduleStatus,
    RegistrationStatus,
    TriggerMessageStatus,
)
from websockets.asyncio.client import ClientConnection

from tests.live.station_process import ClockedDevice, Report, answer, keep_connected, report_to, text_of, until_signal


class Device(ClockedDevice):
    """What outlives a connection: the clock that was told, the profiles by id, the settings."""

    def __init__(
        self,
        *,
        rate_unit: str,
        reject: bool,
        silent: bool,
        report: Report,
        meter: bool = False,
        takes: str = "ChargePointMaxProfile",
        connectors: int = 1,
        disobey: bool = False,
    ) -> None:
        super().__init__()
        self.rate_unit, self.reject, self.silent, self._report = rate_unit, reject, silent, report
        self.meter, self.takes, self.connectors, self.disobey = meter, takes, connectors, disobey
        self.booted = False
        self.profiles: dict[int, dict[str, Any]] = {}  # Any: a profile as it came, checked by the library's schema

    def end(self, profile: dict[str, Any]) -> datetime:  # Any: see profiles
        """The earlier of the schedule's duration and validTo; in the year 9999 for neither."""
        schedule = profile["charging_schedule"]
        ends = [_time(profile["valid_to"])] if "valid_to" in profile else []
        if "duration" in schedule:
            ends.append(_time(schedule["start_schedule"]) + timedelta(seconds=schedule["duration"]))
        return min(ends, default=datetime.max.replace(tzinfo=UTC))

    def holding(self) -> list[dict[str, Any]]:  # Any: see profiles
        """Of the profiles that have begun and not ended, the one with the highest stack level of each connector."""
        now = self.clock()
        best: dict[int, dict[str, Any]] = {}  # Any: see profiles
        for profile in sorted(self.profiles.values(), key=lambda p: int(p["stack_level"])):
            if _time(profile["charging_schedule"]["start_schedule"]) <= now < self.end(profile):
                best[profile["connector"]] = profile
        return list(best.values())

    def report(self, event: str) -> None:
        """Write what holds now."""
        line: dict[str, object] = {"event": event, "limit_a": None, "limit_w": None, "until": None, "purpose": None}
        if holding := self.holding():
            profile = holding[0]
            unit = profile["charging_schedule"]["charging_rate_unit"].lower()
            line[f"limit_{unit}"] = sum(_limit(one) for one in holding)
            line |= {"until": text_of(self.end(profile)), "purpose": profile["charging_profile_purpose"]}
        self._report(line | {"clock": text_of(self.clock())})

    def composite(self, connector: int) -> float:
        """The limit of a connector, 0 for all, in the unit that it takes."""
        limits = [_limit(one) for one in self.holding() if connector in (0, one["connector"])]
        return sum(limits) if limits and not self.disobey else {"Current": 32.0, "Power": 22080.0}[self.rate_unit]

    def ends(self) -> dict[int, datetime]:
        return {number: self.end(profile) for number, profile in self.profiles.items()}

    def drop(self, number: int) -> None:
        del self.profiles[number]
        self.report("ended")


class Link(ChargePoint):
    """One connection of the device."""

    def __init__(self, name: str, connection: ClientConnection, device: Device) -> None:
        super().__init__(name, connection, response_timeout=10)
        self._device = device
        # The library hands an answer to whoever waits for it only after it has served the next call: who serves
        # a call that needs the clock waits for the greeting to end, so that messages count in the order sent.
        self._greeting = asyncio.Lock()

    async def greet(self) -> None:
        """BootNotification after a start, else Heartbeat; both bring the time."""
        async with self._greeting:
            if self._device.booted:
                answer = await self.call(call.Heartbeat(), suppress=False)
            else:
                answer = await self.call(
                    call.BootNotification(charge_point_model="Test", charge_point_vendor="evrds"), suppress=False
                )
                self._device.booted = answer.status == RegistrationStatus.accepted
            self._device.set_clock(answer.current_time)

    async def tell_values(self) -> None:
        """What connector 1 measures: 6 A."""
        samples = [{"value": "6.0", "measurand": "Current.Import", "unit": "A", "phase": "L1"}]
        values = [{"timestamp": text_of(self._device.clock()), "sampledValue": samples}]
        await self.call(call.MeterValues(connector_id=1, meter_value=values), suppress=False)

    async def charge(self) -> None:
        """A car that comes, charges and leaves, if the device has a meter."""
        if not self._device.meter:
            return
        self._device.meter = False
        connector, moment = 1, text_of(self._device.clock())
        for status in ("Preparing", "Charging"):
            await self.call(call.StatusNotification(connector_id=connector, error_code="NoError", status=status))
        start = call.StartTransaction(connector_id=connector, id_tag="1", meter_start=1000, timestamp=moment)
        answer = await self.call(start, suppress=False)
        samples = [
            {"value": "16.1", "measurand": "Current.Import", "unit": "A", "phase": "L1"},
            {"value": "1.9", "measurand": "Energy.Active.Import.Register", "unit": "kWh", "phase": "L1"},
            {"value": "2.2505", "measurand": "Energy.Active.Import.Register", "unit": "kWh"},
        ]
        values = [{"timestamp": moment, "sampledValue": samples}]
        await self.call(call.MeterValues(connector_id=connector, meter_value=values), suppress=False)
        await asyncio.sleep(0.3)
        stop = call.StopTransaction(meter_stop=3500, timestamp=moment, transaction_id=answer.transaction_id)
        await self.call(stop, suppress=False)
        for status in ("Finishing", "Available"):
            await self.call(call.StatusNotification(connector_id=connector, error_code="NoError", status=status))

    @on(Action.get_configuration)
    def _on_get_configuration(self, key: list[str] | None = None) -> call_result.GetConfiguration:
        known = {
            "ChargingScheduleAllowedChargingRateUnit": self._device.rate_unit,
            "ChargeProfileMaxStackLevel": "8",
            "NumberOfConnectors": str(self._device.connectors),
        }
        asked = known if key is None else key
        return call_result.GetConfiguration(
            configuration_key=[
                {"key": name, "readonly": True, "value": known[name]} for name in asked if name in known
            ],
            unknown_key=[name for name in asked if name not in known],
        )

    @on(Action.trigger_message)
    def _on_trigger(self, requested_message: str, **_more: object) -> call_result.TriggerMessage:
        able = requested_message == Action.heartbeat
        return call_result.TriggerMessage(
            status=TriggerMessageStatus.accepted if able else TriggerMessageStatus.not_implemented
        )

    @after(Action.trigger_message)
    async def _after_trigger(self, requested_message: str, **_more: object) -> None:
        if requested_message == Action.heartbeat:
            await self.greet()

    @on(Action.set_charging_profile)
    async def _on_set_profile(
        self,
        connector_id: int,
        cs_charging_profiles: dict[str, Any],  # Any: see Device.profiles
    ) -> call_result.SetChargingProfile:
        if self._device.silent:
            await asyncio.Event().wait()
        async with self._greeting:
            pass
        schedule = cs_charging_profiles["charging_schedule"]
        unit = {"A": "Current", "W": "Power"}[schedule["charging_rate_unit"]]
        purpose, kind = (cs_charging_profiles[f"charging_profile_{word}"] for word in ("purpose", "kind"))
        fits = (
            (connector_id == 0) == (purpose == "ChargePointMaxProfile")
            and connector_id <= self._device.connectors
            and purpose == self._device.takes
            and kind == "Absolute"
            and "start_schedule" in schedule
        )
        if self._device.reject or not fits or unit != self._device.rate_unit:
            self._device.report("rejected")
            return call_result.SetChargingProfile(status=ChargingProfileStatus.rejected)
        profiles, level = self._device.profiles, cs_charging_profiles["stack_level"]
        place = {"stack_level": level, "connector": connector_id}
        for number in [number for number, profile in profiles.items() if profile | place == profile]:
            del profiles[number]
        profiles[cs_charging_profiles["charging_profile_id"]] = cs_charging_profiles | place
        self._device.changed.set()
        self._device.report("set")
        return call_result.SetChargingProfile(status=ChargingProfileStatus.accepted)

    @on(Action.get_composite_schedule)
    def _on_composite(self, connector_id: int, duration: int, **_unit: object) -> call_result.GetCompositeSchedule:
        start = text_of(self._device.clock())
        period = {"startPeriod": 0, "limit": self._device.composite(connector_id)}
        unit = {"Current": "A", "Power": "W"}[self._device.rate_unit]
        return call_result.GetCompositeSchedule(
            status=GetCompositeScheduleStatus.accepted,
            connector_id=connector_id,
            schedule_start=start,
            charging_schedule={"duration": duration, "chargingRateUnit": unit, "chargingSchedulePeriod": [period]},
        )

    @on(Action.clear_charging_profile)
    def _on_clear_profile(self, **which: object) -> call_result.ClearChargingProfile:
        profiles = self._device.profiles
        named = {
            "id": "charging_profile_id",
            "charging_profile_purpose": "charging_profile_purpose",
            "stack_level": "stack_level",
        }
        gone = [
            number
            for number, profile in profiles.items()
            if all(profile[named[key]] == value for key, value in which.items() if key in named)
        ]
        for number in gone:
            del profiles[number]
        if not gone:
            return call_result.ClearChargingProfile(status=ClearChargingProfileStatus.unknown)
        self._device.report("cleared")
        return call_result.ClearChargingProfile(status=ClearChargingProfileStatus.accepted)


async def run(url: str, device: Device) -> None:
    """Keep the device connected until cancelled."""

    async def talk(name: str, connection: ClientConnection) -> None:
        link = Link(name, connection, device)

        async def begin() -> None:
            await link.greet()
            await link.charge()

        await answer(link.start(), begin())

    await keep_connected(url, "ocpp1.6", talk, device.end_profiles())


def _limit(profile: dict[str, Any]) -> float:  # Any: see Device.profiles
    return float(profile["charging_schedule"]["charging_schedule_period"][0]["limit"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def _main(arguments: argparse.Namespace) -> None:
    device = Device(
        rate_unit=arguments.rate_unit,
        reject=arguments.reject,
        silent=arguments.silent,
        report=report_to(arguments.log),
        meter=arguments.meter,
        takes=arguments.takes,
        connectors=arguments.connectors,
        disobey=arguments.disobey,
    )
    await until_signal(run(arguments.url, device))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An OCPP 1.6J charge point that tells each limit as a line of JSON.")
    parser.add_argument("url", help="the central system: ws://HOST:PORT/NAME")
    parser.add_argument("--log", type=Path, help="append the lines to this file instead of standard output")
    parser.add_argument("--rate-unit", choices=["Current", "Power"], default="Current")
    parser.add_argument("--reject", action="store_true", help="refuse every profile")
    parser.add_argument("--silent", action="store_true", help="never answer SetChargingProfile")
    parser.add_argument("--meter", action="store_true", help="let a car charge 2500 Wh")
    parser.add_argument("--takes", default="ChargePointMaxProfile", help="the only purpose of profiles that it takes")
    parser.add_argument("--connectors", type=int, default=1, help="how many it has")
    parser.add_argument("--disobey", action="store_true", help="take 32 A whatever was accepted")
    asyncio.run(_main(parser.parse_args()))
