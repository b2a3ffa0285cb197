"""An iterator that may block, in; its items to be awaited, out: each is made in a thread, while the event loop goes on.

The thread is a daemon's, so that a program that is told to stop need not wait for a pipe in which nothing comes.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

T = TypeVar("T")
_ENDS_S: Final = 1.0
"""How long a source has to let go of what it holds."""


class Awaited(Generic[T]):
    """The items of an iterator. Make it where an event loop runs, ask for one item at a time, and close it."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._loop = asyncio.get_running_loop()
        self._asked: SimpleQueue[asyncio.Future[T | None] | None] = SimpleQueue()
        self._coming: asyncio.Future[T | None] | None = None
        self._ended: asyncio.Future[T | None] = self._loop.create_future()
        threading.Thread(target=self._make, name="source", daemon=True).start()

    def ask(self) -> "asyncio.Future[T | None]":
        """The next item when it is there; None at the end, or what the iterator raises."""
        self._coming = self._loop.create_future()
        self._asked.put(self._coming)
        return self._coming

    async def close(self) -> None:
        """Lets go of the iterator, or of the thread that is held up in it."""
        self._asked.put(None)
        if self._coming is not None:
            self._coming.cancel()  # Nobody waits for it any more.
        await asyncio.wait((self._ended,), timeout=_ENDS_S)

    def _make(self) -> None:
        """The thread."""
        while (future := self._asked.get()) is not None:
            try:
                item = next(self._items, None)
            except Exception as error:  # whatever it is, who asked must know
                self._tell(future, None, error)
            else:
                self._tell(future, item)
        del self._items  # Closes a generator in its own thread.
        self._tell(self._ended, None)

    def _tell(self, future: "asyncio.Future[T | None]", item: T | None, error: Exception | None = None) -> None:
        def settle() -> None:
            if future.done():  # Who asked has gone.
                return
            if error is None:
                future.set_result(item)
            else:
                future.set_exception(error)

        with suppress(RuntimeError):  # The loop is closed: nobody listens.
            self._loop.call_soon_threadsafe(settle)
