"""A program and the text of its input in, its output out: within its time, in bounded memory, leaving nothing behind.

The program leads a process group of its own, all of which is killed when it has ended, or when it is given up.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

OUTPUT_BYTES: Final = 1 << 16
CHUNK_BYTES: Final = 4096
LAST_WORDS_S: Final = 1.0
"""How long output is waited for that a process of another group still holds open."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended: its exit code (negative: the signal), and the first `OUTPUT_BYTES` of what it wrote.

    Attributes:
        code: 0 is a success.
        output: Its standard output.
        errors: Its standard error.
        whole: Whether `output` is all that it wrote.
    """

    code: int
    output: bytes
    errors: bytes
    whole: bool


async def run_program(arguments: Sequence[str], text: bytes) -> Outcome:
    """Run a program to its end; cancelling kills it.

    Raises:
        OSError: it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = _Kept(process.stdout), _Kept(process.stderr)
    readers = [asyncio.create_task(kept.read()) for kept in (output, errors)]
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not read its input
            process.stdin.write(text)
            await process.stdin.drain()
        process.stdin.close()
        await _ended(process.pid)
        _kill(process.pid)
        await asyncio.wait(readers, timeout=LAST_WORDS_S)
    finally:
        _kill(process.pid)
        for reader in readers:
            reader.cancel()
        for number in range(3):  # pipes that others still hold open
            pipe = process._transport.get_pipe_transport(number)  # type: ignore[attr-defined]
            if pipe is not None:
                pipe.close()
        code = await process.wait()
        await asyncio.gather(*readers, return_exceptions=True)
    return Outcome(code, bytes(output.data), bytes(errors.data), output.whole)


async def _ended(process_id: int) -> None:
    """Return when a process has ended; asyncio's own wait goes on until nobody holds its pipes any more."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    try:
        watched = os.pidfd_open(process_id)
    except ProcessLookupError:
        return
    loop.add_reader(watched, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(watched)
        os.close(watched)


class _Kept:
    """The first bytes of a stream; what comes after is read, so that the program goes on, and thrown away."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self.data = bytearray()
        self.whole = True
        self._stream = stream

    async def read(self) -> None:
        while chunk := await self._stream.read(CHUNK_BYTES):
            room = OUTPUT_BYTES - len(self.data)
            self.whole = self.whole and len(chunk) <= room
            self.data += chunk[:room]


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
