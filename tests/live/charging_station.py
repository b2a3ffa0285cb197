"""A central system's address in, an OCPP 2.0.1 charging station of the `ocpp` library at it: tells each limit as JSON.

    python tests/live/charging_station.py ws://HOST:PORT/NAME [--version 2.0.1|2.1] [--log FILE] [--rate-unit A|W]
                                          [--evses N] [--reject] [--silent] [--terse]

It connects again whenever the connection ends (0.1 s, doubling to 5 s) and runs until SIGTERM or SIGINT, which end it
with code 0. Its clock is the one that the central system tells; its memory is the process's. --terse leaves out all
that a station need not have: no read-back, no reports, no more than one variable at a time.

One line goes to standard output (or is appended to FILE) for every change, as `charge_point.py` writes it; the limit is
that of the profile with the highest stack level of EVSE 0, or else of EVSE 1.
"""

import argparse
import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import ocpp.v21
import ocpp.v201
from ocpp.charge_point import ChargePoint
from ocpp.exceptions import NotSupportedError, OccurrenceConstraintViolationError
from ocpp.routing import after, on
from ocpp.v21 import call, call_result
from ocpp.v21.enums import Action
from websockets.asyncio.client import ClientConnection

from tests.live.station_process import ClockedDevice, Report, answer, keep_connected, report_to, text_of, until_signal

VERSIONS: Final = {"2.0.1": ocpp.v201, "2.1": ocpp.v21}

Profile = dict[str, Any]  # Any: a profile as it came, checked by the library's schema


class Device(ClockedDevice):
    """What outlives a connection: the clock that was told, the profiles by id with their EVSE, the settings."""

    def __init__(
        self,
        report: Report,
        *,
        version: str = "2.0.1",
        rate_unit: str = "A",
        evses: int = 1,
        reject: bool = False,
        silent: bool = False,
        terse: bool = False,
    ) -> None:
        super().__init__()
        self.version, self.rate_unit, self.evses = version, rate_unit, evses
        self.reject, self.silent, self.terse = reject, silent, terse
        self._report = report
        self.booted = False
        self.profiles: dict[int, tuple[int, Profile]] = {}

    def leading(self, evse: int) -> Profile | None:
        """Of the profiles of an EVSE that have begun and not ended, the one with the highest stack level."""
        now = self.clock()
        live = [p for at, p in self.profiles.values() if at == evse and _start(p) <= now < _end(p)]
        return max(live, key=lambda p: int(p["stack_level"]), default=None)

    def report(self, event: str) -> None:
        """Write what holds now."""
        line: dict[str, object] = {"event": event, "limit_a": None, "limit_w": None, "until": None, "purpose": None}
        profile = self.leading(0) or self.leading(1)
        if profile is not None:
            schedule = profile["charging_schedule"][0]
            line["limit_" + schedule["charging_rate_unit"].lower()] = float(
                schedule["charging_schedule_period"][0]["limit"]
            )
            line |= {"until": text_of(_end(profile)), "purpose": profile["charging_profile_purpose"]}
        self._report(line | {"clock": text_of(self.clock())})

    def ends(self) -> dict[int, datetime]:
        return {number: _end(profile) for number, (_, profile) in self.profiles.items()}

    def drop(self, number: int) -> None:
        del self.profiles[number]
        self.report("ended")


