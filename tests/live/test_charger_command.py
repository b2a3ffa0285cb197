"""`charger set` and a charge point as processes: the limit is set, and taken back however the command ends."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.live.ocpp16_run import PROGRAM
from tests.loopback.scripts import script


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_limit_set_by_hand_is_taken_back_when_the_command_is_ended(tmp_path: Path, end: signal.Signals) -> None:
    port, log = free_port(), tmp_path / "log"
    command: list[str | Path] = [
        script("receiver"),
        "charger",
        "set",
        "10",
        "--driver",
        "ocpp16",
        "--installer-a",
        "16",
    ]
    command += ["--option", f"port={port}"]
    with (
        subprocess.Popen([sys.executable, PROGRAM, f"ws://127.0.0.1:{port}/CP_1", "--log", log]) as point,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as setting,
    ):
        assert setting.stdout is not None
        assert "ocpp16: limit" in setting.stdout.readline()
        setting.send_signal(end)
        _, errors = setting.communicate(timeout=20)
        point.terminate()
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.read_text().splitlines()]  # Any: as JSON gives it
    assert [(line["event"], line["limit_a"]) for line in lines] == [("set", 10.0), ("cleared", None)]
    assert setting.returncode == 130
    assert all(line.startswith("evrds-receiver: ") for line in errors.splitlines()), errors
