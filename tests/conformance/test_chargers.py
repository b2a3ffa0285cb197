"""Every charger driver in the folder, each against the other side that stands under its name in `chargers/`."""

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest

from rds.errors import UsageError
from receiver.chargers import driver_names, load_driver
from receiver.chargers.driver import ChargerCommand, ChargerDriver

LOCAL_MA = 32000
NOW = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
Question = Callable[[], Awaitable[int | None]]
Case = Callable[[ChargerDriver, Question], Awaitable[None]]


def command(limit_ma: int, *, restricted: bool = True, minutes: int | None = 60) -> ChargerCommand:
    until = None if minutes is None else NOW + timedelta(minutes=minutes)
    return ChargerCommand(limit_ma, moment=NOW, until=until, restricted=restricted, reason="test")


def other_side(name: str) -> ModuleType:
    return importlib.import_module(f"tests.conformance.chargers.{name}")


def nearest_ma(name: str, limit_ma: int) -> int:
    """What the charger should hold for a limit: itself, or what its other side says of one that is only switched."""
    held: int = getattr(other_side(name), "nearest_ma", int)(limit_ma)
    assert held <= limit_ma
    return held


DRIVERS = [pytest.param(name, marks=getattr(other_side(name), "MARKS", ())) for name in driver_names()]
"""Each with the peers that its other side needs, as `MARKS`."""


def run_case(name: str, case: Case) -> None:
    """Start the driver, connect its other side, run the case and close the driver, all within 20 s."""

    async def whole() -> None:
        side = other_side(name)
        driver = load_driver(name).from_options(side.OPTIONS, lambda: NOW)
        async with asyncio.timeout(20):
            await driver.start()
            try:
                async with side.connect(driver) as limit_ma:
                    await case(driver, limit_ma)
            finally:
                await driver.close()
                await driver.close()

    asyncio.run(whole())


@pytest.mark.parametrize("name", DRIVERS)
def test_limits_repeat_pause_and_release(name: str) -> None:
    async def case(driver: ChargerDriver, limit_ma: Question) -> None:
        for limit in (16000, 16000, 6000, 0, 32000):
            await driver.apply(command(limit))
            assert await limit_ma() == nearest_ma(name, limit)
        for _ in range(2):
            await driver.apply(command(LOCAL_MA, restricted=False))
            assert await limit_ma() in (
                None,
                nearest_ma(name, LOCAL_MA),
            )  # taken back, or all that the local limit allows
        await driver.apply(command(13000, minutes=None))
        assert await limit_ma() == nearest_ma(name, 13000)

    run_case(name, case)


@pytest.mark.parametrize("name", DRIVERS)
def test_no_limit_is_ever_rounded_up(name: str) -> None:
    async def case(driver: ChargerDriver, limit_ma: Question) -> None:
        await driver.apply(command(12399))
        held = await limit_ma()
        assert held is not None
        assert min(11000, nearest_ma(name, 12399)) <= held <= 12399

    run_case(name, case)


@pytest.mark.parametrize("name", DRIVERS)
def test_a_release_before_any_limit_is_accepted(name: str) -> None:
    async def case(driver: ChargerDriver, limit_ma: Question) -> None:
        await driver.apply(command(LOCAL_MA, restricted=False))
        assert await limit_ma() in (None, nearest_ma(name, LOCAL_MA))

    run_case(name, case)


@pytest.mark.parametrize("name", DRIVERS)
def test_a_probe_says_what_is_there_and_changes_no_limit(name: str) -> None:
    async def case(driver: ChargerDriver, limit_ma: Question) -> None:
        await driver.apply(command(16000))
        report = await driver.probe()
        assert report.found
        assert report.fallback.words
        assert await limit_ma() == nearest_ma(name, 16000)

    run_case(name, case)


@pytest.mark.parametrize("name", DRIVERS)
def test_closing_before_starting_does_no_harm(name: str) -> None:
    asyncio.run(load_driver(name).from_options(other_side(name).OPTIONS, lambda: NOW).close())


@pytest.mark.parametrize("name", DRIVERS)
def test_options_that_are_wrong_are_named_with_what_is_allowed(name: str) -> None:
    for table in [{"colour": "red"}, *other_side(name).BAD_OPTIONS]:
        with pytest.raises(UsageError, match=f"charger {name} .*{next(iter(table))}.*allowed: ") as refusal:
            load_driver(name).from_options(table, lambda: NOW)
        assert "\n" not in str(refusal.value)


def test_an_unknown_driver_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(UsageError, match=f"'driver'; allowed: {', '.join(driver_names())}"):
        load_driver("driver")
    with pytest.raises(UsageError, match="allowed"):
        load_driver("_template")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [module for module in sys.modules if "ocpp16" in module]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "websockets", None)
    monkeypatch.setitem(sys.modules, "websockets.asyncio.server", None)
    with pytest.raises(UsageError, match=r"ocpp16 needs the package websockets.*the extra ocpp"):
        load_driver("ocpp16")


def test_both_templates_run() -> None:
    from receiver.chargers._template import Driver

    async def whole() -> None:
        side = other_side("_template")
        driver = Driver.from_options(side.OPTIONS, lambda: NOW)
        await driver.start()
        async with side.connect(driver) as limit_ma:
            await driver.apply(command(16000))
            assert await limit_ma() is None  # a template sets nothing
        await driver.close()
        for table in side.BAD_OPTIONS:
            with pytest.raises(UsageError):
                Driver.from_options(table, lambda: NOW)

    asyncio.run(whole())


@pytest.mark.parametrize("limit_ma", [-1, 1, 5999])
def test_a_command_below_six_amperes_is_a_pause_or_nothing(limit_ma: int) -> None:
    with pytest.raises(ValueError, match="allowed"):
        command(limit_ma)


def test_a_command_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ChargerCommand(0, moment=NOW.replace(tzinfo=None), until=None, restricted=True, reason="test")
