"""The other side of `command`: the program of `tests/live`, which keeps the limit in a file."""

import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from receiver.chargers.command import Driver
from tests.live import limit_program

OPTIONS: Final[dict[str, object]] = {"command": "/dev/none"}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"command": ""},
    {"command": "  "},
    {"command": "set 'limit"},
    {"command": 5},
    {"timeout_s": 0},
    {"refresh_s": 0.5},
    {"fallback_a": -1},
]


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "limit.json"
        driver._arguments = [sys.executable, str(limit_program.__file__), str(kept)]  # known only now

        async def limit_ma() -> int | None:
            held_ma: int = round(1000 * json.loads(kept.read_text())["limit_a"])
            return held_ma

        yield limit_ma
