"""Statements of all chargers' tables in, transactions on the disk out: many chargers' news are one.

What a disk refuses is tried again now and then. Milliseconds since 2024-01-01T00:00Z.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from receiver.owner_store import OwnerStore, Statement
from receiver.store import StateUnusableError, Store

RETRY_MS: Final = 30_000
"""Between two tries to write on a disk that refuses."""
_UNWRITTEN: Final = 100
"""Of each charger: what waits for such a disk; the oldest is lost."""


class OwnerJournal:
    """What is to be written, in order.

    Args:
        store: Where.
        chargers: How many write here.
    """

    def __init__(self, store: Store, *, chargers: int = 1) -> None:
        self._tables = OwnerStore(store)
        self._most = _UNWRITTEN * chargers
        self._unwritten: list[Sequence[Statement]] = []
        self._refused_ms = 0
        self._stamp: int | None = None
        self._together = False
        self.fault: str | None = None
        """Why nothing can be written, if so."""

    def add(self, *statements: Statement) -> None:
        """What goes together, for the next `write`."""
        if statements:
            self._unwritten.append(statements)

    def stamp(self) -> int:
        """A number that differs when another process has written since.

        Raises:
            StateUnusableError: the file cannot be read.
        """
        if self._stamp is None or not self._together:
            self._stamp = self._tables.stamp()
        return self._stamp

    @contextmanager
    def together(self, now_ms: int | None) -> Iterator[None]:
        """All that is written meanwhile is one transaction at the end, and the file is looked at once."""
        self._stamp, self._together = None, True
        try:
            yield
        finally:
            self._together = False
        self.write(now_ms)

    def write(self, now_ms: int | None) -> None:
        """Commit what is new."""
        waits = self.fault is not None and now_ms is not None and abs(now_ms - self._refused_ms) < RETRY_MS
        if self._together or not self._unwritten or waits:
            return
        try:
            self._tables.commit([one for statements in self._unwritten for one in statements])
        except StateUnusableError as error:
            self.fault, self._refused_ms = str(error), now_ms or 0
            del self._unwritten[: -self._most]
        else:
            self.fault = None
            self._unwritten.clear()
