"""Copy me: the other side of the charger driver with this file's name, on a real wire.

`tests/conformance/test_chargers.py` imports it and calls `connect` with a started driver. A charger that knows fewer
currents than whole amperes has a function `nearest_ma(limit_ma)` here too: what it should hold for a limit, mA.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from receiver.chargers._template import Driver

OPTIONS: Final[dict[str, object]] = {}
"""The driver's table in the configuration; every other option at its default."""
BAD_OPTIONS: Final[list[dict[str, object]]] = [{"host": 5}, {"answer_timeout_s": -1.0}]
"""Tables that the driver must refuse; an unknown name is always tried."""


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """Yield a question to the other side: the limit that it has now, in mA; None without one."""

    async def limit_ma() -> int | None:
        return None

    yield limit_ma
