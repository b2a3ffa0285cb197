"""The state file: what is saved comes back, writes are whole, a file that cannot be used is one line."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rds.errors import InputError
from receiver.event_ledger import Tombstone
from receiver.snapshot import Snapshot, StoredMessage, StoredRecord
from receiver.state_lock import is_running
from receiver.state_recovery import open_state
from receiver.state_schema import SCHEMA_VERSION
from receiver.store import StateUnusableError, Store
from tests.receiver.broadcast import DEVICE_ID, certificate, curtail, halt, signed
from tests.receiver.bulletins import bulletin, certificates, planned, prices, tiers

BULLETIN = bulletin(tiers(), planned())
SNAPSHOT = Snapshot(
    messages=(StoredMessage(signed(curtail())), StoredMessage(signed(halt()), 1234, 3)),
    tombstones=(Tombstone(b"", 7, 99), Tombstone(bytes(32), 5, 98)),
    floors=((bytes(32), 12),),
    last_ts=((bytes(32), 0, 17), (bytes(32), 1, 18)),
    records=(StoredRecord(BULLETIN, 1, 4321, 2), StoredRecord(BULLETIN, 0), StoredRecord(bulletin(prices()), 0)),
    certificates=(certificates(certificate()),),
    clock_key=bytes(32),
)


@pytest.mark.parametrize("name", ["state.sqlite3", None])
def test_what_is_saved_comes_back(tmp_path: Path, name: str | None) -> None:
    path = None if name is None else tmp_path / name
    with Store(path) as store:
        assert store.load() == (Snapshot(), None)
        store.save(Snapshot(), 1)
        store.save(SNAPSHOT, 4567)
        assert store.load() == (SNAPSHOT, 4567)
        assert store.device_id() is None
        store.keep_device_id(DEVICE_ID)
    if path is not None:
        with Store(path) as store:
            assert store.load() == (SNAPSHOT, 4567)
            assert store.device_id() == DEVICE_ID


def test_commits_are_on_the_disk_and_readers_do_not_block(tmp_path: Path) -> None:
    with Store(tmp_path / "state") as store:
        pragma = store._database.execute
        assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)
        assert pragma("PRAGMA synchronous").fetchone() == (2,)
        assert pragma("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_a_failed_save_leaves_the_state_before(tmp_path: Path) -> None:
    with Store(tmp_path / "state") as store:
        store.save(SNAPSHOT, 1)
        broken = Snapshot(messages=(StoredMessage(None),))  # type: ignore[arg-type]  # what the schema refuses
        with pytest.raises(InputError, match="cannot be used: NOT NULL"):
            store.save(broken, 2)
        assert store.load() == (SNAPSHOT, 1)
        store.save(Snapshot(), 3)


def test_a_copy_taken_at_any_commit_opens_with_that_state(tmp_path: Path) -> None:
    """A power cut: the files as they lie on the disk, without a close."""
    with Store(tmp_path / "state") as store:
        for number in range(5):
            store.save(Snapshot(floors=((bytes(32), number),)), number)
            cut = tmp_path / f"cut{number}"
            cut.mkdir()
            for file in tmp_path.glob("state*"):
                shutil.copy(file, cut / file.name)
    for number in range(5):
        with Store(tmp_path / f"cut{number}" / "state") as store:
            assert store.load() == (Snapshot(floors=((bytes(32), number),)), number)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        Store(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_files_that_cannot_be_used_are_one_line_each(tmp_path: Path) -> None:
    assert "there is no folder" in refused(tmp_path / "missing" / "state")
    assert "unable to open" in refused(tmp_path)
    text = tmp_path / "text"
    text.write_bytes(b"no database at all, " * 100)
    assert "not a database" in refused(text)
    assert text.read_bytes().startswith(b"no database")
    other = tmp_path / "other"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    assert "another program's database" in refused(other)


def test_a_truncated_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with Store(path) as store:
        store.save(SNAPSHOT, 1)
    path.write_bytes(path.read_bytes()[:5000])
    assert "malformed" in refused(path)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE clock SET bound_ms = 1 << 62", "time"),
        ("UPDATE clock SET bound_ms = 'noon'", "time"),
        ("UPDATE clock SET bound_ms = -5", "time"),
        ("UPDATE message SET ended_ms = 1.5", "time"),
        ("UPDATE message SET ended_release = 99", "release code"),
        ("UPDATE message SET ended_release = 'a'", "release code"),
        ("UPDATE message SET envelope = 'text'", "envelope or key"),
        ("UPDATE tombstone SET until_ms = 'b'", "time"),
        ("UPDATE floor SET public_key = 5", "envelope or key"),
        ("UPDATE last_ts SET ts = NULL", "time"),
        ("UPDATE record SET ended_ms = 'noon'", "time"),
        ("UPDATE record SET number = -1", "time"),
        ("UPDATE record SET ended_release = 15", "release code"),
        ("UPDATE record SET bulletin = 77", "bulletin"),
        ("UPDATE bulletin SET envelopes = 'text'", "bulletin"),
        ("UPDATE bulletin SET envelopes = x'00'", "bulletin"),
        ("UPDATE certificate SET envelopes = x''", "bulletin"),
        ("UPDATE clock SET public_key = 3", "envelope or key"),
        ("UPDATE device SET id = 'abcdefghijklmnop'", "device id"),
    ],
)
def test_what_was_never_saved_is_one_line(tmp_path: Path, change: str, what: str) -> None:
    path = tmp_path / "state"
    with Store(path) as store:
        store.keep_device_id(bytes(16))
        store.save(SNAPSHOT, 1)
        assert store.load() == (SNAPSHOT, 1)
        database = store._database
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '')")
    with sqlite3.connect(path) as database:
        database.execute(change)
    database.close()
    with Store(path) as store:
        read = store.device_id if what == "device id" else store.load
        with pytest.raises(InputError, match=f"is damaged: no {what} looks so; move it away"):
            read()


# As evrds made it before bulletins were read.
SCHEMA_1 = """
CREATE TABLE device (id BLOB NOT NULL CHECK (length(id) = 16));
CREATE TABLE clock (bound_ms INTEGER NOT NULL);
CREATE TABLE message (envelope BLOB NOT NULL, ended_ms INTEGER, ended_release INTEGER NOT NULL);
CREATE TABLE tombstone (public_key BLOB NOT NULL, ts INTEGER NOT NULL, until_ms INTEGER NOT NULL);
CREATE TABLE floor (public_key BLOB NOT NULL, ts INTEGER NOT NULL);
CREATE TABLE last_ts (public_key BLOB NOT NULL, type INTEGER NOT NULL, ts INTEGER NOT NULL);
INSERT INTO device VALUES (x'000102030405060708090A0B0C0D0E0F');
INSERT INTO clock VALUES (4567);
INSERT INTO tombstone VALUES (x'', 7, 99);
INSERT INTO floor VALUES (x'AB', 12);
INSERT INTO last_ts VALUES (x'AB', 0, 17);
PRAGMA user_version = 1;
"""


def test_an_older_schema_is_brought_up_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with sqlite3.connect(path) as database:
        database.executescript(SCHEMA_1)
        database.execute("INSERT INTO message VALUES (?, 1234, 3)", (signed(halt()),))
    database.close()
    expected = Snapshot(
        messages=(StoredMessage(signed(halt()), 1234, 3),),
        tombstones=(Tombstone(b"", 7, 99),),
        floors=((b"\xab", 12),),
        last_ts=((b"\xab", 0, 17),),
    )
    for _ in range(2):
        with Store(path) as store:
            assert store._database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
            assert store.load() == (expected, 4567)
            assert store.device_id() == DEVICE_ID
    with Store(path) as store:
        store.save(SNAPSHOT, 5000)
        assert store.load() == (SNAPSHOT, 5000)


def test_bulletins_are_written_only_when_they_change(tmp_path: Path) -> None:
    """They are the largest part of the state, and flash wears."""
    with Store(tmp_path / "state") as store:
        written: list[str] = []
        store.save(SNAPSHOT, 1)
        store._database.set_trace_callback(written.append)
        store.save(replace(SNAPSHOT, floors=()), 2)
        assert not [one for one in written if "bulletin" in one]
        store.save(replace(SNAPSHOT, records=SNAPSHOT.records[:1]), 3)
        assert [one for one in written if "bulletin" in one]
        assert store.load()[0].records == SNAPSHOT.records[:1]
        # A save that failed has written none of it, and the next writes all.
        broken = replace(SNAPSHOT, records=(StoredRecord(BULLETIN, None),))  # type: ignore[arg-type]  # refused
        with pytest.raises(InputError, match="cannot be used: NOT NULL"):
            store.save(broken, 4)
        store.save(SNAPSHOT, 5)
        assert store.load() == (SNAPSHOT, 5)


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with Store(path) as store:
        store.save(SNAPSHOT, 1)
        store._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    assert f"has schema {SCHEMA_VERSION + 1}, of a newer evrds; allowed: up to {SCHEMA_VERSION}" in refused(path)


@pytest.fixture
def nobody(read_only: Path) -> Iterator[None]:
    """Root may write anywhere, so become nobody for a moment."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A good state file that may only be read, in a folder that may only be read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Store(folder / "state") as store:
            store.save(SNAPSHOT, 1)
        (folder / "state").chmod(0o444)
        folder.chmod(0o555)
        yield folder / "state"
        folder.chmod(0o755)


