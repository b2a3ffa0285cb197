"""The driver `ocpp16` and connections that no tidy charge point makes: restarts, strangers, nonsense, storms."""

import asyncio
import contextlib
import json
import logging
import random
from datetime import timedelta
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from rds.errors import ChargerRefusedError, DeviceAbsentError
from receiver.chargers.ocpp16 import Driver
from tests.live.ocpp16_run import Chain, charge_point, live

OCPP = [Subprotocol("ocpp1.6")]
GARBAGE_SEED = 1602


async def profiles(wire: ClientConnection, count: int) -> list[dict[str, Any]]:  # Any: the messages are JSON
    """Answer our calls as a charge point that knows SetChargingProfile alone; return that many profiles."""
    seen: list[dict[str, Any]] = []  # Any: the messages are JSON
    async for message in wire:
        request = json.loads(message)
        if request[0] != 2:
            continue
        if request[2] != "SetChargingProfile":
            await wire.send(json.dumps([4, request[1], "NotImplemented", "", {}]))
            continue
        await wire.send(json.dumps([3, request[1], {"status": "Accepted"}]))
        seen.append(request[3]["csChargingProfiles"])
        if len(seen) == count:
            break
    return seen


BOOT = '[2,"boot","BootNotification",{"chargePointModel":"M","chargePointVendor":"V"}]'


def test_a_restart_behind_a_living_connection_gets_the_limit_again() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with connect(f"ws://127.0.0.1:{driver.port}/CP_1", subprotocols=OCPP, proxy=None) as wire:
            await wire.send(BOOT)
            applying = asyncio.create_task(driver.apply(chain.command(16000)))
            first = await profiles(wire, 1)
            await applying
            await wire.send(BOOT)
            [second] = await asyncio.wait_for(profiles(wire, 1), 5)
            assert first[0]["stackLevel"] == second["stackLevel"] == 0
            assert second["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 16.0}]

    live(case)


def test_a_limit_without_a_known_end_is_refreshed_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.chargers.ocpp16.LOOK_S", 0.05)
    # What jumps here is to pass for time that went by.
    monkeypatch.setattr("receiver.chargers._ocpp_link.CLOCK_TOLERANCE", timedelta(days=1))

    async def case(driver: Driver, chain: Chain) -> None:
        async with connect(f"ws://127.0.0.1:{driver.port}/CP_1", subprotocols=OCPP, proxy=None) as wire:
            await wire.send(BOOT)
            applying = asyncio.create_task(driver.apply(chain.command(16000, seconds=None)))
            [first] = await profiles(wire, 1)
            await applying
            assert first["validTo"].startswith("2026-01-15T19:00:0")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(profiles(wire, 1), 0.3)
            chain.ahead = timedelta(minutes=31)
            [second] = await asyncio.wait_for(profiles(wire, 1), 5)
            assert second["validTo"].startswith("2026-01-15T19:31:0")

    live(case, profile_s=3600)


def test_only_the_named_charge_point_is_let_in() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        for name, offered in (("CP_2", OCPP), ("CP_1", [Subprotocol("ocpp2.0.1")]), ("", OCPP), ("CP%0A1", OCPP)):
            with pytest.raises(InvalidStatus):
                await connect(f"ws://127.0.0.1:{driver.port}/{name}", subprotocols=offered, proxy=None)
        with pytest.raises(DeviceAbsentError, match="turned away: "):
            await driver.apply(chain.command(16000))

    live(case, charge_point_id="CP_1", connect_timeout_s=0.1)


def test_a_second_charge_point_is_turned_away_while_one_is_there() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 16.0)
            with pytest.raises(InvalidStatus):
                await connect(f"ws://127.0.0.1:{driver.port}/CP_2", subprotocols=OCPP, proxy=None)

    live(case)


def nonsense() -> list[str | bytes]:
    """What no charge point should send: broken, hostile and random messages."""
    chance = random.Random(GARBAGE_SEED)
    fixed: list[str | bytes] = [
        "",
        "{}",
        "[]",
        "null",
        "[2]",
        "[3]",
        '[3,"x"]',
        '[9,"x",{}]',
        '[2,"x",{"a":1},{}]',
        '[2,"x",["a"],{}]',
        '[2,"x","Heartbeat",5]',
        '[2,"x","Heartbeat",null]',
        '[2,["x"],"BootNotification",{}]',
        '[2,"x","NoSuchAction",{}]',
        '[2,"x","Reset",{}]',
        '[2,"x","MeterValues",{"":{"":[]}}]',
        '[4,"x","NoSuchError","",{}]',
        "[" * 60000,
        "9" * 60000,
        b"\xff\xfe",
        "\u0000",
        *['[3,"late",{}]'] * 2000,
    ]
    return [*fixed, *(bytes(chance.choices(b'[]{},:"\\23 ax', k=chance.randrange(40))).decode() for _ in range(300))]


def test_nonsense_ends_neither_the_driver_nor_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with connect(f"ws://127.0.0.1:{driver.port}/CP_1", subprotocols=OCPP, proxy=None) as wire:
            for message in nonsense():
                await wire.send(message)
            await wire.send('[2,"last","Heartbeat",{}]')
            async for answer in wire:
                if '"last"' in str(answer):
                    assert json.loads(answer)[2]["currentTime"].startswith("2026-01-15T18:00:")
                    break
            applying = asyncio.create_task(driver.apply(chain.command(16000)))

            async def answer_badly() -> None:  # with answers that are none, then an unknown error
                async for request in wire:
                    if json.loads(request)[0] == 2:
                        await wire.send('[3,"late",{}]')
                        await wire.send(json.dumps([4, json.loads(request)[1], "OddError", "a\nb", {}]))

            answering = asyncio.create_task(answer_badly())
            with pytest.raises(ChargerRefusedError, match=r"SetChargingProfile with an error: .*OddError"):
                await applying
            answering.cancel()
        async with charge_point(driver) as point:
            assert await point.limit() == ("set", 16.0)

    with caplog.at_level(logging.INFO):
        live(case, answer_timeout_s=5)
    assert all(record.exc_info is None for record in caplog.records)


def test_a_storm_of_reconnections_leaves_one_session_that_works() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with contextlib.AsyncExitStack() as wires:
            opened = []
            for _ in range(100):
                url = f"ws://127.0.0.1:{driver.port}/CP_1"
                wire = await wires.enter_async_context(connect(url, subprotocols=OCPP, proxy=None))
                opened.append(wire)
                with contextlib.suppress(ConnectionClosed):
                    await wire.send('[2,"a","Heartbeat",{}]')
            for wire in opened[:-1]:
                await asyncio.wait_for(wire.wait_closed(), 5)
        async with charge_point(driver) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 16.0)

    live(case)


def test_a_new_connection_is_not_spoken_to_before_it_has_spoken() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        url = f"ws://127.0.0.1:{driver.port}/CP_1"
        async with connect(url, subprotocols=OCPP, proxy=None) as first:
            await first.send(BOOT)
            applying = asyncio.create_task(driver.apply(chain.command(16000)))
            await profiles(first, 1)
            await applying
            async with connect(url, subprotocols=OCPP, proxy=None) as second:
                with pytest.raises(DeviceAbsentError):
                    await driver.apply(chain.command(12000))
                await second.send('[2,"a","Heartbeat",{}]')
                [profile] = await profiles(second, 1)
                assert profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 12.0

    live(case, connect_timeout_s=0.5)
