"""What every output is, and the inbox where it finds its records: bounded, filled from any thread."""

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import ClassVar, Final, Self

BOUND: Final = 1000
"""Records that wait for an output at most; with a status every five seconds, an hour without its server."""
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
Record = Mapping[str, object]

_log = logging.getLogger(__name__)


class Inbox:
    """Records on their way to one output; where there is no room for another, the oldest goes."""

    def __init__(self, name: str, *, bound: int = BOUND) -> None:
        self.dropped = 0
        """Records that had to go."""
        self.pause_s = FIRST_PAUSE_S
        """Before the next attempt, if the present one fails."""
        self._name = name
        self._complaint: str | None = None
        self._records: deque[Record] = deque(maxlen=bound)
        self._lock = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._end = asyncio.Event()

    def __len__(self) -> int:
        return len(self._records)

    @property
    def closed(self) -> bool:
        """Whether no further record will come."""
        return self._closed

    def put(self, record: Record) -> None:
        """Leave a record for the output. Never waits; from any thread."""
        with self._lock:
            self.dropped += len(self._records) == self._records.maxlen
            self._records.append(record)
            self._tell(self._news)

    def close(self) -> None:
        """Say that there will be no more."""
        with self._lock:
            self._closed = True
            self._tell(self._news)
            self._tell(self._end)

    def attach(self) -> None:
        """Before the others below: they belong to the event loop that runs now."""
        with self._lock:
            self._loop = asyncio.get_running_loop()

    def detach(self) -> None:
        """The loop ends."""
        with self._lock:
            self._loop = None

    async def take(self, *, timeout_s: float | None = None) -> list[Record]:
        """All that has come, in order; empty if nothing did in time, or if there will be no more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._records and not self._closed:
                    # What is put from now on sets it again, in this thread and therefore later.
                    self._news.clear()
                    await self._news.wait()
        with self._lock:
            taken = list(self._records)
            self._records.clear()
        return taken

    def give_back(self, records: Sequence[Record]) -> None:
        """Put what could not be delivered before what came since, as far as there is room."""
        with self._lock:
            bound = self._records.maxlen or 0
            room = bound - len(self._records)
            kept = records[len(records) - room :] if room < len(records) else records
            self.dropped += len(records) - len(kept)
            self._records.extendleft(reversed(kept))

    def complain(self, text: str) -> None:
        """Log what is wrong, once for as long as it is the same."""
        if text != self._complaint:
            _log.warning("output %s: %s; not said again until it works", self._name, text)
        self._complaint = text

    def delivered(self) -> None:
        """End the complaint, if there was one."""
        if self._complaint is not None:
            _log.warning("output %s works again", self._name)
        self._complaint, self.pause_s = None, FIRST_PAUSE_S

    async def rest(self) -> None:
        """Wait for the next attempt, longer each time, but not beyond the close."""
        pause_s, self.pause_s = self.pause_s, min(2 * self.pause_s, LONGEST_PAUSE_S)
        if not self._closed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), pause_s)

    def _tell(self, event: asyncio.Event) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(event.set)


class Output(ABC):
    """Where records go. One object serves again and again: what it knows of the receiver outlives a lost connection."""

    ON_TERMINAL: ClassVar[bool] = False
    """Whether it takes the terminal, which is there once."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its address for a person, without a password."""

    @classmethod
    @abstractmethod
    def from_address(cls, address: str) -> Self:
        """The output with this address; nothing is opened yet.

        Raises:
            ValueError: the address is not one of it: what was seen and what is allowed.
        """

    @abstractmethod
    async def serve(self, inbox: Inbox) -> None:
        """Deliver what comes until the inbox is closed and empty. Thread and event loop are this output's own.

        Say `inbox.delivered()` when something has arrived for sure. Any exception is told once, and `serve` is called
        again after a while; what was taken and not delivered is to be given back before.
        """
