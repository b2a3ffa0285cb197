"""`run` on a recording with its outputs: which records they get, and that standard output has the others alone."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from rds.constants import GROUP_PERIOD_S
from receiver.charger_control import ChargerSetup
from receiver.cli import main
from receiver.config import read_config
from receiver.controller import Controller
from receiver.listening import Listening
from receiver.run import run_to_end
from receiver.sources.stream import SourceOptions
from receiver.store import Store
from tests.receiver.installation import START, install

CAPTURE: Final = Path(__file__).parents[2] / "captures" / "minirds.wav"
Record = dict[str, Any]  # Any: as JSON gives it


@pytest.fixture
def config(tmp_path: Path) -> Path:
    install(tmp_path)
    return tmp_path / "12345.toml"


def test_station_and_signal_are_told_too(config: Path) -> None:
    told: list[Record] = []
    run_to_end(read_config(config), Listening(str(CAPTURE), SourceOptions()), emit=told.append)
    statuses = [one for one in told if one["type"] == "status"]
    assert 5 <= statuses[0]["seconds"] < 7
    assert statuses[-1]["groups"] >= 0.95 * statuses[-1]["seconds"] * 11.4
    assert (statuses[-1]["heartbeat_age_s"], statuses[-1]["signal_lost"]) == (None, False)
    assert all("warnings" in one for one in statuses)
    assert [one["type"] for one in told][-2:] == ["status", "counts"]
    assert next(one for one in told if one["type"] == "station")["pi"] is not None


def test_the_age_of_a_heartbeat_is_that_of_the_last_verified_one(config: Path) -> None:
    settings = read_config(config)
    controller = Controller(
        settings.keyring, settings.regions, chargers=[ChargerSetup(settings.settings)], store=Store(None)
    )
    controller.start()
    assert controller.heartbeat_age_s is None
    ages_s: list[float | None] = []
    for groups in Listening(str(config.parent / "groups.hex"), SourceOptions()).groups():
        for group in groups:
            controller.feed(group)
            ages_s.append(controller.heartbeat_age_s)
    # Of the messages only the first is a heartbeat, complete with the 21st group; all others may say what they like.
    assert ages_s[19:21] == [None, 0]
    assert ages_s[-1] == pytest.approx((len(ages_s) - 21) * GROUP_PERIOD_S, abs=0.002)
    assert not controller.signal_lost
    controller.pass_time(controller.at_ms + 300_000)
    assert controller.signal_lost


def test_lines_on_standard_output_are_without_them(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(config), "--source", str(CAPTURE)]) == 0
    kinds = [json.loads(line)["type"] for line in capsys.readouterr().out.splitlines()]
    assert kinds == ["limit", "charger", "counts"]


def test_an_output_in_the_configuration_is_checked_where_it_stands(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = config.read_text()
    for wrong, allowed in (
        ("mqtt://user:s3cret@host", "mqtt://[user:password@]host[:port]/PREFIX"),
        ("table", "option -F says"),
        ("xml", "http, mqtt, prometheus, table"),
    ):
        config.write_text(f'outputs = ["{wrong}"]\n{text}')
        assert main(["run", str(config), "--source", str(CAPTURE), "--start-time", START]) == 2
        [line] = [one for one in capsys.readouterr().err.splitlines() if "warning" not in one]
        assert "12345.toml:1" in line
        assert allowed in line
        assert "s3cret" not in line
