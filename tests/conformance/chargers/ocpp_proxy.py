"""The other side of `ocpp_proxy`: an operator's central system and the charge point of `tests/live`, both real."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from receiver.chargers.ocpp_proxy import Driver
from tests.live.central_system import central_system
from tests.live.charge_point import Device, run

with socket.socket() as probe:  # the driver is configured before the operator is there
    probe.bind(("127.0.0.1", 0))
    OPERATOR_PORT: Final[int] = probe.getsockname()[1]
UPSTREAM: Final = f"ws://127.0.0.1:{OPERATOR_PORT}/ocpp"
OPTIONS: Final[dict[str, object]] = {"port": 0, "upstream": UPSTREAM}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"upstream": ""},
    {"upstream": "http://operator.example/"},
    {"upstream": "ws://operator.example:99999/"},
    {"upstream": "wss://user@operator.example/"},
    {"upstream": 9000},
    {"protocol": "ocpp1.5", "upstream": UPSTREAM},
    {"hold_s": -1, "upstream": UPSTREAM},
    {"profile_id": 0, "upstream": UPSTREAM},
    {"port": True, "upstream": UPSTREAM},
]


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    lines: list[dict[str, object]] = []
    device = Device(rate_unit="Current", reject=False, silent=False, report=lines.append)
    async with central_system(datetime(2026, 3, 1, 12, 0, tzinfo=UTC), port=OPERATOR_PORT):
        running = asyncio.create_task(run(f"ws://127.0.0.1:{driver.port}/CP_1", device))

        async def limit_ma() -> int | None:
            limit_a = lines[-1]["limit_a"] if lines else None
            return round(limit_a * 1000) if isinstance(limit_a, float) else None

        try:
            yield limit_ma
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
