"""The driver `ocpp16` and charge points that differ: purposes, connectors, read-back, settings, clocks, restarts."""

import asyncio
import contextlib
import random
from datetime import timedelta

import pytest

from rds.errors import ChargerRefusedError, EvrdsError
from receiver.chargers.ocpp16 import Driver
from tests.live.ocpp16_run import EVENING, Chain, charge_point, live
from tests.live.scripted_point import Answer, Payload, accepted, scripted, settings

SEED = 161
CAR = {"errorCode": "NoError", "timestamp": "2026-01-15T18:00:00Z"}


def takes(*purposes: str, level: int = 99) -> Answer:
    """SetChargingProfile of a charge point that takes these purposes up to a stack level."""

    def answer(asked: Payload) -> Payload:
        profile = asked["csChargingProfiles"]
        fits = profile["chargingProfilePurpose"] in purposes and profile["stackLevel"] <= level
        return {"status": "Accepted" if fits else "NotSupported"}

    return answer


def holds(limit: object, unit: str = "A") -> Answer:
    """GetCompositeSchedule of a charge point that says this."""

    def answer(asked: Payload) -> Payload:
        period = {"startPeriod": 0, "limit": limit}
        schedule = {"duration": asked["duration"], "chargingRateUnit": unit, "chargingSchedulePeriod": [period]}
        return {"status": "Accepted", "connectorId": asked["connectorId"], "chargingSchedule": schedule}

    return answer


def test_a_purpose_that_is_refused_gives_way_to_the_next_and_is_not_tried_again() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        answers = {
            "GetConfiguration": settings(ChargeProfileMaxStackLevel="5", NumberOfConnectors="2"),
            "SetChargingProfile": takes("TxDefaultProfile"),
            "ClearChargingProfile": accepted,
        }
        async with scripted(driver.port, answers) as point:
            await driver.apply(chain.command(16000))
            whole, default = "ChargePointMaxProfile", "TxDefaultProfile"
            assert point.limits == [(whole, 0, 16.0), (whole, 0, 16.0), (default, 1, 8.0), (default, 2, 8.0)]
            levels = [asked["csChargingProfiles"]["stackLevel"] for asked in point.of("SetChargingProfile")]
            assert levels == [5, 0, 5, 5]
            assert point.of("ClearChargingProfile") == [{"id": 7101}], "an earlier run may have left it"
            await driver.apply(chain.command(13000))
            assert point.limits[4:] == [(default, 1, 6.5), (default, 2, 6.5)]
            report = await driver.probe()
            assert "limits of each connector by TxDefaultProfile, stack level 5" in report.supports
            await driver.apply(chain.command(0, restricted=False))
            assert point.of("ClearChargingProfile")[1:] == [{"id": 7102}, {"id": 7103}]

    live(case)


def test_a_highest_stack_level_that_is_refused_gives_way_to_the_lowest() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        answers = {
            "GetConfiguration": settings(ChargeProfileMaxStackLevel="5"),
            "SetChargingProfile": takes("ChargePointMaxProfile", level=4),
        }
        async with scripted(driver.port, answers) as point:
            await driver.apply(chain.command(16000))
            levels = [asked["csChargingProfiles"]["stackLevel"] for asked in point.of("SetChargingProfile")]
            assert levels == [5, 0]

    live(case)


def test_who_refuses_all_is_asked_all_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.chargers.ocpp16.RETRY_S", 0.1)
    monkeypatch.setattr("receiver.chargers.ocpp16.LOOK_S", 0.1)

    async def case(driver: Driver, chain: Chain) -> None:
        async with scripted(driver.port, {"SetChargingProfile": takes()}) as point:
            with pytest.raises(ChargerRefusedError, match=r"CP_1 answered NotSupported .*ChargePointMaxProfile.*smart"):
                await driver.apply(chain.command(16000))
            await point.wait_for("SetChargingProfile", 5)
            assert [purpose for purpose, _, _ in point.limits[:2]] == ["ChargePointMaxProfile", "TxDefaultProfile"]
            assert {purpose for purpose, _, _ in point.limits[2:]} == {"ChargePointMaxProfile"}
            [alarm] = driver.reading.alarms
            assert "NotSupported" in alarm
            assert driver.reading.answers, "a refusal is an answer"

    live(case)


