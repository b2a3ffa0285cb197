"""The owner's commands beside a receiver that runs, each a process: heeded in seconds, though the radio is silent."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rds.constants import GROUP_PERIOD_S
from tests.loopback.scripts import call, script
from tests.receiver.broadcast import TS, Broadcast, halt, heartbeat
from tests.receiver.installation import START, hex_list, install

Record = dict[str, Any]  # Any: as JSON gives it


@contextmanager
def running(config: Path, groups: str) -> Iterator[Callable[..., Record]]:
    """A receiver that has been given some groups and then nothing; yields how to give it more and wait for a limit."""
    command: list[str | Path] = [
        script("receiver"),
        "run",
        config,
        "--source",
        "-",
        "--format",
        "hex",
        "--start-time",
        START,
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdin is not None
        assert receiver.stdout is not None
        lines = receiver.stdout

        def limit(limit_a: float, *, after: str = "") -> Record:
            assert receiver.stdin is not None
            receiver.stdin.write(after)
            receiver.stdin.flush()
            for line in lines:
                record: Record = json.loads(line)
                if record["type"] == "limit" and record["limit_a"] == limit_a:
                    return record
            raise AssertionError(f"it ended without a limit of {limit_a} A")

        try:
            limit(32, after=groups)
            yield limit
        finally:
            receiver.stdin.close()
            for _ in lines:
                pass
    assert receiver.returncode == 0


def silence(seconds: float) -> str:
    return "---- ---- ---- ----\n" * round(seconds / GROUP_PERIOD_S)


def test_an_emergency_is_overridden_within_two_seconds_while_nothing_is_heard(tmp_path: Path) -> None:
    install(tmp_path)
    config = tmp_path / "12345.toml"
    owner = ["--config", str(config)]
    groups = hex_list(Broadcast().say(heartbeat(TS), halt(ts=TS + 1)))
    with running(config, groups) as limit:
        limit(0, after=silence(10))
        told = call("receiver", "status", *owner).out
        assert "limit      paused, of 32 A here" in told
        assert "the owner may: evrds-receiver override" in told
        assert "receiver   runs" in told
        began_s = time.monotonic()
        assert call("receiver", "override", "event", *owner).out.startswith(
            "override event: the charger does not follow"
        )
        assert time.monotonic() - began_s < 4, "a process that starts, and two seconds"
        # The contactor opened moments ago: five minutes of stream must pass before it closes.
        assert "to spare the contactor" in call("receiver", "status", *owner).out
        assert limit(32, after=silence(300))["reason"].startswith("no limit from the network")
        assert "override   event, since" in call("receiver", "status", *owner).out
        assert call("receiver", "override", "clear", *owner).out.startswith("no override")
        assert limit(6)["limit_a"] == 6
        assert call("receiver", "override", "always", *owner).out.endswith("until you clear it\n")
        assert limit(32)["limit_a"] == 32
    log = call("receiver", "log", *owner).out
    assert [kind for kind in ("event", "today", "always") if f"overridden {kind}" in log] == ["event", "always"]


def test_a_second_receiver_on_one_state_file_is_refused_in_one_line(tmp_path: Path) -> None:
    install(tmp_path)
    config = tmp_path / "12345.toml"
    with running(config, hex_list(Broadcast().say(heartbeat(TS)))):
        second = call("receiver", "run", config, "--source", tmp_path / "groups.hex", code=3)
        assert second.out == ""
        assert "is another receiver's that runs; end that one, or name another file" in second.err.splitlines()[-1]
    call("receiver", "run", config, "--source", tmp_path / "groups.hex")
