"""The driver `ocpp201` and connections that no tidy station makes: strangers, nonsense, answers late or never."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError
from receiver.chargers.ocpp201 import Driver
from tests.live.ocpp16_run import Chain
from tests.live.ocpp201_run import live, reading_with, station_here
from tests.live.test_ocpp16_wire import nonsense

V21 = [Subprotocol("ocpp2.1")]
BOOT = json.dumps(
    [2, "boot", "BootNotification", {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}]
)


def call_to(driver: Driver, name: str = "CS_1", offered: list[Subprotocol] = V21) -> connect:
    return connect(f"ws://127.0.0.1:{driver.port}/{name}", subprotocols=offered, proxy=None)


@contextlib.asynccontextmanager
async def answering(driver: Driver, **results: object) -> AsyncIterator[None]:
    """A station that greets, answers these actions as given and says NotSupported to all others."""
    async with call_to(driver) as wire:

        async def answer() -> None:
            await wire.send(BOOT)
            async for message in wire:
                kind, number, *rest = json.loads(message)
                if kind == 2 and rest[0] in results:
                    await wire.send(json.dumps([3, number, results[rest[0]]]))
                elif kind == 2:
                    await wire.send(json.dumps([4, number, "NotSupported", "", {}]))

        running = asyncio.create_task(answer())
        yield
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_nonsense_ends_neither_the_driver_nor_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with call_to(driver) as wire:
            for message in nonsense():
                await wire.send(message)
            await wire.send('[2,"last","Heartbeat",{}]')
            async for said in wire:
                if '"last"' in str(said):
                    assert json.loads(said)[2]["currentTime"].startswith("2026-01-15T18:00:")
                    break
        await reading_with(driver, answers=False)
        async with station_here(driver) as point:
            await driver.apply(chain.command(16000))
            assert await point.limit() == ("set", 16.0)

    with caplog.at_level(logging.INFO):
        live(case)
    assert all(record.exc_info is None for record in caplog.records)


@pytest.mark.parametrize("action", ["NotifyDERAlarm", "GetCertificateStatus", "NoSuchAction"])
def test_an_action_that_is_not_served_is_answered_in_2_1_too(action: str) -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with call_to(driver) as wire:
            await wire.send(json.dumps([2, "x", action, {}]))
            said = json.loads(await asyncio.wait_for(wire.recv(), 5))
            assert said[:3] == [4, "x", "NotImplemented"]

    live(case)


def test_what_a_station_tells_is_acknowledged() -> None:
    told = {
        "SecurityEventNotification": {"type": "StartupOfTheDevice", "timestamp": "2026-01-15T18:00:00Z"},
        "FirmwareStatusNotification": {"status": "Idle"},
        "LogStatusNotification": {"status": "Idle"},
        "NotifyEVChargingNeeds": {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "AC_three_phase"}},
        "Authorize": {"idToken": {"idToken": "1", "type": "Local"}},
        "DataTransfer": {"vendorId": "V"},
    }

    async def case(driver: Driver, chain: Chain) -> None:
        async with call_to(driver) as wire:
            for action, words in told.items():
                await wire.send(json.dumps([2, action, action, words]))
                assert json.loads(await asyncio.wait_for(wire.recv(), 5))[:2] == [3, action]

    live(case)


@pytest.mark.parametrize(
    "result", [{"status": "Perhaps"}, {}, [], {"status": "Rejected"}, {"status": "Rejected", "statusInfo": 5}]
)
def test_odd_answers_are_one_line_and_an_alarm(result: object) -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with answering(driver, SetChargingProfile=result):
            with pytest.raises(ChargerRefusedError, match=r"CS_1 answered (Rejected|SetChargingProfile)") as refusal:
                await driver.apply(chain.command(16000))
            assert "\n" not in str(refusal.value)
            assert driver.reading.alarms == (str(refusal.value),)

    live(case, answer_timeout_s=2)


def test_a_link_that_drops_in_the_middle_is_said_at_once() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with call_to(driver) as wire:
            await wire.send(BOOT)
            applying = asyncio.create_task(driver.apply(chain.command(16000)))
            async for message in wire:
                request = json.loads(message)
                if request[0] == 2 and request[2] == "SetChargingProfile":
                    break
                if request[0] == 2:
                    await wire.send(json.dumps([4, request[1], "NotSupported", "", {}]))
        with pytest.raises(DeviceLostError, match="closed the connection before it answered SetChargingProfile"):
            await applying
        await reading_with(driver, answers=False)
        async with station_here(driver) as point:
            assert await point.limit() == ("set", 16.0)
            assert (await reading_with(driver, answers=True)).alarms == ()

    live(case)


def test_an_impossible_limit_read_back_is_an_alarm() -> None:
    schedule = {
        "evseId": 0,
        "duration": 60,
        "scheduleStart": "2026-01-15T18:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": -5.0}],
    }
    composite = {"status": "Accepted", "schedule": schedule}

    async def case(driver: Driver, chain: Chain) -> None:
        async with answering(driver, SetChargingProfile={"status": "Accepted"}, GetCompositeSchedule=composite):
            await driver.apply(chain.command(16000))
            alarm = "charging station CS_1 says an impossible limit of EVSE 0; look at its firmware"
            await reading_with(driver, alarms=(alarm,), limit_ma=None)

    live(case)


def test_only_the_named_station_with_a_version_of_ours_is_let_in() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        for name, offered in (("CS_2", V21), ("CS_1", [Subprotocol("ocpp1.6")])):
            with pytest.raises(InvalidStatus):
                await call_to(driver, name, offered)
        with pytest.raises(DeviceAbsentError, match="turned away: "):
            await driver.apply(chain.command(16000))

    live(case, charge_point_id="CS_1", connect_timeout_s=0.1)
