"""The two scripts and charge points as processes: who is moved, and that a kill in an event changes nothing."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rds.oda.draw import delay_ms, draw
from rds.oda.messages import unpack_message
from rds.oda.urgent_envelope import urgent_head
from receiver.store import Store
from tests.live.ocpp16_run import PROGRAM
from tests.loopback.scripts import CLOCK, CURTAIL, Outcome, build, call, make_network, script

CONFIG = """regions = ["{region}"]
network = 7
roots = ["root.public.pem"]
certificates = ["operator.certificate.pem"]
rating_a = 32
state = "{region}.sqlite3"
[charger]
driver = "{driver}"
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, a plan that curtails 12FFF from its first second on, and its groups."""
    folder = tmp_path_factory.mktemp("network")
    plan = make_network(folder, messages=CURTAIL.replace("00:00:12", "00:00:00"))
    build(plan, "--hex", folder / "groups.hex", "--seconds", "30")
    return folder


def configure(folder: Path, region: str, driver: str = "simulated", options: str = "") -> Path:
    path = folder / f"{region}.toml"
    path.write_text(CONFIG.format(region=region, driver=driver) + options)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(("region", "events"), [("12345", [("set", 16.0), ("cleared", None)]), ("13000", [])])
def test_a_charge_point_of_the_region_is_moved_and_another_is_left_alone(
    network: Path, tmp_path: Path, region: str, events: list[tuple[str, float | None]]
) -> None:
    port = free_port()
    config = configure(network, region, "ocpp16", f"port = {port}\n")
    log = tmp_path / "log"
    address = f"ws://127.0.0.1:{port}/CP_1"
    with subprocess.Popen([sys.executable, PROGRAM, address, "--log", log]) as point:
        told = call("receiver", "run", config, "--source", network / "groups.hex", "--start-time", CLOCK)
        point.terminate()
    lines: list[dict[str, Any]] = [  # Any: as JSON gives it
        json.loads(line) for line in (log.read_text() if log.exists() else "").splitlines()
    ]
    assert [(line["event"], line["limit_a"]) for line in lines] == events
    assert told.limits == ([32, 16, 32] if events else [32])
    assert [record["error"] for record in told.records("charger") if record["error"]] == []


def killed_in_the_event(config: Path, groups: Path) -> None:
    """`run --realtime` until it has told the charger, then SIGKILL."""
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
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if '"limit_a":16' in line:
                running.kill()
                break
        running.communicate(timeout=20)
    assert running.returncode == -signal.SIGKILL, "it ended before it had told of the curtailment"


def release(told: Outcome) -> datetime:
    """When the charger is told that nothing holds any more."""
    first, *_, last = told.records("limit")
    assert (first["limit_a"], last["limit_a"]) == (16, 32), "what was remembered holds at once"
    return datetime.fromisoformat(last["time"])


def test_killed_in_an_event_and_started_again_the_charger_returns_at_its_own_moment(
    network: Path, tmp_path: Path
) -> None:
    for name in ("groups.hex", "root.public.pem", "operator.certificate.pem"):
        shutil.copy(network / name, tmp_path / name)
    config = configure(tmp_path, "12345")
    killed_in_the_event(config, tmp_path / "groups.hex")
    (tmp_path / "rest.hex").write_text("1234 0408 E0CD 4556\n" * 4)
    with Store(tmp_path / "12345.sqlite3") as store:
        device_id = store.device_id()
        [curtail] = store.load()[0].messages
    assert device_id is not None
    for file in tmp_path.glob("12345.sqlite3*"):
        shutil.copy(file, tmp_path / f"kept-{file.name}")
    expected = datetime.fromisoformat(CLOCK) + timedelta(hours=1)
    message = unpack_message(urgent_head(curtail.envelope))
    assert message is not None
    expected += timedelta(milliseconds=delay_ms(draw("R", device_id, key=message.key, ts=message.ts), 3600))
    for later in (["--start-time", "2026-12-01T17:20:00Z"], ["--start-time", "2026-12-01T17:59:59Z"], []):
        for file in tmp_path.glob("kept-*"):
            shutil.copy(file, tmp_path / file.name.removeprefix("kept-"))
        told = call("receiver", "run", config, "--source", tmp_path / "rest.hex", *later)
        assert abs(release(told) - expected) < timedelta(milliseconds=2)
