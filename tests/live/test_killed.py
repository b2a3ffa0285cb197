"""`evrds-receiver run` killed with SIGKILL in a curtailment: what becomes of the charger is what its page says."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.live.openevse_controller import CHARGING, Controller, on_terminal
from tests.live.openevse_module import Module, serving
from tests.loopback.scripts import CLOCK, CURTAIL, build, make_network, script

CONFIG = """regions = ["12345"]
network = 7
roots = ["root.public.pem"]
certificates = ["operator.certificate.pem"]
rating_a = 32
state = "{name}.sqlite3"
[charger]
driver = "{driver}"
"""
LATER = "2026-12-01T17:20:00Z"
WATCHDOG_S = 2


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, the groups of a plan that curtails to 16 A, and the state of a receiver that has heard them."""
    folder = tmp_path_factory.mktemp("network")
    plan = make_network(folder, messages=CURTAIL.replace("00:00:12", "00:00:00"))
    build(plan, "--hex", folder / "groups.hex", "--seconds", "30")
    config = folder / "first.toml"
    config.write_text(CONFIG.format(name="heard", driver="simulated"))
    command: list[str | Path] = [
        script("receiver"),
        "run",
        config,
        "--source",
        folder / "groups.hex",
        "--start-time",
        CLOCK,
        "--realtime",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        assert any('"limit_a":16' in line for line in running.stdout), "it ended before it had heard of the curtailment"
        running.kill()
    return folder


@contextlib.asynccontextmanager
async def receiver(
    folder: Path, driver: str, name: str, **options: object
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A receiver in the curtailment as a process, killed with SIGKILL at the end."""
    for file in folder.glob("heard.sqlite3*"):
        shutil.copy(file, folder / file.name.replace("heard", name))
    path = folder / f"{name}.toml"
    path.write_text(
        CONFIG.format(name=name, driver=driver)
        + "".join(f"{option} = {value!r}\n" for option, value in options.items())
    )
    process = await asyncio.create_subprocess_exec(
        *(script("receiver"), "run", path, "--source", folder / "groups.hex", "--start-time", LATER, "--realtime"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        code = await process.wait()
    assert code == -signal.SIGKILL, "it ended before it was killed"


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def test_openevse_falls_to_its_fallback_in_the_watchdogs_time_and_gets_its_limit_back(network: Path) -> None:
    async def whole() -> None:
        controller = Controller()
        async with on_terminal(controller) as path:
            options: dict[str, object] = {"url": path, "watchdog_s": WATCHDOG_S, "fallback_a": 8}
            async with receiver(network, "openevse", "rapi", **options):
                await until(lambda: controller.amps == 16)
            assert controller.amps == 16
            await until(lambda: controller.amps == 8, WATCHDOG_S + 0.5)
            controller.boot()
            assert controller.amps == 32
            async with receiver(network, "openevse", "rapi", **options):
                await until(lambda: controller.amps == 16)
                controller.boot()
                await until(lambda: controller.amps == 16, WATCHDOG_S)
            assert controller.state == CHARGING

    asyncio.run(whole())


def test_an_openevse_claim_stays_when_the_receiver_is_killed(network: Path) -> None:
    module = Module()

    async def whole(url: str) -> None:
        async with receiver(network, "openevse_wifi", "wifi", url=url):
            await until(lambda: module.now()[1] == 16)
        await asyncio.sleep(0.2)
        assert module.now()[1] == 16
        module.restart()
        assert module.now()[1] == 32

    with serving(module) as url:
        asyncio.run(whole(url))


def test_a_pin_and_a_pilot_stay_when_the_receiver_is_killed(network: Path, tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("1")
    for name in ("period", "duty_cycle", "enable"):
        (tmp_path / name).write_text("0")

    async def whole() -> None:
        async with receiver(network, "gpio", "gpio", pin=f"file:{pin}", closed_a=32):
            await until(lambda: pin.read_text() == "0")  # 16 A are not all of 32
        async with receiver(network, "j1772", "j1772", pwm=str(tmp_path), highest_a=32, change_s=0.1):
            await until(lambda: (tmp_path / "duty_cycle").read_text() == "266000")
        await asyncio.sleep(0.2)
        assert pin.read_text() == "0"
        assert (tmp_path / "duty_cycle").read_text() == "266000"

    asyncio.run(whole())
