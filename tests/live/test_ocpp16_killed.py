"""The real receiver killed while a charge point obeys it: the limit ends by itself, and comes with the receiver."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.live.ocpp16_run import PROGRAM
from tests.live.test_run_chain import configure, free_port
from tests.loopback.scripts import CLOCK, CURTAIL, build, make_network, script

PROFILE_S: Final = 5
PATIENCE_S: Final = 15


class Log:
    """The lines that a charge point appends to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0

    def wait_for(self, event: str) -> dict[str, Any]:  # Any: as JSON gives it
        """The next line of this event; others before it are passed over."""
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            lines = self._path.read_text().splitlines() if self._path.exists() else []
            for line in lines[self._seen :]:
                self._seen += 1
                found: dict[str, Any] = json.loads(line)  # Any: as JSON gives it
                if found["event"] == event:
                    return found
            time.sleep(0.05)
        raise AssertionError(f"no {event} within {PATIENCE_S} s")


@contextmanager
def receiver(config: Path, groups: Path) -> Iterator[None]:
    """`run --realtime` until the end of the block, which is SIGKILL."""
    command: list[str | Path] = [
        script("receiver"),
        "run",
        config,
        "--source",
        groups,
        "--start-time",
        CLOCK,
        "--realtime",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        yield
        running.kill()
    assert running.returncode == -signal.SIGKILL, "it ended before"


def test_a_killed_receiver_leaves_the_limit_to_its_profiles_end_and_sets_it_again(tmp_path: Path) -> None:
    plan = make_network(tmp_path, messages=CURTAIL.replace("00:00:12", "00:00:00"))
    groups = tmp_path / "groups.hex"
    build(plan, "--hex", groups, "--seconds", "60")
    port = free_port()
    config = configure(tmp_path, "12345", "ocpp16", f"port = {port}\nprofile_s = {PROFILE_S}\n")
    log = Log(tmp_path / "log")
    command: list[str | Path] = [sys.executable, PROGRAM, f"ws://127.0.0.1:{port}/CP_1", "--log", tmp_path / "log"]
    with subprocess.Popen(command) as point:
        try:
            with receiver(config, groups):
                held = log.wait_for("set")
                assert (held["limit_a"], held["purpose"]) == (16.0, "ChargePointMaxProfile")
            ended = log.wait_for("ended")
            assert ended["limit_a"] is None
            lasted = datetime.fromisoformat(ended["clock"]) - datetime.fromisoformat(held["clock"])
            assert lasted.total_seconds() <= PROFILE_S + 4, "perhaps renewed once"
            with receiver(config, groups):
                assert log.wait_for("set")["limit_a"] == 16.0
        finally:
            point.terminate()
