"""The other side of `mqtt`: mosquitto as a process, and on it a charger that follows our own topics."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from receiver.chargers.mqtt import Driver
from tests.live.broker import PASSWORD, USER, Broker, broker_found, free_port
from tests.live.mqtt_devices import Generic

MARKS: Final = (pytest.mark.peer("mosquitto", debian="mosquitto", found=broker_found),)
PORT: Final = free_port()
OPTIONS: Final[dict[str, object]] = {"port": PORT, "user": USER, "password": PASSWORD}
BAD_OPTIONS: Final[list[dict[str, object]]] = [
    {"profile": "zigbee"},
    {"port": 0},
    {"tls": "yes"},
    {"ca_file": "/no/such/file.pem"},
    {"topic": "evrds/#"},
    {"topic": ""},
    {"loadpoint": 0},
    {"hold_s": 59},
    {"keepalive_s": 4},
    {"refresh_s": 0.5},
]


@contextlib.asynccontextmanager
async def connect(driver: Driver) -> AsyncIterator[Callable[[], Awaitable[int | None]]]:
    """See `_template`."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder), port=PORT)
        broker.start()
        try:
            device = Generic()
            async with device.connected(PORT):
                yield device.settled_ma
        finally:
            broker.kill()
