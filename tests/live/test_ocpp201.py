"""The driver `ocpp201` against stations of the `ocpp` library in processes of their own, in real time."""

from datetime import timedelta

import pytest

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError
from receiver.chargers.ocpp201 import Driver
from tests.live.ocpp16_run import EVENING, Chain
from tests.live.ocpp201_run import charging_station, live, reading_with, station_here


def test_set_lower_pause_release_on_the_chains_clock() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charging_station(driver, "--version", "2.1") as point:
            await driver.apply(chain.command(16000))
            line = await point.line()
            assert (line["event"], line["limit_a"], line["purpose"]) == ("set", 16.0, "ChargingStationMaxProfile")
            assert line["until"].startswith("2026-01-15T19:00:0")
            assert line["clock"].startswith("2026-01-15T18:00:0")
            assert (await reading_with(driver, limit_ma=16000)).alarms == ()
            for limit_ma in (6000, 0):
                await driver.apply(chain.command(limit_ma))
                assert await point.limit() == ("set", limit_ma / 1000)
            await driver.apply(chain.command(32000, restricted=False))
            assert await point.limit() == ("cleared", None)
            assert (await reading_with(driver, limit_ma=None)).answers is True

    live(case)


def test_a_limit_holds_to_its_end_when_nobody_talks_any_more() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station_here(driver) as point:
            await driver.apply(chain.command(10000, seconds=1.5))
            assert await point.limit() == ("set", 10.0)
            await driver.close()
            assert await point.limit() == ("ended", None)
            assert chain.now() - EVENING < timedelta(seconds=6)

    live(case)


def test_a_station_killed_and_started_again_gets_the_limit_again() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charging_station(driver) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 16.0)
            await point.kill()
        async with charging_station(driver) as point:
            assert await point.limit() == ("set", 16.0)

    live(case)


def test_what_an_earlier_run_with_other_options_left_is_cleared() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station_here(driver, evses=2) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 8.0)
            assert await point.limit() == ("set", 8.0)
            assert (await reading_with(driver, limit_ma=16000)).alarms == ()
            port = driver.port
            await driver.close()
            again = Driver.from_options({"port": port}, chain.now)
            await again.start()
            try:
                await again.apply(chain.command(9000))
                assert await point.limit() == ("set", 9.0)
                for event in ("cleared", "cleared"):
                    assert await point.limit() == (event, 9.0)
            finally:
                await again.close()

    live(case, purpose="TxDefaultProfile", evses=2)


def test_a_station_that_knows_only_what_it_must() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station_here(driver, terse=True) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 16.0)
            report = await driver.probe()
            assert report.found == "charging station CS_1, OCPP 2.0.1"
            assert report.supports == ("limits by ChargingStationMaxProfile in A, stack level 0", "no read-back")
            assert (report.fallback.limit_ma, report.fallback.after_s) == (None, None)
            assert report.fallback.words.startswith("no watchdog: the last limit stays to its profile's end")
            assert (driver.reading.limit_ma, driver.reading.alarms) == (None, ())

    live(case)


def test_watts_with_phases_and_never_guessed() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station_here(driver, rate_unit="W") as point:
            await driver.apply(chain.command(16000))
            line = await point.line()
            assert (line["event"], line["limit_a"], line["limit_w"]) == ("set", None, 11040.0)
            assert (await reading_with(driver, limit_ma=16000)).alarms == ()

    async def without(driver: Driver, chain: Chain) -> None:
        async with station_here(driver, rate_unit="W"):
            with pytest.raises(ChargerRefusedError, match="limits in W only; set phases"):
                await driver.apply(chain.command(16000))

    live(case, phases=3, voltage_v=230)
    live(without)


def test_a_station_that_rejects_is_an_alarm_with_the_remedy() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station_here(driver, reject=True) as point:
            words = r"CS_1 answered Rejected InvalidProfile to a limit of 16000 mA .*or try the other purpose"
            with pytest.raises(ChargerRefusedError, match=words) as refusal:
                await driver.apply(chain.command(16000))
            assert await point.limit() == ("rejected", None)
            assert driver.reading.alarms == (str(refusal.value),)
            assert driver.reading.answers is True

    live(case)


def test_a_station_that_does_not_answer_is_lost() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station_here(driver, silent=True):
            with pytest.raises(DeviceLostError, match=r"CS_1 did not answer SetChargingProfile in 0.5 s"):
                await driver.apply(chain.command(16000))
            assert driver.reading.answers is False
            assert "did not answer" in driver.reading.alarms[0]

    live(case, answer_timeout_s=0.5)


def test_an_absent_station_is_said_and_gets_the_limit_when_it_comes() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        with pytest.raises(DeviceAbsentError, match=rf"ws://127.0.0.1:{driver.port}/ within 0.2 s; enter this address"):
            await driver.apply(chain.command(16000))
        async with station_here(driver) as point:
            assert await point.limit() == ("set", 16.0)
        assert (await reading_with(driver, answers=False)).limit_ma is None

    live(case, connect_timeout_s=0.2)


def test_a_limit_without_a_known_end_is_refreshed_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.chargers.ocpp201.RETRY_S", 0.05)

    async def case(driver: Driver, chain: Chain) -> None:
        async with station_here(driver) as point:
            await driver.apply(chain.command(16000, seconds=None))
            assert (await point.line())["until"].startswith("2026-01-15T19:00:0")
            chain.ahead = timedelta(minutes=31)
            assert (await point.line())["until"].startswith("2026-01-15T19:31:0")

    live(case, profile_s=3600)
