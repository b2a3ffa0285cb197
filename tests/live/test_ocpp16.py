"""The driver `ocpp16` against charge points in processes of their own, over real websockets and in real time."""

import asyncio
import socket
from datetime import timedelta

import pytest

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError
from receiver.chargers.driver import ChargerReading
from receiver.chargers.ocpp16 import Driver
from tests.live.ocpp16_run import EVENING, Chain, charge_point, live


def test_set_lower_pause_release_on_the_chains_clock() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver) as point:
            await driver.apply(chain.command(16000))
            line = await point.line()
            assert (line["event"], line["limit_a"], line["purpose"]) == ("set", 16.0, "ChargePointMaxProfile")
            assert line["until"].startswith("2026-01-15T19:00:0")
            assert line["clock"].startswith("2026-01-15T18:00:0")
            await driver.apply(chain.command(6000))
            assert await point.limit() == ("set", 6.0)
            await driver.apply(chain.command(0))
            assert await point.limit() == ("set", 0.0)
            await driver.apply(chain.command(0, restricted=False))
            assert await point.limit() == ("cleared", None)

    live(case)


def test_a_limit_holds_to_its_end_when_nobody_talks_any_more() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver) as point:
            await driver.apply(chain.command(10000, seconds=2))
            assert await point.limit() == ("set", 10.0)
            await driver.close()
            assert await point.limit() == ("ended", None)
            assert chain.now() - EVENING < timedelta(seconds=6)

    live(case)


def test_the_charge_points_clock_follows_when_the_chain_runs_faster_than_real_time() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 16.0)
            chain.ahead = timedelta(minutes=50)
            await driver.apply(chain.command(8000))
            line = await point.line()
            # Had its clock stayed behind, the profile would begin in its future and nothing would hold now.
            assert (line["event"], line["limit_a"]) == ("set", 8.0)
            assert line["clock"].startswith("2026-01-15T18:50:0")

    live(case)


def test_a_charge_point_killed_and_started_again_gets_the_limit_again() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 16.0)
            await point.kill()
        async with charge_point(driver) as point:
            assert await point.limit() == ("set", 16.0)
            await driver.apply(chain.command(12000))
            assert await point.limit() == ("set", 12.0)

    live(case)


def test_a_limit_is_sent_again_after_a_lost_connection() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 16.0)
            port = driver.port
            await driver.close()
            again = Driver.from_options({"port": port}, chain.now)
            await again.start()
            try:
                await again.apply(chain.command(9000))
                assert await point.limit() == ("set", 9.0)
            finally:
                await again.close()

    live(case)


def test_an_absent_charge_point_is_said_and_gets_the_limit_when_it_comes() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        with pytest.raises(DeviceAbsentError, match=rf"ws://127.0.0.1:{driver.port}/ within 0.2 s; enter this address"):
            await driver.apply(chain.command(16000))
        async with charge_point(driver) as point:
            assert await point.limit() == ("set", 16.0)

    live(case, connect_timeout_s=0.2)


def test_a_limit_whose_end_has_passed_is_not_sent_to_a_late_charge_point() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        with pytest.raises(DeviceAbsentError):
            await driver.apply(chain.command(16000, seconds=60))
        chain.ahead = timedelta(minutes=2)
        async with charge_point(driver) as point:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(point.line(), 1.5)

    live(case, connect_timeout_s=0.1)


def test_a_charge_point_that_rejects_is_an_error_with_the_remedy() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver, "--reject") as point:
            with pytest.raises(
                ChargerRefusedError, match=r"CP_1 answered Rejected to a limit of 16000 mA.* smart charging"
            ):
                await driver.apply(chain.command(16000))
            assert await point.limit() == ("rejected", None)

    live(case)


def test_a_charge_point_that_does_not_answer_is_lost() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver, "--silent"):
            with pytest.raises(DeviceLostError, match=r"CP_1 did not answer SetChargingProfile in 0.5 s"):
                await driver.apply(chain.command(16000))

    live(case, answer_timeout_s=0.5)


def test_a_charge_point_that_takes_watts_only() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver, "--rate-unit", "Power") as point:
            await driver.apply(chain.command(16000))
            line = await point.line()
            assert (line["event"], line["limit_a"], line["limit_w"]) == ("set", None, 11040.0)

    live(case, phases=3, voltage_v=230)


def test_a_port_in_use_is_said() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(DeviceAbsentError, match=rf"cannot listen on 127.0.0.1 port {port}: .*free one"):
                await Driver.from_options({"port": port}, chain.now).start()

    live(case)


def test_the_meter_and_the_cable_of_a_charge_point_are_read() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        assert driver.reading == ChargerReading()
        seen: list[ChargerReading] = []
        async with charge_point(driver, "--meter"):
            while not seen or seen[-1].energy_wh != 3500 or seen[-1].plugged:
                if not seen or seen[-1] != driver.reading:
                    seen.append(driver.reading)
                await asyncio.sleep(0.01)
        assert ChargerReading(2250, plugged=True, current_ma=16100, answers=True) in seen
        last = driver.reading
        assert (last.energy_wh, last.plugged, last.current_ma) == (3500, False, 0), "it outlives the connection"
        assert not last.answers
        assert last.alarms == ("charge point CP_1 is not connected; look at its power and its link",)

    live(case)
