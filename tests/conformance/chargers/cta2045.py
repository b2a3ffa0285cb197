"""The other side of `cta2045`: the charger of `tests/live`, in this process, behind a pseudo-terminal."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from receiver.chargers._serial_wire import WireAddress
from receiver.chargers.cta2045 import Driver
from tests.live.cta2045_charger import Charger, hurried, on_terminal

OPTIONS: Final[dict[str, object]] = {"url": "/dev/none", "full_a": 40}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"url": "http://charger"},
    {"pause": "end"},
    {"partial": "load up"},
    {"full_a": 5},
    {"refresh_s": 451},
]


def nearest_ma(limit_ma: int) -> int:
    """Basic DR knows no amperes: this charger takes 6 A in any shed."""
    return 0 if limit_ma == 0 else 6000


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    with hurried():
        charger = Charger()
        async with on_terminal(charger) as path:
            driver._address = WireAddress(path)  # the port is known only now

            async def limit_ma() -> int | None:
                return charger.limit_ma()

            yield limit_ma
