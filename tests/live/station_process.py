"""A central system's address and a device in, its connections, clock and lines of JSON out: charge point or station."""

import asyncio
import contextlib
import json
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

FIRST_DELAY_S: Final = 0.1
LAST_DELAY_S: Final = 5.0

Report = Callable[[dict[str, object]], None]
Talk = Callable[[str, ClientConnection], Awaitable[None]]
"""The device's name and a connection in; returns when that is over."""


class ClockedDevice:
    """What outlives a connection: the clock that was told, and profiles that end by it."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._told = datetime(2000, 1, 1, tzinfo=UTC), time.monotonic()

    def clock(self) -> datetime:
        """Its own time; the year 2000 until it is told."""
        told, at_s = self._told
        return told + timedelta(seconds=time.monotonic() - at_s)

    def set_clock(self, current_time: str) -> None:
        self._told = datetime.fromisoformat(current_time), time.monotonic()
        self.changed.set()

    def ends(self) -> dict[int, datetime]:
        """When each profile ends, by its id."""
        raise NotImplementedError

    def drop(self, number: int) -> None:
        """Forget a profile that has ended, and say so."""
        raise NotImplementedError

    async def end_profiles(self) -> None:
        """Drop each profile at its end, for ever."""
        while True:
            for number in [number for number, end in self.ends().items() if end <= self.clock()]:
                self.drop(number)
            wait_s = (min(self.ends().values()) - self.clock()).total_seconds() if self.ends() else None
            self.changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), wait_s)


def text_of(moment: datetime) -> str:
    """A time as OCPP writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


async def keep_connected(url: str, protocol: str, talk: Talk, beside: Coroutine[None, None, None]) -> None:
    """Connect again and again until cancelled; what runs `beside` lives through all connections."""
    running = asyncio.create_task(beside)
    delay_s = FIRST_DELAY_S
    try:
        while True:
            with contextlib.suppress(OSError, InvalidHandshake, TimeoutError, ConnectionClosed):
                # proxy=None: the device is on this machine, whatever the environment says.
                async with connect(url, subprotocols=[Subprotocol(protocol)], proxy=None) as connection:
                    delay_s = FIRST_DELAY_S
                    await talk(url.rpartition("/")[2], connection)
            await asyncio.sleep(delay_s * random.uniform(0.5, 1))
            delay_s = min(2 * delay_s, LAST_DELAY_S)
    finally:
        running.cancel()


async def answer(answering: Coroutine[None, None, None], greeting: Coroutine[None, None, None]) -> None:
    """Greet and answer until the connection ends."""
    greets = asyncio.create_task(greeting)
    try:
        await answering
    finally:
        greets.cancel()
        await asyncio.gather(greets, return_exceptions=True)


def report_to(path: Path | None) -> Report:
    """What writes a line of JSON to standard output, or appends it to a file."""

    def report(line: dict[str, object]) -> None:
        text = json.dumps(line) + "\n"
        if path is None:
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            with path.open("a", encoding="utf-8") as log:
                log.write(text)

    return report


async def until_signal(running: Coroutine[None, None, None]) -> None:
    """Run until SIGTERM or SIGINT."""
    task = asyncio.create_task(running)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
