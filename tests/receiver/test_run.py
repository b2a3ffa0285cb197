"""`run` and `decode` from a list of groups: what is printed, the exit codes, and one line for each mistake."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from receiver.cli import main
from receiver.store import Store
from tests.receiver.installation import START, install

Record = dict[str, Any]  # Any: as JSON gives it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    install(tmp_path)
    return tmp_path


def records(text: str, kind: str) -> list[Record]:
    found = [json.loads(line) for line in text.splitlines()]
    assert all(record["v"] == 1 and "sample" in record and "time" in record for record in found)
    return [record for record in found if record["type"] == kind]


def limits(text: str) -> list[float]:
    return [record["limit_a"] for record in records(text, "limit")]


def run(folder: Path, *arguments: str, region: str = "12345") -> int:
    return main(["run", str(folder / f"{region}.toml"), "--source", str(folder / "groups.hex"), *arguments])


def test_run_tells_every_change_of_the_limit_with_its_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--start-time", START) == 0
    told = capsys.readouterr().out
    assert limits(told) == [32, 16, 16, 32]
    first, curtailed, ending, released = records(told, "limit")
    assert (first["restricted"], first["reason"], first["time"]) == (
        False,
        "no limit from the network",
        "2026-12-01T17:00:00.000000Z",
    )
    assert curtailed["reason"] == "curtailed to 16 A by the network until 18:00:10 UTC, then back within 60 min"
    assert ending["reason"].startswith(
        "curtailed to 16 A by the network; the event is over and this charger is back at"
    )
    assert ending["until"] == released["time"]
    assert released["reason"] == "no limit from the network"
    verdicts = [(one["verdict"], one["message"]["name"]) for one in records(told, "message")]
    assert verdicts == [
        ("accepted", "heartbeat"),
        ("accepted", "curtail"),
        ("other region", "halt"),
        ("bad signature", "halt"),
        ("accepted", "end"),
    ]
    [counts] = records(told, "counts")
    assert counts["verdicts"] == {"accepted": 3, "other region": 1, "bad signature": 1}


def test_another_region_is_halted_by_its_own_message_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--start-time", START, region="13000") == 0
    told = capsys.readouterr().out
    assert limits(told) == [32, 6, 0, 32]
    back = datetime.fromisoformat(records(told, "limit")[3]["time"])
    assert 3600 <= (back - datetime.fromisoformat(START)).total_seconds() <= 7230


def test_without_a_start_time_the_heartbeat_gives_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder) == 0
    told = capsys.readouterr().out
    assert limits(told) == [32, 16, 16, 32]
    assert records(told, "limit")[0]["time"] is None


def test_a_second_run_of_the_same_recording_finds_everything_done(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--start-time", START) == 0
    capsys.readouterr()
    assert run(folder) == 0
    assert limits(capsys.readouterr().out) == [32]


def test_key_value_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "-F", "kv") == 0
    assert 'v=1 type="limit"' in capsys.readouterr().out


def test_a_device_id_is_made_once_and_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "12345.toml"
    path.write_text(path.read_text().replace("device_id", "# device_id"))
    kept = set()
    for _ in range(2):
        assert run(folder, "--start-time", START) == 0
        with Store(folder / "12345.sqlite3") as store:
            kept.add(store.device_id())
    assert len(kept) == 1
    assert None not in kept


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("rating_a = 32", "rating_a = 320"), 2, "rating_a = 320; allowed: 6..80"),
        (("simulated", "toaster"), 2, "charger driver is 'toaster'; allowed: "),
        (('"simulated"', '"simulated"\nspeed = 3'), 2, "speed"),
        (("root.public.pem", "operator.certificate.pem"), 7, "is not signed by a root"),
        (("12345.sqlite3", "no/state"), 3, "there is no folder"),
    ],
)
def test_each_mistake_is_one_line_and_its_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], code: int, message: str
) -> None:
    path = folder / "12345.toml"
    path.write_text(path.read_text().replace(*change))
    assert run(folder) == code
    told = capsys.readouterr()
    assert told.out == ""
    noted = ("a list of groups", "warning: test key")
    errors = [line for line in told.err.splitlines() if not any(note in line for note in noted)]
    assert len(errors) == 1
    assert message in errors[0]


def test_without_a_source_run_says_where_to_name_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(folder / "12345.toml")]) == 2
    assert "names no source and --source is not given" in capsys.readouterr().err


def decoded(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Record]:
    assert main(["decode", str(folder / "groups.hex"), "-F", "json", *arguments]) == 0
    return records(capsys.readouterr().out, "message")


def test_decode_shows_messages_without_a_key_and_their_verdicts_with_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unverified = decoded(folder, capsys)
    assert {one["verdict"] for one in unverified} == {"no key"}
    assert [one["message"]["name"] for one in unverified] == ["heartbeat", "curtail", "halt", "halt", "end"]
    trust = ["--trust", str(folder / "root.public.pem"), "--trust", str(folder / "operator.certificate.pem")]
    verified = decoded(folder, capsys, *trust)
    assert [one["verdict"] for one in verified] == ["accepted", "accepted", "accepted", "bad signature", "accepted"]
    curtailed = verified[1]["message"]
    assert (curtailed["region"], curtailed["asks"], curtailed["duration_s"]) == ("12FFF", "16 A", 3600)
    assert curtailed["ts_time"] == "2026-12-01T17:00:10.000000Z"
    assert len(verified[1]["envelope"]) == 150


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--trust", "none.pem"], 3, "none.pem: No such file"),
        (["--trust", "FOLDER/root.public.pem"], 7, "no certificate; give the operator's certificate too"),
        (["--trust", "FOLDER/operator.certificate.pem"], 7, "(0 root keys given)"),
        (["--aid", "CD46"], 2, "registered to 'RDS-TMC: ALERT-C'"),
        (["--network", "300"], 2, "network '300'; allowed: 0..255"),
    ],
)
def test_decodes_trust_options_say_what_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    command = [argument.replace("FOLDER", str(folder)) for argument in arguments]
    try:
        found = main(["decode", str(folder / "groups.hex"), *command])
    except SystemExit as refused:
        found = int(str(refused.code))
    told = capsys.readouterr().err
    assert (found, told.count("\n")) == (code, 1)
    assert message in told
