"""The driver `openevse` against a controller over a pseudo-terminal and TCP: supervision, overrides, bad wires."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError
from receiver.chargers import _kept, _openevse_rapi
from receiver.chargers.driver import ChargerCommand
from receiver.chargers.openevse import Driver
from tests.live.openevse_controller import CHARGING, SLEEPING, Controller, on_tcp, on_terminal

NOW = datetime(2026, 1, 15, 18, tzinfo=UTC)


def command(limit_a: int, *, restricted: bool = True) -> ChargerCommand:
    return ChargerCommand(1000 * limit_a, moment=NOW, until=None, restricted=restricted, reason="test")


@contextlib.asynccontextmanager
async def driving(url: str, **options: object) -> AsyncIterator[Driver]:
    """A driver that writes only when told: its own rhythm has not begun."""
    driver = Driver.from_options({"url": url, "answer_timeout_s": 2.0, **options}, lambda: NOW)
    try:
        yield driver
    finally:
        await driver.close()


def run(case: Callable[[Driver, Controller], Awaitable[None]], controller: Controller | None = None) -> Controller:
    """A case over a pseudo-terminal, within 10 s."""
    device = controller or Controller()

    async def whole() -> None:
        async with asyncio.timeout(10), on_terminal(device) as path, driving(path) as driver:
            await case(driver, device)

    asyncio.run(whole())
    return device


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("sequences", [True, False])
def test_a_limit_is_volatile_and_read_back_with_meter_and_cable(sequences: bool) -> None:
    async def case(driver: Driver, controller: Controller) -> None:
        await driver.apply(command(16))
        assert (controller.amps, controller.configured_a, controller.state) == (16, 32, CHARGING)
        reading = driver.reading
        assert (reading.limit_ma, reading.current_ma, reading.energy_wh, reading.plugged) == (16000, 15700, 12345, True)
        assert (reading.answers, reading.alarms, reading.overridden) == (True, (), None)

    controller = run(case, Controller(sequences=sequences))
    assert "SC 16 V" in controller.heard
    assert not [line for line in controller.heard if line.startswith("SC") and not line.endswith("V")]


def test_the_supervision_is_armed_and_a_missed_pulse_never_raises_the_current() -> None:
    async def case(driver: Driver, controller: Controller) -> None:
        await driver.apply(command(16))
        assert (controller.interval_s, controller.fallback_a) == (60, 6)
        assert controller.heard.count("SY") == 1
        controller._expire()
        assert controller.amps == 6
        await driver.apply(command(13))
        assert (controller.amps, controller.missed) == (13, 0)
        assert driver.reading.alarms == ()

    assert "SY 165" not in run(case).heard


def test_without_supervision_it_says_so() -> None:
    async def case(driver: Driver, controller: Controller) -> None:
        await driver.apply(command(16))
        assert "no heartbeat supervision" in driver.reading.alarms[0]
        report = await driver.probe()
        assert (report.fallback.limit_ma, report.fallback.after_s) == (None, None)
        assert "bring it up to date" in report.warnings[0]

    run(case, Controller(supervision=False))


def test_a_probe_says_firmware_range_fallback_and_a_timer() -> None:
    async def case(driver: Driver, controller: Controller) -> None:
        report = await driver.probe()
        assert report.found == "OpenEVSE controller, firmware D8.2.1"
        assert "6 to 24 A as it is set up" in report.supports
        assert (report.fallback.limit_ma, report.fallback.after_s) == (6000, 60)
        assert "delay timer" in report.warnings[0]
        assert controller.amps == 24

    run(case, Controller(configured_a=24, timer="23 0 6 0"))


def test_a_controller_set_lower_takes_its_own_highest_without_alarm() -> None:
    async def case(driver: Driver, controller: Controller) -> None:
        await driver.apply(command(32, restricted=False))
        assert (driver.reading.limit_ma, driver.reading.alarms) == (16000, ())

    run(case, Controller(configured_a=16))


def test_a_person_who_wakes_a_paused_charger_is_respected_until_the_next_limit() -> None:
    async def case(driver: Driver, controller: Controller) -> None:
        pause = command(0)
        await driver.apply(pause)
        assert (controller.state, controller.amps) == (SLEEPING, 6)
        controller.state = CHARGING
        for _ in range(2):
            await driver.apply(pause)
            assert controller.state == CHARGING
            assert (driver.reading.overridden or "").startswith("woken")
            assert driver.reading.alarms == ()
        await driver.apply(command(16))
        assert (controller.amps, driver.reading.overridden) == (16, None)
        await driver.apply(pause)
        assert controller.state == SLEEPING

    run(case)


def test_a_person_who_puts_it_to_sleep_is_respected() -> None:
    async def case(driver: Driver, controller: Controller) -> None:
        await driver.apply(command(16))
        controller.state = SLEEPING
        await driver.apply(command(20))
        assert (controller.state, controller.amps) == (SLEEPING, 20)
        assert (driver.reading.overridden or "").startswith("put to sleep")
        assert (driver.reading.limit_ma, driver.reading.alarms) == (0, ())

    run(case)


def test_a_receiver_started_anew_wakes_its_own_pause() -> None:
    async def case(first: Driver, controller: Controller) -> None:
        await first.apply(command(0))
        await first.close()
        async with driving(first._options.url) as second:
            await second.apply(command(32, restricted=False))
        assert (controller.state, controller.amps) == (CHARGING, 32)

    run(case)


def test_a_controller_that_boots_gets_its_limit_and_its_pause_again() -> None:
    async def case(driver: Driver, controller: Controller) -> None:
        await driver.apply(command(16))
        controller.boot()
        await driver.apply(command(16))
        assert controller.amps == 16
        await driver.apply(command(0))
        controller.configured_a = 6  # so that only its notice tells
        controller.boot()
        await driver.apply(command(0))
        assert (controller.state, driver.reading.overridden) == (SLEEPING, None)

    run(case)


def test_faults_of_the_charger_are_alarms() -> None:
    async def case(driver: Driver, controller: Controller) -> None:
        await driver.apply(command(16))
        assert "relay is stuck" in driver.reading.alarms[0]

    run(case, Controller(state=0x08))


@pytest.mark.parametrize("said", ["OK", "OK much", "OK 99", "OK 0"])
def test_impossible_values_are_refused_in_one_line(said: str) -> None:
    class Odd(Controller):
        def _do(self, word: str, values: list[str]) -> str:
            return said if word == "GE" else super()._do(word, values)

    async def case(driver: Driver, controller: Controller) -> None:
        with pytest.raises(ChargerRefusedError) as refused:
            await driver.apply(command(16))
        assert "\n" not in str(refused.value)
        assert driver.reading.alarms[0] == str(refused.value)

    run(case, Odd())


def test_a_controller_that_sets_more_than_asked_is_refused() -> None:
    class Generous(Controller):
        def _do(self, word: str, values: list[str]) -> str:
            return "OK 32" if word == "SC" else super()._do(word, values)

    async def case(driver: Driver, controller: Controller) -> None:
        with pytest.raises(ChargerRefusedError, match="at most 16 A is wanted"):
            await driver.apply(command(16))

    run(case, Generous())


def test_answers_lost_damaged_or_late_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_openevse_rapi, "TRY_S", 0.05)
    seen = 0

    def spoil(data: bytes) -> bytes | None:
        nonlocal seen
        seen += 1
        return {0: None, 1: b"$AT 03^00\r" + data.replace(b"OK", b"NK"), 4: b"$OK 99 :EE^00\r$OK 9"}.get(seen % 7, data)

    async def case(driver: Driver, controller: Controller) -> None:
        controller.alter = spoil
        await driver.apply(command(16))
        assert (controller.amps, driver.reading.limit_ma) == (16, 16000)

    run(case)
    assert seen > 10


def test_an_answer_to_an_earlier_command_is_passed_over() -> None:
    last = b""

    def late(data: bytes) -> bytes:
        nonlocal last
        last, before = data, last
        return before + data

    async def case(driver: Driver, controller: Controller) -> None:
        controller.alter = late
        for limit_a in (16, 10):
            await driver.apply(command(limit_a))
            assert (driver.reading.limit_ma, driver.reading.current_ma) == (1000 * limit_a, 15_700)

    run(case, Controller(notices=False))


def test_a_silent_one_is_lost_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_openevse_rapi, "TRY_S", 0.02)
    monkeypatch.setattr(_kept, "FIRST_PAUSE_S", 0.05)

    async def case(driver: Driver, controller: Controller) -> None:
        await driver.apply(command(16))
        controller.alter = lambda _: None
        with pytest.raises(DeviceLostError, match="asked for 10000 mA, no answer"):
            await driver.apply(command(10))
        assert driver.reading.answers is False
        controller.alter = lambda data: data
        await driver.start()
        await until(lambda: controller.amps == 10)

    run(case)


def test_a_dropped_connection_over_tcp_is_opened_again_and_the_limit_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kept, "FIRST_PAUSE_S", 0.05)

    async def whole() -> None:
        controller = Controller()
        async with asyncio.timeout(10), on_tcp(controller) as (port, drop):
            url = f"tcp://127.0.0.1:{port}"
            async with driving(url, watchdog_s=2) as driver:
                await driver.start()
                await driver.apply(command(16))
                drop()
                controller.boot()
                await until(lambda: controller.amps == 16 and driver.reading.answers is True)
                drop()
                # Whatever the refresh finds first, a person's command gets one clear line or its way.
                with contextlib.suppress(DeviceLostError):
                    await driver.apply(command(12))
                await until(lambda: controller.amps == 12)

    asyncio.run(whole())


def test_a_controller_that_refuses_at_first_is_driven_when_it_does_no_more() -> None:
    class Starting(Controller):
        asked = 0

        def _do(self, word: str, values: list[str]) -> str:
            self.asked += word == "GV"
            return "NK" if self.asked == 1 else super()._do(word, values)

    async def case(driver: Driver, controller: Controller) -> None:
        with pytest.raises(ChargerRefusedError, match=r"answered .GV with 'NK'"):
            await driver.apply(command(16))
        await driver.apply(command(16))
        assert controller.amps == 16

    run(case, Starting())


def test_nobody_there_is_one_line() -> None:
    async def whole() -> None:
        for url in ("/dev/ttyNONE", "tcp://127.0.0.1:1", f"tcp://{'x' * 64}:1"):
            async with driving(url) as driver:
                with pytest.raises(DeviceAbsentError, match=url):
                    await driver.apply(command(16))
                assert url in driver.reading.alarms[0]

    asyncio.run(whole())


def test_the_current_falls_when_the_receiver_goes_away() -> None:
    async def whole() -> None:
        controller = Controller()
        async with asyncio.timeout(10), on_terminal(controller) as path:
            async with driving(path, watchdog_s=2, fallback_a=8) as driver:
                await driver.apply(command(16))
                controller.interval_s = 0  # its clock runs faster here
                controller._watch()
            controller._expire()
            assert controller.amps == 8

    asyncio.run(whole())
