"""`override`, `log` and `status` beside a state file: what they print, what they leave, one line for each mistake."""

import csv
import io
import json
from pathlib import Path

import pytest

from receiver.cli import main
from receiver.override import OverrideKind
from receiver.owner_store import OwnerStore
from receiver.store import Store
from tests.receiver.installation import START, install


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    install(tmp_path)
    path = tmp_path / "12345.toml"
    path.write_text(path.read_text().replace('"simulated"', '"simulated"\ndemand_w = 7000'))
    return tmp_path


def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """The limits that a run tells."""
    config = str(folder / "12345.toml")
    assert main(["run", config, "--source", str(folder / "groups.hex"), "--start-time", START]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [record for record in told if record["type"] == "limit"]


def owner(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words, "--config", str(folder / "12345.toml")]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("kind", ["today", "always"])
def test_an_override_frees_the_charger_and_clear_binds_it_again(
    folder: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    with Store(folder / "12345.sqlite3"):
        pass
    assert owner(folder, capsys, "override", kind) == "noted; no receiver runs now, the next one that starts obeys\n"
    assert {record["limit_a"] for record in run(folder, capsys)} == {32}
    with Store(folder / "12345.sqlite3", beside=True) as store:
        override = OwnerStore(store).override()
    assert override is not None
    log = owner(folder, capsys, "log")
    assert "curtail 16 A for 12FFF, key 1, TS 9207721 (overridden by the owner)" in log
    assert f"overridden {kind}" in log
    owner(folder, capsys, "override", "clear")
    (folder / "groups.hex").write_text("1234 0408 E0CD 4556\n" * 4)
    run(folder, capsys)
    with Store(folder / "12345.sqlite3", beside=True) as store:
        assert OwnerStore(store).override() is None
    assert "cleared by the owner" in owner(folder, capsys, "log")


def test_the_log_in_three_forms_tells_what_was_asked_done_and_deferred(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, capsys)
    records = [json.loads(line) for line in owner(folder, capsys, "log", "-F", "json").splitlines()]
    assert [record["type"] for record in records] == ["asked", "done"]
    asked, done = records
    assert (asked["key"], asked["ts"], asked["region"], asked["asks"]) == (1, 9207721, "12FFF", "curtail 16 A")
    assert (asked["from"], asked["why"]) == ("2026-12-01T17:00:10.000000Z", "ended early by the network")
    assert (done["limit_a"], done["deferred_wh"]) == (16, None), "it was watched for less than a minute before"
    seconds = [int(done[name][17:19]) + 60 * int(done[name][14:16]) for name in ("from", "to")]
    assert abs(done["energy_wh"] - 16 * 230 * (seconds[1] - seconds[0]) / 3600) < 2
    rows = list(csv.DictReader(io.StringIO(owner(folder, capsys, "log", "-F", "csv"))))
    assert [row["kind"] for row in rows] == ["asked", "done"]
    assert (rows[0]["asks"], rows[0]["from"], rows[1]["limit_a"]) == ("curtail 16 A", asked["from"], "16.0")
    assert owner(folder, capsys, "log").count("\n") == 2
    assert owner(folder, capsys, "log", "--since", "2026-12-02T00:00:00Z") == ""


def test_the_status_says_what_holds_why_what_comes_and_who_may_override(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store(folder / "12345.sqlite3"):
        pass
    assert "no receiver has run" in owner(folder, capsys, "status")
    run(folder, capsys)
    told = owner(folder, capsys, "status")
    assert "limit      32 A, of 32 A here\n" in told
    assert "because    no limit from the network" in told
    assert "receiver   DOES NOT RUN, this is as of 2026-12-01T" in told
    record = json.loads(owner(folder, capsys, "status", "--format", "json"))
    assert (record["type"], record["limit_a"], record["restricted"], record["running"]) == (
        "standing",
        32,
        False,
        False,
    )
    assert record["override"] is None
    with Store(folder / "12345.sqlite3") as store:
        OwnerStore(store).ask(OverrideKind.EVENT)
        assert "receiver   runs" in owner(folder, capsys, "status")


@pytest.mark.parametrize(
    ("change", "words", "code", "message"),
    [
        (("state =", "# state ="), ["override", "today"], 2, "names no state file"),
        (("", ""), ["status"], 3, "12345.sqlite3 is not there; start the receiver once"),
        (("", ""), ["log", "--since", "yesterday"], 2, "is no date and time; allowed: RFC 3339"),
        (("", ""), ["override", "tomorrow"], 2, "choose from"),
        (("regions", "regions = ="), ["status"], 2, "12345.toml"),
    ],
)
def test_each_mistake_is_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    words: list[str],
    code: int,
    message: str,
) -> None:
    path = folder / "12345.toml"
    path.write_text(path.read_text().replace(*change))
    try:
        found = main([*words, "--config", str(path)])
    except SystemExit as refused:
        found = int(str(refused.code))
    told = capsys.readouterr().err
    assert (found, told.count("\n")) == (code, 1)
    assert message in told


def test_the_owners_word_counts_although_the_keys_are_gone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(folder / "12345.sqlite3"):
        pass
    for file in folder.glob("*.pem"):
        file.unlink()
    assert "noted" in owner(folder, capsys, "override", "always")
