"""`evrds-receiver batch`: tables hold what `decode` prints, a cut run goes on, and bad recordings are rows."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from encoder.cli import main as encoder
from rds.group import groups_to_bits
from rds.hex_line import format_words
from receiver.app import DecodeOptions, decode_file
from receiver.cli import main
from receiver.records import Record
from receiver.research.batch import Batch
from receiver.research.recordings import Recording, recordings_below
from receiver.trust import make_keyring, read_trust_file
from receiver.workers import Executor, Progress
from tests.encoder.networks import plan_text, write_network
from tests.receiver.signals import Signal, fm, mpx, programme
from tests.receiver.sources.recordings import cu8, sigmf

Row = dict[str, Any]  # Any: cells of every type
GROUPS = programme(15)
LINES = "\n".join(format_words(group.words) for group in GROUPS)
_HALT = 'at = "00:00:10"\ntype = "halt"\nregion = "12FFF"\nduration_min = 60\nrelease_min = 120'
_TABLES = ("groups", "messages", "signal", "stations")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network's keys, and plan.hex with its halt."""
    folder = tmp_path_factory.mktemp("keys")
    write_network(folder)
    (folder / "plan.toml").write_text(plan_text(_HALT))
    outputs = ["--hex", str(folder / "plan.hex"), "--clock", "2026-12-01T19:00:00Z", "--seconds", "40"]
    assert encoder(["build", str(folder / "plan.toml"), *outputs]) == 0
    return folder


@pytest.fixture
def folder(tmp_path: Path, keys: Path) -> Path:
    """A list of groups with messages, IQ with its rate in its name, and SigMF that says when."""
    here = tmp_path / "recordings"
    (here / "deep").mkdir(parents=True)
    (here / "deep" / "plan.hex").write_bytes((keys / "plan.hex").read_bytes())
    samples = cu8(fm(mpx(groups_to_bits(GROUPS), Signal(rate_hz=250_000)), 250_000))
    (here / "x_250k.cu8").write_bytes(samples)
    common: dict[str, object] = {"datatype": "cu8", "sample_rate": 250_000}
    sigmf(here, "dated", samples, common, datetime="2026-12-01T19:00:00Z")
    return here


def trusting(keys: Path) -> list[str]:
    return ["--trust", str(keys / "root.public.pem"), "--trust", str(keys / "certificate.pem")]


def batch(folder: Path, *arguments: str, jobs: int = 1) -> int:
    results = folder.parent / "results"
    return main(["batch", str(folder), "--out", str(results), "--jobs", str(jobs), *arguments])


def table(folder: Path, name: str) -> list[Row]:
    rows: list[Row] = pq.read_table(folder.parent / "results" / name).to_pylist()
    return rows


def manifest(folder: Path) -> dict[str, Row]:
    return {row["path"]: row for row in table(folder, "manifest.parquet")}


def as_row(record: Row) -> Row:
    """A group's record as the table has it."""
    row = {name: record[name] for name in ("sample", "seconds", "group_type")}
    for number in range(4):
        word = record["words"][number]
        row[f"word_{number + 1}"] = None if word is None else int(word, 16)
        for name in ("confidence", "corrected", "prior"):
            row[f"{name}_{number + 1}"] = pytest.approx(record[name][number])
    return row | {"evm": pytest.approx(record["evm"])}


def test_the_tables_hold_what_decode_prints(folder: Path, keys: Path) -> None:
    assert batch(folder, *trusting(keys)) == 0
    ring = make_keyring([read_trust_file(keys / name) for name in ("root.public.pem", "certificate.pem")])
    tables = {name: table(folder, name) for name in _TABLES}
    for path in ("deep/plan.hex", "x_250k.cu8", "dated.sigmf-meta"):
        records: list[Any] = list(decode_file(folder / path, DecodeOptions(keyring=ring)))
        rows = {name: [row for row in tables[name] if row["file"] == path] for name in _TABLES}
        expected = [record for record in records if record["type"] == "group"]
        beside = {"file", "offset_hz", "time"}
        bare = [{name: cell for name, cell in row.items() if name not in beside} for row in rows["groups"]]
        assert bare == [as_row(record) for record in expected]
        messages = [record for record in records if record["type"] in ("message", "bulletin")]
        assert [(row["sample"], row["verdict"]) for row in rows["messages"]] == [
            (record["sample"], record["verdict"]) for record in messages
        ]
        status = [record for record in records if record["type"] == "status"]
        assert [(row["seconds"], row["bler"], row["cn_db"]) for row in rows["signal"]] == [
            (record["seconds"], record["bler"], record["cn_db"]) for record in status
        ]
        [station] = rows["stations"]
        facts = [record for record in records if record["type"] == "station"][-1]
        assert (station["pi"], station["ps"], station["groups"]) == (facts["pi"], facts["ps"], len(expected))
        row = manifest(folder)[path]
        counts = records[-1]
        assert (row["samples"], row["seconds"]) == (counts["sample"], counts["seconds"])
        assert (row["groups"], row["messages"]) == (len(expected), len(messages))
        assert (row["exit_code"], row["error"]) == (0, None)
    [halt] = [row for row in tables["messages"] if row["name"] == "halt"]
    assert (halt["verdict"], halt["region"], halt["kind"]) == ("accepted", "12FFF", "message")
    assert json.loads(halt["content"])["duration_s"] == 3600
    begun = datetime(2026, 12, 1, 19, tzinfo=UTC)
    dated = [row for row in tables["groups"] if row["file"] == "dated.sigmf-meta"]
    assert [(row["time"] - begun).total_seconds() for row in dated] == [row["seconds"] for row in dated]
    assert {row["time"] for row in tables["groups"] if row not in dated} == {None}