class Link(ChargePoint):
    """One connection of the device."""

    def __init__(self, name: str, connection: ClientConnection, device: Device) -> None:
        self._call_result = VERSIONS[device.version].call_result
        self._ocpp_version = device.version
        super().__init__(name, connection, response_timeout=10)
        self._device = device
        # As in `charge_point.py`: who serves a call that needs the clock waits for the greeting to end.
        self._greeting = asyncio.Lock()

    async def greet(self) -> None:
        """BootNotification after a start, else Heartbeat; both bring the time."""
        async with self._greeting:
            if self._device.booted:
                answer = await self.call(call.Heartbeat(), suppress=False)
            else:
                station = {"model": "Test", "vendorName": "evrds"}
                boot = call.BootNotification(charging_station=station, reason="PowerUp")
                answer = await self.call(boot, suppress=False)
                self._device.booted = answer.status == "Accepted"
            self._device.set_clock(answer.current_time)

    @on(Action.get_variables)
    def _on_get_variables(self, get_variable_data: list[dict[str, Any]], **_more: object) -> call_result.GetVariables:
        if self._device.terse and len(get_variable_data) > 1:
            raise OccurrenceConstraintViolationError(details={"cause": "one at a time"})
        known = {"RateUnit": self._device.rate_unit, "ProfileStackLevel": "0" if self._device.terse else "5"}
        results = []
        for one in get_variable_data:
            value = known.get(one["variable"]["name"])
            told = {"attribute_status": "UnknownVariable"} if value is None else {"attribute_status": "Accepted"}
            parts = {"component": one["component"], "variable": one["variable"], "attribute_value": value}
            results.append(told | parts)
        return call_result.GetVariables(get_variable_result=results)

    @on(Action.trigger_message)
    def _on_trigger(self, requested_message: str, **_more: object) -> call_result.TriggerMessage:
        return call_result.TriggerMessage(
            status="Accepted" if requested_message == Action.heartbeat else "NotImplemented"
        )

    @after(Action.trigger_message)
    async def _after_trigger(self, requested_message: str, **_more: object) -> None:
        if requested_message == Action.heartbeat:
            await self.greet()

    @on(Action.set_charging_profile)
    async def _on_set_profile(
        self, evse_id: int, charging_profile: Profile, **_more: object
    ) -> call_result.SetChargingProfile:
        if self._device.silent:
            await asyncio.Event().wait()
        async with self._greeting:
            pass
        [schedule] = charging_profile["charging_schedule"]
        station_wide = charging_profile["charging_profile_purpose"] == "ChargingStationMaxProfile"
        fits = station_wide == (evse_id == 0) and 0 <= evse_id <= self._device.evses and "start_schedule" in schedule
        if self._device.reject or not fits or schedule["charging_rate_unit"] != self._device.rate_unit:
            self._device.report("rejected")
            return call_result.SetChargingProfile(status="Rejected", status_info={"reason_code": "InvalidProfile"})
        self._device.profiles[charging_profile["id"]] = evse_id, charging_profile
        self._device.changed.set()
        self._device.report("set")
        return call_result.SetChargingProfile(status="Accepted")

    @on(Action.clear_charging_profile)
    def _on_clear_profile(self, charging_profile_id: int = -1, **_more: object) -> call_result.ClearChargingProfile:
        if self._device.profiles.pop(charging_profile_id, None) is None:
            return call_result.ClearChargingProfile(status="Unknown")
        self._device.report("cleared")
        return call_result.ClearChargingProfile(status="Accepted")

    @on(Action.get_composite_schedule)
    def _on_composite(self, duration: int, evse_id: int, **_more: object) -> call_result.GetCompositeSchedule:
        if self._device.terse:
            raise NotSupportedError(details={"cause": "no composite schedules"})
        profile = self._device.leading(evse_id)
        if profile is None:
            return call_result.GetCompositeSchedule(status="Rejected")
        schedule = profile["charging_schedule"][0]
        composite = {
            "evse_id": evse_id,
            "duration": duration,
            "schedule_start": text_of(self._device.clock()),
            "charging_rate_unit": schedule["charging_rate_unit"],
            "charging_schedule_period": schedule["charging_schedule_period"],
        }
        return call_result.GetCompositeSchedule(status="Accepted", schedule=composite)

    @on(Action.get_charging_profiles)
    def _on_get_profiles(
        self, request_id: int, charging_profile: dict[str, Any], **_more: object
    ) -> call_result.GetChargingProfiles:
        if self._device.terse:
            raise NotSupportedError(details={"cause": "no reports"})
        asked = set(charging_profile["charging_profile_id"])
        found = [(evse, p) for number, (evse, p) in self._device.profiles.items() if number in asked]
        self._telling = asyncio.create_task(self._tell_profiles(request_id, found))
        return call_result.GetChargingProfiles(status="Accepted" if found else "NoProfiles")

    async def _tell_profiles(self, request_id: int, found: list[tuple[int, Profile]]) -> None:
        for evse, profile in found:
            tbc = (evse, profile) != found[-1]
            piece = call.ReportChargingProfiles(
                charging_limit_source="CSO", charging_profile=[profile], evse_id=evse, request_id=request_id, tbc=tbc
            )
            await self.call(piece, suppress=False)


async def run(url: str, device: Device) -> None:
    """Keep the device connected until cancelled."""

    async def talk(name: str, connection: ClientConnection) -> None:
        link = Link(name, connection, device)
        await answer(link.start(), link.greet())

    await keep_connected(url, f"ocpp{device.version}", talk, device.end_profiles())


def _start(profile: Profile) -> datetime:
    return datetime.fromisoformat(profile["charging_schedule"][0]["start_schedule"])


def _end(profile: Profile) -> datetime:
    """The earlier of the schedule's duration and validTo; in the year 9999 for neither."""
    schedule = profile["charging_schedule"][0]
    ends = [datetime.fromisoformat(profile["valid_to"])] if "valid_to" in profile else []
    if "duration" in schedule:
        ends.append(_start(profile) + timedelta(seconds=schedule["duration"]))
    return min(ends, default=datetime.max.replace(tzinfo=UTC))


async def _main(arguments: argparse.Namespace) -> None:
    settings = {name: value for name, value in vars(arguments).items() if name not in ("url", "log")}
    await until_signal(run(arguments.url, Device(report_to(arguments.log), **settings)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="An OCPP 2.x charging station that tells each limit as a line of JSON."
    )
    parser.add_argument("url", help="the central system: ws://HOST:PORT/NAME")
    parser.add_argument("--version", choices=sorted(VERSIONS), default="2.0.1")
    parser.add_argument("--log", type=Path, help="append the lines to this file instead of standard output")
    parser.add_argument("--rate-unit", choices=["A", "W"], default="A")
    parser.add_argument("--evses", type=int, default=1)
    parser.add_argument("--reject", action="store_true", help="refuse every profile")
    parser.add_argument("--silent", action="store_true", help="never answer SetChargingProfile")
    parser.add_argument("--terse", action="store_true", help="know nothing that a station need not know")
    asyncio.run(_main(parser.parse_args()))
