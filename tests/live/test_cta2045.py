"""The driver `cta2045` over a pseudo-terminal, against a charger that keeps the link's times and can be ill."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cta2045.enums import BasicDRCategory

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError, UsageError
from receiver.chargers.cta2045 import Driver
from receiver.chargers.driver import Advice, ChargerCommand
from tests.live.cta2045_charger import METER_WH, Charger, hurried, on_terminal

NOW = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
SHED, END = BasicDRCategory.Shed, BasicDRCategory.End_Shed
LOAD_UP = BasicDRCategory.Load_Up
EMERGENCY, PEAK = BasicDRCategory.Grid_Emergency, BasicDRCategory.Critical_Peak_Event


def command(limit_ma: int, *, restricted: bool = True, minutes: float | None = 60) -> ChargerCommand:
    until = None if minutes is None else NOW + timedelta(minutes=minutes)
    return ChargerCommand(limit_ma, moment=NOW, until=until, restricted=restricted, reason="test")


@pytest.fixture(autouse=True)
def hurry(request: pytest.FixtureRequest) -> Iterator[None]:
    """The standard's pauses in one case; a tenth of them in the others."""
    if "duration" in request.node.name:
        yield
        return
    with hurried():
        yield


def live(case: Callable[[Driver, Charger], Awaitable[None]], **options: object) -> None:
    async def whole() -> None:
        charger = Charger()
        async with asyncio.timeout(20), on_terminal(charger) as path, opened(path, **options) as driver:
            await case(driver, charger)

    asyncio.run(whole())


@contextlib.asynccontextmanager
async def opened(path: str, **options: object) -> AsyncIterator[Driver]:
    """A driver that is not kept: what is sent is what the case asks for."""
    driver = Driver.from_options({"url": path, **options}, lambda: NOW)
    try:
        yield driver
    finally:
        await driver.close()


def test_limits_become_events_of_a_duration_that_never_ends_early() -> None:
    async def case(driver: Driver, charger: Charger) -> None:
        await driver.apply(command(16000))
        await driver.apply(command(0, minutes=None))
        await driver.apply(command(32000))
        await driver.apply(command(16000, minutes=0))
        # 43 is the first n whose 2 n² s are no less than 3600 s.
        assert charger.events == [(SHED, 3698), (EMERGENCY, None), (END, None), (END, None)]
        assert charger.outside == 1
        assert driver.reading.energy_wh == METER_WH
        assert driver.reading.alarms == ()

    live(case)


def test_load_up_prices_and_the_time_are_told_where_they_are_known() -> None:
    price, following = BasicDRCategory.Present_Relative_Price, BasicDRCategory.Next_Relative_Price
    advice = Advice(load_up_until=NOW + timedelta(hours=1), price_ratio=2.0, next_price_ratio=1.0)

    async def case(driver: Driver, charger: Charger) -> None:
        await driver.apply(replace(command(32000, restricted=False), advice=advice))
        await driver.apply(replace(command(16000), advice=advice))
        await driver.apply(command(32000, restricted=False))
        # A limit goes before load up; 18:00 UTC on a Thursday is 19:00 in Berlin.
        assert charger.events == [(LOAD_UP, 3698), (SHED, 3698), (END, None)]
        dear = [(price, 100), (following, 65), (BasicDRCategory.Time_Sync, 4 << 5 | 19)]
        assert charger.mentions == [*dear, *dear, (price, 0), (following, 0), dear[2]]
        assert driver.reading.alarms == ()

    live(case, timezone="Europe/Berlin")


def test_what_a_charger_need_not_know_is_not_insisted_on() -> None:
    advice = Advice(load_up_until=NOW + timedelta(hours=1), price_ratio=2.0)

    async def case(driver: Driver, charger: Charger) -> None:
        charger.unsupported = (LOAD_UP, BasicDRCategory.Present_Relative_Price)
        for _ in range(2):
            await driver.apply(replace(command(32000, restricted=False), advice=advice))
        assert charger.events == [(END, None)] * 2
        assert charger.refused == [LOAD_UP, BasicDRCategory.Present_Relative_Price]
        assert driver.reading.alarms == ()

    live(case)


def test_a_time_zone_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="timezone is 'Mars/Tharsis'; allowed: a name such as"):
        Driver.from_options({"timezone": "Mars/Tharsis"}, lambda: NOW)


def test_the_events_are_the_installers_choice() -> None:
    async def case(driver: Driver, charger: Charger) -> None:
        await driver.apply(command(16000))
        await driver.apply(command(0))
        assert [category for category, _ in charger.events] == [PEAK, SHED]

    live(case, partial="critical peak", pause="shed")


