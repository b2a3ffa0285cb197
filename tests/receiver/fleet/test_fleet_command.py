"""`evrds-receiver fleet` from a plan's hex list to figures, picture and table; and its complaints, each one line."""

import csv
import json
from pathlib import Path

import pytest

from encoder.cli import main as encoder
from receiver.cli import main
from receiver.fleet.daytime import DayTime
from receiver.fleet.options import parse_daytime, parse_energy, parse_options, parse_regions
from receiver.workers import parse_executor
from tests.encoder.networks import plan_text, write_network

_HALT = 'at = "00:00:10"\ntype = "halt"\nregion = "12FFF"\nduration_min = 60\nrelease_min = 120'


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hex list of a plan that halts region 12 from 19:00 UTC."""
    folder = tmp_path_factory.mktemp("plan")
    write_network(folder)
    (folder / "plan.toml").write_text(plan_text(_HALT))
    outputs = ["--hex", str(folder / "plan.hex"), "--clock", "2026-12-01T19:00:00Z", "--seconds", "60"]
    assert encoder(["build", str(folder / "plan.toml"), *outputs]) == 0
    return folder / "plan.hex"


def trusting(plan: Path) -> list[str]:
    return ["--trust", str(plan.parent / "root.public.pem"), "--trust", str(plan.parent / "certificate.pem")]


def test_figures_picture_and_table(plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, table = tmp_path / "load.png", tmp_path / "load.csv"
    wanted = ["--chargers", "2000", "--regions", "12345=0.5,13000=0.5", "--jobs", "1"]
    files = ["--plot", str(picture), "--csv", str(table)]
    assert main(["fleet", str(plan), *trusting(plan), *wanted, *files]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "2000 chargers of 7.2 kW (32 A x 225 V), 14.4 MW connected"
    assert lines[1].startswith("first effect 2026-12-01 19:0")
    assert [line.split()[0] for line in lines[3:6]] == ["12345", "13000", "all"]
    assert "energy delivered by departure: " in lines[6]
    assert err.splitlines() == [f"evrds-receiver: wrote {picture}", f"evrds-receiver: wrote {table}"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1440
    assert list(rows[0]) == ["time", "12345", "13000", "all", "undisturbed"]
    [half_past] = [row for row in rows if row["time"] == "2026-12-01T19:30:00Z"]
    assert float(half_past["12345"]) == 0
    assert float(half_past["all"]) == float(half_past["13000"]) > 0
    assert sorted(tmp_path.iterdir()) == [table, picture]


def test_json_and_a_recommendation(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*trusting(plan), "--chargers", "3000", "--jobs", "1", "--recommend-release"]
    assert main(["fleet", str(plan), *arguments, "-F", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["v"], record["type"], record["chargers"]) == (1, "fleet", 3000)
    assert len(record["trials"]) == 14
    assert record["recommended_release_min"] in (90, 120)
    assert main(["fleet", str(plan), *arguments]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("recommended release: ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--chargers", "0"], "--chargers 0; allowed: 1..100000000"),
        (["--rating", "5"], "--rating 5; allowed: 6..80"),
        (["--jobs", "0"], "--jobs 0; allowed: 1..1024"),
        (["--timezone", "Mars/Olympus"], "--timezone 'Mars/Olympus'; allowed: a name of the time zone database"),
        (["--hearing", "1.5"], "argument --hearing: share '1.5'; allowed: 0..1"),
        (["--power-cut", "19:00"], "argument --power-cut: '19:00' is no part of a day; write two times of day"),
        (["--options", "medium=0.5"], "argument --options: shares 'medium=0.5' make 0.5; they must make 1"),
        (["--options", "cheap=1"], "argument --options: option 'cheap'; allowed: high price, medium, low, fleet"),
        (["--arrivals", "18:00"], "argument --arrivals: '18:00' is no mean and deviation"),
        (["--day", "tomorrow"], "argument --day: 'tomorrow' is no day; write such as 2026-12-01"),
        (["--executor", "dask://here"], "argument --executor: executor 'dask://here'; allowed: dask://host:port"),
        (["--csv", "no/such/folder/load.csv"], "cannot write no/such/folder/load.csv: No such file or directory"),
    ],
)
def test_wrong_options_are_one_line(
    plan: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["fleet", str(plan), *trusting(plan), "--chargers", "10", "--jobs", "1", *arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert complaint in err


def test_an_input_that_nobody_vouches_for_tells_no_time(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", str(plan), "--chargers", "10"]) == 3
    assert capsys.readouterr().err.startswith("evrds-receiver: nothing in the input verifies")


def test_what_the_options_mean() -> None:
    over_midnight = parse_daytime("23:00-01:30")
    assert over_midnight == DayTime(23 * 60, 90)
    assert [over_midnight.holds(minute) for minute in (22 * 60, 23 * 60, 89, 90)] == [False, True, True, False]
    assert parse_energy("10,0.5") == (10.0, 0.5)
    assert parse_regions("12345=0.25, 13000=0.75") == {"12345": 0.25, "13000": 0.75}
    assert parse_options("high price=0.5,low=0.5") == {"high price": 0.5, "low": 0.5}
    assert parse_executor("dask://localhost:8786") == "localhost:8786"
