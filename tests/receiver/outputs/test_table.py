"""The table of a picture as text: every fact where a person looks for it, and nothing from the air moves the cursor."""

import io

import pytest
from rich.console import Console

from receiver.cli import main
from receiver.outputs._picture import LAST_MESSAGES, Picture
from receiver.outputs.table import render
from tests.receiver.outputs.records import ACCEPTED, EVENING, STATUS, limit


def shown(picture: Picture, *, width: int = 100) -> str:
    file = io.StringIO()
    Console(file=file, width=width).print(render(picture))
    return file.getvalue()


def test_everything_is_in_its_line() -> None:
    picture = Picture()
    for record in EVENING:
        picture.feed(record)
    lines = {" ".join(line.split()) for line in shown(picture).splitlines()}
    assert lines >= {
        "station PI 9331 EVRDS·1 News",
        "signal -6.2 dBFS 31.5 dB C/N pilot 6.75 kHz RDS 2.00 kHz 4096 samples lost",
        "lock synchronised BLER 2.0 % heartbeat 4 s ago",
        "limit 16 A",
        "why curtailed by the network",
        "until 13:00:00 UTC",
        "charger charger simulated does not answer",
        "state the disk is full",
        "12:00:12 UTC accepted heartbeat",
        "12:00:12 UTC accepted curtail 16 A",
    }
    assert any(line.startswith("12:00:12 UTC bad signature curtail 16 A ") for line in lines)


def test_before_anything_is_known_and_when_the_signal_is_lost() -> None:
    picture = Picture()
    assert shown(picture).split() == ["station", "not", "heard", "yet"]
    picture.feed(STATUS | {"signal_lost": True, "synchronised": False, "bler": None, "heartbeat_age_s": None})
    picture.feed(limit(0, charger="left"))
    text = shown(picture)
    assert "NOT SYNCHRONISED  NO HEARTBEAT FOR 5 MIN" in text
    assert "limit left  paused" in text


def test_only_the_last_messages_are_kept() -> None:
    picture = Picture()
    for _ in range(LAST_MESSAGES + 3):
        picture.feed(ACCEPTED)
    assert shown(picture).count("accepted") == LAST_MESSAGES


def test_a_table_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "no.toml", "-F", "table"]) == 2
    assert "standard output is no terminal; use -F json or kv" in capsys.readouterr().err
