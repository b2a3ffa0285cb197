"""The other side of `gpio`: a file that stands for a pin."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from receiver.chargers.gpio import Driver

CLOSED_MA: Final = 16000
OPTIONS: Final[dict[str, object]] = {"pin": "file:/dev/none", "closed_a": 16}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"pin": "17"},
    {"pin": "/dev/gpiochip0"},
    {"pin": "/dev/gpiochip0:x"},
    {"pin": "/dev/gpiochip0:٣"},
    {"pin": "gpiochip0:3"},
    {"pin": "file:relative"},
    {"closed_a": 5},
    {"active_low": "yes"},
    {"refresh_s": 0},
]


def nearest_ma(limit_ma: int) -> int:
    """A contact knows all or nothing."""
    return CLOSED_MA if limit_ma >= CLOSED_MA else 0


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    with tempfile.NamedTemporaryFile("w+") as pin:
        pin.write("0\n")
        pin.flush()
        driver._chip = pin.name  # known only now

        async def limit_ma() -> int | None:
            return CLOSED_MA * int(Path(pin.name).read_text())

        yield limit_ma
