"""A recording to an rtl_tcp server: a stick's codes at the speed they were sent, to one client after the other.

A client gets the 12 octets "RTL0", tuner, number of gains (32 bits each, most significant first), then codes; it sends
commands of a code and 32 bits, none of which is answered. Each hears the recording from its beginning.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Final

from rds.errors import EvrdsError, InputError, UsageError
from receiver.sources.stream import IqStream
from receiver.stick_codes import Codes, stick_codes

_HEADER: Final = struct.Struct(">4sII")
_R820T, _R820T_GAINS = 5, 29
"""The tuner that programs know best."""
_COMMAND: Final = struct.Struct(">BI")
_FREQUENCY, _RATE = 1, 2
_PIECE_S: Final = 0.04
_QUEUE_S: Final = 2.0
"""What waits for a slow client, in seconds of the client's clock; then the oldest goes."""
_LINGERS_S: Final = 5.0
"""For what still waits when the recording has ended."""
_MOST_NOTES: Final = 5
"""On one client's wishes: a tuning knob sends hundreds."""

Note = Callable[[str], None]
Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How a recording is served."""

    host: str = "127.0.0.1"
    port: int = 1234
    """0: any that is free; the first note tells it."""
    loop: bool = False
    """Whether it begins again when it has ended, or the client is sent away."""
    speed: float = 1.0
    """2.0: twice as fast as it was sent."""


class Replay:
    """Serves until it is cancelled."""

    def __init__(self, open_stream: Callable[[], IqStream], options: ReplayOptions, *, note: Note, bar: Bar) -> None:
        """`open_stream` opens the recording anew each time; `note` and `bar` tell a person what happens.

        Raises:
            InputError: the recording cannot be opened.
        """
        self._open_stream, self._options, self._note, self._bar = open_stream, options, note, bar
        stream = open_stream()
        self._rate_hz, self._centre_hz, self._samples = stream.rate_hz, stream.centre_hz, stream.samples
        self._turn = asyncio.Lock()
        self._fault: asyncio.Future[None]

    async def serve(self) -> None:
        """Takes clients, one at a time: others wait, as with a stick.

        Raises:
            InputError: the recording cannot be read any further.
            UsageError: address and port cannot be had.
        """
        self._fault = asyncio.get_running_loop().create_future()
        host, port = self._options.host, self._options.port
        try:
            server = await asyncio.start_server(self._welcome, host, port)
        except OSError as error:
            raise UsageError(
                f"cannot listen at {host}, port {port}: {error.strerror}; give another --port or --listen"
            ) from None
        port = server.sockets[0].getsockname()[1]
        self._note(f"rtl_tcp://{host}:{port} gives {self._rate_hz:.10g} S/s; set that rate in the program; Ctrl-C ends")
        try:
            await self._fault
        finally:
            server.close()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = ":".join(str(part) for part in writer.get_extra_info("peername")[:2])
        try:
            async with self._turn:
                await self._serve_one(name, reader, writer)
        except EvrdsError as error:
            if not self._fault.done():
                self._fault.set_exception(error)
        except asyncio.CancelledError:
            pass  # The server ends; asyncio before 3.12 would tell of a handler that was cancelled as of a fault.
        finally:
            writer.transport.abort()

    async def _serve_one(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client from its header to its end."""
        self._note(f"{name} came")
        writer.write(_HEADER.pack(b"RTL0", _R820T, _R820T_GAINS))
        queue = _Outflow(round(_QUEUE_S * self._rate_hz * self._options.speed))
        hears = asyncio.create_task(self._heed(name, reader))
        sends = asyncio.create_task(queue.send(writer))
        paces = asyncio.create_task(self._pace(queue))
        try:
            await asyncio.wait((hears, sends, paces), return_when=asyncio.FIRST_COMPLETED)
            if paces.done() and not hears.done():
                queue.end()
                await asyncio.wait((hears, sends), timeout=_LINGERS_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = (hears, sends, paces)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        dropped = f"; it was too slow for {queue.dropped} samples" if queue.dropped else ""
        self._note(f"{name} left after {queue.sent / self._rate_hz:.1f} s of signal{dropped}")
        for fault in results:
            if isinstance(fault, Exception) and not isinstance(fault, OSError):
                raise fault

    async def _pace(self, queue: "_Outflow") -> None:
        """Puts each piece into the queue when a stick would have filled it."""
        now_s = asyncio.get_running_loop().time
        began_s, done = now_s(), 0
        samples_a_s = self._rate_hz * self._options.speed
        before = -1
        while done > before:
            before, stream = done, self._open_stream()
            with self._bar("replaying", self._samples or 0) as advance:
                for codes in _pieces(stream, max(1, round(_PIECE_S * samples_a_s))):
                    done += len(codes)
                    await asyncio.sleep(max(0.0, began_s + done / samples_a_s - now_s()))
                    queue.put(codes)
                    advance(len(codes))
            if not self._options.loop:
                return
        raise InputError("the recording holds no samples; was it stopped before it began?")

    async def _heed(self, name: str, reader: asyncio.StreamReader) -> None:
        """Reads commands until the client leaves; what a recording cannot do is noted."""
        noted: set[str] = set()
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                code, value = _COMMAND.unpack(await reader.readexactly(_COMMAND.size))
                line = self._objection(code, value)
                if line is not None and line not in noted and len(noted) < _MOST_NOTES:
                    noted.add(line)
                    self._note(f"{name} {line}")

    def _objection(self, code: int, value: int) -> str | None:
        """What is to be said of a command; most of them mean nothing to a recording."""
        if code == _RATE and value != round(self._rate_hz):
            return f"asks for {value} S/s; the recording stays at {self._rate_hz:.10g}: set that in the program"
        if code == _FREQUENCY and (self._centre_hz is None or value != round(self._centre_hz)):
            own = "its own frequency" if self._centre_hz is None else f"{self._centre_hz / 1e6:.10g} MHz"
            return f"tunes to {value / 1e6:.10g} MHz; the recording stays at {own}"
        return None


def _pieces(stream: IqStream, samples: int) -> Iterator[Codes]:
    """The recording in pieces of at most so many samples."""
    for codes in stick_codes(stream):
        for start in range(0, len(codes), samples):
            yield codes[start : start + samples]


class _Outflow:
    """What waits for a client."""

    def __init__(self, most: int) -> None:
        self._pieces: deque[Codes] = deque()
        self._waiting, self._most = 0, most
        self._changed = asyncio.Event()
        self._ended = False
        self.sent = self.dropped = 0
        """Samples."""

    def put(self, codes: Codes) -> None:
        """Takes a piece; where too much waits, the oldest goes."""
        self._pieces.append(codes)
        self._waiting += len(codes)
        while self._waiting > self._most and len(self._pieces) > 1:
            oldest = len(self._pieces.popleft())
            self._waiting -= oldest
            self.dropped += oldest
        self._changed.set()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._changed.set()

    async def send(self, writer: asyncio.StreamWriter) -> None:
        """Writes what comes, to the end or until the client is gone (OSError)."""
        while True:
            while self._pieces:
                codes = self._pieces.popleft()
                self._waiting -= len(codes)
                writer.write(codes.tobytes())
                await writer.drain()
                self.sent += len(codes)
            if self._ended:
                return await _close(writer)
            self._changed.clear()
            await self._changed.wait()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Lets what is written arrive."""
    writer.close()
    await writer.wait_closed()
