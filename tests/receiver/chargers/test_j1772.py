"""The pilot's arithmetic by a published table, its inverse, and the driver `j1772` on the files of a PWM channel."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.errors import ChargerRefusedError, DeviceAbsentError
from receiver.chargers._j1772_pilot import PERIOD_NS, duty_ns, offered_ma
from receiver.chargers.driver import ChargerCommand
from receiver.chargers.j1772 import Driver

NOW = datetime(2026, 1, 15, 18, tzinfo=UTC)
TABLE = {
    8: 6.0, 10: 6.0, 11: 6.6, 16: 9.6, 20: 12.0, 25: 15.0, 27: 16.2, 33: 19.8, 40: 24.0, 50: 30.0, 53: 31.8,
    54: 32.4, 60: 36.0, 66: 39.6, 70: 42.0, 80: 48.0, 84: 50.4, 85: 51.0,
    86: 55.0, 87: 57.5, 88: 60.0, 90: 65.0, 92: 70.0, 94: 75.0, 95: 77.5, 96: 80.0, 97: 80.0,
}  # fmt: skip
"""Duty cycle in % to A: Fluke FEV300, user's manual, table 4."""


def test_a_car_reads_the_published_table() -> None:
    for percent, amps in TABLE.items():
        assert offered_ma(percent * PERIOD_NS // 100, PERIOD_NS) == round(1000 * amps)


def test_what_means_no_charging() -> None:
    # The same manual: below 3 % an error, 5 % digital communication, 7 to 8 % an error, 100 % no charging allowed.
    for percent in (0, 1, 5, 7.5, 98, 100):
        assert offered_ma(round(percent * PERIOD_NS / 100), PERIOD_NS) == 0


def test_a_current_gives_the_duty_cycle_of_the_table() -> None:
    for percent, amps in TABLE.items():
        if percent not in (8, 97):
            assert duty_ns(round(1000 * amps)) == percent * PERIOD_NS // 100
    assert duty_ns(16_000) == 266_666  # 16 A / 0.6 = 26.67 %
    assert duty_ns(16_000, step_ns=1000) == 266_000
    assert duty_ns(0) == PERIOD_NS
    assert duty_ns(125_000) == 960_000
    assert duty_ns(52_499) == duty_ns(51_000) == 850_000
    assert duty_ns(6_000, step_ns=30_000) == PERIOD_NS  # 9 % would be less than a pilot can say


@given(st.integers(6000, 100_000), st.integers(1, 10_000))
def test_no_current_is_ever_rounded_up(limit_ma: int, step_ns: int) -> None:
    high_ns = duty_ns(limit_ma, step_ns=step_ns)
    offered = offered_ma(high_ns, PERIOD_NS)
    assert offered <= limit_ma
    assert offered == 0 or offered > min(limit_ma, 80_000) - 1500 - 5 * step_ns  # the bend, the step


@given(st.integers(), st.integers())
def test_any_read_back_is_a_current_or_impossible(high_ns: int, period_ns: int) -> None:
    if 0 <= high_ns <= period_ns and period_ns > 0:
        assert 0 <= offered_ma(high_ns, period_ns) <= 80_000
    else:
        with pytest.raises(ValueError, match="allowed"):
            offered_ma(high_ns, period_ns)


@pytest.mark.parametrize("limit_ma", [-1, 1, 5999])
def test_below_six_amperes_there_is_only_the_pause(limit_ma: int) -> None:
    with pytest.raises(ValueError, match="allowed"):
        duty_ns(limit_ma)


def command(limit_ma: int, *, restricted: bool = True) -> ChargerCommand:
    return ChargerCommand(limit_ma, moment=NOW, until=None, restricted=restricted, reason="test")


def channel(folder: Path, *, period: str = "0", duty_cycle: str = "0", enable: str = "0") -> Path:
    folder.mkdir(parents=True)
    for name, text in (("period", period), ("duty_cycle", duty_cycle), ("enable", enable)):
        (folder / name).write_text(text + "\n")
    return folder


def files(folder: Path) -> tuple[str, ...]:
    return tuple((folder / name).read_text().strip() for name in ("period", "duty_cycle", "enable"))


def run(folder: Path, case: Callable[[Driver], Awaitable[None]], **options: object) -> None:
    async def whole() -> None:
        driver = Driver.from_options({"pwm": str(folder), "highest_a": 32, "change_s": 0, **options}, lambda: NOW)
        async with asyncio.timeout(10):
            try:
                await case(driver)
            finally:
                await driver.close()

    asyncio.run(whole())


def test_a_pilot_is_set_up_read_back_and_never_above_what_the_cable_takes(tmp_path: Path) -> None:
    pwm = channel(tmp_path / "pwm0", period="20000", duty_cycle="15000")

    async def case(driver: Driver) -> None:
        await driver.apply(command(16_000))
        assert files(pwm) == ("1000000", "266000", "1")
        assert (driver.reading.limit_ma, driver.reading.alarms) == (15_960, ())
        await driver.apply(command(0))
        assert files(pwm) == ("1000000", "1000000", "1")
        assert driver.reading.limit_ma == 0
        await driver.apply(command(63_000, restricted=False))
        assert files(pwm) == ("1000000", "533000", "1")

    run(pwm, case)
    assert files(pwm)[2] == "1", "closing leaves the limit"


def test_the_pilot_changes_at_most_so_often_and_then_to_the_newest(tmp_path: Path) -> None:
    pwm = channel(tmp_path / "pwm0")

    async def case(driver: Driver) -> None:
        await driver.apply(command(16_000))
        started = time.monotonic()
        await driver.apply(command(16_000))  # no change
        assert time.monotonic() - started < 0.15
        waiting = asyncio.create_task(driver.apply(command(10_000)))
        await asyncio.sleep(0.05)
        assert files(pwm)[1] == "266000"
        newest = asyncio.create_task(driver.apply(command(0)))
        await waiting
        assert time.monotonic() - started > 0.2
        assert files(pwm)[1] == "1000000"
        await newest

    run(pwm, case, change_s=0.3)


def test_another_hand_on_the_pilot_is_corrected_or_told(tmp_path: Path) -> None:
    pwm = channel(tmp_path / "pwm0")

    async def case(driver: Driver) -> None:
        await driver.apply(command(16_000))
        (pwm / "duty_cycle").write_text("900000\n")
        await driver.start()
        while files(pwm)[1] != "266000":
            await asyncio.sleep(0.01)

    run(pwm, case, refresh_s=0.1)


def test_a_channel_is_exported_when_it_is_not_yet(tmp_path: Path) -> None:
    (tmp_path / "export").write_text("")

    async def case(driver: Driver) -> None:
        with pytest.raises(DeviceAbsentError, match="it is not there"):  # a plain file makes no channel
            await driver.apply(command(16_000))

    run(tmp_path / "pwm3", case)
    assert (tmp_path / "export").read_text() == "3"


def test_a_probe_changes_nothing_and_warns(tmp_path: Path) -> None:
    pwm = channel(tmp_path / "pwm0", period="1000000", duty_cycle="266666", enable="1")

    async def case(driver: Driver) -> None:
        report = await driver.probe()
        assert report.found.endswith("now offering 16 A")
        assert (report.fallback.limit_ma, report.fallback.after_s) == (32_000, None)
        assert "when it ends" in report.warnings[0]
        assert files(pwm)[1] == "266666"

    run(pwm, case)


@pytest.mark.parametrize(
    ("odd", "message"),
    [({"period": "soon"}, "period is 'soon'"), ({"duty_cycle": "2", "period": "1", "enable": "1"}, "cannot be")],
)
def test_impossible_values_are_one_line(tmp_path: Path, odd: dict[str, str], message: str) -> None:
    pwm = channel(tmp_path / "pwm0", **odd)

    async def case(driver: Driver) -> None:
        with pytest.raises(ChargerRefusedError, match=message) as fault:
            await driver.probe()
        assert "\n" not in str(fault.value)

    run(pwm, case)


def test_a_pilot_of_another_frequency_is_an_alarm(tmp_path: Path) -> None:
    pwm = channel(tmp_path / "pwm0", period="1100000", duty_cycle="300000", enable="1")

    async def case(driver: Driver) -> None:
        await driver.start()
        while driver.reading.answers is None:
            await asyncio.sleep(0)
        assert "a period of 1100000 ns" in driver.reading.alarms[0]

    run(pwm, case)


def test_a_channel_that_does_not_take_a_value_is_one_line(tmp_path: Path) -> None:
    pwm = channel(tmp_path / "pwm0")
    (pwm / "enable").unlink()
    (pwm / "enable").mkdir()

    async def case(driver: Driver) -> None:
        with pytest.raises(Exception, match=r"j1772 .*/pwm0") as fault:
            await driver.apply(command(16_000))
        assert "\n" not in str(fault.value)

    run(pwm, case)
