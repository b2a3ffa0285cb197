"""`charger` without a radio: what each verb prints, what it refuses, one line for each mistake."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pytest

from rds.errors import ChargerRefusedError
from receiver.chargers import driver_names, simulated
from receiver.chargers.driver import ChargerCommand, ChargerReading, Fallback, ProbeReport
from receiver.cli import main
from receiver.extras import extras_with

CONFIG = """regions = ["12345"]
rating_a = 32
installer_a = 25

[[charger]]
name = "left"
driver = "simulated"

[[charger]]
name = "right"
driver = "simulated"
installer_a = 10
"""
Capture = pytest.CaptureFixture[str]


class Stubborn(simulated.Driver):
    """A charger with a fallback and a read-back, which refuses 13 A."""

    applied_ever: list[ChargerCommand] = []  # noqa: RUF012  # one for all tests, emptied by each
    fallback_ma: int | None = 16_000

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        cls.applied_ever.clear()
        return super().from_options(options, now)

    async def apply(self, command: ChargerCommand) -> None:
        self.applied_ever.append(command)
        if command.limit_ma == 13_000:
            raise ChargerRefusedError("charger stubborn: no 13 A; set another limit")
        await super().apply(command)

    @property
    def reading(self) -> ChargerReading:
        limit_ma = self.applied[-1].limit_ma if self.applied else None
        return ChargerReading(limit_ma=limit_ma, answers=True, alarms=("its lid is open",))

    async def probe(self) -> ProbeReport:
        return ProbeReport("stubborn", ("limits",), Fallback(self.fallback_ma, 30, "its own"), ("turn off the delay",))


@pytest.fixture
def stubborn(monkeypatch: pytest.MonkeyPatch) -> type[Stubborn]:
    monkeypatch.setattr(simulated, "Driver", Stubborn)
    monkeypatch.setattr(Stubborn, "fallback_ma", 16_000)
    monkeypatch.setattr("receiver.charger_trial.BETWEEN_S", 0.001)
    return Stubborn


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "receiver.toml"
    path.write_text(CONFIG)
    return str(path)


def test_every_driver_is_listed_with_what_it_is(capsys: Capture) -> None:
    assert main(["charger", "list"]) == 0
    told = capsys.readouterr().out
    for name in driver_names():
        assert f"\n{name} " in f"\n{told}"
    assert "the charger of tests and dry runs" in told


def test_a_package_is_found_in_its_extra() -> None:
    assert extras_with("websockets") == ["ocpp"]
    assert extras_with("no_such_package") == []


def test_a_probe_says_what_is_there(capsys: Capture, config: str, stubborn: type[Stubborn]) -> None:
    assert main(["charger", "probe", "--config", config, "--charger", "left"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "found      stubborn",
        "supports   limits",
        "fallback   16 A, after 30 s of silence: its own",
        "now        limit unknown, ALARM its lid is open",
        "warning    turn off the delay",
    ]
    assert main(["charger", "probe", "--config", config, "--charger", "left", "-F", "json"]) == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)  # Any: as JSON gives it
    assert (record["v"], record["type"], record["name"]) == (1, "charger", "left")
    assert record["fallback"] == {"limit_a": 16.0, "after_s": 30, "words": "its own"}
    assert record["warnings"] == ["turn off the delay"]
    assert not stubborn.applied_ever


def test_a_fallback_above_the_installers_limit_is_shown_and_refused(
    capsys: Capture, config: str, stubborn: type[Stubborn]
) -> None:
    assert main(["charger", "probe", "--config", config, "--charger", "right"]) == 7
    told = capsys.readouterr()
    assert "fallback   16 A" in told.out
    assert told.err.count("\n") == 1
    assert "right falls back to 16 A when nobody talks to it; allowed: up to 10 A" in told.err
    path = Path(config)
    path.write_text(path.read_text() + "allow_high_fallback = true\n")
    assert main(["charger", "probe", "--config", config, "--charger", "right"]) == 0


def test_a_fallback_that_is_not_known_is_a_warning(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, stubborn: type[Stubborn]
) -> None:
    monkeypatch.setattr(stubborn, "fallback_ma", None)
    assert main(["charger", "probe", "--driver", "simulated", "--installer-a", "6"]) == 0
    assert "warning    charger simulated: its fallback is not known (its own)" in capsys.readouterr().out


def test_a_limit_is_shown_and_taken_back(capsys: Capture, config: str, stubborn: type[Stubborn]) -> None:
    assert main(["charger", "set", "16.5", "--config", config, "--charger", "left", "--minutes", "0.0005"]) == 0
    assert "left: limit 16.5 A, ALARM its lid is open" in capsys.readouterr().out
    first, last = stubborn.applied_ever
    assert (first.limit_ma, first.restricted) == (16_500, True)
    assert first.until is not None
    assert (last.limit_ma, last.restricted, last.until) == (25_000, False, None)


def test_a_limit_may_be_left_there(capsys: Capture, stubborn: type[Stubborn]) -> None:
    command = ["charger", "set", "0", "--driver", "simulated", "--installer-a", "16", "--keep", "-F", "json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["limit_a"] == 0
    assert [one.limit_ma for one in stubborn.applied_ever] == [0]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["probe", "--charger", "middle"], 2, "--charger middle; allowed: left, right"),
        (["probe"], 2, "--charger is not given; allowed: left, right"),
        (["probe", "--option", "a=1"], 2, "--option and --installer-a go with --driver"),
        (["probe", "--driver", "simulated"], 2, "--driver stands instead of --config"),
        (["set", "26", "--charger", "left"], 2, "limit 26 A; allowed: 0 (a pause), or 6..25 A"),
        (["set", "11", "--charger", "right"], 2, "6..10 A"),
        (["set", "3", "--charger", "right"], 2, "limit 3 A; allowed: 0 (a pause)"),
        (["set", "nan", "--charger", "right"], 2, "nan A; allowed"),
        (["set", "-1", "--charger", "right"], 2, "allowed"),
        (["set", "13", "--charger", "left"], 5, "no 13 A; set another limit"),
        (["set", "13", "--charger", "left", "--minutes", "0"], 2, "allowed: more than 0"),
    ],
)
def test_each_mistake_is_one_line(
    capsys: Capture, config: str, stubborn: type[Stubborn], words: list[str], code: int, message: str
) -> None:
    try:
        found = main(["charger", *words, "--config", config])
    except SystemExit as refused:
        found = int(str(refused.code))
    told = capsys.readouterr().err
    assert (found, told.count("\n")) == (code, 1)
    assert message in told


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["set", "6", "--driver", "simulated"], 2, "--driver without --installer-a"),
        (["set", "6", "--driver", "simulated", "--installer-a", "5"], 2, "--installer-a 5; allowed: 6..80"),
        (["probe", "--driver", "toaster"], 2, "charger driver is 'toaster'; allowed: "),
        (["probe", "--driver", "simulated", "--option", "demand_w"], 2, "allowed: NAME=VALUE"),
        (["probe", "--driver", "simulated", "--option", "demand_w=much"], 2, "demand_w is 'much'; allowed"),
        (["probe", "--config", "none.toml"], 3, "none.toml: No such file"),
    ],
)
def test_each_mistake_without_a_configuration_is_one_line(
    capsys: Capture, options: list[str], code: int, message: str
) -> None:
    assert main(["charger", *options]) == code
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert message in told
