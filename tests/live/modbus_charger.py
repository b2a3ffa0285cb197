"""A charger's memory and watchdog in, a Modbus TCP server or a Modbus RTU device on a pseudo-terminal out.

What it holds comes from tests/vectors/chargers/modbus.json, worked by hand, and not from the driver's data files. The
TCP side is pymodbus's server; the RTU side is written here, with its checksum.
"""

import asyncio
import contextlib
import json
import os
import pty
import tty
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

from pymodbus.constants import ExcCodes
from pymodbus.datastore import ModbusServerContext
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusTcpServer

VECTORS: Final[dict[str, Any]] = {  # Any: as JSON gives it
    name: vector
    for name, vector in json.loads((Path(__file__).parents[1] / "vectors/chargers/modbus.json").read_text()).items()
    if name != "about"
}
KINDS: Final = {1: "coil", 5: "coil", 15: "coil", 3: "holding", 6: "holding", 16: "holding", 4: "input"}


class Charger:
    """One charger.

    Attributes:
        writes: Every write that was taken, as [function, address, words].
        asked: How many requests came.
        refuse: Exception codes by address, instead of an answer.
        says: Words by address that are shown whatever was written.
        ignores: Addresses that are written without effect.
        delay_s: How long every answer waits.
    """

    def __init__(self, name: str, *, speed: float = 1.0) -> None:
        vector = VECTORS[name]
        self.vector = vector
        self.memory: dict[str, dict[int, int]] = {"holding": {}, "input": {}, "coil": {}}
        for kind, blocks in vector["memory"].items():
            for start, words in blocks.items():
                self.memory[kind].update({int(start) + at: word for at, word in enumerate(words)})
        self.writes: list[list[Any]] = []  # Any: as the vectors
        self.asked = 0
        self.refuse: dict[int, int] = {}
        self.says: dict[int, int] = {}
        self.ignores: set[int] = set()
        self.delay_s = 0.0
        self._speed = speed
        self._timer: asyncio.TimerHandle | None = None

    def read(self, unit: int, function: int, address: int, count: int) -> list[int] | int:
        """Words or an exception code."""
        self._hear(unit, address, is_write=False)
        kind, places = KINDS.get(function, ""), range(address, address + count)
        if function not in self.vector["functions"]:
            return 1
        if address in self.refuse:
            return self.refuse[address]
        known = all(place in self.memory[kind] or place in self.says for place in places)
        if not known or count > self.vector.get("most", 125):
            return 2
        return [self.says.get(place, self.memory[kind].get(place, 0)) for place in places]

    def write(self, unit: int, function: int, address: int, words: list[int]) -> int | None:
        """None or an exception code."""
        if function not in self.vector["functions"]:
            return 1
        if address in self.refuse:
            return self.refuse[address]
        kind = self.memory[KINDS[function]]
        for at, word in enumerate(words, address):
            if at not in kind and at not in self.vector.get("write_only", ()):
                return 2
            if at in self.ignores:
                continue
            if at in kind:
                kind[at] = word
            if str(at) in self.vector.get("mirrors", {}):
                kind[self.vector["mirrors"][str(at)]] = word
        self.writes.append([function, address, words])
        self._hear(unit, address, is_write=True)
        return None

    def _hear(self, unit: int, address: int, *, is_write: bool) -> None:
        """Start the watchdog anew, if this is what it waits for."""
        if unit != self.vector["unit"]:
            raise NoSuchIdException(f"unit {unit}")
        self.asked += not is_write
        watchdog = self.vector.get("watchdog", {})
        by = watchdog.get("by", "write")
        if not watchdog or not (by == "any" or (is_write and by in ("write", address))):
            return
        if self._timer is not None:
            self._timer.cancel()
        count = self.memory["holding"].get(watchdog.get("timeout", -1), 0)
        after_s = watchdog.get("after_s", count * watchdog.get("count_s", 0))
        if after_s and count != 0xFFFF:
            self._timer = asyncio.get_running_loop().call_later(after_s / self._speed, self._fall_back)

    def _fall_back(self) -> None:
        watchdog, holding = self.vector["watchdog"], self.memory["holding"]
        values = watchdog.get("values") or [holding[place] for place in watchdog["from"]]
        holding.update(zip(watchdog["to"], values, strict=True))

    def stop(self) -> None:
        """Let the watchdog go."""
        if self._timer is not None:
            self._timer.cancel()


