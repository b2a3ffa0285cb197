"""RAPI commands in, answers out: an OpenEVSE controller over a pseudo-terminal or TCP, as its maker documents it.

It boots with its configured current, lowers it when its supervision hears no pulse, sleeps and wakes, and tells state
changes unasked. What goes wrong on a wire can be switched on.
"""

import asyncio
import contextlib
import functools
import operator
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tests.live.terminal import terminal

LOWEST_A = 6
AWAKE, CHARGING, SLEEPING = 0x02, 0x03, 0xFE


def sum_of(text: str) -> int:
    return functools.reduce(operator.xor, text.encode("latin-1"), 0)


@dataclass
class Controller:
    """One controller.

    Attributes:
        configured_a: Its highest current, in EEPROM.
        sequences: Whether its firmware knows sequence ids.
        supervision: Whether its firmware has the heartbeat.
        alter: What becomes of the bytes of an answer on the wire; None: they are lost.
    """

    configured_a: int = 32
    sequences: bool = True
    supervision: bool = True
    notices: bool = True
    state: int = CHARGING
    amps: int = 0
    milliamps: int = 15_700
    energy_wh: int = 12_345
    timer: str = "0 0 0 0"
    interval_s: int = 0
    fallback_a: int = 0
    missed: int = 0
    boots: int = 0
    heard: list[str] = field(default_factory=list)
    alter: Callable[[bytes], bytes | None] = lambda data: data
    send: Callable[[bytes], object] = bytes

    _waiting: bytes = b""
    _timer: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.amps = self.configured_a

    def boot(self) -> None:
        """Power has come back: what is volatile is lost."""
        self.amps, self.state, self.missed = self.configured_a, CHARGING, 0
        self.boots += 1
        self._tell("AB 00 D8.2.1")

    def feed(self, data: bytes) -> None:
        *lines, self._waiting = (self._waiting + data).split(b"\r")
        self._waiting = self._waiting[-64:]
        for line in lines:
            text, _, check = line.decode("latin-1").rpartition("^")
            if text.startswith("$") and check == f"{sum_of(text):02X}":
                before = (self.state, self.amps)
                self._reply(text[1:])
                if before != (self.state, self.amps) and self.notices:
                    self._tell(f"AT {self.state:02x} {self.state:02x} {self.amps} 0140")

    def _reply(self, text: str) -> None:
        words = text.split()
        sequence = words.pop() if words[-1].startswith(":") else None
        self.heard.append(" ".join(words))
        answer = self._do(words[0], words[1:])
        if sequence and self.sequences:
            answer += f" {sequence}"
        self._tell(answer)

    def _tell(self, text: str) -> None:
        data = self.alter(f"${text}^{sum_of('$' + text):02X}\r".encode("latin-1"))
        if data is not None:
            self.send(data)

    def _do(self, command: str, values: list[str]) -> str:
        match command, values:
            case "SC", [amps, "V"]:
                self.amps = max(LOWEST_A, min(int(amps), self.configured_a))
                return f"{'OK' if self.amps == int(amps) else 'NK'} {self.amps}"
            case "SY", _ if self.supervision:
                return self._heartbeat(values)
            case "FS", []:
                self.state = SLEEPING
                return "OK"
            case "FE", []:
                self.state = CHARGING
                return "OK"
            case "GS", []:
                return f"OK {self.state:02x} 3600 {self.state:02x} 0140"
            case "GE", []:
                return f"OK {self.amps} 0229"
            case "GC", []:
                return f"OK {LOWEST_A} 80 {self.amps} {self.configured_a}"
            case "GG", []:
                return f"OK {self.milliamps if self.state == CHARGING else 0} 240000"
            case "GU", []:
                return f"OK 36000 {self.energy_wh}"
            case "GV", []:
                return "OK D8.2.1 5.1.5"
            case "GD", []:
                return f"OK {self.timer}"
        return "NK"

    def _heartbeat(self, values: list[str]) -> str:
        ok = True
        if len(values) == 2:
            self.interval_s, self.fallback_a, self.missed = int(values[0]), int(values[1]), 0
        elif values == ["165"]:
            self.amps, self.missed = self.configured_a, 1  # the acknowledgement gives the whole current back
        else:
            ok = not values and self.missed != 2
        self._watch()
        return f"{'OK' if ok else 'NK'} {self.interval_s} {self.fallback_a} {self.missed}"

    def _watch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.interval_s:
            self._timer = asyncio.get_running_loop().call_later(self.interval_s, self._expire)

    def _expire(self) -> None:
        self.amps, self.missed = min(self.amps, self.fallback_a), 2
        self._watch()

    def stop(self) -> None:
        """No more timers."""
        self.interval_s = 0
        self._watch()


@contextlib.asynccontextmanager
async def on_terminal(controller: Controller) -> AsyncIterator[str]:
    """Yield the path of a serial port with this controller behind it."""
    async with terminal(controller.feed) as (path, controller.send):
        try:
            yield path
        finally:
            controller.stop()


@contextlib.asynccontextmanager
async def on_tcp(controller: Controller, port: int = 0) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """Yield the port of a serial server with this controller behind it, and what drops its connections."""
    held: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.add(writer)
        controller.send = writer.write
        with contextlib.suppress(OSError):
            while data := await reader.read(100):
                controller.feed(data)
        held.discard(writer)
        writer.close()

    def drop() -> None:
        for writer in held:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1], drop
    finally:
        server.close()
        drop()
        controller.stop()
        await asyncio.sleep(0)
