"""The other side of `ocpp16`: the charge point of `tests/live`, in this process, over a websocket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from receiver.chargers.ocpp16 import Driver
from tests.live.charge_point import Device, run

OPTIONS: Final[dict[str, object]] = {"port": 0}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"listen": 9000},
    {"port": "9000"},
    {"port": True},
    {"port": 65536},
    {"connect_timeout_s": -1},
    {"profile_s": 4},
    {"purpose": "ChargePointMax"},
    {"stack_level": -1},
    {"connectors": 0},
    {"password": ""},
    {"tls_key": "key.pem"},
    {"phases": 2.0},
    {"voltage_v": 23000},
]


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    lines: list[dict[str, object]] = []
    device = Device(rate_unit="Current", reject=False, silent=False, report=lines.append)
    running = asyncio.create_task(run(f"ws://127.0.0.1:{driver.port}/CP_1", device))

    async def limit_ma() -> int | None:
        limit_a = lines[-1]["limit_a"] if lines else None
        return round(limit_a * 1000) if isinstance(limit_a, float) else None

    try:
        yield limit_ma
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
