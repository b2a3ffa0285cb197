"""One OCPP 1.6J charge point's calls in, answers out; what they tell goes to its station (central system)."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final

from ocpp import v16
from ocpp.routing import on
from ocpp.v16 import call, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import (
    Action,
    AuthorizationStatus,
    DataTransferStatus,
    MessageTrigger,
    RegistrationStatus,
    TriggerMessageStatus,
)
from websockets.asyncio.server import ServerConnection

from receiver.chargers._ocpp16_station import Station
from receiver.chargers._ocpp_link import Link

HEARTBEAT_S: Final = 60
"""How often the charge point shall ask for the time."""
TIME: Final = call.TriggerMessage(requested_message=MessageTrigger.heartbeat)
"""What makes a charge point ask for the time."""


class Session(Link):
    """A charge point from its connection to its end.

    Attributes:
        wake: Set when the limit may have to be sent again.
    """

    def __init__(
        self,
        name: str,
        connection: ServerConnection,
        *,
        answer_timeout_s: float,
        now: Callable[[], datetime],
        station: Station,
    ) -> None:
        super().__init__(name, connection, version=v16, now=now, answer_timeout_s=answer_timeout_s)
        self.wake = asyncio.Event()
        self._station = station
        # Other ones than an earlier run gave, some of which may still run.
        self._transactions = secrets.randbelow(1 << 30)

    async def trigger(self, message: MessageTrigger) -> bool:
        """Ask for a message, and whether the charge point will send it."""
        answer = await self.ask_if_able(call.TriggerMessage(requested_message=message))
        return answer is not None and answer.status == TriggerMessageStatus.accepted

    def hear_jump(self) -> None:
        """See `Link`."""
        self.wake.set()

    # A charge point is accepted also while the chain's time is unknown, and told the chain's idea of it: Pending would
    # forbid it to charge, and a limit's times are right as long as both ends mean the same clock.
    @on(Action.boot_notification, skip_schema_validation=True)
    def _on_boot(self, **said: object) -> call_result.BootNotification:
        self._station.hear_boot(said)
        self.wake.set()
        return call_result.BootNotification(
            current_time=self.tell_time(), interval=HEARTBEAT_S, status=RegistrationStatus.accepted
        )

    @on(Action.heartbeat, skip_schema_validation=True)
    def _on_heartbeat(self, **_said: object) -> call_result.Heartbeat:
        return call_result.Heartbeat(current_time=self.tell_time())

    # Who may charge is not ours to decide: every driver is let in, and nothing is billed.

    @on(Action.authorize, skip_schema_validation=True)
    def _on_authorize(self, **_said: object) -> call_result.Authorize:
        return call_result.Authorize(id_tag_info=IdTagInfo(status=AuthorizationStatus.accepted))

    @on(Action.start_transaction, skip_schema_validation=True)
    def _on_start_transaction(self, **said: object) -> call_result.StartTransaction:
        self._transactions += 1
        self._station.hear_start(self._transactions, said.get("connector_id"), said.get("meter_start"))
        self.wake.set()  # a limit may be for transactions
        welcome = IdTagInfo(status=AuthorizationStatus.accepted)
        return call_result.StartTransaction(transaction_id=self._transactions, id_tag_info=welcome)

    @on(Action.stop_transaction, skip_schema_validation=True)
    def _on_stop_transaction(self, **said: object) -> call_result.StopTransaction:
        self._station.hear_stop(said.get("transaction_id"), said.get("meter_stop"))
        self.wake.set()
        return call_result.StopTransaction()

    @on(Action.status_notification, skip_schema_validation=True)
    def _on_status(self, **said: object) -> call_result.StatusNotification:
        self._station.hear_status(said.get("connector_id"), said.get("status"))
        self.wake.set()
        return call_result.StatusNotification()

    @on(Action.meter_values, skip_schema_validation=True)
    def _on_meter_values(self, **said: object) -> call_result.MeterValues:
        self._station.hear_values(said.get("connector_id"), said.get("meter_value"), said.get("transaction_id"))
        return call_result.MeterValues()

    @on(Action.firmware_status_notification, skip_schema_validation=True)
    def _on_firmware_status(self, **_said: object) -> call_result.FirmwareStatusNotification:
        return call_result.FirmwareStatusNotification()

    @on(Action.diagnostics_status_notification, skip_schema_validation=True)
    def _on_diagnostics_status(self, **_said: object) -> call_result.DiagnosticsStatusNotification:
        return call_result.DiagnosticsStatusNotification()

    @on(Action.data_transfer, skip_schema_validation=True)
    def _on_data_transfer(self, **_said: object) -> call_result.DataTransfer:
        return call_result.DataTransfer(status=DataTransferStatus.unknown_vendor_id)
