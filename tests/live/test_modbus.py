"""Modbus chargers in real time: watchdogs, lost links, restarts, nonsense, people at the charger, and a kill."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError
from receiver.chargers import _kept
from receiver.chargers.driver import ChargerCommand
from receiver.chargers.modbus import Driver
from tests.live.modbus_charger import VECTORS, Charger, crc, serve, serve_serial
from tests.live.test_run_chain import free_port
from tests.loopback.scripts import CLOCK, CURTAIL, build, make_network, script

NOW = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
WATCHED = [name for name in VECTORS if "watchdog" in VECTORS[name]]


def command(limit_ma: int) -> ChargerCommand:
    return ChargerCommand(limit_ma, moment=NOW, until=None, restricted=True, reason="test")


def make(name: str, **options: Any) -> Driver:  # Any: as TOML gives it
    return Driver.from_options({"table": name, "refresh_s": 0.2, "answer_timeout_s": 0.5, **options}, lambda: NOW)


@contextlib.asynccontextmanager
async def wired(charger: Charger, name: str, **options: Any) -> AsyncIterator[tuple[Driver, Callable[[], None]]]:
    """A charger, its driver, and what drops the link."""
    async with contextlib.AsyncExitStack() as stack:
        if name == "heidelberg_ec":
            where: dict[str, Any] = {"device": await stack.enter_async_context(serve_serial(charger)), "parity": "N"}
            drop: Callable[[], None] = lambda: None  # noqa: E731
        else:
            port, drop = await stack.enter_async_context(serve(charger))
            where = {"host": "127.0.0.1", "port": port}
        driver = make(name, **where, **options)
        try:
            yield driver, drop
        finally:
            await driver.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.02)


async def silence_ends_in_the_fallback(name: str) -> None:
    """The device's clock runs so fast that its watchdog takes 0.6 s."""
    vector = VECTORS[name]
    charger = Charger(name, speed=vector["fallback"]["after_s"] / 0.6)
    holding, watchdog = charger.memory["holding"], vector["watchdog"]
    async with wired(charger, name) as (driver, _):
        await driver.apply(command(13000))
        shown = [holding[place] for place in watchdog["to"]]
        await driver.start()
        await asyncio.sleep(1)
        assert [holding[place] for place in watchdog["to"]] == shown, name
        await driver.close()
        await asyncio.sleep(0.8)
        expected = watchdog.get("values") or [holding[place] for place in watchdog["from"]]
        assert [holding[place] for place in watchdog["to"]] == expected != shown, name


def test_refreshing_keeps_the_limit_and_silence_ends_in_the_fallback() -> None:
    async def all_at_once() -> None:
        await asyncio.gather(*(silence_ends_in_the_fallback(name) for name in WATCHED))

    asyncio.run(all_at_once())


def test_nobody_there_is_one_line_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kept, "FIRST_PAUSE_S", 0.05)
    port = free_port()

    async def whole() -> None:
        driver = make("keba_p40", host="127.0.0.1", port=port)
        await driver.start()
        with pytest.raises(DeviceAbsentError, match=rf"keba_p40 at 127.0.0.1:{port}: .*nobody answers there"):
            await driver.apply(command(16000))
        assert driver.reading.answers is False
        assert len(driver.reading.alarms) == 1
        charger = Charger("keba_p40")
        async with serve(charger, port):
            await until(lambda: charger.memory["holding"][5004] == 16000)
            await until(lambda: driver.reading.alarms == ())
            await driver.close()

    asyncio.run(whole())


@pytest.mark.parametrize("device", ["/dev/null", "/nowhere"])
def test_a_device_that_is_no_serial_line_is_one_line(device: str) -> None:
    async def whole() -> None:
        driver = make("heidelberg_ec", device=device)
        with pytest.raises(DeviceAbsentError, match=device) as refusal:
            await driver.probe()
        assert "\n" not in str(refusal.value)
        await driver.close()

    asyncio.run(whole())


def test_a_dropped_link_and_a_restarted_charger_get_the_limit_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kept, "FIRST_PAUSE_S", 0.05)
    port = free_port()

    async def whole() -> None:
        driver = make("bender", host="127.0.0.1", port=port)
        charger = Charger("bender")
        async with serve(charger, port) as (_, drop):
            await driver.apply(command(13000))
            await driver.start()
            charger.writes.clear()
            drop()
            await until(lambda: [16, 1000, [13]] in charger.writes)
            assert [16, 131, [6]] not in charger.writes, "what is there already is not written again"
        await until(lambda: driver.reading.answers is False)
        restarted = Charger("bender")
        assert restarted.memory["holding"][1000] == 32
        async with serve(restarted, port):
            await until(lambda: restarted.memory["holding"][1000] == 13)
            assert restarted.writes[:3] == [[16, 131, [6]], [16, 132, [60]], [16, 1000, [13]]]
            await driver.close()
            again = make("bender", host="127.0.0.1", port=port)
            restarted.writes.clear()
            await again.apply(command(13000))
            assert restarted.writes == [[16, 1000, [13]]]
            await again.close()

    asyncio.run(whole())


