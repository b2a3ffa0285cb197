"""State files that fail, in real processes: truncated, full, older, newer; the charger is driven."""

import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from receiver.override import OverrideKind
from receiver.owner_store import OwnerStore
from receiver.state_recovery import open_state
from receiver.store import Store
from tests.loopback.scripts import Outcome, call, script
from tests.receiver.broadcast import DEVICE_ID, curtail, signed
from tests.receiver.installation import START, install

Damage = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    install(tmp_path)
    return tmp_path


def run(folder: Path, *, code: int, largest_file: int | None = None) -> Outcome:
    """`run`; largest_file: what the kernel lets any file of the process grow to, as a full disk would."""

    def limit_files() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    command: list[str | Path] = [
        script("receiver"),
        "run",
        folder / "12345.toml",
        "--source",
        folder / "groups.hex",
        "--start-time",
        START,
    ]
    # Of processes, so that nothing of the limit stays behind.
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=limit_files)
    outcome = Outcome(run.returncode, run.stdout, run.stderr)
    assert outcome.code == code, outcome
    assert "Traceback" not in outcome.err
    return outcome


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def scramble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(data)


def falsify(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE clock SET bound_ms = 'noon'")
    database.close()


def falsify_contactor(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("INSERT OR REPLACE INTO kept VALUES ('contactor', 'open')")
    database.close()


@pytest.mark.parametrize("damage", [cut, scramble, falsify, falsify_contactor])
def test_a_damaged_file_is_moved_aside_and_the_charger_is_driven(folder: Path, damage: Damage) -> None:
    path = folder / "12345.sqlite3"
    with Store(path) as store:
        store.keep_device_id(DEVICE_ID)
        store.save(store.load()[0], 1)
    damage(path)
    told = run(folder, code=0)
    assert told.limits == [32, 16, 16, 32]
    [state] = told.records("state")
    assert "12345.sqlite3.damaged; this receiver begins as newly installed" in state["error"]
    assert (folder / "12345.sqlite3.damaged").exists()
    with Store(path) as store:
        assert store.load()[1] is not None
    assert open_state(path)[1] is None


def test_a_file_of_another_kind_is_left_alone_and_the_charger_is_driven(folder: Path) -> None:
    path = folder / "12345.sqlite3"
    path.write_text("notes of the house, " * 400)
    told = run(folder, code=3)
    assert told.limits == [32, 16, 16, 32]
    [state] = told.records("state")
    assert "not a database" in state["error"]
    assert "until the next start nothing is remembered" in state["error"]
    assert told.err.splitlines()[-1].endswith(state["error"])
    assert path.read_text().startswith("notes")


@pytest.mark.parametrize("largest_file", [0, 8192, 65536, 131072])
def test_a_disk_that_is_full_at_any_moment_stops_nothing(folder: Path, largest_file: int) -> None:
    path = folder / "12345.sqlite3"
    told = run(folder, code=3, largest_file=largest_file)
    assert told.limits == [32, 16, 16, 32]
    assert told.records("state")[-1]["error"]
    assert len(told.err.splitlines()) <= 3
    again = run(folder, code=0)
    assert again.limits in ([32, 16, 16, 32], [32], [16, 32], [16, 16, 32])
    with Store(path) as store:
        assert store.load()[1] is not None


def test_an_older_schema_gains_the_owners_tables_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with sqlite3.connect(path) as database:
        database.executescript(
            """
            CREATE TABLE device (id BLOB NOT NULL CHECK (length(id) = 16));
            CREATE TABLE clock (bound_ms INTEGER NOT NULL);
            CREATE TABLE message (envelope BLOB NOT NULL, ended_ms INTEGER, ended_release INTEGER NOT NULL);
            CREATE TABLE tombstone (public_key BLOB NOT NULL, ts INTEGER NOT NULL, until_ms INTEGER NOT NULL);
            CREATE TABLE floor (public_key BLOB NOT NULL, ts INTEGER NOT NULL);
            CREATE TABLE last_ts (public_key BLOB NOT NULL, type INTEGER NOT NULL, ts INTEGER NOT NULL);
            PRAGMA user_version = 1;
            """
        )
        database.execute("INSERT INTO device VALUES (?)", (DEVICE_ID,))
        database.execute("INSERT INTO clock VALUES (?)", (4567,))
        database.execute("INSERT INTO message VALUES (?, NULL, 0)", (signed(curtail()),))
    database.close()
    store, fault = open_state(path)
    with store:
        assert fault is None
        assert (store.device_id(), store.load()[1]) == (DEVICE_ID, 4567)
        assert [one.envelope for one in store.load()[0].messages] == [signed(curtail())]
        OwnerStore(store).ask(OverrideKind.TODAY)
        assert OwnerStore(store).request() is not None


def test_a_newer_schema_is_refused_in_one_line_and_left_alone(folder: Path) -> None:
    path = folder / "12345.sqlite3"
    with Store(path) as store:
        store.write(("PRAGMA user_version = 99", ()))
    before = path.read_bytes()
    told = run(folder, code=3)
    assert told.out == ""
    assert told.err.splitlines()[-1].startswith("evrds-receiver: state file ")
    assert "has schema 99, of a newer evrds" in told.err
    assert path.read_bytes() == before
    assert "has schema 99" in call("receiver", "status", "--config", folder / "12345.toml", code=3).err


def test_an_override_outlives_the_power_and_a_copy_of_the_disk(folder: Path) -> None:
    path = folder / "12345.sqlite3"
    with Store(path) as store:
        OwnerStore(store).ask(OverrideKind.ALWAYS)
    assert run(folder, code=0).limits == [32]
    for file in folder.glob("12345.sqlite3*"):
        shutil.copy(file, folder / f"kept-{file.name}")
    with Store(folder / "kept-12345.sqlite3") as store:
        override = OwnerStore(store).override()
    assert override is not None
    assert override.kind is OverrideKind.ALWAYS
