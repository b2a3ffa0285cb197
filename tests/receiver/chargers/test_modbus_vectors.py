"""Every data file over a real wire against registers worked by hand: what is written, read back and told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.chargers._modbus_table import table_names
from receiver.chargers.driver import ChargerCommand, ChargerReading
from receiver.chargers.modbus import Driver
from tests.live.modbus_charger import VECTORS, Charger, serve, serve_serial

NOW = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
SERIAL = "heidelberg_ec"


def command(limit_ma: int, *, restricted: bool = True) -> ChargerCommand:
    return ChargerCommand(limit_ma, moment=NOW, until=None, restricted=restricted, reason="test")


@contextlib.asynccontextmanager
async def driven(charger: Charger, name: str, **options: Any) -> AsyncIterator[Driver]:  # Any: as TOML gives it
    """The charger on its wire and a driver that knows where it is, not started."""
    async with contextlib.AsyncExitStack() as stack:
        if name == SERIAL:
            where: dict[str, Any] = {"device": await stack.enter_async_context(serve_serial(charger)), "parity": "N"}
        else:
            port, _ = await stack.enter_async_context(serve(charger))
            where = {"host": "127.0.0.1", "port": port}
        driver = Driver.from_options({"table": name, "refresh_s": 3600, **where, **options}, lambda: NOW)
        try:
            yield driver
        finally:
            await driver.close()


def test_every_data_file_has_a_vector() -> None:
    assert table_names() == sorted(VECTORS)


@pytest.mark.parametrize("name", VECTORS)
def test_commands_write_these_registers_and_no_others(name: str) -> None:
    async def whole() -> None:
        charger, vector = Charger(name), VECTORS[name]
        async with driven(charger, name) as driver:
            before = vector["setup"]
            for case in vector["commands"]:
                charger.writes.clear()
                await driver.apply(command(case["limit_ma"]))
                assert charger.writes == before + case["writes"], case
                assert driver.reading.limit_ma == case["shown_ma"], case
                assert not [line for line in driver.reading.alarms if "wanted" in line and "falls" not in line]
                before = []

    asyncio.run(whole())


@pytest.mark.parametrize("name", VECTORS)
def test_a_release_writes_the_local_limit(name: str) -> None:
    async def whole() -> None:
        charger, vector = Charger(name), VECTORS[name]
        [first, *_] = vector["commands"]
        async with driven(charger, name) as driver:
            await driver.apply(command(first["limit_ma"], restricted=False))
            assert charger.writes == vector["setup"] + first["writes"]

    asyncio.run(whole())


@pytest.mark.parametrize("name", VECTORS)
def test_the_reading_and_the_probe_tell_what_the_registers_hold(name: str) -> None:
    async def whole() -> None:
        charger, vector = Charger(name), VECTORS[name]
        async with driven(charger, name) as driver:
            await driver.apply(command(16000))
            reading = driver.reading
            told = {key: getattr(reading, key) for key in vector["reading"]}
            assert told == vector["reading"]
            assert reading.answers is True
            before = list(charger.writes)
            report = await driver.probe()
            assert charger.writes == before
            assert vector["found"] in report.found
            assert {key: getattr(report.fallback, key) for key in vector["fallback"]} == vector["fallback"]

    asyncio.run(whole())


def test_an_unasked_charger_tells_nothing() -> None:
    driver = Driver.from_options({"table": "bender", "host": "127.0.0.1"}, lambda: NOW)
    assert driver.reading == ChargerReading()
