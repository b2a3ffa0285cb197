"""What the tests of the driver `ocpp201` start: a driver on a free port, stations of the `ocpp` library."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from receiver.chargers.driver import ChargerReading
from receiver.chargers.ocpp201 import Driver
from tests.live.charging_station import Device, run
from tests.live.ocpp16_run import Chain, ChargePointProcess

PROGRAM = Path(__file__).with_name("charging_station.py")


@contextlib.asynccontextmanager
async def charging_station(driver: Driver, *options: str) -> AsyncIterator[ChargePointProcess]:
    """A station of the `ocpp` library that runs as long as this is open."""
    url = f"ws://127.0.0.1:{driver.port}/CS_1"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), url, *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield ChargePointProcess(process)
    finally:
        if process.returncode is None:
            process.terminate()
            assert await process.wait() == 0
        await process.communicate()


class StationHere:
    """A station of the `ocpp` library in this process: quick to start, and as real a wire."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()  # Any: what is JSON elsewhere

    async def line(self) -> dict[str, Any]:  # Any: see lines
        """The next line, waited for."""
        return await asyncio.wait_for(self.lines.get(), 10)

    async def limit(self) -> tuple[str, float | None]:
        """Event and limit in A of the next line."""
        line = await self.line()
        return line["event"], line["limit_a"]


@contextlib.asynccontextmanager
async def station_here(driver: Driver, **settings: Any) -> AsyncIterator[StationHere]:  # Any: see Device
    """A station in this process that runs as long as this is open."""
    here = StationHere()
    url = f"ws://127.0.0.1:{driver.port}/CS_1"
    running = asyncio.create_task(run(url, Device(here.lines.put_nowait, **settings)))
    try:
        yield here
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def reading_with(driver: Driver, **wanted: object) -> ChargerReading:
    """The driver's reading, once these of its values are so."""
    async with asyncio.timeout(10):
        while any(getattr(driver.reading, name) != value for name, value in wanted.items()):
            await asyncio.sleep(0.01)
    return driver.reading


def live(case: Callable[[Driver, Chain], Awaitable[None]], **options: object) -> None:
    """Run a case with a started driver on a free port."""

    async def whole() -> None:
        chain = Chain()
        driver = Driver.from_options({"port": 0, "connect_timeout_s": 10.0, **options}, chain.now)
        await driver.start()
        try:
            async with asyncio.timeout(30):
                await case(driver, chain)
        finally:
            await driver.close()

    asyncio.run(whole())
