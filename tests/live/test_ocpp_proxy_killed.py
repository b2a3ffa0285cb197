"""`evrds-receiver run` between an operator and a charge point, killed in an event: the limit stays to its own end."""

import asyncio
import contextlib
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

from tests.live.central_system import central_system
from tests.live.ocpp16_run import PROGRAM, ChargePointProcess
from tests.live.ocpp_proxy_run import OPERATOR_CLOCK
from tests.loopback.scripts import CLOCK, CURTAIL, build, make_network, script

CONFIG = """regions = ["12345"]
network = 7
roots = ["root.public.pem"]
certificates = ["operator.certificate.pem"]
rating_a = 32
state = "state.sqlite3"
[charger]
driver = "ocpp_proxy"
"""


@contextlib.asynccontextmanager
async def running(*command: str | Path, stdout: int = DEVNULL, stderr: int | None = None) -> AsyncIterator[Process]:
    """A process, killed at the end if it has not ended."""
    process = await asyncio.create_subprocess_exec(*command, stdout=stdout, stderr=stderr)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def test_killed_the_limit_stays_to_its_end_and_started_again_it_is_set_again(tmp_path: Path) -> None:
    plan = make_network(tmp_path, messages=CURTAIL.replace("00:00:12", "00:00:00"))
    build(plan, "--hex", tmp_path / "groups.hex", "--seconds", "30")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "receiver.toml"

    async def whole() -> None:
        async with central_system(OPERATOR_CLOCK) as operator, asyncio.timeout(40):
            upstream = f"ws://127.0.0.1:{operator.port}"
            config.write_text(CONFIG + f'port = {port}\nupstream = "{upstream}"\n')
            receiver = (script("receiver"), "run", config, "--source", tmp_path / "groups.hex")
            options = ("--start-time", CLOCK, "--realtime")
            station = (sys.executable, str(PROGRAM), f"ws://127.0.0.1:{port}/CP_1")
            async with running(*station, stdout=PIPE) as process:
                point = ChargePointProcess(process)
                async with running(*receiver, *options, stderr=DEVNULL) as first:
                    line = await point.line()
                    assert (line["event"], line["limit_a"]) == ("set", 16.0)
                    assert "2026-03-01T12:5" < line["until"] < "2026-03-01T14:00", "the event's end, by his clock"
                    first.kill()
                    assert await first.wait() == -signal.SIGKILL
                with contextlib.suppress(TimeoutError):
                    assert await asyncio.wait_for(point.line(), 0.5) is None, "nothing changes by the kill"
                async with running(*receiver, *options, stderr=DEVNULL):
                    assert await point.limit() == ("set", 16.0)

    asyncio.run(whole())