def test_a_limit_for_transactions_is_set_when_one_starts_or_is_heard_of() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        answers = {"SetChargingProfile": takes("TxProfile"), "GetConfiguration": settings(NumberOfConnectors="2")}
        async with scripted(driver.port, answers) as point:
            await driver.apply(chain.command(16000))
            assert point.limits == []
            start = {"idTag": "1", "meterStart": 0, "timestamp": CAR["timestamp"]}
            answer = await point.call("StartTransaction", connectorId=2, **start)
            [first] = await point.wait_for("SetChargingProfile", 1)
            assert first["csChargingProfiles"]["transactionId"] == answer["transactionId"]
            assert point.limits == [("TxProfile", 2, 16.0)]
            await point.call("MeterValues", connectorId=1, transactionId=77, meterValue=[])  # of an earlier run
            await point.wait_for("SetChargingProfile", 3)
            assert point.limits[1:] == [("TxProfile", 1, 8.0), ("TxProfile", 2, 8.0)], "what had no limit comes first"
            stop = {"meterStop": 5, "timestamp": CAR["timestamp"]}
            await point.call("StopTransaction", transactionId=answer["transactionId"], **stop)
            await point.wait_for("SetChargingProfile", 4)
            assert point.limits[3:] == [("TxProfile", 1, 16.0)]

    live(case, purpose="TxProfile")


def test_a_limit_too_low_for_two_goes_to_the_connector_with_a_car() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        answers = {"SetChargingProfile": takes("TxDefaultProfile"), "ClearChargingProfile": accepted}
        async with scripted(driver.port, answers) as point:
            await driver.apply(chain.command(10000))
            assert [limit for _, _, limit in point.limits] == [10.0, 0.0]
            await point.call("StatusNotification", connectorId=2, status="Preparing", **CAR)
            await point.wait_for("SetChargingProfile", 4)
            assert point.limits[2:] == [("TxDefaultProfile", 1, 0.0), ("TxDefaultProfile", 2, 10.0)], (
                "lower, then raise"
            )

    live(case, purpose="TxDefaultProfile", connectors=2)


@pytest.mark.parametrize(
    ("said", "alarm"),
    [
        (holds(32), "its limit is 32 A, wanted 16 A: it does not obey"),
        (holds(10), "its limit is 10 A, wanted 16 A: something else"),
        (holds(-5), "reads back a limit of '-5'; look at its firmware"),
        (
            lambda _: {"status": "Accepted", "chargingSchedule": {"chargingRateUnit": "A"}},
            "reads back a limit of 'None'",
        ),
    ],
)
def test_a_limit_that_is_read_back_and_differs_is_an_alarm(said: Answer, alarm: str) -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        answers = {"SetChargingProfile": accepted, "ClearChargingProfile": accepted, "GetCompositeSchedule": said}
        async with scripted(driver.port, answers) as point:
            await driver.apply(chain.command(16000))
            assert alarm in driver.reading.alarms[0]
            point.answers["GetCompositeSchedule"] = holds(8)
            await driver.apply(chain.command(8000))
            assert (driver.reading.limit_ma, driver.reading.alarms) == (8000, ())

    live(case)


def test_who_does_not_obey_is_told_again_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("CALM_S", 0.2), ("READ_S", 0.6), ("LOOK_S", 0.05)):
        monkeypatch.setattr(f"receiver.chargers.ocpp16.{name}", seconds)

    async def case(driver: Driver, chain: Chain) -> None:
        answers = {"SetChargingProfile": accepted, "ClearChargingProfile": accepted, "GetCompositeSchedule": holds(32)}
        async with scripted(driver.port, answers) as point:
            await driver.apply(chain.command(16000))
            await point.wait_for("GetCompositeSchedule", 1)
            point.answers["GetCompositeSchedule"] = holds(16)  # it took its time
            await point.wait_for("GetCompositeSchedule", 3)
            assert (len(point.limits), driver.reading.alarms) == (1, ())
            point.answers["GetCompositeSchedule"] = holds(32)
            await point.wait_for("SetChargingProfile", 3)
            assert len(point.of("GetCompositeSchedule")) <= 7, "no flood"
            assert "does not obey" in driver.reading.alarms[0]

    live(case)