def test_a_refusal_is_told_and_what_can_be_missed_is_an_alarm() -> None:
    async def whole() -> None:
        charger = Charger("bender")
        async with wired(charger, "bender") as (driver, _):
            charger.refuse = {131: 2, 212: 2}
            await driver.apply(command(13000))
            assert driver.reading.limit_ma == 13000
            assert driver.reading.current_ma is None
            assert [line for line in driver.reading.alarms if "illegal data address" in line]
            charger.refuse = {1000: 3}
            with pytest.raises(ChargerRefusedError, match=r"refused 16 to register 1000: illegal data value; look at"):
                await driver.apply(command(16000))
            asked = charger.asked
            assert any("illegal data value" in line for line in driver.reading.alarms)
            await asyncio.sleep(0.3)
            assert charger.asked == asked, "nobody asks without start"

    asyncio.run(whole())


def test_another_unit_is_refused_in_one_line() -> None:
    async def whole() -> None:
        async with wired(Charger("keba_p40"), "keba_p40", unit=1) as (driver, _):
            with pytest.raises(DeviceLostError, match="does not answer; look at its table, unit") as refusal:
                await driver.probe()
            assert "\n" not in str(refusal.value)

    asyncio.run(whole())


def test_a_late_answer_is_no_answer_and_not_taken_for_the_next() -> None:
    async def whole() -> None:
        charger = Charger("keba_p40")
        async with wired(charger, "keba_p40", answer_timeout_s=0.2) as (driver, _):
            await driver.apply(command(16000))
            charger.delay_s = 0.4
            with pytest.raises(DeviceLostError, match=r"no answer to .* within 0.2 s"):
                await driver.apply(command(10000))
            charger.delay_s = 0.0
            await driver.apply(command(8000))
            assert driver.reading.limit_ma == 8000
            assert driver.reading.energy_wh == 5432

    asyncio.run(whole())


def test_what_is_not_taken_and_what_is_impossible_are_alarms() -> None:
    async def whole() -> None:
        charger = Charger("keba_p30")
        async with wired(charger, "keba_p30") as (driver, _):
            charger.ignores = {5004}
            await driver.apply(command(16000))
            assert driver.reading.alarms == (f"{driver._name} has 32000 mA, wanted 16000",)
            charger.ignores = set()
            charger.says = {1100: 40, 1101: 0, 1036: 65000, 1008: 900}
            await driver.apply(command(16000))
            assert (driver.reading.limit_ma, driver.reading.energy_wh, driver.reading.current_ma) == (
                None,
                425984000,
                None,
            )
            told = " ".join(driver.reading.alarms)
            assert "its limit is 2621440 mA, which no charger has" in told
            assert "mA, which is impossible" in told

    asyncio.run(whole())


def test_a_lower_limit_of_the_chargers_own_is_respected_and_told() -> None:
    async def whole() -> None:
        charger = Charger("keba_p30")
        charger.says = {1100: 0, 1101: 10000}
        async with wired(charger, "keba_p30") as (driver, _):
            await driver.apply(command(16000))
            assert driver.reading.overridden == "the charger itself allows 10 A"
            assert (driver.reading.limit_ma, driver.reading.alarms) == (10000, ())

    asyncio.run(whole())


def test_a_fallback_that_stays_too_high_and_a_watchdog_that_is_off_are_told() -> None:
    async def whole() -> None:
        charger = Charger("siemens_versicharge")
        async with wired(charger, "siemens_versicharge") as (driver, _):
            report = await driver.probe()
            assert any("falls back to 16000 mA, wanted 6000 mA" in line for line in report.warnings)
            charger.memory["holding"][1661] = 0
            report = await driver.probe()
            assert (report.fallback.limit_ma, report.fallback.after_s) == (None, None)
            assert any("its watchdog is off" in line for line in report.warnings)

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("fallback_a", "there", "writes"), [(None, 0, []), (16.0, 0, [[6, 262, [160]]]), (0, 60, [[6, 262, [0]]])]
)
def test_a_fallback_is_only_lowered_unless_the_installer_says_which(
    fallback_a: float | None, there: int, writes: list[Any]
) -> None:
    async def whole() -> None:
        charger = Charger("heidelberg_ec")
        charger.memory["holding"][262] = there
        options = {} if fallback_a is None else {"fallback_a": fallback_a}
        async with wired(charger, "heidelberg_ec", **options) as (driver, _):
            await driver.apply(command(16000))
            assert [write for write in charger.writes if write[1] == 262] == writes

    asyncio.run(whole())


