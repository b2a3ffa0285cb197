"""One charge point's connection: its calls answered, our limit set and taken back (OCPP 1.6J, central system)."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from ocpp.exceptions import OCPPError, UnknownCallErrorCodeError
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import (
    Action,
    AuthorizationStatus,
    ChargingProfileStatus,
    DataTransferStatus,
    MessageTrigger,
    RegistrationStatus,
    TriggerMessageStatus,
)
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from rds.errors import ChargerRefusedError, DeviceLostError, EvrdsError
from receiver.chargers._ocpp16_meter import Meter
from receiver.chargers._ocpp16_profile import (
    PROFILE_ID,
    Abilities,
    Options,
    format_time,
    make_profile,
    profile_end,
    read_abilities,
)
from receiver.chargers._ocpp_hub import WIRE_LOG
from receiver.chargers.driver import ChargerCommand

HEARTBEAT_S: Final = 60
"""How often the charge point shall ask for the time."""
GREETING_S: Final = 5.0
"""How long a charge point that connects may stay silent before we speak: OCPP wants its BootNotification first."""
EXTRA_ANSWER_S: Final = 5.0
"""How long to wait for an answer that we can do without."""
CLOCK_TOLERANCE: Final = timedelta(seconds=2)
QUEUED_ANSWERS: Final = 16
"""Answers that nobody asked for and that are kept until the next call; more are dropped."""
CONFIGURATION_KEYS: Final = ["ChargingScheduleAllowedChargingRateUnit", "ChargeProfileMaxStackLevel"]

_log = logging.getLogger(__name__)


class Session(ChargePoint):
    """A charge point from its connection to its end.

    Attributes:
        spoken: Set when the charge point has said something, so that it may be spoken to.
        wake: Set when the limit may have to be sent again.
    """

    def __init__(
        self, name: str, connection: ServerConnection, *, options: Options, now: Callable[[], datetime], meter: Meter
    ) -> None:
        super().__init__(name, connection, response_timeout=options.answer_timeout_s, logger=WIRE_LOG)
        # The library's queue has no bound, and whatever looks like an answer lands in it.
        self._response_queue: asyncio.Queue[object] = asyncio.Queue(maxsize=QUEUED_ANSWERS)
        self.spoken = asyncio.Event()
        self.wake = asyncio.Event()
        self._options = options
        self._now = now
        self._meter = meter
        self._accepted: ChargerCommand | None = None
        self._refresh_at: datetime | None = None
        self._abilities: Abilities | None = None
        self._told: tuple[datetime, float] | None = None
        self._was_told = asyncio.Event()
        self._transactions = int(now().timestamp()) & 0x3FFFFFFF

    async def receive(self) -> None:
        """Answer the charge point until the connection ends. Nothing that it sends ends it from our side."""
        with contextlib.suppress(ConnectionClosed):
            async for message in self._connection:
                try:
                    await self.route_message(message)
                except ConnectionClosed:
                    raise
                except Exception as fault:  # the library lets RecursionError, TypeError and more out for nonsense
                    WIRE_LOG.debug("%s: no OCPP message (%s)", self.id, type(fault).__name__)
                self.spoken.set()

    def is_due(self, command: ChargerCommand) -> bool:
        """Whether the charge point has not accepted this command yet, or must hear of it before its profile ends."""
        return self._accepted is not command or (self._refresh_at is not None and self._now() >= self._refresh_at)

    async def deliver(self, command: ChargerCommand) -> None:
        """Set or clear our profile and return when the charge point has accepted it.

        Raises:
            ChargerRefusedError: it said no, or nonsense.
            DeviceLostError: it did not answer or closed the connection.
        """
        now = self._now()
        if not command.restricted or (command.until is not None and command.until <= now):
            await self._ask(call.ClearChargingProfile(id=PROFILE_ID))  # "Unknown" is as good: it is not there
            self._accepted, self._refresh_at = command, None
            _log.info("charge point %s has no limit of ours", self.id)
            return
        if self._abilities is None:
            self._abilities = await self._read_abilities()
        await self._set_clock()
        now = self._now()
        profile = make_profile(command, now, self._options, self._abilities)
        answer = await self._ask(call.SetChargingProfile(connector_id=0, cs_charging_profiles=profile))
        if answer.status != ChargingProfileStatus.accepted:
            raise ChargerRefusedError(
                f"charge point {self.id} answered {answer.status} to a limit of {command.limit_ma} mA; "
                "allowed: Accepted; switch smart charging on in its settings"
            )
        end = profile_end(command, now, self._options)
        self._accepted, self._refresh_at = command, None if end == command.until else now + (end - now) / 2
        _log.info("charge point %s accepted %d mA until %s", self.id, command.limit_ma, format_time(end))

    async def _read_abilities(self) -> Abilities:
        answer = await self._ask_if_able(call.GetConfiguration(key=CONFIGURATION_KEYS))
        keys = (answer.configuration_key if answer is not None else None) or []
        return read_abilities({key["key"]: key.get("value", "") for key in keys})

    async def _set_clock(self) -> None:
        """Make the charge point ask for the time if its own is not ours: it reads the profile's times on its clock."""
        if self._told is not None:
            told, at_s = self._told
            if abs(self._now() - told - timedelta(seconds=time.monotonic() - at_s)) < CLOCK_TOLERANCE:
                return
        self._told = self._now(), time.monotonic()  # once is enough for a charge point that cannot be made to ask
        self._was_told.clear()
        answer = await self._ask_if_able(call.TriggerMessage(requested_message=MessageTrigger.heartbeat))
        if answer is not None and answer.status == TriggerMessageStatus.accepted:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._was_told.wait(), EXTRA_ANSWER_S)

    async def _ask_if_able(self, request: object) -> Any:  # Any: the answers of the library have no types
        """The answer to a call that charge points need not know, or None."""
        try:
            async with asyncio.timeout(EXTRA_ANSWER_S):
                return await self._ask(request)
        except (TimeoutError, EvrdsError):
            return None

    async def _ask(self, request: object) -> Any:  # Any: the answers of the library have no types
        """Send a call and wait for its answer, or for the end of the connection, which the library would sit out."""
        action = type(request).__name__
        answer = asyncio.create_task(self.call(request, suppress=False))
        closed = asyncio.create_task(self._connection.wait_closed())
        try:
            await asyncio.wait((answer, closed), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise DeviceLostError(
                    f"charge point {self.id} closed the connection before it answered {action}; look at its link"
                )
            return answer.result()
        except ConnectionClosed as gone:
            raise DeviceLostError(
                f"charge point {self.id} closed the connection before {action}; look at its link"
            ) from gone
        except TimeoutError as late:
            raise DeviceLostError(
                f"charge point {self.id} did not answer {action} in {self._options.answer_timeout_s:g} s; "
                "look at its link"
            ) from late
        except (OCPPError, UnknownCallErrorCodeError, TypeError, RecursionError) as refusal:
            text = " ".join(str(refusal).split())[:200]
            raise ChargerRefusedError(f"charge point {self.id} answered {action} with an error: {text}") from refusal
        finally:
            answer.cancel()
            closed.cancel()

    def _tell_time(self) -> str:
        now = self._now()
        self._told = now, time.monotonic()
        self._was_told.set()
        return format_time(now)

    @on(Action.boot_notification, skip_schema_validation=True)
    def _on_boot(self, **_said: object) -> call_result.BootNotification:
        if self._accepted is not None:  # it restarted behind a connection that lived on, and may have forgotten
            self._accepted = self._abilities = None
            self.wake.set()
        return call_result.BootNotification(
            current_time=self._tell_time(), interval=HEARTBEAT_S, status=RegistrationStatus.accepted
        )

    @on(Action.heartbeat, skip_schema_validation=True)
    def _on_heartbeat(self, **_said: object) -> call_result.Heartbeat:
        return call_result.Heartbeat(current_time=self._tell_time())

    # Who may charge is not ours to decide: every driver is let in, and nothing is billed.

    @on(Action.authorize, skip_schema_validation=True)
    def _on_authorize(self, **_said: object) -> call_result.Authorize:
        return call_result.Authorize(id_tag_info=IdTagInfo(status=AuthorizationStatus.accepted))

    @on(Action.start_transaction, skip_schema_validation=True)
    def _on_start_transaction(self, **said: object) -> call_result.StartTransaction:
        self._transactions += 1
        self._meter.hear_start(self._transactions, said.get("connector_id"), said.get("meter_start"))
        welcome = IdTagInfo(status=AuthorizationStatus.accepted)
        return call_result.StartTransaction(transaction_id=self._transactions, id_tag_info=welcome)

    @on(Action.stop_transaction, skip_schema_validation=True)
    def _on_stop_transaction(self, **said: object) -> call_result.StopTransaction:
        self._meter.hear_stop(said.get("transaction_id"), said.get("meter_stop"))
        return call_result.StopTransaction()

    @on(Action.status_notification, skip_schema_validation=True)
    def _on_status(self, **said: object) -> call_result.StatusNotification:
        self._meter.hear_status(said.get("connector_id"), said.get("status"))
        return call_result.StatusNotification()

    @on(Action.meter_values, skip_schema_validation=True)
    def _on_meter_values(self, **said: object) -> call_result.MeterValues:
        self._meter.hear_values(said.get("connector_id"), said.get("meter_value"))
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
