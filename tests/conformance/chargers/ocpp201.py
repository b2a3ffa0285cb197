"""The other side of `ocpp201`: the charging station of `tests/live`, in this process, over a websocket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from receiver.chargers.ocpp201 import Driver
from tests.live.charging_station import Device, run

OPTIONS: Final[dict[str, object]] = {"port": 0}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"port": 65536},
    {"purpose": "TxProfile"},
    {"purpose": "ChargingStationExternalConstraints"},
    {"evses": 2},
    {"evses": 17, "purpose": "TxDefaultProfile"},
    {"profile_s": 4},
    {"watchdog_s": -1},
    {"fallback_a": 81},
    {"phases": 2.0},
    {"voltage_v": 23000},
]


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    lines: list[dict[str, object]] = []
    running = asyncio.create_task(run(f"ws://127.0.0.1:{driver.port}/CS_1", Device(lines.append)))

    async def limit_ma() -> int | None:
        limit_a = lines[-1]["limit_a"] if lines else None
        return round(limit_a * 1000) if isinstance(limit_a, float) else None

    try:
        yield limit_ma
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
