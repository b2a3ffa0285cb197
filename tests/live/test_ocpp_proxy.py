"""The driver `ocpp_proxy` between a central system of the `ocpp` library and charge points in their own processes."""

import asyncio
from datetime import timedelta

import pytest

from receiver.chargers.driver import ChargerReading
from receiver.chargers.ocpp_proxy import Driver
from tests.live.charge_point import Device, run
from tests.live.ocpp16_run import EVENING, charge_point
from tests.live.ocpp_proxy_run import Site, between
from tests.live.ocpp_rpc import is_installed, station


def test_limits_beside_an_operator_on_the_operators_clock() -> None:
    async def case(site: Site) -> None:
        async with charge_point(site.driver) as point:
            await site.driver.apply(site.chain.command(16000))
            line = await point.line()
            assert (line["event"], line["limit_a"]) == ("set", 16.0)
            assert line["until"].startswith("2026-03-01T13:00:0"), "an hour on the clock that the operator tells"
            for limit_ma in (6000, 0):
                await site.driver.apply(site.chain.command(limit_ma))
                assert await point.limit() == ("set", limit_ma / 1000)
            assert site.driver.reading.limit_ma == 0
            await site.driver.apply(site.chain.command(32000, restricted=False))
            assert await point.limit() == ("cleared", None)
        assert [text for text in site.operator.heard if not text.startswith("[2")] == [], "answers to us are hidden"
        assert site.operator.paths == ["/ocpp/CP_1"]

    between(case)


def test_the_minimum_of_the_operator_and_us_whoever_comes_first() -> None:
    async def case(site: Site) -> None:
        async with charge_point(site.driver) as point:
            desk = await site.operator.desk()
            assert await desk.set(10) == "Accepted"
            assert await point.limit() == ("set", 10.0)
            await site.driver.apply(site.chain.command(16000))
            assert await point.limit() == ("set", 10.0), "ours lies above and carries the operator's"
            assert await desk.set(20) == "Accepted"
            assert [await point.limit(), await point.limit()] == [("set", 10.0), ("set", 16.0)]
            assert await desk.set(8, number=2, level=3) == "Accepted"
            assert [await point.limit(), await point.limit()] == [("set", 16.0), ("set", 8.0)]
            assert await desk.clear(id=2) == "Accepted"
            assert [await point.limit(), await point.limit()] == [("cleared", 8.0), ("set", 16.0)]
            await site.driver.apply(site.chain.command(32000, restricted=False))
            assert await point.limit() == ("cleared", 20.0), "the operator's holds alone again"

    between(case)


def test_an_operator_who_clears_all_clears_his_own() -> None:
    async def case(site: Site) -> None:
        async with charge_point(site.driver) as point:
            desk = await site.operator.desk()
            assert await desk.set(10) == "Accepted"
            await site.driver.apply(site.chain.command(16000))
            assert [await point.limit(), await point.limit()] == [("set", 10.0), ("set", 10.0)]
            assert await desk.clear() == "Accepted"
            assert [await point.limit(), await point.limit()] == [("cleared", None), ("set", 16.0)]

    between(case)


def test_an_operator_on_the_highest_level_gets_his_place_back() -> None:
    async def case(site: Site) -> None:
        async with charge_point(site.driver) as point:  # its highest level is 8
            desk = await site.operator.desk()
            await site.driver.apply(site.chain.command(16000))
            assert await point.limit() == ("set", 16.0)
            assert await desk.set(12, level=8) == "Accepted"
            assert [await point.limit(), await point.limit()] == [("set", 12.0), ("set", 12.0)]
            await site.driver.apply(site.chain.command(6000))
            line = await point.line()
            assert (line["event"], line["limit_a"], line["until"]) == ("set", 6.0, "9999-12-31T23:59:59Z")
            await site.driver.apply(site.chain.command(32000, restricted=False))
            assert await point.limit() == ("set", 12.0), "without a gap"

    between(case)


def test_a_station_killed_and_started_again_and_a_receiver_too() -> None:
    async def case(site: Site) -> None:
        async with charge_point(site.driver) as point:
            await site.driver.apply(site.chain.command(16000))
            assert await point.limit() == ("set", 16.0)
            await point.kill()
        async with charge_point(site.driver) as point:
            assert await point.limit() == ("set", 16.0)
            port = site.driver.port
            await site.driver.close()
            table = {"port": port, "upstream": f"ws://127.0.0.1:{site.operator.port}"}
            again = Driver.from_options(table, site.chain.now)
            await again.start()
            try:
                await again.apply(site.chain.command(9000))
                assert await point.limit() == ("set", 9.0), "and never without a limit before"
            finally:
                await again.close()

    between(case)


def test_while_the_operator_is_away_a_limit_still_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.chargers._ocpp_proxy_relay.FIRST_PAUSE_S", 0.05)

    async def case(site: Site) -> None:
        lines: list[dict[str, object]] = []
        device = Device(rate_unit="Current", reject=False, silent=False, report=lines.append)
        running = asyncio.create_task(run(f"ws://127.0.0.1:{site.driver.port}/CP_1", device))
        try:
            await site.driver.apply(site.chain.command(16000))
            await site.operator.close()
            while not site.driver.reading.alarms:
                await asyncio.sleep(0.01)
            assert "is away" in site.driver.reading.alarms[0]
            await site.driver.apply(site.chain.command(8000))
            assert lines[-1]["limit_a"] == 8.0
            await site.operator.open()
            while site.driver.reading.alarms:
                await asyncio.sleep(0.01)
            assert site.driver.reading.answers
            assert lines[-1]["limit_a"] == 8.0
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    between(case)


def test_the_meter_is_read_from_what_passes() -> None:
    async def case(site: Site) -> None:
        async with charge_point(site.driver, "--meter"):
            while (site.driver.reading.energy_wh, site.driver.reading.plugged) != (3500, False):
                await asyncio.sleep(0.01)
        assert isinstance(site.driver.reading, ChargerReading)
        actions = [text.split('"')[3] for text in site.operator.heard if text.startswith("[2")]
        assert actions[0] == "BootNotification"
        assert actions.count("StatusNotification") == 4

    between(case)


def test_a_limit_ends_by_itself_when_we_are_gone() -> None:
    async def case(site: Site) -> None:
        async with charge_point(site.driver) as point:
            desk = await site.operator.desk()
            await desk.set(20)
            await site.driver.apply(site.chain.command(10000, seconds=2))
            assert [await point.limit(), await point.limit()] == [("set", 20.0), ("set", 10.0)]
            await site.driver.close()
            assert await point.limit() == ("ended", 20.0)
            assert site.chain.now() - EVENING < timedelta(seconds=8)

    between(case)


@pytest.mark.peer("ocpp-rpc", debian="nodejs npm", found=is_installed)
def test_a_station_of_another_implementation_with_its_operators_limits() -> None:
    async def case(site: Site) -> None:
        async with station(f"ws://127.0.0.1:{site.driver.port}", protocol="ocpp1.6") as point:
            desk = await site.operator.desk()
            assert await desk.set(10) == "Accepted"
            await point.until_line(limit_a=10)  # it may have been set before the station had its time
            await site.driver.apply(site.chain.command(16000))
            assert await point.limit() == ("set", 10)
            assert await desk.clear() == "Accepted"
            assert [await point.limit(), await point.limit()] == [("cleared", None), ("set", 16)]
            await site.driver.apply(site.chain.command(32000, restricted=False))
            assert await point.limit() == ("cleared", None)

    between(case)
