"""The driver `ocpp16` against a charge point on npm's `ocpp-rpc`: another wire, other schemas, checked both ways."""

import pytest

from receiver.chargers.ocpp16 import Driver
from tests.live.ocpp16_run import Chain, live
from tests.live.ocpp_rpc import is_installed, station

PROTOCOL = "ocpp1.6"

pytestmark = pytest.mark.peer("ocpp-rpc", debian="nodejs npm", found=is_installed)


def test_set_lower_pause_release_and_the_meter() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(f"ws://127.0.0.1:{driver.port}", "--meter", protocol=PROTOCOL) as point:
            await driver.apply(chain.command(16000))
            line = await point.line()
            assert (line["event"], line["limit_a"], line["purpose"]) == ("set", 16, "ChargePointMaxProfile")
            assert line["until"].startswith("2026-01-15T19:00:0")
            assert line["clock"].startswith("2026-01-15T18:00:0")
            for limit_ma in (6000, 0):
                await driver.apply(chain.command(limit_ma))
                assert await point.limit() == ("set", limit_ma / 1000)
                assert (driver.reading.limit_ma, driver.reading.alarms) == (limit_ma, ()), "as it reads back"
            await driver.apply(chain.command(32000, restricted=False))
            assert await point.limit() == ("cleared", None)
            await driver.apply(chain.command(10000, seconds=1))
            assert await point.limit() == ("set", 10)
            assert await point.limit() == ("changed", None), "the profile's own end"
            assert (driver.reading.energy_wh, driver.reading.plugged) == (2250, True)

    live(case)


def test_watts_where_only_watts_are_taken() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with station(f"ws://127.0.0.1:{driver.port}", "--units", "W", protocol=PROTOCOL) as point:
            await driver.apply(chain.command(16000))
            line = await point.line()
            assert (line["event"], line["limit_a"], line["limit_w"]) == ("set", None, 11040)

    live(case, phases=3, voltage_v=230)


def test_a_station_killed_and_started_again_gets_the_limit_again() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        endpoint = f"ws://127.0.0.1:{driver.port}"
        async with station(endpoint, protocol=PROTOCOL) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 16)
            await point.kill()
        async with station(endpoint, protocol=PROTOCOL) as point:
            assert await point.limit() == ("set", 16)

    live(case)


def test_a_receiver_that_is_away_leaves_the_limit_and_sets_it_again_when_it_is_back() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        port = driver.port
        async with station(f"ws://127.0.0.1:{port}", protocol=PROTOCOL) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 16)
            await driver.close()
            again = Driver.from_options({"port": port}, chain.now)
            await again.start()
            try:
                await again.apply(chain.command(9000))
                # The line before it would have been the end of the first limit.
                assert await point.limit() == ("set", 9)
            finally:
                await again.close()

    live(case)
