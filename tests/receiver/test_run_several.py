"""`run` for several chargers and a site: each its own draws, owner and faults, all of them heard for once."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest

from rds.errors import ChargerRefusedError, DeviceLostError
from receiver.chargers import simulated
from receiver.chargers.driver import ChargerCommand, ChargerReading, Fallback, ProbeReport
from receiver.cli import main
from receiver.settings import charger_device_id
from tests.receiver.broadcast import TS, Broadcast, curtail, halt, heartbeat
from tests.receiver.installation import START, hex_list, install

Record = dict[str, Any]  # Any: as JSON gives it
Capture = pytest.CaptureFixture[str]


class Odd(simulated.Driver):
    """A charger that does what its name in `behaviour` says; all of them by name in `all_of_them`."""

    behaviour: ClassVar[dict[int, str]] = {}
    all_of_them: ClassVar[dict[int, "Odd"]] = {}
    fallback_ma: ClassVar[int | None] = 6_000

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        driver = super().from_options(options, now)
        cls.all_of_them[len(cls.all_of_them)] = driver
        return driver

    @property
    def _does(self) -> str:
        number = next(number for number, one in self.all_of_them.items() if one is self)
        return self.behaviour.get(number, "")

    async def apply(self, command: ChargerCommand) -> None:
        match self._does:
            case "hangs":
                await asyncio.Event().wait()
            case "lost":
                raise DeviceLostError("charger odd: it stopped answering; look at its wires")
            case "refuses":
                raise ChargerRefusedError("charger odd: it will not; ask its maker")
            case "breaks":
                raise ZeroDivisionError("a bug")
        await super().apply(command)

    @property
    def reading(self) -> ChargerReading:
        if self._does == "widens" and self.applied:
            return ChargerReading(limit_ma=25_000, answers=True, alarms=("it has 25 A, wanted less",))
        return ChargerReading(limit_ma=self.applied[-1].limit_ma if self.applied else None)

    async def probe(self) -> ProbeReport:
        return ProbeReport("odd", (), Fallback(self.fallback_ma, 30, "its own"))

    def limits(self) -> list[int]:
        return [command.limit_ma for command in self.applied]


@pytest.fixture(autouse=True)
def odd(monkeypatch: pytest.MonkeyPatch) -> type[Odd]:
    monkeypatch.setattr(simulated, "Driver", Odd)
    monkeypatch.setattr(Odd, "behaviour", {})
    monkeypatch.setattr(Odd, "all_of_them", {})
    monkeypatch.setattr(Odd, "fallback_ma", 6_000)
    monkeypatch.setattr("receiver.driven_chargers.PATIENCE_S", 0.05)
    return Odd


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    install(tmp_path)
    return tmp_path


def configure(folder: Path, chargers: str, *, regions: str = '["12345"]') -> None:
    path = folder / "12345.toml"
    top = path.read_text().partition("[charger]")[0].replace('["12345"]', regions)
    path.write_text(top + chargers)


def tables(*names: str, more: str = "") -> str:
    return "".join(f'[[charger]]\nname = "{name}"\n{more}\n' for name in names)


def run(folder: Path, capsys: Capture, code: int = 0) -> list[Record]:
    command = ["run", str(folder / "12345.toml"), "--source", str(folder / "groups.hex"), "--start-time", START]
    assert main(command) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def limits_of(told: list[Record], charger: str | None) -> list[float]:
    return [one["limit_a"] for one in told if one["type"] == "limit" and one["charger"] == charger]


def news_of(told: list[Record], charger: str) -> list[Record]:
    return [one for one in told if one["type"] == "charger" and one["name"] == charger]


def test_each_charger_is_told_and_comes_back_at_its_own_moment(folder: Path, capsys: Capture, odd: type[Odd]) -> None:
    configure(folder, tables("left", "right"))
    (folder / "groups.hex").write_text(hex_list(Broadcast().say(heartbeat(TS), curtail(ts=TS + 1, release=10))))
    told = run(folder, capsys)
    for name, driver in zip(("left", "right"), odd.all_of_them.values(), strict=True):
        assert limits_of(told, name) == [32, 16, 32]
        assert driver.limits() == [32_000, 16_000, 32_000]
        assert [one.restricted for one in driver.applied] == [False, True, False]
    back = {one["charger"]: one["time"] for one in told if one["type"] == "limit" and one["limit_a"] == 32}
    assert back["left"] != back["right"]
    assert len([one for one in told if one["type"] == "message"]) == 2, "heard and verified once"
    again = run(folder, capsys)
    assert limits_of(again, "left") == [32]


def test_the_ids_that_chargers_draw_by_are_stable_and_their_own() -> None:
    device_id = bytes(range(16))
    assert charger_device_id(device_id, "") == device_id
    assert charger_device_id(device_id, "left") == sha256(device_id + b"left").digest()[:16]
    assert len({charger_device_id(device_id, name) for name in ("", "left", "right")}) == 3


def test_a_charger_of_a_part_of_the_regions_hears_its_own_alone(folder: Path, capsys: Capture) -> None:
    both = '["12345", "13000"]'
    south = tables("south", more='regions = ["13000"]')
    configure(folder, tables("north", more='regions = ["12345"]') + south + tables("all"), regions=both)
    broadcast = Broadcast().say(heartbeat(TS), curtail(ts=TS + 1), halt(ts=TS + 3, region="13FFF"))
    (folder / "groups.hex").write_text(hex_list(broadcast))
    told = run(folder, capsys)
    assert limits_of(told, "north") == [32, 16, 32]
    assert limits_of(told, "south") == [32, 6, 0, 32]
    assert limits_of(told, "all")[:4] == [32, 16, 6, 0]


@pytest.mark.parametrize("fault", ["lost", "refuses", "breaks"])
def test_a_fault_of_one_leaves_the_others_alone_and_is_told_once(
    folder: Path, capsys: Capture, odd: type[Odd], fault: str
) -> None:
    configure(folder, tables("left", "right"))
    odd.behaviour[0] = fault
    told = run(folder, capsys, code=5)
    assert odd.all_of_them[1].limits()[:2] == [32_000, 16_000]
    assert limits_of(told, "right") == limits_of(told, "left")
    [news] = news_of(told, "left")
    assert "charger" in news["error"]
    assert "\n" not in news["error"]
    assert news_of(told, "right")[0]["found"] == "odd"


def test_a_charger_that_hangs_delays_no_other(folder: Path, capsys: Capture, odd: type[Odd]) -> None:
    configure(folder, tables("left", "right"))
    odd.behaviour[0] = "hangs"
    run(folder, capsys)
    assert odd.all_of_them[1].limits() == [32_000, 16_000, 16_000, 32_000]


def test_a_site_shares_its_limit_and_lowers_before_it_raises(folder: Path, capsys: Capture, odd: type[Odd]) -> None:
    configure(folder, tables("left", "right") + "[site]\nlimit_a = 40\n")
    told = run(folder, capsys)
    assert limits_of(told, "left")[0] == 32, "its own decision"
    left, right = odd.all_of_them[0].applied, odd.all_of_them[1].applied
    for applied in (left, right):
        assert [one.limit_ma for one in applied][:2] == [20_000, 16_000]
        assert applied[-1].limit_ma == 20_000
    assert all(one.restricted and one.until is None for one in [*left, *right])
    assert left[0].reason == "its share of the site's limit"
    assert "curtailed to 16 A" in left[1].reason


@pytest.mark.parametrize(("fault", "fallback_ma"), [("lost", 10_000), ("lost", None), ("refuses", 32_000)])
def test_who_does_not_obey_is_counted_at_what_it_takes_alone(
    folder: Path, capsys: Capture, odd: type[Odd], fault: str, fallback_ma: int | None
) -> None:
    """It never took a command, so that it may be at its rating, whatever its fallback would be."""
    configure(folder, tables("left", "right") + "[site]\nlimit_a = 32\n")
    odd.behaviour[0] = fault
    odd.fallback_ma = fallback_ma
    run(folder, capsys, code=5)
    assert odd.all_of_them[1].limits()[-1] == 0


def test_who_has_more_than_it_was_told_is_counted_at_what_it_says(
    folder: Path, capsys: Capture, odd: type[Odd]
) -> None:
    configure(folder, tables("left", "right") + "[site]\nlimit_a = 40\n")
    odd.behaviour[0] = "widens"
    told = run(folder, capsys)
    assert odd.all_of_them[1].limits()[-1] == 15_000
    assert news_of(told, "left")[-1]["alarms"] == ["it has 25 A, wanted less"]


def test_a_high_fallback_ends_the_run_of_one_charger(folder: Path, capsys: Capture, odd: type[Odd]) -> None:
    odd.fallback_ma = 40_000
    command = ["run", str(folder / "12345.toml"), "--source", str(folder / "groups.hex")]
    assert main(command) == 7
    told = capsys.readouterr()
    [line] = [line for line in told.err.splitlines() if "falls back" in line]
    assert "falls back to 40 A when nobody talks to it; allowed: up to 32 A" in line
    assert odd.all_of_them[0].limits() == [32_000]
    configure(folder, "[charger]\nallow_high_fallback = true\n")
    assert main(command) == 0


def test_a_high_fallback_among_several_is_an_alarm_in_every_status(
    folder: Path, capsys: Capture, odd: type[Odd]
) -> None:
    configure(folder, tables("left") + tables("right", more="allow_high_fallback = true"))
    odd.fallback_ma = 40_000
    told = run(folder, capsys)
    assert any("falls back to 40 A" in alarm for alarm in news_of(told, "left")[0]["alarms"])
    assert news_of(told, "right")[0]["alarms"] == []
    assert main(["status", "--config", str(folder / "12345.toml")]) == 0
    left, right = capsys.readouterr().out.split("charger    right\n")
    assert "warning    charger left falls back to 40 A" in left
    assert "falls back" not in right


def test_an_unknown_fallback_is_a_warning(folder: Path, capsys: Capture, odd: type[Odd]) -> None:
    odd.fallback_ma = None
    told = run(folder, capsys)
    [news, *_] = [one for one in told if one["type"] == "charger"]
    assert news["name"] is None
    assert news["warnings"] == ["charger simulated: its fallback is not known (its own); counted as its rating"]


def test_override_log_and_status_are_of_one_charger(folder: Path, capsys: Capture) -> None:
    configure(folder, tables("left", "right"))
    config = ["--config", str(folder / "12345.toml")]
    run(folder, capsys)
    assert main(["log", "--charger", "left", *config]) == 0
    assert capsys.readouterr().out.count("curtail 16 A") == 1
    assert main(["override", "always", "--charger", "left", *config]) == 0
    (folder / "12345.sqlite3.lock").unlink()
    capsys.readouterr()
    broadcast = Broadcast().say(heartbeat(TS + 60), curtail(ts=TS + 61))
    (folder / "groups.hex").write_text(hex_list(broadcast))
    told = run(folder, capsys)
    assert set(limits_of(told, "left")) == {32}
    assert 16 in limits_of(told, "right")
    for words, line in (
        (["override", "clear"], "there are several chargers and --charger is not given; allowed: left, right"),
        (["log", "--charger", "middle"], "--charger middle; allowed: left, right"),
    ):
        assert main([*words, *config]) == 2
        assert line in capsys.readouterr().err
    assert main(["status", "-F", "json", *config]) == 0
    stands = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["charger"], one["override"] is None) for one in stands] == [("left", False), ("right", True)]
