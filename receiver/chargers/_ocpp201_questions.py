"""Questions to a charging station, what it told out: variables, its profiles, its EVSEs (OCPP 2.0.1 and 2.1)."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from ocpp.v21 import call
from ocpp.v21.datatypes import (
    ChargingProfileCriterionType,
    ComponentType,
    GetVariableDataType,
    SetVariableDataType,
    VariableType,
)
from ocpp.v21.enums import ReportBaseEnumType

from rds.errors import ChargerRefusedError, EvrdsError
from receiver.chargers._ocpp201_calls import Calls
from receiver.chargers._ocpp_link import EXTRA_ANSWER_S


class Questions(Calls):
    """A station that is asked for what it need not know.

    Attributes:
        evses: How many EVSEs its inventory named, once asked; None: it has not told.
    """

    evses: int | None = None

    async def variables(self, names: list[str]) -> dict[str, str]:
        """Variables by name; a station may take fewer at a time than these (B06.FR.16), so that each is tried alone."""
        try:
            async with asyncio.timeout(EXTRA_ANSWER_S):
                answer = await self.ask(call.GetVariables(get_variable_data=[_variable(name) for name in names]))
        except ChargerRefusedError:
            values: dict[str, str] = {}
            for name in names if len(names) > 1 else []:
                values |= await self.variables([name])
            return values
        except (TimeoutError, EvrdsError):
            return {}
        return {
            f"{one['component']['name']}.{one['variable']['name']}": one.get("attribute_value", "")
            for one in answer.get_variable_result
            if one["attribute_status"] == "Accepted"
        }

    async def switch_off(self, name: str) -> bool:
        """Set a variable to 0; whether the station did."""
        component, variable = name.split(".")
        data = SetVariableDataType(
            attribute_value="0", component=ComponentType(name=component), variable=VariableType(name=variable)
        )
        answer = await self.ask_if_able(call.SetVariables(set_variable_data=[data]))
        return answer is not None and answer.set_variable_result[0]["attribute_status"] == "Accepted"

    async def reported_schedules(
        self, numbers: list[int]
    ) -> dict[int, Any] | None:  # Any: a schedule as the station gives it
        """The schedules of profiles by id, of those of these ids that it has (K09); None: it cannot tell."""
        criterion = ChargingProfileCriterionType(charging_profile_id=numbers)
        number = self.reports.expect()
        answer = await self.ask_if_able(call.GetChargingProfiles(request_id=number, charging_profile=criterion))
        if answer is None or answer.status != "Accepted":
            return None if answer is None else {}
        try:
            pieces = await self.reports.wait(EXTRA_ANSWER_S)
        except TimeoutError:
            return None
        return {number: schedule for number, schedule in _schedules(pieces) if number in numbers}

    async def ask_inventory(self) -> None:
        """Ask for the station's EVSEs (B07); `evses` stays None for a station that cannot tell."""
        number = self.reports.expect()
        request = call.GetBaseReport(request_id=number, report_base=ReportBaseEnumType.summary_inventory)
        answer = await self.ask_if_able(request)
        if answer is None or answer.status != "Accepted":
            return
        try:
            pieces = await self.reports.wait(EXTRA_ANSWER_S)
        except TimeoutError:
            return
        self.evses = len(set(_evse_numbers(pieces))) or None


def _variable(name: str) -> GetVariableDataType:
    component, variable = name.split(".")
    return GetVariableDataType(component=ComponentType(name=component), variable=VariableType(name=variable))


def _schedules(pieces: Iterable[Mapping[str, object]]) -> Iterable[tuple[int, object]]:
    """Id and first schedule of the profiles in ReportChargingProfiles, as far as they look like some."""
    for piece in pieces:
        profiles = piece.get("charging_profile")
        for profile in profiles if isinstance(profiles, list) else []:
            schedules = profile.get("charging_schedule") if isinstance(profile, dict) else None
            number = profile.get("id") if isinstance(profile, dict) else None
            if isinstance(number, int) and isinstance(schedules, list) and schedules:
                yield number, schedules[0]


def _evse_numbers(pieces: Iterable[Mapping[str, object]]) -> Iterable[int]:
    """The EVSE numbers in the components of NotifyReport, as far as they look like some."""
    for piece in pieces:
        data = piece.get("report_data")
        for one in data if isinstance(data, list) else []:
            component = one.get("component") if isinstance(one, dict) else None
            evse = component.get("evse") if isinstance(component, dict) else None
            number = evse.get("id") if isinstance(evse, dict) else None
            if isinstance(number, int) and number > 0:
                yield number
