"""What a receiver must remember, to SQLite and back: a power cut leaves the state before or after a commit.

Envelopes are kept as they came and verified anew when they are read, so who writes into the file forges nothing.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from rds.errors import InputError
from rds.oda.codes import RELEASE_CODES
from rds.oda.draw import DEVICE_ID_OCTETS
from rds.oda.erasure_code import ENVELOPE_OCTETS
from rds.oda.ticks import MAX_TICK
from receiver.bulletin_assembly import Envelopes
from receiver.clock import TICK_MS
from receiver.event_ledger import Tombstone
from receiver.snapshot import Snapshot, StoredMessage, StoredRecord
from receiver.state_lock import StateLock
from receiver.state_schema import SCHEMA_VERSION, upgrade_statements

_LOCK_WAIT_S: Final = 5.0
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LAST_MS: Final = 2 * MAX_TICK * TICK_MS
"""No time is later: the last tick, and what lies beyond it by a release or a tombstone's life."""


class StateUnusableError(InputError):
    """A state file that cannot be read or written now."""


class StateDamagedError(StateUnusableError):
    """A state file that will never be one again."""


class Store:
    """One receiver's memory. Use it as a context manager, or close it.

    Args:
        path: The file, made where it is missing; None keeps everything in memory, for recordings.
        beside: Whether a receiver may be running on the file, which must be there: for the owner's commands.

    Raises:
        InputError: the file is another program's, of a newer evrds, or another receiver's that runs.
        StateUnusableError: it cannot be opened, read or written.
        StateDamagedError: it is a state file no more.
    """

    def __init__(self, path: Path | None, *, beside: bool = False) -> None:
        self._name = ":memory:" if path is None else str(path)
        self._bulletins: tuple[tuple[StoredRecord, ...], tuple[Envelopes, ...]] | None = None
        """As they lie in the file: they are large and change seldom."""
        if path is not None and not path.parent.is_dir():
            raise InputError(f"state file {path}: there is no folder {path.parent}; make it, or name another file")
        if path is not None and beside and not path.exists():
            raise InputError(f"state file {path} is not there; start the receiver once, or name its configuration")
        self.lasts = path is not None
        """Whether anything outlives the process."""
        self._lock = None if path is None or beside else StateLock(path)
        try:
            with self._explained():
                self._database = sqlite3.connect(self._name, isolation_level=None, timeout=_LOCK_WAIT_S)
        except InputError:
            self._unlock()
            raise
        try:
            with self._explained():
                self._prepare()
        except InputError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def read(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:  # Any: whatever lies there
        """The rows of a query."""
        with self._explained():
            return self._database.execute(query, values).fetchall()

    def write(self, *statements: tuple[str, Sequence[object]]) -> None:
        """Execute statements with their values in one transaction that is on the disk when this returns."""
        with self._transaction() as database:
            for statement, values in statements:
                database.execute(statement, values)

    def stamp(self) -> int:
        """A number that differs when another process has written since."""
        stamp: int = self.read("PRAGMA data_version")[0][0]
        return stamp

    def device_id(self) -> bytes | None:
        """The id made at the first start."""
        with self._explained():
            row = self._database.execute("SELECT id FROM device").fetchone()
        if row is None:
            return None
        if not isinstance(row[0], bytes) or len(row[0]) != DEVICE_ID_OCTETS:
            raise self._damaged("device id")
        return row[0]

    def keep_device_id(self, device_id: bytes) -> None:
        """Keep an id of 16 bytes for life."""
        with self._transaction() as database:
            database.execute("DELETE FROM device")
            database.execute("INSERT INTO device VALUES (?)", (device_id,))

    def load(self) -> tuple[Snapshot, int | None]:
        """What was saved last, and the latest time known then (None at the first start).

        Raises:
            InputError: the file cannot be read, or holds what was never saved.
        """
        with self._explained():
            read = self._database.execute
            clock = read("SELECT bound_ms, public_key FROM clock").fetchone()
            bulletins = dict(read("SELECT id, envelopes FROM bulletin"))
            records = read("SELECT * FROM record ORDER BY rowid").fetchall()
            certificates = [envelopes for (envelopes,) in read("SELECT envelopes FROM certificate ORDER BY rowid")]
            snapshot = Snapshot(
                messages=tuple(StoredMessage(*row) for row in read("SELECT * FROM message ORDER BY rowid")),
                tombstones=tuple(Tombstone(*row) for row in read("SELECT * FROM tombstone ORDER BY rowid")),
                floors=tuple(read("SELECT public_key, ts FROM floor")),
                last_ts=tuple(read("SELECT public_key, type, ts FROM last_ts")),
                records=tuple(StoredRecord(self._split(bulletins.get(row[0])), *row[1:]) for row in records),
                certificates=tuple(map(self._split, certificates)),
                clock_key=b"" if clock is None else clock[1],
            )
        bound_ms = None if clock is None else clock[0]
        self._check(snapshot, bound_ms)
        return snapshot, bound_ms

    def _split(self, joined: object) -> tuple[bytes, ...]:
        """The envelopes of a bulletin."""
        if not isinstance(joined, bytes) or not joined or len(joined) % ENVELOPE_OCTETS:
            raise self._damaged("bulletin")
        return tuple(joined[at : at + ENVELOPE_OCTETS] for at in range(0, len(joined), ENVELOPE_OCTETS))

    def _check(self, snapshot: Snapshot, bound_ms: object) -> None:
        """Refuses what no `save` wrote: SQLite keeps whatever a failing disk or a stranger puts into a column."""
        blobs: list[object] = [one.envelope for one in snapshot.messages]
        blobs += [one.public_key for one in snapshot.tombstones]
        blobs += [row[0] for row in (*snapshot.floors, *snapshot.last_ts)] + [snapshot.clock_key]
        numbers: list[object] = [number for row in (*snapshot.floors, *snapshot.last_ts) for number in row[1:]]
        numbers += [number for one in snapshot.tombstones for number in (one.ts, one.until_ms)]
        held: list[StoredMessage | StoredRecord] = [*snapshot.messages, *snapshot.records]
        numbers += [number for one in held if (number := one.ended_ms) is not None]
        numbers += [one.number for one in snapshot.records] + [one.early_ms for one in held]
        numbers += [] if bound_ms is None else [bound_ms]
        if not all(isinstance(blob, bytes) for blob in blobs):
            raise self._damaged("envelope or key")
        if not all(isinstance(number, int) and 0 <= number <= _LAST_MS for number in numbers):
            raise self._damaged("time")
        if not all(one.ended_release in RELEASE_CODES for one in held):
            raise self._damaged("release code")

    def _damaged(self, what: str) -> InputError:
        return StateDamagedError(
            f"state file {self._name} is damaged: no {what} looks so; move it away and it is made anew"
        )

    def save(self, snapshot: Snapshot, bound_ms: int | None) -> None:
        """Replace what was saved, in one transaction that is on the disk when this returns."""
        with self._transaction() as database:
            for table in ("clock", "message", "tombstone", "floor", "last_ts"):
                database.execute(f"DELETE FROM {table}")
            if bound_ms is not None:
                database.execute("INSERT INTO clock VALUES (?, ?)", (bound_ms, snapshot.clock_key))
            messages = [(one.envelope, one.ended_ms, one.ended_release, one.early_ms) for one in snapshot.messages]
            tombstones = [(one.public_key, one.ts, one.until_ms) for one in snapshot.tombstones]
            database.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", messages)
            database.executemany("INSERT INTO tombstone VALUES (?, ?, ?)", tombstones)
            database.executemany("INSERT INTO floor VALUES (?, ?)", snapshot.floors)
            database.executemany("INSERT INTO last_ts VALUES (?, ?, ?)", snapshot.last_ts)
            if self._bulletins != (snapshot.records, snapshot.certificates):
                self._bulletins = None
                _save_bulletins(database, snapshot)
        self._bulletins = (snapshot.records, snapshot.certificates)

    def _prepare(self) -> None:
        """Sets how the file is written, and makes the tables of a new one."""
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise InputError(
                f"state file {self._name} has schema {version}, of a newer evrds; allowed: up to {SCHEMA_VERSION}; "
                "update evrds, or name another file"
            )
        if version == 0 and self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise InputError(f"{self._name} is another program's database; name another state file")
        if version < SCHEMA_VERSION:
            with self._transaction() as database:
                for statement in upgrade_statements(version):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        # A read-only file opens well; only a write tells.
        with self._transaction() as database:
            database.execute("DELETE FROM clock WHERE 0")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                # A disk that is full may have undone it already, or be full only at the commit.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns the database's errors into one line for the person in front of it."""
        try:
            yield
        except sqlite3.Error as error:
            remedy = "make it writable, free the disk, or move it away and it is made anew"
            code = getattr(error, "sqlite_errorcode", 0)  # Python's own complaints have none
            kind = StateDamagedError if code & 0xFF in _DAMAGED else StateUnusableError
            raise kind(f"state file {self._name} cannot be used: {error}; {remedy}") from None


def _save_bulletins(database: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Replace the bulletins of what is held; several records of one bulletin share it."""
    for table in ("bulletin", "record", "certificate"):
        database.execute(f"DELETE FROM {table}")
    numbers = {
        envelopes: number for number, envelopes in enumerate(dict.fromkeys(r.envelopes for r in snapshot.records))
    }
    bulletins = [(number, b"".join(envelopes)) for envelopes, number in numbers.items()]
    records = [
        (numbers[one.envelopes], one.number, one.ended_ms, one.ended_release, one.early_ms) for one in snapshot.records
    ]
    database.executemany("INSERT INTO bulletin VALUES (?, ?)", bulletins)
    database.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?)", records)
    certificates = [(b"".join(envelopes),) for envelopes in snapshot.certificates]
    database.executemany("INSERT INTO certificate VALUES (?)", certificates)
