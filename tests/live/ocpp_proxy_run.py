"""What the tests of `ocpp_proxy` start: an operator, the driver between, stations as processes or bare websockets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from receiver.chargers.ocpp_proxy import Driver
from tests.live.central_system import CentralSystem, central_system
from tests.live.ocpp16_run import Chain

OPERATOR_CLOCK: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""Not the chain's: the station goes by its operator's."""


@dataclass(frozen=True, slots=True)
class Site:
    """A driver that listens, the operator behind it and the chain's time."""

    driver: Driver
    operator: CentralSystem
    chain: Chain


def between(case: Callable[[Site], Awaitable[None]], **options: object) -> None:
    """Run a case with an operator of the `ocpp` library and a started driver before it."""

    async def whole() -> None:
        chain = Chain()
        async with central_system(OPERATOR_CLOCK) as operator:
            table = {
                "upstream": f"ws://127.0.0.1:{operator.port}/ocpp",
                "port": 0,
                "connect_timeout_s": 10.0,
                **options,
            }
            driver = Driver.from_options(table, chain.now)
            await driver.start()
            try:
                async with asyncio.timeout(30):
                    await case(Site(driver, operator, chain))
            finally:
                await driver.close()

    asyncio.run(whole())


class Wires:
    """Bare websockets on both sides of a driver, to see every byte."""

    def __init__(self, driver: Driver, station: ClientConnection, operator: ServerConnection, chain: Chain) -> None:
        self.driver, self.station, self.operator, self.chain = driver, station, operator, chain

    async def call_of_ours(self, action: str, answer: object) -> dict[str, Any]:  # Any: JSON from the wire
        """Wait for our call of this action at the station, refuse others, answer; return its payload."""
        while True:
            _, unique_id, asked, payload = json.loads(await asyncio.wait_for(self.station.recv(), 5))
            if asked == action:
                await self.station.send(json.dumps([3, unique_id, answer]))
                found: dict[str, Any] = payload  # Any: JSON from the wire
                return found
            await self.station.send(json.dumps([4, unique_id, "NotImplemented", "", {}]))

    async def greet(self) -> None:
        """Heartbeat and its answer: the station may be spoken to, and has the time."""
        await self.station.send('[2,"hello","Heartbeat",{}]')
        assert await asyncio.wait_for(self.operator.recv(), 5) == '[2,"hello","Heartbeat",{}]'
        await self.operator.send('[3,"hello",{"currentTime":"2026-03-01T12:00:00Z"}]')
        assert await asyncio.wait_for(self.station.recv(), 5) == '[3,"hello",{"currentTime":"2026-03-01T12:00:00Z"}]'


def bare(
    case: Callable[[Wires], Awaitable[None]],
    *,
    protocol: str = "ocpp1.6",
    headers: dict[str, str] | None = None,
    **options: object,
) -> None:
    """Run a case with a bare websocket as station and another as operator."""

    async def whole() -> None:
        chain = Chain()
        calls: asyncio.Queue[ServerConnection] = asyncio.Queue()

        async def answer(connection: ServerConnection) -> None:
            calls.put_nowait(connection)
            await connection.wait_closed()

        spoken = [Subprotocol(protocol)]
        async with serve(answer, "127.0.0.1", 0, subprotocols=spoken, max_size=None, close_timeout=1) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            table = {"upstream": f"ws://127.0.0.1:{port}/up", "port": 0, "connect_timeout_s": 5.0, **options}
            driver = Driver.from_options(table, chain.now)
            await driver.start()
            try:
                async with asyncio.timeout(20), _station(driver, spoken, headers) as station:
                    await case(Wires(driver, station, await calls.get(), chain))
            finally:
                await driver.close()

    asyncio.run(whole())


@contextlib.asynccontextmanager
async def _station(
    driver: Driver, spoken: list[Subprotocol], headers: dict[str, str] | None
) -> AsyncIterator[ClientConnection]:
    async with connect(
        f"ws://127.0.0.1:{driver.port}/CP%201",
        subprotocols=spoken,
        additional_headers=headers,
        proxy=None,
        max_size=None,
        close_timeout=1,
    ) as station:
        yield station
