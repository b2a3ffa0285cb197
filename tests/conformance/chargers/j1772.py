"""The other side of `j1772`: a folder with the files of a PWM channel, read as a car reads the pilot."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from receiver.chargers.j1772 import Driver

OPTIONS: Final[dict[str, object]] = {"pwm": "/dev/none/pwm0", "highest_a": 32, "change_s": 0.0, "step_ns": 1}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"pwm": "pwmchip0/pwm0"},
    {"highest_a": 81},
    {"highest_a": 5},
    {"step_ns": 0},
    {"change_s": -1},
    {"refresh_s": 0},
]


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("period", "duty_cycle", "enable"):
            (folder / file).write_text("0\n")
        driver._folder = folder  # known only now

        async def limit_ma() -> int | None:
            high_ns, period_ns = (int((folder / file).read_text()) for file in ("duty_cycle", "period"))
            assert (period_ns, (folder / "enable").read_text()) == (1_000_000, "1")
            return 0 if high_ns == period_ns else round(high_ns / period_ns * 60_000)

        yield limit_ma
