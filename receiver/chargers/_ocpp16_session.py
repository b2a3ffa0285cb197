"""One charge point's connection: its calls answered, its clock set, ours asked (OCPP 1.6J, central system)."""

import asyncio
import contextlib
import secrets
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
    DataTransferStatus,
    MessageTrigger,
    RegistrationStatus,
    TriggerMessageStatus,
)
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from rds.errors import ChargerRefusedError, DeviceLostError, EvrdsError
from receiver.chargers._ocpp16_profile import format_time
from receiver.chargers._ocpp16_station import Station
from receiver.chargers._ocpp_hub import WIRE_LOG

HEARTBEAT_S: Final = 60
"""How often the charge point shall ask for the time."""
EXTRA_ANSWER_S: Final = 5.0
"""How long to wait for an answer that we can do without."""
CLOCK_TOLERANCE: Final = timedelta(seconds=2)
QUEUED_ANSWERS: Final = 16
"""Answers that nobody asked for and that are kept until the next call; more are dropped."""


class Clock:
    """A moment of the chain's time and when it was: whether the chain's time has jumped since."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._at_s = time.monotonic()

    def has_jumped(self, now: datetime) -> bool:
        """Whether less or more time has passed than did."""
        return abs(now - self._now - timedelta(seconds=time.monotonic() - self._at_s)) >= CLOCK_TOLERANCE


class Session(ChargePoint):
    """A charge point from its connection to its end.

    Attributes:
        spoken: Set when the charge point has said something, so that it may be spoken to.
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
        super().__init__(name, connection, response_timeout=answer_timeout_s, logger=WIRE_LOG)
        # The library's queue has no bound, and whatever looks like an answer lands in it.
        self._response_queue: asyncio.Queue[object] = asyncio.Queue(maxsize=QUEUED_ANSWERS)
        self.spoken = asyncio.Event()
        self.wake = asyncio.Event()
        self._answer_timeout_s = answer_timeout_s
        self._now = now
        self._station = station
        self._told: Clock | None = None
        self._was_told = asyncio.Event()
        # Other ones than an earlier run gave, some of which may still run.
        self._transactions = secrets.randbelow(1 << 30)

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

    async def set_clock(self) -> None:
        """Make the charge point ask for the time if its own is not ours: it reads a profile's times on its clock."""
        if self._told is not None and not self._told.has_jumped(self._now()):
            return
        self._told = Clock(self._now())  # once is enough for a charge point that cannot be made to ask
        self._was_told.clear()
        if await self.trigger(MessageTrigger.heartbeat):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._was_told.wait(), EXTRA_ANSWER_S)

    async def trigger(self, message: MessageTrigger) -> bool:
        """Ask for a message, and whether the charge point will send it."""
        answer = await self.ask_if_able(call.TriggerMessage(requested_message=message))
        return answer is not None and answer.status == TriggerMessageStatus.accepted

    async def ask_if_able(
        self, request: object, *, lenient: bool = False
    ) -> Any:  # Any: the answers of the library have no types
        """The answer to a call that charge points need not know, or None. See `ask`."""
        try:
            async with asyncio.timeout(EXTRA_ANSWER_S):
                return await self.ask(request, lenient=lenient)
        except (TimeoutError, EvrdsError):
            return None

    async def ask(
        self, request: object, *, lenient: bool = False
    ) -> Any:  # Any: the answers of the library have no types
        """Send a call and wait for its answer, or for the end of the connection, which the library would sit out.

        Args:
            request: The call.
            lenient: Take an answer that its schema forbids. Who asks so looks at each value of it.

        Raises:
            ChargerRefusedError: the answer is an error, or nonsense.
            DeviceLostError: there is none.
        """
        action = type(request).__name__
        answer = asyncio.create_task(self.call(request, suppress=False, skip_schema_validation=lenient))
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
                f"charge point {self.id} did not answer {action} in {self._answer_timeout_s:g} s; look at its link"
            ) from late
        except (OCPPError, UnknownCallErrorCodeError, TypeError, RecursionError) as refusal:
            text = " ".join(str(refusal).split())[:200]
            raise ChargerRefusedError(f"charge point {self.id} answered {action} with an error: {text}") from refusal
        finally:
            answer.cancel()
            closed.cancel()

    def _tell_time(self) -> str:
        now = self._now()
        if self._told is not None and self._told.has_jumped(now):
            self.wake.set()  # what it holds of ours was meant on another clock
        self._told = Clock(now)
        self._was_told.set()
        return format_time(now)

    # A charge point is accepted also while the chain's time is unknown, and told the chain's idea of it: Pending would
    # forbid it to charge, and a limit's times are right as long as both ends mean the same clock.
    @on(Action.boot_notification, skip_schema_validation=True)
    def _on_boot(self, **said: object) -> call_result.BootNotification:
        self._station.hear_boot(said)
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
