"""A stick at another computer, by an rtl_tcp server, to a live stream: `rtl_tcp://host:1234`.

The server sends "RTL0", the tuner and the length of its gain table as 32 bits each, then codes without an end; a
command is a code of 8 bits and a value of 32, most significant bit first, and is not answered.
"""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from rds.errors import DeviceAbsentError, UsageError
from receiver.sources.live import Source, live_stream
from receiver.sources.stream import LiveStream, SourceOptions
from receiver.sources.tuning import Tuning, plan_tuning

SCHEMES = ("rtl_tcp",)

DEFAULT_PORT: Final = 1234
_SILENCE_S: Final = 1.5
"""A network has hiccups, and what it holds back comes yet."""
_CONNECTS_S: Final = 3.0
_READ_OCTETS: Final = 1 << 17
_HEADER: Final = struct.Struct(">4sII")
_MAGIC: Final = b"RTL0"
_COMMAND: Final = struct.Struct(">BI")
_FREQUENCY, _RATE, _MANUAL_GAIN, _GAIN, _PPM, _AGC, _GAIN_STEP, _BIAS_TEE = 1, 2, 3, 4, 5, 8, 13, 14
_MOST_GAINS: Final = 256
"""Of any tuner; more is no gain table."""


def open_stream(name: str, options: SourceOptions) -> LiveStream:
    """The stream of a server.

    Raises:
        DeviceAbsentError: it cannot be reached, or is none.
        UsageError: an option does not fit.
    """
    tuning = plan_tuning(name, options)
    host, port = _address(name)
    source = Source(name, lambda: _Server(name, _connect(name, host, port), tuning), silence_s=_SILENCE_S)
    return live_stream(source, tuning, options)


def _address(name: str) -> tuple[str, int]:
    try:
        parts = urlsplit("//" + name.partition("://")[2])  # To urllib no scheme has a line in its name.
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host, port = None, DEFAULT_PORT
    if not host:
        raise UsageError(f"{name}: no server's address; write rtl_tcp://host:{DEFAULT_PORT}")
    return host, port


def _connect(name: str, host: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=_CONNECTS_S)
    except OSError as error:
        said = error.strerror or str(error)
        raise DeviceAbsentError(f"{name}: {said}; is rtl_tcp running there, with -a for other computers?") from None


class _Server:
    """A connection as a `Radio`."""

    def __init__(self, name: str, connection: socket.socket, tuning: Tuning) -> None:
        self._connection = connection
        try:
            self.gain_steps = self._read_header(name)
            self._tune(tuning)
        except BaseException:
            connection.close()
            raise

    def _read_header(self, name: str) -> int:
        """The length of the gain table."""
        header = b""
        with suppress(OSError):
            while len(header) < _HEADER.size and (piece := self._connection.recv(_HEADER.size - len(header))):
                header += piece
        if not header:
            raise DeviceAbsentError(f"{name}: it is silent; another program is its one client, or it is no rtl_tcp")
        if len(header) < _HEADER.size or not header.startswith(_MAGIC):
            raise DeviceAbsentError(f"{name}: it begins with {header[:8]!r} instead of {_MAGIC!r}; it is no rtl_tcp")
        _, _, gains = _HEADER.unpack(header)
        return gains if gains <= _MOST_GAINS else 0

    def _tune(self, tuning: Tuning) -> None:
        for code, value in (
            (_RATE, tuning.rate_hz),
            (_PPM, tuning.ppm),
            (_FREQUENCY, tuning.centre_hz),
            (_AGC, 0),
            (_MANUAL_GAIN, 1),
        ):
            self._command(code, value)
        if tuning.gain_db is not None:
            self._command(_GAIN, round(10 * tuning.gain_db))
        if tuning.bias_tee:
            self._command(_BIAS_TEE, 1)

    def _command(self, code: int, value: int) -> None:
        with suppress(OSError):  # The reading tells.
            self._connection.sendall(_COMMAND.pack(code, value & 0xFFFFFFFF))

    def set_gain_step(self, step: int) -> str:
        self._command(_GAIN_STEP, step)
        return f"{step + 1} of {self.gain_steps}"

    def read(self, take: Callable[[bytes], None]) -> str:
        # No timeout here: the watchdog is the keeper's, who shuts the connection down.
        self._connection.settimeout(None)
        half = b""
        try:
            while piece := self._connection.recv(_READ_OCTETS):
                piece = half + piece
                half = piece[len(piece) & ~1 :]
                if len(piece) > 1:
                    take(piece[: len(piece) & ~1])
        except OSError as error:
            return f"the connection broke: {error.strerror}"
        return "the server closed the connection"

    def stop(self) -> None:
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._connection.close()
