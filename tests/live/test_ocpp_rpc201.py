"""The driver `ocpp201` against a station on npm's `ocpp-rpc`: another wire, other schemas, checked both ways."""

from pathlib import Path

import pytest

from receiver.chargers.ocpp201 import Driver
from tests.live.ocpp16_run import Chain
from tests.live.ocpp201_run import live, reading_with
from tests.live.ocpp_rpc import is_installed, station
from tests.live.test_ocpp_hub import certificate

__all__ = ["certificate"]

pytestmark = pytest.mark.peer("ocpp-rpc", debian="nodejs npm", found=is_installed)
both = pytest.mark.parametrize("protocol", ["ocpp2.0.1", "ocpp2.1"])


def endpoint(driver: Driver) -> str:
    return f"ws://127.0.0.1:{driver.port}"


@both
def test_set_lower_pause_release_and_the_reading(protocol: str) -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(endpoint(driver), "--meter", protocol=protocol) as point:
            await driver.apply(chain.command(16000))
            line = await point.until_line(event="set", limit_a=16)
            assert line["purpose"] == "ChargingStationMaxProfile"
            assert line["until"].startswith("2026-01-15T19:00:0")
            reading = await reading_with(driver, limit_ma=16000, energy_wh=2250)
            assert (reading.plugged, reading.current_ma, reading.alarms) == (True, 15200, ())
            for limit_ma in (6000, 0):
                await driver.apply(chain.command(limit_ma))
                await point.until_line(event="set", limit_a=limit_ma / 1000)
            await driver.apply(chain.command(32000, restricted=False))
            await point.until_line(event="cleared", limit_a=None)

    live(case, watchdog_s=0)


def test_a_probe_of_2_1_finds_the_watchdog_and_a_limit_of_someone_else_is_respected() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(endpoint(driver), "--evses", "2", protocol="ocpp2.1") as point:
            report = await driver.probe()
            assert report.found == "ocpp-rpc CP_1, OCPP 2.1"
            assert report.supports == (
                "limits by ChargingStationMaxProfile in A, stack level 8",
                "read-back by GetCompositeSchedule",
                "EVSEs: 2",
            )
            assert (report.fallback.limit_ma, report.fallback.after_s) == (6000, 300)
            assert report.warnings == ()
            await driver.apply(chain.command(16000))
            await reading_with(driver, limit_ma=16000)
            point.say("limit 10")
            reading = await reading_with(driver, limit_ma=10000)
            assert reading.overridden == "another limit is set at the charging station, by EMS"
            assert reading.alarms == ()
            point.say("limit")
            assert (await reading_with(driver, limit_ma=16000)).overridden is None

    live(case)


def test_a_station_of_2_1_falls_back_when_we_are_gone_but_never_above_the_limit() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(endpoint(driver), protocol="ocpp2.1") as point:
            await driver.apply(chain.command(16000))
            await point.until_line(event="set", limit_a=16)
            point.say("offline")
            await point.until_line(event="changed", limit_a=6)
            point.say("online")
            await point.until_line(event="changed", limit_a=16)
            await driver.apply(chain.command(0))
            await point.until_line(event="set", id=7101, limit_a=0)
            point.say("offline")
            with pytest.raises(TimeoutError):
                await point.line(within_s=1.3)

    live(case, watchdog_s=1)


def test_without_a_watchdog_the_limit_stays_when_we_are_gone() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(endpoint(driver), "--no-watchdog", protocol="ocpp2.1") as point:
            await driver.apply(chain.command(16000, seconds=3))
            await point.until_line(event="set", limit_a=16)
            assert (await driver.probe()).fallback.after_s is None
            await driver.close()
            line = await point.line()
            assert (line["event"], line["limit_a"]) == ("changed", None), "the profile's own end"
            assert line["clock"] >= "2026-01-15T18:00:03"

    live(case, watchdog_s=1)


def test_a_profile_that_an_earlier_central_system_left_in_our_place_is_cleared() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(endpoint(driver), "--foreign", "10", protocol="ocpp2.0.1") as point:
            await driver.apply(chain.command(16000))
            assert (await point.until_line(event="rejected"))["reason"] == "DuplicateProfile"
            assert (await point.until_line(event="cleared"))["ids"] == [1]
            await point.until_line(event="set", limit_a=16)

    live(case, watchdog_s=0)


def test_each_evse_gets_its_share() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(endpoint(driver), "--evses", "2", protocol="ocpp2.1") as point:
            await driver.apply(chain.command(25050))
            await point.until_line(event="set", evses=[12.5, 12.5], purpose="TxDefaultProfile")
            assert (await reading_with(driver, limit_ma=25000)).alarms == ()
            await driver.apply(chain.command(10000))  # 5 A each
            await point.until_line(event="set", evses=[0, 0])

    live(case, purpose="TxDefaultProfile", evses=2)


def test_a_station_that_says_another_limit_is_an_alarm() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(endpoint(driver), "--lies-by", "4", protocol="ocpp2.0.1"):
            await driver.apply(chain.command(16000))
            [alarm] = (await reading_with(driver, limit_ma=20000)).alarms
            assert alarm.startswith("charging station CP_1 has 20000 mA on EVSE 0, wanted 16000; look")

    live(case)


@pytest.mark.parametrize(("delay_s", "warnings"), [("7", 0), ("9", 1)])
def test_the_stations_own_random_delay_is_switched_off_or_said(delay_s: str, warnings: int) -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(endpoint(driver), "--resumption", delay_s, protocol="ocpp2.1") as point:
            report = await driver.probe()
            assert len(report.warnings) == warnings
            assert driver.reading.alarms == report.warnings
            if warnings:
                assert "by up to 9 s at random" in report.warnings[0]
            else:
                line = await point.until_line(event="variable")
                assert (line["name"], line["value"]) == ("TxCtrlr.EnergyTransferResumptionRandomRange", "0")

    live(case)


def test_a_station_that_lost_the_limit_or_restarted_gets_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(endpoint(driver), protocol="ocpp2.0.1") as point:
            await driver.apply(chain.command(16000))
            await point.until_line(event="set", limit_a=16)
            point.say("reboot")  # behind a connection that lives on
            await point.until_line(event="changed", limit_a=None)
            await point.until_line(event="set", limit_a=16)
            monkeypatch.setattr("receiver.chargers.ocpp201.RETRY_S", 0.05)
            await driver.apply(chain.command(15000))
            await point.until_line(event="set", limit_a=15)
            point.say("forget")
            await point.until_line(event="changed", limit_a=None)
            await point.until_line(event="set", limit_a=15)
            await point.kill()
        async with station(endpoint(driver), protocol="ocpp2.0.1") as point:
            await point.until_line(event="set", limit_a=15)

    live(case)


def test_security_profile_2_with_a_password(certificate: tuple[Path, Path]) -> None:  # the fixture
    file, key = (str(path) for path in certificate)

    async def case(driver: Driver, chain: Chain) -> None:
        secure = f"wss://127.0.0.1:{driver.port}"
        async with station(secure, "--password", "secret", "--ca", file, protocol="ocpp2.1") as point:
            await driver.apply(chain.command(16000))
            await point.until_line(event="set", limit_a=16)

    live(case, password="secret", tls_certificate=file, tls_key=key)
