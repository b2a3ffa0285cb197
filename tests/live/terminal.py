"""What takes a device's bytes in; the path of a serial port with it at the other end, and what sends its bytes, out."""

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import AsyncIterator, Callable


@contextlib.asynccontextmanager
async def terminal(feed: Callable[[bytes], object]) -> AsyncIterator[tuple[str, Callable[[bytes], None]]]:
    """A pseudo-terminal: `feed` is called with what was written to the port; what is sent late goes nowhere."""
    theirs, ours = pty.openpty()
    tty.setraw(ours)
    os.set_blocking(theirs, False)
    loop = asyncio.get_running_loop()
    open_ends = [theirs, ours]

    def arrived() -> None:
        with contextlib.suppress(OSError):
            feed(os.read(theirs, 4096))

    def send(data: bytes) -> None:
        with contextlib.suppress(OSError):  # nobody reads any more
            if open_ends:
                os.write(theirs, data)

    loop.add_reader(theirs, arrived)
    try:
        yield os.ttyname(ours), send
    finally:
        loop.remove_reader(theirs)
        while open_ends:
            os.close(open_ends.pop())