class _Context(ModbusServerContext):
    """A charger as pymodbus's server asks for it."""

    def __init__(self, charger: Charger) -> None:  # not the base's: it wants registers of its own kinds
        self.charger = charger
        self.old_simulator = True
        self.simdevices = []

    async def async_getValues(  # noqa: N802
        self, device_id: int, func_code: int, address: int, count: int = 1
    ) -> list[int] | list[bool] | ExcCodes:
        if func_code in (5, 6):  # the echo of a write
            return list(self.charger.writes[-1][2])
        await asyncio.sleep(self.charger.delay_s)
        answer = self.charger.read(device_id, func_code, address, count)
        return ExcCodes(answer) if isinstance(answer, int) else answer

    async def async_setValues(self, device_id: int, func_code: int, address: int, values: Any) -> ExcCodes | None:  # noqa: N802  # Any: as the base
        await asyncio.sleep(self.charger.delay_s)
        code = self.charger.write(device_id, func_code, address, [int(value) for value in values])
        return None if code is None else ExcCodes(code)


@contextlib.asynccontextmanager
async def serve(charger: Charger, port: int = 0) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """Serve it on TCP; yield the port, and what drops all connections."""
    server = ModbusTcpServer(_Context(charger), address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    listening: Any = server.transport  # Any: asyncio's server behind a transport's name

    def drop() -> None:
        for connection in list(server.active_connections.values()):
            connection.close()

    try:
        yield listening.sockets[0].getsockname()[1], drop
    finally:
        charger.stop()
        drop()
        await asyncio.sleep(0.01)  # the loop closes the sockets in its next turns
        await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus


def crc(octets: bytes) -> bytes:
    """The checksum of a serial message (Modbus over Serial Line 1.02, 6.2.2), low octet first."""
    value = 0xFFFF
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def answer_serial(charger: Charger, message: bytes) -> bytes:
    """The answer to one serial message, with checksum; nothing to a wrong checksum or another's unit."""
    body = message[:-2]
    if len(message) < 8 or crc(body) != message[-2:] or body[0] != charger.vector["unit"]:
        return b""
    unit, function, address = body[0], body[1], int.from_bytes(body[2:4], "big")
    if function in (6, 16):
        words = body[4:6] if function == 6 else body[7:]
        values = [int.from_bytes(words[at : at + 2], "big") for at in range(0, len(words), 2)]
        code = charger.write(unit, function, address, values)
        answer = body[:6]
    else:
        read = charger.read(unit, function, address, int.from_bytes(body[4:6], "big"))
        code = read if isinstance(read, int) else None
        data = b"" if isinstance(read, int) else b"".join(word.to_bytes(2, "big") for word in read)
        answer = body[:2] + bytes([len(data)]) + data
    if code is not None:
        answer = bytes([unit, function | 0x80, code])
    return answer + crc(answer)


@contextlib.asynccontextmanager
async def serve_serial(charger: Charger) -> AsyncIterator[str]:
    """Serve it on a pseudo-terminal; yield the name of the device."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    loop = asyncio.get_running_loop()

    def hear() -> None:
        answer = answer_serial(charger, os.read(ours, 256))
        if answer:
            os.write(ours, answer)

    loop.add_reader(ours, hear)
    try:
        yield os.ttyname(theirs)
    finally:
        loop.remove_reader(ours)
        charger.stop()
        os.close(ours)
        os.close(theirs)
