"""A charging station's own calls in, answers out; what they tell goes to meter and reports (OCPP 2.0.1 and 2.1)."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from types import ModuleType
from typing import Final

from ocpp.routing import on
from ocpp.v21 import call_result
from ocpp.v21.enums import Action
from websockets.asyncio.server import ServerConnection

from receiver.chargers._ocpp201_meter import Meter
from receiver.chargers._ocpp201_reports import Reports
from receiver.chargers._ocpp_link import Link

HEARTBEAT_S: Final = 60
"""How often the station shall ask for the time."""
_WELCOME: Final = {"status": "Accepted"}


class Calls(Link):
    """The central system's half that only answers. The answers of 2.1 that are given here are those of 2.0.1 too.

    Attributes:
        wake: Set when the limit may have to be sent again.
        reports: What the station sends of a report that was asked for.
    """

    def __init__(
        self,
        name: str,
        connection: ServerConnection,
        *,
        version: ModuleType,
        now: Callable[[], datetime],
        answer_timeout_s: float,
        meter: Meter,
    ) -> None:
        super().__init__(name, connection, version=version, now=now, answer_timeout_s=answer_timeout_s)
        self.wake = asyncio.Event()
        self.reports = Reports()
        self._meter = meter

    def forget(self) -> None:
        """The station restarted: what we know of it may be no longer so."""

    @on(Action.boot_notification, skip_schema_validation=True)
    def _on_boot(self, **_said: object) -> call_result.BootNotification:
        self.forget()
        return call_result.BootNotification(current_time=self.tell_time(), interval=HEARTBEAT_S, status="Accepted")

    @on(Action.heartbeat, skip_schema_validation=True)
    def _on_heartbeat(self, **_said: object) -> call_result.Heartbeat:
        return call_result.Heartbeat(current_time=self.tell_time())

    # Who may charge is not ours to decide: every driver is let in, and nothing is billed.

    @on(Action.authorize, skip_schema_validation=True)
    def _on_authorize(self, **_said: object) -> call_result.Authorize:
        return call_result.Authorize(id_token_info=_WELCOME)

    @on(Action.transaction_event, skip_schema_validation=True)
    def _on_transaction_event(self, **said: object) -> call_result.TransactionEvent:
        self._meter.hear_transaction(said)
        return call_result.TransactionEvent(id_token_info=_WELCOME if "id_token" in said else None)

    @on(Action.meter_values, skip_schema_validation=True)
    def _on_meter_values(self, **said: object) -> call_result.MeterValues:
        self._meter.hear_values(said.get("evse_id"), said.get("meter_value"))
        return call_result.MeterValues()

    @on(Action.status_notification, skip_schema_validation=True)
    def _on_status(self, **said: object) -> call_result.StatusNotification:
        self._meter.hear_status(said.get("evse_id"), said.get("connector_status"))
        return call_result.StatusNotification()

    @on(Action.notify_event, skip_schema_validation=True)
    def _on_event(self, **said: object) -> call_result.NotifyEvent:
        self._meter.hear_events(said.get("event_data"))
        return call_result.NotifyEvent()

    @on(Action.notify_charging_limit, skip_schema_validation=True)
    def _on_limit(self, **said: object) -> call_result.NotifyChargingLimit:
        self._meter.hear_limit(said.get("charging_limit"))
        self.wake.set()
        return call_result.NotifyChargingLimit()

    @on(Action.cleared_charging_limit, skip_schema_validation=True)
    def _on_limit_cleared(self, **_said: object) -> call_result.ClearedChargingLimit:
        self._meter.hear_limit_cleared()
        self.wake.set()
        return call_result.ClearedChargingLimit()

    @on(Action.report_charging_profiles, skip_schema_validation=True)
    def _on_profiles(self, **said: object) -> call_result.ReportChargingProfiles:
        self.reports.hear(said)
        return call_result.ReportChargingProfiles()

    @on(Action.notify_report, skip_schema_validation=True)
    def _on_report(self, **said: object) -> call_result.NotifyReport:
        self.reports.hear(said)
        return call_result.NotifyReport()

    @on(Action.notify_ev_charging_needs, skip_schema_validation=True)
    def _on_needs(self, **_said: object) -> call_result.NotifyEVChargingNeeds:
        return call_result.NotifyEVChargingNeeds(status="Rejected")  # no schedule of ours for this car (K15.FR.04)

    @on(Action.notify_ev_charging_schedule, skip_schema_validation=True)
    def _on_schedule(self, **_said: object) -> call_result.NotifyEVChargingSchedule:
        return call_result.NotifyEVChargingSchedule(status="Accepted")

    @on(Action.data_transfer, skip_schema_validation=True)
    def _on_data_transfer(self, **_said: object) -> call_result.DataTransfer:
        return call_result.DataTransfer(status="UnknownVendorId")

    # What is only acknowledged: a station that gets no answer stops and repeats.

    @on(Action.security_event_notification, skip_schema_validation=True)
    def _on_security_event(self, **_said: object) -> call_result.SecurityEventNotification:
        return call_result.SecurityEventNotification()

    @on(Action.firmware_status_notification, skip_schema_validation=True)
    def _on_firmware_status(self, **_said: object) -> call_result.FirmwareStatusNotification:
        return call_result.FirmwareStatusNotification()

    @on(Action.log_status_notification, skip_schema_validation=True)
    def _on_log_status(self, **_said: object) -> call_result.LogStatusNotification:
        return call_result.LogStatusNotification()
