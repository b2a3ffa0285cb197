"""`evrds-receiver run` with the driver `cta2045`, killed in an event: the event stays, and has an end of its own."""

import asyncio
import signal
import subprocess
from pathlib import Path

from cta2045.enums import BasicDRCategory

from tests.live.cta2045_charger import Charger, on_terminal
from tests.live.test_run_chain import configure
from tests.loopback.scripts import CLOCK, CURTAIL, build, make_network, script


def test_killed_in_an_event_it_ends_by_its_own_duration(tmp_path: Path) -> None:
    groups = tmp_path / "g.hex"
    plan = make_network(tmp_path, messages=CURTAIL.replace("00:00:12", "00:00:00"))
    build(plan, "--hex", groups, "--seconds", "30")

    async def case() -> None:
        charger = Charger()
        async with on_terminal(charger) as path:
            config = configure(tmp_path, "12345", "cta2045", f'url = "{path}"\n')
            running = await asyncio.create_subprocess_exec(
                script("receiver"), "run", config, "--source", groups, "--start-time", CLOCK, "--realtime",
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            while charger.limit_ma() is None:
                await asyncio.sleep(0.05)
            running.kill()
            assert await running.wait() == -signal.SIGKILL
            assert charger.limit_ma() == 6000
            category, seconds = charger.events[-1]
            assert category is BasicDRCategory.Shed
            assert seconds is not None
            assert 3600 <= seconds < 2 * 3700 + 200, "the event's hour and its way back, rounded up"

    async def whole() -> None:
        async with asyncio.timeout(30):
            await case()

    asyncio.run(whole())