def test_who_cannot_say_its_limit_is_asked_once_and_reported() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with scripted(driver.port, {"SetChargingProfile": accepted}) as point:
            for limit_ma in (16000, 8000, 0):
                await driver.apply(chain.command(limit_ma))
            assert len(point.of("GetCompositeSchedule")) == 1
            assert (driver.reading.limit_ma, driver.reading.alarms, driver.reading.answers) == (None, (), True)
            report = await driver.probe()
            assert "no read-back of the limit: it does not know GetCompositeSchedule" in report.warnings

    live(case)


def test_a_limit_is_read_back_in_watts_too() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        answers = {
            "GetConfiguration": settings(ChargingScheduleAllowedChargingRateUnit="Power"),
            "SetChargingProfile": accepted,
            "GetCompositeSchedule": holds(11040, "W"),
        }
        async with scripted(driver.port, answers) as point:
            await driver.apply(chain.command(16000))
            assert point.limits == [("ChargePointMaxProfile", 0, 11040.0)]
            assert point.of("GetCompositeSchedule")[0]["chargingRateUnit"] == "W"
            assert driver.reading.limit_ma == 16000

    live(case, phases=3, voltage_v=230)


def test_a_probe_tells_what_is_there_and_what_to_change() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        known = {
            "ChargingScheduleAllowedChargingRateUnit": "Power",
            "NumberOfConnectors": "2",
            "RandomisedDelayDuration": "600",
            "FailsafeCurrent": "6",
        }
        answers = {"GetConfiguration": settings(**known), "TriggerMessage": accepted, "GetCompositeSchedule": holds(9)}
        async with scripted(driver.port, answers, boot=False) as point:
            probing = asyncio.create_task(driver.probe())
            while not point.of("TriggerMessage"):
                await asyncio.sleep(0.01)
            assert point.of("TriggerMessage") == [{"requestedMessage": "BootNotification"}]
            await point.call("BootNotification", chargePointVendor="Acme", chargePointModel="M1")
            report = await probing
            assert report.found == "charge point CP_1, Acme M1, OCPP 1.6J"
            assert report.supports == (
                "limits in W only: set phases and voltage_v",
                "2 connector(s)",
                "stack levels up to 0",
                "read-back of the limit",
            )
            assert (report.fallback.limit_ma, report.fallback.after_s) == (None, None)
            assert report.fallback.words.endswith("then its own default (FailsafeCurrent = 6 by its settings)")
            assert report.warnings == (
                "its own random delay is on: RandomisedDelayDuration = 600; switch it off, ours is enough",
            )
            assert driver.reading.alarms == ("charge point's own random delay is on: RandomisedDelayDuration = 600",)
            assert point.limits == []

    live(case)


def test_settings_too_long_for_a_message_are_asked_for_once() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        def everything(asked: Payload) -> Payload:
            return {"configurationKey": [] if asked.get("key") else [{"key": "k", "value": "x" * 300_000}]}

        answers = {"GetConfiguration": everything, "SetChargingProfile": accepted}
        async with scripted(driver.port, answers) as point:
            await point.wait_for("GetConfiguration", 1)  # and the connection breaks
        async with scripted(driver.port, answers, boot=False) as point:
            await driver.apply(chain.command(16000))
            assert point.limits == [("ChargePointMaxProfile", 0, 16.0)]
            assert all("key" in asked for asked in point.of("GetConfiguration"))

    live(case)


def test_a_release_takes_back_what_an_earlier_run_left() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        answers = {"GetConfiguration": settings(NumberOfConnectors="2"), "ClearChargingProfile": accepted}
        async with scripted(driver.port, answers) as point:
            await driver.apply(chain.command(32000, restricted=False))
            assert point.of("ClearChargingProfile") == [{"id": 7101}, {"id": 7102}, {"id": 7103}]
            assert point.limits == []

    live(case)


