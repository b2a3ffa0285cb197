"""The other side of `openevse`: the controller of `tests/live`, in this process, behind a pseudo-terminal."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from receiver.chargers._serial_wire import WireAddress
from receiver.chargers.openevse import Driver
from tests.live.openevse_controller import SLEEPING, Controller, on_terminal

OPTIONS: Final[dict[str, object]] = {"url": "/dev/none"}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"url": "http://openevse.local"},
    {"url": 5},
    {"baud_rate": 0},
    {"watchdog_s": 66},
    {"watchdog_s": 5.5},
    {"fallback_a": 5},
    {"answer_timeout_s": 0},
]


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    controller = Controller()
    async with on_terminal(controller) as path:
        driver._address = WireAddress(path)  # the port is known only now

        async def limit_ma() -> int | None:
            return 0 if controller.state == SLEEPING else controller.amps * 1000

        yield limit_ma
