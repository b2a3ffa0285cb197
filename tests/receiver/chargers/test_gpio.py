"""The driver `gpio` on a file for a pin: all or nothing, both polarities, pins that are not there or hold nonsense."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError
from receiver.chargers.driver import ChargerCommand
from receiver.chargers.gpio import Driver

NOW = datetime(2026, 1, 15, 18, tzinfo=UTC)


def command(limit_ma: int, *, restricted: bool = True) -> ChargerCommand:
    return ChargerCommand(limit_ma, moment=NOW, until=None, restricted=restricted, reason="test")


def run(pin: str, case: Callable[[Driver], Awaitable[None]], **options: object) -> None:
    async def whole() -> None:
        driver = Driver.from_options({"pin": pin, "closed_a": 16, **options}, lambda: NOW)
        async with asyncio.timeout(10):
            try:
                await case(driver)
            finally:
                await driver.close()

    asyncio.run(whole())


@pytest.mark.parametrize(("active_low", "closed"), [(False, "1"), (True, "0")])
def test_the_contact_closes_only_for_the_whole_current(tmp_path: Path, active_low: bool, closed: str) -> None:
    pin = tmp_path / "pin"
    pin.write_text("1\n")

    async def case(driver: Driver) -> None:
        for limit_ma, is_closed in ((16000, True), (15999, False), (32000, True), (6000, False), (0, False)):
            await driver.apply(command(limit_ma))
            assert (pin.read_text() == closed) is is_closed
            assert driver.reading.limit_ma == (16000 if is_closed else 0)
            assert driver.reading.alarms == ()
        await driver.apply(command(16000, restricted=False))
        assert pin.read_text() == closed

    run(f"file:{pin}", case, active_low=active_low)


def test_a_pin_that_another_sets_is_set_again(tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("0")

    async def case(driver: Driver) -> None:
        await driver.start()
        await driver.apply(command(0))
        pin.write_text("1")
        while pin.read_text() != "0":
            await asyncio.sleep(0.01)

    run(f"file:{pin}", case, refresh_s=0.1)


def test_a_probe_changes_nothing(tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("1\n")

    async def case(driver: Driver) -> None:
        report = await driver.probe()
        assert report.found.endswith("its contact closed")
        assert (report.fallback.limit_ma, report.fallback.after_s) == (16000, None)
        assert "no watchdog" in report.fallback.words
        assert pin.read_text() == "1\n"

    run(f"file:{pin}", case)


def test_a_pin_of_nonsense_or_none_is_one_line(tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("maybe")

    async def odd(driver: Driver) -> None:
        with pytest.raises(ChargerRefusedError, match="holds 'maybe'; 0 or 1 can be"):
            await driver.probe()
        await driver.apply(command(16000))
        assert driver.reading.alarms == ()
        pin.unlink()
        pin.mkdir()
        with pytest.raises(DeviceLostError, match="asked for 0 mA"):
            await driver.apply(command(0))

    async def absent(driver: Driver) -> None:
        with pytest.raises(DeviceAbsentError, match="it is not there") as fault:
            await driver.apply(command(16000))
        assert str(fault.value) in driver.reading.alarms

    run(f"file:{pin}", odd)
    run(f"file:{tmp_path}/none", absent)
    run("/dev/gpiochip99:17", absent)
    run(f"{tmp_path}/pin:17", not_a_chip)


async def not_a_chip(driver: Driver) -> None:
    with pytest.raises(DeviceAbsentError, match="GPIO chip"):
        await driver.apply(command(16000))
