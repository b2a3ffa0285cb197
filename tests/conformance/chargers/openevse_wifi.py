"""The other side of `openevse_wifi`: the WiFi module of `tests/live`, on a web server in a thread."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from receiver.chargers._http_wire import HttpWire
from receiver.chargers.openevse_wifi import Driver
from tests.live.openevse_module import SLEEPING, Module, serving

OPTIONS: Final[dict[str, object]] = {"url": "http://127.0.0.1:1"}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"url": "openevse.local"},
    {"url": "http://"},
    {"url": "http://evse:99999"},
    {"url": "http://é.local"},
    {"url": "http://me:secret@openevse.local"},
    {"ca_file": "/nowhere.pem", "url": "https://openevse.local"},
    {"client": 0},
    {"client": 2**31},
    {"auto_release": 1},
    {"refresh_s": 0.5},
    {"answer_timeout_s": 0},
]


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    module = Module()
    with serving(module) as url:
        driver._http = HttpWire(url)  # the port is known only now

        async def limit_ma() -> int | None:
            state, amps = module.now()
            return 0 if state == SLEEPING else 1000 * amps

        yield limit_ma
