"""`evrds-receiver report`: sums worked by hand, its two files, and what strangers' names may not do to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rds.errors import InputError
from receiver.cli import main
from receiver.records import Record
from receiver.research.batch import Batch
from receiver.research.manifest import SCHEMA as MANIFEST
from receiver.research.recordings import Recording
from receiver.research.summary import summarise, summary_lines
from receiver.research.tables import SCHEMAS
from receiver.workers import Executor, Progress

PAGE = Path(__file__).parents[3] / "docs" / "research.md"


@contextmanager
def _no_bar(_: int) -> Iterator[Progress]:
    yield lambda _: None


def record(kind: str, seconds: float, fields: Record, *, dated: bool = False) -> Record:
    time = f"2026-12-01T17:00:{seconds:09.6f}Z" if dated else None
    return {"v": 1, "type": kind, "sample": int(1000 * seconds), "seconds": seconds, "time": time} | fields


def group(seconds: float, *words: str | None) -> Record:
    none = [False] * 4
    told: Record = {"group_type": "0A", "words": list(words), "corrected": none, "prior": none}
    return record("group", seconds, told | {"confidence": [1.0] * 4, "evm": 0.5})


def status(seconds: float, seen: int, accepted: int, *, cn_db: float, dated: bool) -> Record:
    told: Record = dict.fromkeys(("level_dbfs", "pilot_hz", "rds_hz", "coherence", "clock_ppm"))
    told |= {"blocks_seen": seen, "blocks_accepted": accepted, "blocks_corrected": 0, "cn_db": cn_db}
    told |= {"bler": 1 - accepted / seen if seen else None, "synchronised": seen > 0}
    return record("status", seconds, told, dated=dated)


def decode(name: str) -> Iterator[Record]:
    """Two recordings of one station, 200 blocks of which 50 were lost, and one of nothing."""
    if name == "silent":
        yield status(5, 0, 0, cn_db=1.0, dated=False)
        return
    yield group(1, "1234", "0000", "0000", "0000")
    yield group(2, "1234", None, "0000", "0000")
    facts: Record = {"pi": "1234", "ps": "A|B\n", "radio_text": None, "ecc": None, "pty": 1, "af_mhz": []}
    yield record("station", 2, facts | {"aids": [{"aid": "C0DE", "group_type": "11A"}]})
    yield status(5, 40, 40, cn_db=20.0, dated=name == "dated")
    yield status(10, 100, 60 if name == "dated" else 90, cn_db=30.0, dated=name == "dated")
    told: Record = {"verdict": "bad signature", "why": "changed", "message": None, "envelope": "00"}
    yield record("message", 9, told)
    yield record("counts", 10, {"verdicts": {}, "tracker": {}})


@pytest.fixture
def results(tmp_path: Path) -> Path:
    recordings = [Recording(name, (name,), 1, 1) for name in ("dated", "silent", "undated")]
    outcome = Batch(decode, (0.0,), "", "1", tmp_path / "results").run(recordings, Executor(), _no_bar)
    assert [row.exit_code for row in outcome.rows] == [0, 0, 0]
    return tmp_path / "results"


def test_sums_worked_by_hand(results: Path) -> None:
    summary = summarise(results)
    lines = list(summary_lines(summary))
    assert lines[2] == "3 recordings, 0.01 h of signal, 4 groups, 2 messages of which 0 accepted."
    assert lines[3].startswith("No RDS in 1; 0 could not be decoded.")
    assert "| 1234 | A\\|B  | 2 | 4 | 2 | 25.00 % | 25.0 | 2 | 0 |" in lines
    assert "| none |  | 1 | 0 | 0 |  | 1.0 | 0 | 0 |" in lines
    worst = [line for line in lines if line.startswith(("| dated", "| undated", "| silent"))]
    assert worst == [
        "| dated | 0 | 1234 | 10.0 | 2 | 1 | 40.00 % | 25.0 |",
        "| undated | 0 | 1234 | 10.0 | 2 | 1 | 10.00 % | 25.0 |",
        "| silent | 0 |  | 5.0 | 0 | 0 |  | 1.0 |",
    ]
    assert "| bad signature | 2 |" in lines
    assert sorted(summary.cn_db) == [1, 20, 20, 30, 30]


def test_the_time_line_has_each_intervals_own_share(results: Path) -> None:
    lines = {line.file: line for line in summarise(results).time_lines}
    # 60 blocks between 5 s and 10 s, 20 of them accepted; without synchronisation all is lost.
    assert lines["dated"].lost.tolist() == pytest.approx([0, 40 / 60])
    assert lines["silent"].lost.tolist() == [1]
    assert lines["undated"].moments is None
    assert lines["dated"].moments is not None
    assert str(lines["dated"].moments[0]) == "2026-12-01T17:00:05.000000"


def test_page_and_picture(results: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["report", str(results)]) == 0
    printed = capsys.readouterr().out
    page = (results / "report.md").read_text(encoding="utf-8")
    assert page == f"{printed}\n![the same in a picture](report.png)\n"
    assert (results / "report.png").read_bytes().startswith(b"\x89PNG")
    assert main(["report", str(results), "--out", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("evrds-receiver: cannot write ")


def test_without_results_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="make it with evrds-receiver batch"):
        summarise(tmp_path)
    (tmp_path / "manifest.parquet").write_text("text")
    assert main(["report", str(tmp_path)]) == 2
    assert "is no manifest of this version" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "gone")]) == 3


def test_the_page_names_every_column() -> None:
    sections = dict(part.split("`", 1) for part in PAGE.read_text(encoding="utf-8").split("\n## `")[1:])
    for name, schema in [*SCHEMAS.items(), ("manifest", MANIFEST)]:
        text = sections[name] + (sections["every table"] if name in SCHEMAS else "")
        wanted = [column for column in schema.names if not column.endswith(("_2", "_3", "_4"))]
        assert [column for column in wanted if f"`{column}`" not in text] == []