def test_rows_written_in_pieces_are_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert batch(folder) == 0
    whole = table(folder, "groups")
    monkeypatch.setattr("receiver.research.tables._ROWS_AT_ONCE", 7)
    assert batch(folder, "--network", "9") == 0
    assert table(folder, "groups") == whole


def test_two_processes_give_the_same_tables(folder: Path) -> None:
    assert batch(folder) == 0
    alone = [table(folder, name) for name in _TABLES]
    assert batch(folder, "--network", "9", jobs=2) == 0
    assert [table(folder, name) for name in _TABLES] == alone


def test_what_is_told_of_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def decoded(*arguments: str) -> str:
        assert batch(folder, *arguments) == 0
        return capsys.readouterr().out.splitlines()[0].split(": ")[1]

    assert decoded() == "3 decoded now, 0 before"
    assert decoded() == "0 decoded now, 3 before"
    os.utime(folder / "dated.sigmf-data", ns=(1, 1))
    os.utime(folder / "dated.sigmf-meta", ns=(1, 1))
    assert decoded() == "1 decoded now, 2 before"
    (folder / "deep" / "plan.hex").write_text(LINES)
    assert decoded() == "1 decoded now, 2 before"
    assert not any(row["file"] == "deep/plan.hex" for row in table(folder, "messages"))
    assert decoded("--sha256") == "3 decoded now, 0 before"
    assert all(len(row["sha256"]) == 64 for row in manifest(folder).values())
    assert decoded("--network", "3") == "3 decoded now, 0 before"
    assert decoded("--network", "3", "--match", "*.cu8") == "0 decoded now, 1 before"
    assert len(manifest(folder)) == 3


@contextmanager
def _no_bar(_: int) -> Iterator[Progress]:
    yield lambda _: None


class Cut(BaseException):
    """As Ctrl-C or a kill: nothing catches it."""


def test_a_run_that_is_cut_leaves_nothing_half_and_goes_on(folder: Path) -> None:
    results = folder.parent / "results"
    found = recordings_below(folder, any_name=False, match="*", apart=results)
    assert [one.path for one in found] == ["dated.sigmf-meta", "deep/plan.hex", "x_250k.cu8"]

    def decode(name: str) -> Iterator[Record]:
        for number, record in enumerate(decode_file(name)):
            if name.endswith("plan.hex") and number == 100:
                raise Cut
            yield record

    with pytest.raises(Cut):
        Batch(decode, (0.0,), "", "1", results).run(found, Executor(), _no_bar)
    assert list(manifest(folder)) == ["dated.sigmf-meta"]
    assert {row["file"] for row in table(folder, "groups")} == {"dated.sigmf-meta"}
    # What a kill leaves is where no reader looks, and goes with the next run.
    (results / ".unfinished").mkdir(exist_ok=True)
    (results / ".unfinished" / "half.parquet").write_bytes(b"PAR1")
    outcome = Batch(decode_file, (0.0,), "", "1", results).run(found, Executor(), _no_bar)
    assert outcome.decoded == 2
    assert sorted(path.name for path in results.iterdir()) == sorted([".lock", "manifest.parquet", *_TABLES])
    assert sorted({row["file"] for row in table(folder, "groups")}) == [one.path for one in found]


