"""An operator's central system on the `ocpp` library, for 1.6, on a real websocket: what the proxy's other side is."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action, RegistrationStatus
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PURPOSE: Final = "ChargePointMaxProfile"


class Desk(ChargePoint):
    """One connection of a station, as the operator has it."""

    def __init__(self, name: str, connection: ServerConnection, central: "CentralSystem") -> None:
        super().__init__(name, connection, response_timeout=5)
        self._central = central

    async def set(self, limit_a: float, *, number: int = 1, level: int = 0, minutes: int | None = None) -> str:
        """SetChargingProfile for the whole station, from an hour ago; without an end unless minutes are given."""
        now = self._central.now()
        schedule: dict[str, object] = {
            "startSchedule": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_a}],
        }
        if minutes is not None:
            schedule["duration"] = 3600 + 60 * minutes
        profile = {
            "chargingProfileId": number,
            "stackLevel": level,
            "chargingProfilePurpose": PURPOSE,
            "chargingProfileKind": "Absolute",
            "chargingSchedule": schedule,
        }
        answer = await self.call(call.SetChargingProfile(connector_id=0, cs_charging_profiles=profile), suppress=False)
        return str(answer.status)

    async def clear(self, **which: Any) -> str:  # Any: as the library takes it
        """ClearChargingProfile."""
        answer = await self.call(call.ClearChargingProfile(**which), suppress=False)
        return str(answer.status)

    @on(Action.boot_notification)
    def _on_boot(self, **_said: object) -> call_result.BootNotification:
        return call_result.BootNotification(
            current_time=self._central.text(), interval=60, status=RegistrationStatus.accepted
        )

    @on(Action.heartbeat)
    def _on_heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(current_time=self._central.text())

    @on(Action.status_notification)
    def _on_status(self, **_said: object) -> call_result.StatusNotification:
        return call_result.StatusNotification()

    @on(Action.start_transaction)
    def _on_start(self, **_said: object) -> call_result.StartTransaction:
        return call_result.StartTransaction(transaction_id=4711, id_tag_info={"status": "Accepted"})

    @on(Action.stop_transaction)
    def _on_stop(self, **_said: object) -> call_result.StopTransaction:
        return call_result.StopTransaction()

    @on(Action.meter_values)
    def _on_meter_values(self, **_said: object) -> call_result.MeterValues:
        return call_result.MeterValues()


class CentralSystem:
    """The server. Its clock is its own; `heard` has every text, `paths` and `authorizations` every request."""

    def __init__(self, clock: datetime) -> None:
        self.heard: list[str] = []
        self.paths: list[str] = []
        self.authorizations: list[str | None] = []
        self.port = 0
        self._clock = clock, asyncio.get_running_loop().time()
        self._server: Server | None = None
        self._desk: asyncio.Queue[Desk] = asyncio.Queue()

    def now(self) -> datetime:
        """Its time."""
        return self._clock[0] + timedelta(seconds=asyncio.get_running_loop().time() - self._clock[1])

    def text(self) -> str:
        """Its time as OCPP writes it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    async def open(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen, again on the same port if it was open before."""
        self._server = await serve(
            self._serve, "127.0.0.1", self.port, subprotocols=[Subprotocol("ocpp1.6")], ssl=tls, close_timeout=1
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        """Hang up and stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def desk(self) -> Desk:
        """The next connection, once the station's first message is answered: before, it need not listen."""
        return await asyncio.wait_for(self._desk.get(), 10)

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        self.authorizations.append(connection.request.headers.get("Authorization"))
        desk = Desk(connection.request.path.rpartition("/")[2], connection, self)
        is_new = True
        with contextlib.suppress(ConnectionClosed):
            async for text in connection:
                self.heard.append(str(text))
                await desk.route_message(text)
                if is_new:
                    self._desk.put_nowait(desk)
                is_new = False


@contextlib.asynccontextmanager
async def central_system(
    clock: datetime, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[CentralSystem]:
    central = CentralSystem(clock)
    central.port = port
    await central.open(tls)
    try:
        yield central
    finally:
        await central.close()
