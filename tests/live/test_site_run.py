"""One `evrds-receiver run` for three real drivers over three real wires: what they share, a loss, a kill, a refusal."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live.modbus_charger import Charger, serve
from tests.live.ocpp16_run import PROGRAM
from tests.live.openevse_controller import Controller, on_terminal
from tests.live.test_run_chain import free_port
from tests.loopback.scripts import script
from tests.receiver.broadcast import TS, Broadcast, heartbeat, signed
from tests.receiver.installation import START, hex_list, install

SITE_A = 40
WATCHDOG_S = 2
PROFILE_S = 5
BENDER_A, RAPI_A = 20, 8
"""What two of them fall back to; the third has its own default."""
CHARGERS = """[[charger]]
name = "ocpp"
driver = "ocpp16"
port = {port}
profile_s = {profile_s}
[[charger]]
name = "modbus"
driver = "modbus"
table = "bender"
host = "127.0.0.1"
port = {modbus}
watchdog_s = {watchdog_s}
fallback_a = {bender_a}
answer_timeout_s = 0.5
[[charger]]
name = "rapi"
driver = "openevse"
url = "{tty}"
watchdog_s = {watchdog_s}
fallback_a = {rapi_a}
[site]
limit_a = {site_a}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation and a minute of groups in which nothing is asked for."""
    install(tmp_path)
    broadcast = Broadcast().send(signed(heartbeat(TS))).until(60).announce()
    (tmp_path / "groups.hex").write_text(hex_list(broadcast))
    return tmp_path


def configure(folder: Path, chargers: str) -> Path:
    path = folder / "12345.toml"
    path.write_text(path.read_text().partition("[charger]")[0] + chargers)
    return path


def command(folder: Path, config: Path) -> list[str | Path]:
    return [script("receiver"), "run", config, "--source", folder / "groups.hex", "--start-time", START]


async def end(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def _records(path: Path) -> list[dict[str, Any]]:
    """The lines that are whole so far."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def test_three_drivers_share_a_site_lose_one_and_fall_back_when_the_receiver_is_killed(folder: Path) -> None:
    bender, rapi, log, told = Charger("bender"), Controller(), folder / "log", folder / "told"

    def ocpp() -> dict[str, object]:
        """The last line of the charge point."""
        lines = log.read_text().splitlines() if log.exists() else []
        last: dict[str, object] = json.loads(lines[-1]) if lines else {"event": None, "limit_a": None}
        return last

    def limits() -> list[float]:
        """Of all three; 99 for one that has none."""
        limit_a = ocpp()["limit_a"]
        return [limit_a if isinstance(limit_a, float) else 99, bender.memory["holding"][1000], rapi.amps]

    def fallbacks() -> dict[str, float | None]:
        """What each does when left alone, as told so far; who has not said it is counted at its rating."""
        news = [one for one in _records(told) if one["type"] == "charger"]
        return {one["name"]: one["fallback"]["limit_a"] for one in news if one["fallback"]}

    async def whole() -> None:
        async with contextlib.AsyncExitStack() as stack:
            tty = await stack.enter_async_context(on_terminal(rapi))
            modbus, _ = await stack.enter_async_context(serve(bender))
            port = free_port()
            tables = CHARGERS.format(
                port=port, modbus=modbus, tty=tty, watchdog_s=WATCHDOG_S, profile_s=PROFILE_S,
                bender_a=BENDER_A, rapi_a=RAPI_A, site_a=SITE_A,
            )  # fmt: skip
            wire = f"ws://127.0.0.1:{port}/CP_1"
            point = await asyncio.create_subprocess_exec(sys.executable, PROGRAM, wire, "--log", log)
            stack.push_async_callback(end, point)
            with told.open("wb") as out:
                running = await asyncio.create_subprocess_exec(
                    *command(folder, configure(folder, tables)), "--realtime", stdout=out
                )
            try:
                await until(lambda: sorted(limits()) == [13, 13, 14] and len(fallbacks()) == 3)
                bender.delay_s = 3600
                await until(lambda: limits() == [10, BENDER_A, 10])
                bender.delay_s = 0
                await until(lambda: sorted(limits()) == [13, 13, 14])
            finally:
                running.send_signal(signal.SIGKILL)
                assert await running.wait() == -signal.SIGKILL, "it ended before it was killed"
            await until(lambda: rapi.amps == RAPI_A and bender.memory["holding"][1000] == BENDER_A, WATCHDOG_S + 1)
            await until(lambda: ocpp()["event"] == "ended" and ocpp()["limit_a"] is None, PROFILE_S + 2)

    asyncio.run(whole())
    assert fallbacks() == {"ocpp": None, "modbus": BENDER_A, "rapi": RAPI_A}, "recorded as they came to be"
    news = [one for one in _records(told) if one["type"] == "charger"]
    answered = {name: [one["answers"] for one in news if one["name"] == name] for name in fallbacks()}
    assert False in answered["modbus"]
    assert False not in answered["rapi"]


@pytest.mark.parametrize(("words", "code"), [("", 7), ("allow_high_fallback = true\n", 0)])
def test_a_safe_current_that_only_the_charger_can_set_is_refused_above_the_installers_limit(
    folder: Path, words: str, code: int
) -> None:
    alfen = Charger("alfen")
    alfen.memory["holding"][1212] = 0x4180  # its safe current, 16 A, which can be read and not written

    async def whole() -> tuple[int | None, str, str]:
        async with serve(alfen) as (port, _):
            table = f'[charger]\ndriver = "modbus"\ntable = "alfen"\nhost = "127.0.0.1"\nport = {port}\n{words}'
            config = configure(folder, f"installer_a = 8\n{table}")
            running = await asyncio.create_subprocess_exec(
                *command(folder, config), stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            out, err = await running.communicate()
            probing = await asyncio.create_subprocess_exec(
                *(script("receiver"), "charger", "probe", "--config", config),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            await probing.communicate()
            assert probing.returncode == code
            return running.returncode, out.decode(), err.decode()

    returned, _, err = asyncio.run(whole())
    assert returned == code, err
    assert ("falls back to 16 A when nobody talks to it; allowed: up to 8 A" in err) == (code == 7), err