def test_when_the_time_becomes_known_the_limit_is_sent_again_on_the_new_clock() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        chain.ahead = -timedelta(days=745)  # the protocol's epoch, in which a chain without a time lives
        async with scripted(driver.port, {"SetChargingProfile": accepted}) as point:
            await driver.apply(chain.command(16000, seconds=None))
            chain.ahead = timedelta()
            answer = await point.call("Heartbeat")
            assert answer["currentTime"].startswith("2026-01-15T18:0")
            before, after = await point.wait_for("SetChargingProfile", 2)
            begins = [asked["csChargingProfiles"]["chargingSchedule"]["startSchedule"] for asked in (before, after)]
            assert begins[0].startswith("2024-01-01T17:")
            assert begins[1].startswith("2026-01-15T17:")

    live(case)


def test_a_clock_that_is_set_back_gets_the_limit_again_which_would_begin_in_its_future() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        chain.ahead = timedelta(days=1)
        async with scripted(driver.port, {"SetChargingProfile": accepted}) as point:
            await driver.apply(chain.command(16000, seconds=None))
            chain.ahead = timedelta()
            _, again = await point.wait_for("SetChargingProfile", 2)
            assert again["csChargingProfiles"]["chargingSchedule"]["startSchedule"].startswith("2026-01-15T17:")

    live(case)


JUNK: list[object] = [
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x",
    [],
    {},
    ["a"],
    {"status": 5},
    [[]],
    {"": None},
    {"status": "Accepted"},
]


def test_random_answers_to_all_our_calls_are_an_error_and_no_end(caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(SEED)

    def junk(_asked: Payload) -> Payload:
        keys = ["status", "configurationKey", "chargingSchedule", "scheduleStart", "connectorId", "key"]
        found = {key: chance.choice(JUNK) for key in chance.sample(keys, chance.randrange(4))}
        return chance.choice([found, found, chance.choice(JUNK)])  # type: ignore[arg-type]  # that is the point

    async def case(driver: Driver, chain: Chain) -> None:
        actions = ["SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule", "GetConfiguration"]
        for _ in range(20):
            async with scripted(driver.port, dict.fromkeys([*actions, "TriggerMessage"], junk)) as point:
                for limit_ma in (16000, 0, 8000):
                    with contextlib.suppress(EvrdsError):
                        await driver.apply(chain.command(limit_ma))
                await driver.probe()
                assert all(line.isprintable() for line in driver.reading.alarms)
                point.answers = {"SetChargingProfile": accepted, "GetCompositeSchedule": holds(10)}
        async with charge_point(driver) as point:
            await driver.apply(chain.command(16000))
            assert (driver.reading.limit_ma, driver.reading.alarms) == (16000, ())

    live(case, answer_timeout_s=1.0)
    assert all(record.exc_info is None for record in caplog.records)


def test_a_short_profile_is_renewed_before_it_ends() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with scripted(driver.port, {"SetChargingProfile": accepted}) as point:
            await driver.apply(chain.command(16000, seconds=None))
            await point.wait_for("SetChargingProfile", 2)
            assert chain.now() - EVENING < timedelta(seconds=5)

    live(case, profile_s=5)


def test_connectors_of_a_charge_point_of_the_library_share_and_are_read_back() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver, "--takes", "TxDefaultProfile", "--connectors", "2") as point:
            await driver.apply(chain.command(25000))
            events = [await point.limit() for _ in range(4)]
            assert events == [("rejected", None), ("rejected", None), ("set", 12.5), ("set", 25.0)]
            assert (driver.reading.limit_ma, driver.reading.alarms) == (25000, ())
            await driver.apply(chain.command(0, restricted=False))
            assert [await point.limit() for _ in range(2)] == [("cleared", 12.5), ("cleared", None)]

    live(case)


def test_a_charge_point_of_the_library_that_does_not_obey_is_an_alarm() -> None:
    async def case(driver: Driver, chain: Chain) -> None:
        async with charge_point(driver, "--disobey"):
            await driver.apply(chain.command(16000))
            [alarm] = driver.reading.alarms
            assert "its limit is 32 A, wanted 16 A: it does not obey" in alarm

    live(case)
