"""The other side of `modbus`: pymodbus's server with a charger's registers, worked by hand."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from receiver.chargers.modbus import Driver
from tests.live.modbus_charger import Charger, serve
from tests.live.test_run_chain import free_port

PORT: Final = free_port()
OPTIONS: Final[dict[str, object]] = {"table": "keba_p40", "host": "127.0.0.1", "port": PORT}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"table": "tesla"},
    {"table_file": "nowhere.toml", "host": "127.0.0.1"},
    {"table": ""},
    {"host": "127.0.0.1", "device": "/dev/ttyUSB0", "table": "bender"},
    {"host": "127.0.0.1", "table": "heidelberg_ec"},
    {"port": 0},
    {"port": True},
    {"baudrate": 12345},
    {"parity": "M"},
    {"unit": 256},
    {"connector": 0},
    {"fallback_a": 5.0, "table": "bender", "host": "127.0.0.1"},
    {"fallback_a": 81},
    {"watchdog_s": -1},
    {"refresh_s": "often"},
    {"answer_timeout_s": 0},
]


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    charger = Charger("keba_p40")

    async def limit_ma() -> int | None:
        return charger.memory["holding"][5004]

    async with serve(charger, PORT):
        yield limit_ma
