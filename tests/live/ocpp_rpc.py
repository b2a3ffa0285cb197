"""`ocpp_rpc_station.mjs` as a process: an address and options in, the lines that the charge point writes out."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = Path(__file__).with_name("ocpp_rpc_station.mjs")
LINE_S: Final = 10


def is_installed() -> bool:
    """Whether node is here and `make peers` has installed what the station imports."""
    return shutil.which("node") is not None and PROGRAM.with_name("node_modules").joinpath("ocpp-rpc").is_dir()


class Station:
    """The station's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self, *, within_s: float = LINE_S) -> dict[str, Any]:  # Any: the line is JSON
        """The next line, waited for."""
        assert self._process.stdout is not None
        line: dict[str, Any] = json.loads(  # Any: the line is JSON
            await asyncio.wait_for(self._process.stdout.readline(), within_s)
        )
        return line

    async def limit(self) -> tuple[str, float | None]:
        """Event and limit in A of the next line."""
        line = await self.line()
        return line["event"], line["limit_a"]

    async def until_line(self, **wanted: object) -> dict[str, Any]:  # Any: the line is JSON
        """The next line that has these values; those before it are passed over."""
        while True:
            line = await self.line()
            if wanted.items() <= line.items():
                return line

    def say(self, word: str) -> None:
        """One of the words that the station listens to: offline, online, reboot, limit."""
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()


@contextlib.asynccontextmanager
async def station(endpoint: str, *options: str, protocol: str, name: str = "CP_1") -> AsyncIterator[Station]:
    """A station that runs as long as this is open. What it complains of is a failure."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(PROGRAM),
        endpoint,
        name,
        "--protocol",
        protocol,
        *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    complaints = b""
    try:
        yield Station(process)
    finally:
        if process.returncode is None:
            process.terminate()
        _, complaints = await process.communicate()
    assert not complaints, complaints.decode()
