"""What a receiver must remember, to SQLite and back: a power cut leaves the state before or after a commit.

Envelopes are kept as they came and verified anew when they are read, so who writes into the file forges nothing.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from rds.errors import InputError
from receiver.ledger import Snapshot, StoredMessage, Tombstone

SCHEMA_VERSION: Final = 1
_LOCK_WAIT_S: Final = 5.0
_SCHEMA: Final = """
CREATE TABLE device (id BLOB NOT NULL CHECK (length(id) = 16));
CREATE TABLE clock (bound_ms INTEGER NOT NULL);
CREATE TABLE message (envelope BLOB NOT NULL, ended_ms INTEGER, ended_release INTEGER NOT NULL);
CREATE TABLE tombstone (public_key BLOB NOT NULL, ts INTEGER NOT NULL, until_ms INTEGER NOT NULL);
CREATE TABLE floor (public_key BLOB NOT NULL, ts INTEGER NOT NULL);
CREATE TABLE last_ts (public_key BLOB NOT NULL, type INTEGER NOT NULL, ts INTEGER NOT NULL);
"""


class Store:
    """One receiver's memory. Use it as a context manager, or close it.

    Args:
        path: The file, made where it is missing; None keeps everything in memory, for recordings.

    Raises:
        InputError: the file cannot be opened or written, is no state file, or is of a newer evrds.
    """

    def __init__(self, path: Path | None) -> None:
        self._name = ":memory:" if path is None else str(path)
        if path is not None and not path.parent.is_dir():
            raise InputError(f"state file {path}: there is no folder {path.parent}; make it, or name another file")
        with self._explained():
            self._database = sqlite3.connect(self._name, isolation_level=None, timeout=_LOCK_WAIT_S)
        try:
            with self._explained():
                self._prepare()
        except InputError:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def device_id(self) -> bytes | None:
        """The id made at the first start."""
        with self._explained():
            row = self._database.execute("SELECT id FROM device").fetchone()
        return None if row is None else bytes(row[0])

    def keep_device_id(self, device_id: bytes) -> None:
        """Keep an id of 16 bytes for life."""
        with self._transaction() as database:
            database.execute("DELETE FROM device")
            database.execute("INSERT INTO device VALUES (?)", (device_id,))

    def load(self) -> tuple[Snapshot, int | None]:
        """What was saved last, and the latest time known then (None at the first start)."""
        with self._explained():
            read = self._database.execute
            clock = read("SELECT bound_ms FROM clock").fetchone()
            snapshot = Snapshot(
                messages=tuple(StoredMessage(*row) for row in read("SELECT * FROM message ORDER BY rowid")),
                tombstones=tuple(Tombstone(*row) for row in read("SELECT * FROM tombstone ORDER BY rowid")),
                floors=tuple(read("SELECT public_key, ts FROM floor")),
                last_ts=tuple(read("SELECT public_key, type, ts FROM last_ts")),
            )
        return snapshot, None if clock is None else int(clock[0])

    def save(self, snapshot: Snapshot, bound_ms: int | None) -> None:
        """Replace what was saved, in one transaction that is on the disk when this returns."""
        with self._transaction() as database:
            for table in ("clock", "message", "tombstone", "floor", "last_ts"):
                database.execute(f"DELETE FROM {table}")
            if bound_ms is not None:
                database.execute("INSERT INTO clock VALUES (?)", (bound_ms,))
            messages = [(one.envelope, one.ended_ms, one.ended_release) for one in snapshot.messages]
            tombstones = [(one.public_key, one.ts, one.until_ms) for one in snapshot.tombstones]
            database.executemany("INSERT INTO message VALUES (?, ?, ?)", messages)
            database.executemany("INSERT INTO tombstone VALUES (?, ?, ?)", tombstones)
            database.executemany("INSERT INTO floor VALUES (?, ?)", snapshot.floors)
            database.executemany("INSERT INTO last_ts VALUES (?, ?, ?)", snapshot.last_ts)

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
        if version == 0:
            tables = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if tables:
                raise InputError(f"{self._name} is another program's database; name another state file")
            with self._transaction() as database:
                for statement in filter(str.strip, _SCHEMA.split(";")):
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
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns the database's errors into one line for the person in front of it."""
        try:
            yield
        except sqlite3.Error as error:
            remedy = "make it writable, free the disk, or move it away and it is made anew"
            raise InputError(f"state file {self._name} cannot be used: {error}; {remedy}") from None
