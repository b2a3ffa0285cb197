"""The name of a serial port or of a TCP server in, a wire of bytes out that is awaited, or one line that says why not.

A port is opened with 8 data bits, no parity and one stop bit, and locked: a second program on the same wire would mix
the answers up. Pseudo-terminals are ports too. `tcp://HOST:PORT` is a serial server on the network, without telnet.
"""

import asyncio
import contextlib
import errno
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import serial

from rds.errors import DeviceAbsentError, UsageError

CHUNK_BYTES: Final = 1024
CLOSE_S: Final = 1.0
"""How long a TCP connection may take for its goodbye."""
BY_ID: Final = Path("/dev/serial/by-id")
"""Where Linux names the serial adapters that are plugged in."""


class Wire(ABC):
    """Bytes both ways. One reader and one writer at a time."""

    @abstractmethod
    async def read(self) -> bytes:
        """What has come, 1 to `CHUNK_BYTES` bytes, as soon as there is some.

        Raises:
            OSError: unplugged, or the other side has hung up.
        """

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Return when all of it is on its way.

        Raises:
            OSError: unplugged, or the other side has hung up.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of the wire. Closing twice does no harm."""


@dataclass(frozen=True, slots=True)
class WireAddress:
    """Where a wire begins: a TCP port when there is one, else the path of a serial port."""

    place: str
    tcp_port: int | None = None

    def __str__(self) -> str:
        if self.tcp_port is None:
            return self.place
        return f"tcp://[{self.place}]:{self.tcp_port}" if ":" in self.place else f"tcp://{self.place}:{self.tcp_port}"


def parse_wire_address(text: str) -> WireAddress:
    """A wire's address from its text.

    Raises:
        ValueError: it is neither a path of a serial port nor `tcp://HOST:PORT`.
    """
    if text.startswith("/"):
        return WireAddress(text)
    parts = urlsplit(text)  # ValueError for a broken address
    if parts.scheme != "tcp" or not parts.hostname or not parts.port or parts.path or parts.query or parts.username:
        raise ValueError(f"{text!r} is neither a serial port's path nor tcp://HOST:PORT")
    return WireAddress(parts.hostname, parts.port)


def wire_address(text: str, *, driver: str, option: str) -> WireAddress:
    """A wire's address from an option.

    Raises:
        UsageError: it is neither a path of a serial port nor `tcp://HOST:PORT`.
    """
    try:
        return parse_wire_address(text)
    except ValueError:
        raise UsageError(
            f"charger {driver} option {option} is {text!r}; "
            "allowed: the path of a serial port as /dev/ttyUSB0, or tcp://HOST:PORT"
        ) from None


async def open_wire(address: WireAddress, *, baud_rate: int) -> Wire:
    """Open a wire; what has come before is thrown away.

    Args:
        address: See `wire_address`.
        baud_rate: Of a serial port; over TCP the other side knows its own.

    Raises:
        DeviceAbsentError: no such port or server, no permission, or another program has it.
    """
    if address.tcp_port is None:
        return _SerialWire(_open_port(address.place, baud_rate))
    try:
        reader, writer = await asyncio.open_connection(address.place, address.tcp_port, limit=CHUNK_BYTES)
    except (OSError, UnicodeError) as fault:  # UnicodeError: a name with a part that is empty or too long
        cause = getattr(fault, "strerror", None) or fault
        raise DeviceAbsentError(
            f"{address} cannot be reached: {cause}; look at the address, the server and its network"
        ) from fault
    return _TcpWire(reader, writer)


def _open_port(path: str, baud_rate: int) -> serial.Serial:
    try:
        port = serial.Serial(path, baud_rate, timeout=0, write_timeout=0, exclusive=True)
        port.reset_input_buffer()
    except (OSError, ValueError) as fault:  # SerialException is an OSError
        raise DeviceAbsentError(f"serial port {path} cannot be opened: {_cause(fault)}") from fault
    return port


def _cause(fault: Exception) -> str:
    number = getattr(fault, "errno", None)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        plugged = ", ".join(sorted(map(str, BY_ID.glob("*")))[:8])
        return f"there is none of this name; plugged in: {plugged or 'no serial adapter that Linux knows'}"
    if number in (errno.EACCES, errno.EPERM):
        return "no permission; add the user to the group that owns it, on Debian dialout, and log in again"
    if number in (errno.EAGAIN, errno.EBUSY):
        return "another program has it; stop that one, or use another port"
    return f"{fault}; it must be a serial port that takes the baud rate"


class _SerialWire(Wire):
    """The port's file descriptor, watched by the event loop; pyserial has only set it up."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port

    async def read(self) -> bytes:
        # pyserial lets a read return at once with nothing, so that only waiting tells "not yet" from "unplugged".
        await self._ready(write=False)
        data = os.read(self._descriptor(), CHUNK_BYTES)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "unplugged")
        return data

    async def write(self, data: bytes) -> None:
        while data:
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._descriptor(), data) :]
                continue
            await self._ready(write=True)

    async def close(self) -> None:
        if self._port.is_open:
            with contextlib.suppress(OSError):  # an unplugged one cannot even be closed properly
                self._port.close()

    def _descriptor(self) -> int:
        if not self._port.is_open:
            raise ConnectionResetError(errno.ECONNRESET, "closed")
        number: int = self._port.fileno()
        return number

    async def _ready(self, *, write: bool) -> None:
        """Wait until the port can be read or written. Hanging up counts as both."""
        loop, number = asyncio.get_running_loop(), self._descriptor()
        ready = asyncio.Event()
        watch, forget = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
        watch(number, ready.set)
        try:
            await ready.wait()
        finally:
            forget(number)


class _TcpWire(Wire):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        data = await self._reader.read(CHUNK_BYTES)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "the other side has hung up")
        return data

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(CLOSE_S):
                await self._writer.wait_closed()
