"""What the tests of the driver `ocpp16` start: a chain's time, a driver on a free port, charge points as processes."""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from receiver.chargers.driver import ChargerCommand
from receiver.chargers.ocpp16 import Driver

PROGRAM = Path(__file__).with_name("charge_point.py")
EVENING = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)


class Chain:
    """The chain's time: it runs as real time does from an evening of its own, and can be set ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._start_s = time.monotonic()

    def now(self) -> datetime:
        return EVENING + self.ahead + timedelta(seconds=time.monotonic() - self._start_s)

    def command(self, limit_ma: int, *, restricted: bool = True, seconds: float | None = 3600) -> ChargerCommand:
        now = self.now()
        until = None if seconds is None else now + timedelta(seconds=seconds)
        return ChargerCommand(limit_ma, moment=now, until=until, restricted=restricted, reason="test")


class Listening(Protocol):
    """A driver that charge points connect to."""

    @property
    def port(self) -> int: ...


class ChargePointProcess:
    """`charge_point.py` as a process, and the lines that it writes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> dict[str, Any]:  # Any: the line is JSON
        """The next line, waited for."""
        assert self.process.stdout is not None
        text = await asyncio.wait_for(self.process.stdout.readline(), 10)
        line: dict[str, Any] = json.loads(text)  # Any: the line is JSON
        return line

    async def limit(self) -> tuple[str, float | None]:
        """Event and limit in A of the next line."""
        line = await self.line()
        return line["event"], line["limit_a"]

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@contextlib.asynccontextmanager
async def charge_point(driver: Listening, *options: str, name: str = "CP_1") -> AsyncIterator[ChargePointProcess]:
    url = f"ws://127.0.0.1:{driver.port}/{name}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), url, *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield ChargePointProcess(process)
    finally:
        if process.returncode is None:
            process.terminate()
            # One that had hardly started has no handler of the signal yet.
            assert await process.wait() in (0, -signal.SIGTERM)
        await process.communicate()


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
