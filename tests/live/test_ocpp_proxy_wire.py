"""The driver `ocpp_proxy` byte by byte: what passes, what is hidden, who waits, nonsense, the newer versions."""

import asyncio
import base64
import json
import logging
import random

import pytest
from websockets.exceptions import ConnectionClosed

from rds.errors import ChargerRefusedError, DeviceLostError
from tests.live.ocpp_proxy_run import Wires, bare

ACCEPTED = {"status": "Accepted"}
GARBAGE_SEED = 1603
NONSENSE: list[str | bytes] = [
    "",
    "{}",
    "[]",
    "null",
    "[2]",
    '[3,"x"]',
    '[9,"x",{}]',
    '[2,"x","MeterValues",{"meterValue":[{"sampledValue":[{"value":{}}]}]}]',
    '[2,"x","StatusNotification",{"connectorId":[],"status":{}}]',
    '[2,"x","TransactionEvent",{"evse":7,"meterValue":{}}]',
    '[2,"x","ReportChargingProfiles",{"requestId":1,"chargingProfile":5}]',
    '[3,"x",{"status":"Accepted"}]',
    '[3,["x"],{}]',
    '[4,"x","NoSuchError","",{}]',
    '[2, "spaces",\t"Kept" ,{ "ü":"\\u00fc \\ud800" } ]',
    "[" * 60000,
    "9" * 60000,
    json.dumps([2, "big", "DataTransfer", {"data": "x" * 500_000}]),
    b"\xff\xfe",
    "\u0000",
]


def test_everything_passes_as_it_came_in_order_both_ways(caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(GARBAGE_SEED)
    odd = [bytes(chance.choices(b'[]{},:"\\23 ax', k=chance.randrange(40))).decode() for _ in range(200)]
    messages = [*NONSENSE, *odd]

    async def case(wires: Wires) -> None:
        for sender, receiver in ((wires.station, wires.operator), (wires.operator, wires.station)):
            for message in messages:
                await sender.send(message)
                assert await asyncio.wait_for(receiver.recv(), 5) == message
        await wires.greet()
        applying = asyncio.create_task(wires.driver.apply(wires.chain.command(16000)))
        await wires.call_of_ours("SetChargingProfile", ACCEPTED)
        await applying

    with caplog.at_level(logging.INFO):
        bare(case, answer_timeout_s=0.5)  # nobody answers the calls among them, and ours waits for that
    assert all(record.exc_info is None for record in caplog.records)


def test_name_authorization_and_protocol_pass_on() -> None:
    token = "Basic " + base64.b64encode(b"CP 1:secret").decode()

    async def case(wires: Wires) -> None:
        request = wires.operator.request
        assert request is not None
        assert (request.path, request.headers["Authorization"]) == ("/up/CP%201", token)
        assert wires.operator.subprotocol == wires.station.subprotocol == "ocpp2.0.1"

    bare(case, protocol="ocpp2.0.1", headers={"Authorization": token})


def test_the_operators_call_waits_for_ours_and_ours_for_his() -> None:
    async def case(wires: Wires) -> None:
        await wires.greet()
        await wires.operator.send('[2,"op1","Reset",{}]')
        assert await wires.station.recv() == '[2,"op1","Reset",{}]'
        applying = asyncio.create_task(wires.driver.apply(wires.chain.command(16000)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wires.station.recv(), 0.2)
        await wires.station.send('[3,"op1",{}]')
        assert await wires.operator.recv() == '[3,"op1",{}]'
        ours = json.loads(await wires.station.recv())
        assert ours[1].startswith("evrds-")
        assert len(ours[1]) == 36
        await wires.operator.send('[2,"op2","Reset",{}]')
        await wires.operator.send('[3,"unasked",{}]')
        assert await wires.station.recv() == '[3,"unasked",{}]', "answers wait for nobody"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wires.station.recv(), 0.2)
        await wires.station.send(json.dumps([4, ours[1], "NotImplemented", "", {}]))
        assert await wires.station.recv() == '[2,"op2","Reset",{}]'
        await wires.station.send('[3,"op2",{}]')
        assert await wires.operator.recv() == '[3,"op2",{}]', "our answer was hidden"
        await wires.call_of_ours("SetChargingProfile", ACCEPTED)
        await applying

    bare(case)


def test_a_late_answer_to_us_is_hidden_and_a_refusal_is_an_error() -> None:
    async def case(wires: Wires) -> None:
        await wires.greet()
        applying = asyncio.create_task(wires.driver.apply(wires.chain.command(16000)))
        while True:
            call = json.loads(await wires.station.recv())
            if call[2] == "SetChargingProfile":
                break
            await wires.station.send(json.dumps([4, call[1], "NotSupported", "", {}]))
        with pytest.raises(DeviceLostError, match=r"did not answer SetChargingProfile in 0.5 s"):
            await applying
        await wires.station.send(json.dumps([3, call[1], ACCEPTED]))
        await wires.station.send('[2,"next","Heartbeat",{}]')
        assert await wires.operator.recv() == '[2,"next","Heartbeat",{}]'
        await wires.operator.send('[3,"next",{}]')
        assert await wires.station.recv() == '[3,"next",{}]'
        applying = asyncio.create_task(wires.driver.apply(wires.chain.command(6000)))
        await wires.call_of_ours("SetChargingProfile", {"status": "Rejected"})
        with pytest.raises(ChargerRefusedError, match=r"CP 1 answered 'Rejected' to a limit of 6000 mA"):
            await applying
        assert "Rejected" in wires.driver.reading.alarms[0]

    bare(case, answer_timeout_s=0.5)


def test_what_the_station_held_before_us_is_carried() -> None:
    base = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9.0}]}
    told = {**ACCEPTED, "connectorId": 0, "scheduleStart": "2026-03-01T12:00:00Z", "chargingSchedule": base}

    async def case(wires: Wires) -> None:
        await wires.greet()
        applying = asyncio.create_task(wires.driver.apply(wires.chain.command(16000)))
        await wires.call_of_ours("GetCompositeSchedule", told)
        # It might have been ours: without it the same is said again.
        await wires.call_of_ours("ClearChargingProfile", ACCEPTED)
        await wires.call_of_ours("GetCompositeSchedule", told)
        asked = await wires.call_of_ours("SetChargingProfile", ACCEPTED)
        assert asked["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"] == [
            {"startPeriod": 0, "limit": 9.0}
        ]
        await applying

    bare(case)


