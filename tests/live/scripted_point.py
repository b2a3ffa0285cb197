"""A charge point of OCPP 1.6 that answers as a test says, on a raw websocket: what no library would send.

It knows nothing of OCPP but the three kinds of messages, so a test can make it refuse, keep silent and talk nonsense.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

Payload = dict[str, Any]  # Any: as JSON gives it
Answer = Callable[[Payload], Payload | str | None]
"""A call's payload in; out the answer's payload, an error's code, or None for silence."""
BOOT: Final[Payload] = {"chargePointVendor": "Acme", "chargePointModel": "M1", "firmwareVersion": "1.2"}


def settings(**known: str) -> Answer:
    """GetConfiguration of a charge point with these keys."""

    def answer(asked: Payload) -> Payload:
        names = asked.get("key") or known
        listed = [{"key": name, "readonly": True, "value": known[name]} for name in names if name in known]
        return {"configurationKey": listed, "unknownKey": [name for name in names if name not in known]}

    return answer


def accepted(_asked: Payload) -> Payload:
    """Yes."""
    return {"status": "Accepted"}


class ScriptedPoint:
    """One connection: calls of the central system are noted and answered as told, our own are sent.

    Attributes:
        answers: By action; one that is missing is not implemented.
        calls: Action and payload of each call, oldest first.
    """

    def __init__(self, connection: ClientConnection, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.calls: list[tuple[str, Payload]] = []
        self._connection = connection
        self._waiting: dict[str, asyncio.Future[Payload]] = {}
        self._numbers = itertools.count()
        self._heard = asyncio.Event()

    async def run(self) -> None:
        """Answer until the connection ends."""
        with contextlib.suppress(ConnectionClosed):
            async for text in self._connection:
                kind, number, *rest = json.loads(text)
                if kind != 2:
                    self._waiting.pop(number).set_result(rest[0])
                    continue
                self.calls.append((rest[0], rest[1]))
                self._heard.set()
                answer = self.answers[rest[0]](rest[1]) if rest[0] in self.answers else "NotImplemented"
                if isinstance(answer, str):
                    await self._connection.send(json.dumps([4, number, answer, "", {}]))
                elif answer is not None:
                    await self._connection.send(json.dumps([3, number, answer]))

    async def call(self, action: str, **payload: Any) -> Payload:  # Any: goes out as JSON
        """Send a call and wait for its answer."""
        number = str(next(self._numbers))
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps([2, number, action, payload]))
        return await asyncio.wait_for(self._waiting[number], 5)

    def of(self, action: str) -> list[Payload]:
        """The calls of one action."""
        return [payload for name, payload in self.calls if name == action]

    @property
    def limits(self) -> list[tuple[str, int, float]]:
        """Purpose, connector and limit of each SetChargingProfile."""
        found = []
        for payload in self.of("SetChargingProfile"):
            profile = payload["csChargingProfiles"]
            [period] = profile["chargingSchedule"]["chargingSchedulePeriod"]
            found.append((profile["chargingProfilePurpose"], payload["connectorId"], period["limit"]))
        return found

    async def wait_for(self, action: str, count: int) -> list[Payload]:
        """The calls of one action once there are so many."""
        async with asyncio.timeout(8):
            while len(self.of(action)) < count:
                self._heard.clear()
                await self._heard.wait()
        return self.of(action)


@contextlib.asynccontextmanager
async def scripted(
    port: int, answers: Mapping[str, Answer], *, name: str = "CP_1", boot: bool = True
) -> AsyncIterator[ScriptedPoint]:
    """A connected point; it has booted, or else sent a Heartbeat."""
    url = f"ws://127.0.0.1:{port}/{name}"
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None) as connection:
        point = ScriptedPoint(connection, answers)
        running = asyncio.create_task(point.run())
        try:
            await (point.call("BootNotification", **BOOT) if boot else point.call("Heartbeat"))
            yield point
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