def test_bad_recordings_are_rows_and_the_rest_is_decoded(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty_250k.cu8").touch()
    (folder / "norate.cu8").write_bytes(bytes(1000))
    (folder / "quiet_250k.cu8").write_bytes(bytes([127, 128]) * 50_000)
    (folder / "broken.sigmf-meta").write_text("{")
    assert batch(folder) == 3
    out, err = capsys.readouterr()
    assert out.startswith("7 recordings")
    assert len(err.splitlines()) == 1
    assert "3 of 7 recordings could not be decoded (the manifest names them); the first: " in err
    rows = manifest(folder)
    assert {path: row["exit_code"] for path, row in rows.items() if row["exit_code"]} == {
        "broken.sigmf-meta": 3,
        "empty_250k.cu8": 3,
        "norate.cu8": 3,
        "quiet_250k.cu8": 6,
    }
    assert rows["empty_250k.cu8"]["error"].endswith("is empty; was the recording stopped before it began?")
    assert all("\n" not in (row["error"] or "") for row in rows.values())
    # What failed is tried again, what is merely silent is not.
    assert batch(folder) == 3
    assert "3 decoded now, 4 before" in capsys.readouterr().out
    assert batch(folder, "--match", "quiet*") == 6


def test_a_fault_of_ours_is_a_row_too(tmp_path: Path) -> None:
    def decode(name: str) -> Iterable[Record]:
        raise ValueError(f"{name}\nis odd")

    one = Recording("a.hex", ("a.hex",), 1, 1)
    results = tmp_path / "results"
    outcome = Batch(decode, (0.0,), "", "1", results).run([one], Executor(), _no_bar)
    assert (outcome.rows[0].exit_code, outcome.rows[0].error) == (1, "internal fault: ValueError: a.hex is odd")


def test_several_stations_have_rows_of_their_own(folder: Path) -> None:
    results, offsets_hz = folder.parent / "results", (-100_000.0, 200_000.0)

    def decode(name: str) -> Iterator[Record]:
        for number, record in enumerate(decode_file(name)):
            yield record | {"offset_hz": offsets_hz[number % 2 if record["type"] == "group" else 0]}

    found = recordings_below(folder, any_name=False, match="*.cu8", apart=results)
    outcome = Batch(decode, offsets_hz, "", "1", results).run(found, Executor(), _no_bar)
    first, second = table(folder, "stations")
    assert (first["offset_hz"], second["offset_hz"]) == offsets_hz
    assert min(first["groups"], second["groups"]) > 0
    assert first["groups"] + second["groups"] == outcome.rows[0].groups == 15
    assert (first["ps"], second["ps"]) == ("EVRDS FM", None)
    assert [row["offset_hz"] for row in table(folder, "groups")[:2]] == [-100_000.0, 200_000.0]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["none"], 3, "none is no folder; give the one that holds the recordings"),
        (["bare"], 3, "no recordings below bare (*); give --format for other names"),
        ([".", "--jobs", "0"], 2, "--jobs 0; allowed: 1..1024"),
        ([".", "--start-time", "2026-12-01T00:00:00Z"], 2, "--start-time is of one recording"),
        (["recordings", "--out", "file"], 2, "cannot write to"),
        (["recordings", "--trust", "gone.pem"], 3, "gone.pem"),
    ],
)
def test_complaints_are_one_line(
    folder: Path,
    arguments: list[str],
    code: int,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder.parent)
    (folder.parent / "file").touch()
    (folder.parent / "bare").mkdir()
    assert main(["batch", *arguments]) == code
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert complaint in err


def test_two_batches_do_not_write_to_one_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = folder.parent / "results"
    results.mkdir()
    with (results / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert batch(folder) == 2
    assert "another batch writes to" in capsys.readouterr().err


def test_which_files_are_recordings(folder: Path) -> None:
    (folder / ".hidden.hex").write_text(LINES)
    (folder / "notes.md").write_text("none")
    (folder / "results").mkdir()
    (folder / "results" / "old.hex").write_text(LINES)
    sigmf(folder, "named", b"", {"dataset": "x_250k.cu8", "datatype": "cu8"})

    def found(match: str = "*", *, any_name: bool = False) -> list[str]:
        below = recordings_below(folder, any_name=any_name, match=match, apart=folder / "results")
        return [one.path for one in below]

    assert found() == ["dated.sigmf-meta", "deep/plan.hex", "named.sigmf-data", "named.sigmf-meta"]
    assert found("deep/*") == ["deep/plan.hex"]
    assert "notes.md" in found(any_name=True)


def test_a_recording_is_as_large_and_new_as_its_newest_file(folder: Path) -> None:
    [one] = recordings_below(folder, any_name=False, match="dated*", apart=folder)
    meta, data = folder / "dated.sigmf-meta", folder / "dated.sigmf-data"
    assert one.size == meta.stat().st_size + data.stat().st_size
    assert one.mtime_ns == max(meta.stat().st_mtime_ns, data.stat().st_mtime_ns)