def test_a_message_is_sent_again_after_silence_damage_and_noise_and_passes_over_an_echo() -> None:
    async def case(driver: Driver, charger: Charger) -> None:
        charger.deaf, charger.refusing, charger.echo = 2, 1, True
        await driver.apply(command(16000))
        charger.send(b"\x00\xff\x08\x01\x00")
        await driver.apply(command(0))
        assert [category for category, _ in charger.events] == [SHED, EMERGENCY]

    live(case)


def test_a_charger_that_never_answers_is_absent_and_one_that_stops_is_lost() -> None:
    async def case(driver: Driver, charger: Charger) -> None:
        charger.deaf = 4
        with pytest.raises(DeviceAbsentError, match="no ACK to 4 tries; look at its address") as absent:
            await driver.apply(command(16000))
        assert "\n" not in str(absent.value)
        await driver.apply(command(16000))
        charger.deaf = 4
        with pytest.raises(DeviceLostError, match="no ACK to 4 tries"):
            await driver.apply(command(0))
        assert driver.reading.answers is False
        await driver.apply(command(0))
        assert charger.limit_ma() == 0

    live(case)


def test_a_customers_override_is_respected_and_said() -> None:
    async def case(driver: Driver, charger: Charger) -> None:
        charger.override = True
        await driver.apply(command(16000))
        assert driver.reading.overridden == "opted out at the charger"
        assert driver.reading.alarms == ()
        charger.override = False
        charger.say(b"\x08\x01\x00\x02\x11\x00")
        await driver.apply(command(16000))
        assert driver.reading.overridden != "opted out at the charger"
        charger.say(b"\x08\x01\x00\x02\x11\x01")
        await asyncio.sleep(0.2)
        await driver.apply(command(16000))
        assert driver.reading.overridden == "opted out at the charger"

    live(case)


def test_the_charger_s_own_messages_are_acknowledged_or_refused() -> None:
    async def case(driver: Driver, charger: Charger) -> None:
        await driver.apply(command(16000))
        await asyncio.sleep(0.1)
        charger.link_answers.clear()
        for frame in (b"\x08\x03\x00\x02\x18\x00", b"\x08\x09\x00\x00"):
            charger.say(frame)
            await asyncio.sleep(0.3)
        charger.send(b"\x08\x01\x00\x02\x11\x01\x00\x00")
        await asyncio.sleep(0.2)
        assert charger.link_answers == [b"\x06\x00", b"\x15\x06", b"\x15\x03"]

    live(case)


def test_an_event_that_is_not_known_or_not_followed_is_said() -> None:
    async def case(driver: Driver, charger: Charger) -> None:
        charger.unsupported = (EMERGENCY,)
        with pytest.raises(ChargerRefusedError, match="refused grid emergency: the event is not supported; set pause"):
            await driver.apply(command(0))
        charger.ignores = True
        await driver.apply(command(16000))
        [alarm] = driver.reading.alarms
        assert alarm.endswith("is running, normal though an event holds; it may not know events of this kind")

    live(case)


def test_a_probe_names_the_charger_and_its_silence() -> None:
    async def case(driver: Driver, charger: Charger) -> None:
        report = await driver.probe()
        assert report.found == "vendor 1234, model EcoBox 11"
        assert report.fallback.after_s == 900
        assert charger.events == []

    live(case)


def test_a_charger_without_intermediate_dr_has_no_meter_and_obeys() -> None:
    async def case(driver: Driver, charger: Charger) -> None:
        charger.intermediate = False
        await driver.apply(command(16000))
        assert driver.reading.energy_wh is None
        assert charger.limit_ma() == 6000
        assert (await driver.probe()).found == "a charger that speaks basic DR"

    live(case)


def test_a_charger_and_a_receiver_that_restart_have_the_event_again() -> None:
    async def whole() -> None:
        first = Charger()
        async with asyncio.timeout(20):
            async with on_terminal(first) as path:
                async with opened(path) as killed:
                    await killed.apply(command(16000))
                async with opened(path, refresh_s=1.0) as again:
                    assert first.limit_ma() == 6000, "it holds by itself"
                    await again.apply(replace(command(16000), limit_ma=0))
                    await again.start()
                    assert first.limit_ma() == 0
                    first._held = None  # it has lost its power, and has forgotten
                    first.events.clear()
                    while first.limit_ma() != 0:
                        await asyncio.sleep(0.05)

    asyncio.run(whole())


def test_no_port_of_this_name_is_said() -> None:
    async def whole() -> None:
        async with opened("/dev/no-such-port") as driver:
            with pytest.raises(DeviceAbsentError, match="no-such-port cannot be opened: there is none of this name"):
                await driver.apply(command(0))

    asyncio.run(whole())