def test_a_person_at_a_go_e_may_charge_less_until_the_car_leaves() -> None:
    async def whole() -> None:
        charger = Charger("go_e")
        holding, inputs = charger.memory["holding"], charger.memory["input"]
        async with wired(charger, "go_e") as (driver, _):
            await driver.apply(command(16000))
            holding[299] = 10  # its button
            await driver.apply(command(16000))
            assert (holding[299], driver.reading.overridden) == (10, "10 A set at the charger")
            await driver.apply(command(8000))
            assert holding[299] == 8
            await driver.apply(command(16000))
            assert holding[299] == 10
            holding[337] = 1  # its app
            await driver.apply(command(16000))
            assert (holding[337], driver.reading.overridden) == (1, "paused at the charger")
            holding[337] = 0
            await driver.apply(command(16000))
            assert (holding[299], driver.reading.overridden) == (16, None)
            holding[299] = 20  # more than is allowed: that is no person's to say
            await driver.apply(command(16000))
            assert holding[299] == 16
            holding[299] = 6
            await driver.apply(command(16000))
            inputs[100] = 1  # no car
            await driver.apply(command(16000))
            await driver.apply(command(16000))
            assert (holding[299], driver.reading.overridden, driver.reading.alarms) == (16, None, ())

    asyncio.run(whole())


def test_what_a_restarted_go_e_has_saved_is_no_persons_word() -> None:
    port = free_port()

    async def whole() -> None:
        driver = make("go_e", host="127.0.0.1", port=port)
        async with serve(Charger("go_e"), port):
            await driver.apply(command(16000))
        restarted = Charger("go_e")
        restarted.memory["holding"][299] = 6
        async with serve(restarted, port):
            with pytest.raises(DeviceLostError):
                await driver.apply(command(16000))
            await driver.apply(command(16000))
            assert (restarted.memory["holding"][299], driver.reading.overridden) == (16, None)
            await driver.close()

    asyncio.run(whole())


def test_a_go_e_is_not_written_again_and_again_and_its_eeprom_never() -> None:
    async def whole() -> None:
        charger = Charger("go_e")
        async with wired(charger, "go_e") as (driver, _):
            await driver.apply(command(16000))
            await driver.start()
            await asyncio.sleep(0.7)
            assert charger.asked > 10
            assert charger.writes == [[16, 299, [16]]]

    asyncio.run(whole())


def test_the_checksum_is_the_standards() -> None:
    assert crc(bytes([0x02, 0x07])) == bytes([0x41, 0x12])  # Modbus over Serial Line 1.02, 6.2.2


async def babble(port: int, answers: list[bytes], name: str) -> list[str]:
    """A driver against a server that says these octets, one after each request, and then hangs up."""
    left = list(answers)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                while left and await reader.read(300):
                    writer.write(left.pop(0))
                    await writer.drain()
        finally:
            writer.close()

    driver = make(name, host="127.0.0.1", port=port, answer_timeout_s=0.05)
    told: list[str] = []
    async with await asyncio.start_server(talk, "127.0.0.1", port):
        for _ in range(2):
            with contextlib.suppress(DeviceAbsentError, DeviceLostError):
                await driver.apply(command(16000))
            told.extend(driver.reading.alarms)
        await driver.close()
        await asyncio.sleep(0.01)  # its end of the line closes in the loop's next turns
    return told


@settings(max_examples=15)
@given(
    st.lists(
        st.binary(max_size=40)
        | st.builds(lambda body: b"\0\1\0\0" + len(body).to_bytes(2, "big") + body, st.binary(max_size=30)),
        max_size=3,
    )
)
def test_nonsense_on_the_wire_is_one_line_each_time(answers: list[bytes]) -> None:
    told = asyncio.run(babble(free_port(), answers, "keba_p40"))
    assert told
    assert all("\n" not in line for line in told)


CONFIG = """regions = ["12345"]
network = 7
roots = ["root.public.pem"]
certificates = ["operator.certificate.pem"]
rating_a = 32
state = "receiver.sqlite3"
[charger]
driver = "modbus"
table = "phoenix_charx"
host = "127.0.0.1"
port = {port}
watchdog_s = 1
"""


def test_a_killed_receiver_leaves_the_charger_to_its_watchdog_and_a_new_one_takes_it_back(tmp_path: Path) -> None:
    plan = make_network(tmp_path, messages=CURTAIL.replace("00:00:12", "00:00:00"))
    build(plan, "--hex", tmp_path / "groups.hex", "--seconds", "30")
    (tmp_path / "receiver.toml").write_text(CONFIG.format(port=(port := free_port())))
    run: list[str | Path] = [script("receiver"), "run", tmp_path / "receiver.toml"]
    run += ["--source", tmp_path / "groups.hex", "--start-time", CLOCK, "--realtime"]

    async def start() -> asyncio.subprocess.Process:
        quiet = asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(*run, stdout=quiet, stderr=quiet)

    async def whole() -> None:
        charger = Charger("phoenix_charx")
        holding = charger.memory["holding"]
        async with serve(charger, port):
            first = await start()
            async with asyncio.timeout(20):
                while holding[1301] != 16:
                    await asyncio.sleep(0.05)
            assert (holding[1306], holding[1307]) == (6, 1)
            await asyncio.sleep(1.3)
            assert holding[1301] == 16, "it is refreshed"
            os.kill(first.pid, signal.SIGKILL)
            assert await first.wait() == -signal.SIGKILL
            await asyncio.sleep(1.2)
            assert holding[1301] == 6, "the recorded fallback"
            second = await start()
            async with asyncio.timeout(20):
                while holding[1301] != 16:
                    await asyncio.sleep(0.05)
            second.kill()
            await second.wait()

    asyncio.run(whole())