@pytest.mark.usefixtures("nobody")
def test_a_read_only_file_is_one_line(read_only: Path) -> None:
    assert "cannot be used" in refused(read_only)


@pytest.mark.usefixtures("nobody")
def test_a_receiver_starts_on_a_read_only_file_and_says_so(read_only: Path) -> None:
    store, fault = open_state(read_only)
    with store:
        assert not store.lasts
        assert store.load() == (Snapshot(), None)
    assert fault is not None
    assert "until the next start nothing is remembered" in fault
    assert "\n" not in fault


def test_one_receiver_alone_runs_on_a_file_and_commands_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with pytest.raises(InputError, match="is not there; start the receiver once"):
        Store(path, beside=True)
    assert not is_running(path)
    with Store(path):
        assert is_running(path)
        assert "another receiver's that runs" in refused(path)
        with Store(path, beside=True) as beside:
            stamp = beside.stamp()
            assert beside.stamp() == stamp
    assert not is_running(path)


def test_what_a_full_disk_refused_is_saved_when_there_is_room(tmp_path: Path) -> None:
    with Store(tmp_path / "state") as store:
        pages = store.read("PRAGMA page_count")[0][0]
        assert store.read(f"PRAGMA max_page_count = {pages}") == [(pages,)]
        large = Snapshot(messages=SNAPSHOT.messages * 200)
        for _ in range(2):
            with pytest.raises(StateUnusableError, match="full"):
                store.save(large, 2)
            assert store.load() == (Snapshot(), None)
        store.read("PRAGMA max_page_count = 100000")
        store.save(large, 2)
        assert store.load() == (large, 2)