@pytest.mark.parametrize("protocol", ["ocpp2.0.1", "ocpp2.1"])
def test_the_newer_versions_with_a_profile_that_the_operator_had_set(protocol: str) -> None:
    async def case(wires: Wires) -> None:
        await wires.greet()
        applying = asyncio.create_task(wires.driver.apply(wires.chain.command(16000)))
        asked = await wires.call_of_ours("GetChargingProfiles", ACCEPTED)
        held = {
            "id": 5,
            "stackLevel": 2,
            "chargingProfilePurpose": "ChargingStationMaxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": [
                {
                    "id": 1,
                    "startSchedule": "2026-03-01T11:00:00Z",
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20}, {"startPeriod": 5400, "limit": 8}],
                }
            ],
        }
        report = {"requestId": asked["requestId"], "chargingLimitSource": "CSO", "evseId": 0, "chargingProfile": [held]}
        await wires.station.send(json.dumps([2, "r", "ReportChargingProfiles", report]))
        assert await wires.station.recv() == '[3,"r",{}]', "we have asked, so we answer"
        ours = (await wires.call_of_ours("SetChargingProfile", ACCEPTED))["chargingProfile"]
        assert (ours["chargingProfilePurpose"], ours["stackLevel"]) == ("ChargingStationMaxProfile", 3)
        periods = ours["chargingSchedule"][0]["chargingSchedulePeriod"]
        # 12:30 on the operator's clock, from 11:59 on: 1860 s, one less or more by when the test came here.
        assert [period["limit"] for period in periods] == [16.0, 8.0]
        assert abs(periods[1]["startPeriod"] - 1860) <= 2
        await applying
        applying = asyncio.create_task(wires.driver.apply(wires.chain.command(32000, restricted=False)))
        assert await wires.call_of_ours("ClearChargingProfile", ACCEPTED) == {"chargingProfileId": ours["id"]}
        await applying
        await wires.station.send('[2,"last","Heartbeat",{}]')
        assert await wires.operator.recv() == '[2,"last","Heartbeat",{}]', "nothing of ours came to the operator"

    bare(case, protocol=protocol)


def test_a_station_whose_call_was_not_answered_is_cut_off_when_the_operator_goes() -> None:
    async def case(wires: Wires) -> None:
        await wires.greet()
        await wires.station.send('[2,"tx","StartTransaction",{}]')
        assert await wires.operator.recv() == '[2,"tx","StartTransaction",{}]'
        await wires.operator.close()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(wires.station.recv(), 5)

    bare(case)


def test_a_station_that_calls_while_the_operator_is_away_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.chargers._ocpp_proxy_relay.FIRST_PAUSE_S", 30.0)

    async def case(wires: Wires) -> None:
        await wires.greet()
        await wires.operator.close()
        await wires.station.send('[2,"a","Authorize",{}]')
        applying = asyncio.create_task(wires.driver.apply(wires.chain.command(16000)))
        await wires.call_of_ours("SetChargingProfile", ACCEPTED)
        await applying
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(wires.station.recv(), 5)

    bare(case, hold_s=0.5)


def test_a_flood_without_answers_is_bounded_and_a_message_too_long_ends_its_connection() -> None:
    async def case(wires: Wires) -> None:
        for number in range(500):
            await wires.operator.send(f'[2,"op{number}","Reset",{{}}]')
            await wires.station.recv()
        await wires.greet()
        await wires.station.send("x" * (2 << 20))
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(wires.station.recv(), 5)

    bare(case)
