"""The other side of `simulated`: the driver itself remembers."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from receiver.chargers.simulated import Driver

OPTIONS: Final[dict[str, object]] = {}
BAD_OPTIONS: Final[list[dict[str, object]]] = [{"demand_w": -1}, {"demand_w": "7kW"}]


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""

    async def limit_ma() -> int | None:
        last = driver.applied[-1]
        return last.limit_ma if last.restricted else None

    yield limit_ma
