"""The real receiver killed while a station obeys it: 2.1 falls back in time, 2.0.1 keeps to the profile's end."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from tests.live.ocpp201_run import PROGRAM
from tests.live.ocpp_rpc import PROGRAM as OTHER_PROGRAM
from tests.live.ocpp_rpc import is_installed
from tests.live.test_ocpp16_killed import Log, receiver
from tests.live.test_run_chain import configure, free_port
from tests.loopback.scripts import CURTAIL, build, make_network

WATCHDOG_S: Final = 1
PROFILE_S: Final = 5


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, a plan that curtails 12FFF to 16 A from its first second on, and its groups."""
    folder = tmp_path_factory.mktemp("network")
    plan = make_network(folder, messages=CURTAIL.replace("00:00:12", "00:00:00"))
    build(plan, "--hex", folder / "groups.hex", "--seconds", "60")
    return folder


@pytest.mark.peer("ocpp-rpc", debian="nodejs npm", found=is_installed)
def test_a_station_of_2_1_falls_to_the_fallback_within_the_watchdogs_time(network: Path, tmp_path: Path) -> None:
    port = free_port()
    config = configure(network, "12345", "ocpp201", f"port = {port}\nwatchdog_s = {WATCHDOG_S}\n")
    log = Log(tmp_path / "log")
    command: list[str | Path] = ["node", OTHER_PROGRAM, f"ws://127.0.0.1:{port}", "CP_1", "--protocol", "ocpp2.1"]
    with (tmp_path / "log").open("w") as file, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file) as point:
        try:
            with receiver(config, network / "groups.hex"):
                while (held := log.wait_for("set"))["limit_a"] != 16:
                    assert held["limit_a"] == 6, "the fallback is there before the limit"
            fallen = log.wait_for("changed")
            assert (fallen["limit_a"], fallen["until"]) == (6, held["until"])
            lasted = datetime.fromisoformat(fallen["clock"]) - datetime.fromisoformat(held["clock"])
            assert WATCHDOG_S <= lasted.total_seconds() <= WATCHDOG_S + 2, "the watchdog's time, and the kill's"
            with receiver(config, network / "groups.hex"):
                assert log.wait_for("changed")["limit_a"] == 16, "the limit counts again as soon as someone is there"
        finally:
            point.terminate()


def test_a_station_of_2_0_1_keeps_the_limit_to_the_profiles_end(network: Path, tmp_path: Path) -> None:
    port = free_port()
    config = configure(network, "12345", "ocpp201", f"port = {port}\nprofile_s = {PROFILE_S}\n")
    log = Log(tmp_path / "log")
    command: list[str | Path] = [sys.executable, PROGRAM, f"ws://127.0.0.1:{port}/CS_1", "--log", tmp_path / "log"]
    with subprocess.Popen(command) as point:
        try:
            with receiver(config, network / "groups.hex"):
                held = log.wait_for("set")
                assert (held["limit_a"], held["purpose"]) == (16.0, "ChargingStationMaxProfile")
            ended = log.wait_for("ended")
            assert ended["limit_a"] is None
            lasted = datetime.fromisoformat(ended["clock"]) - datetime.fromisoformat(held["clock"])
            assert lasted.total_seconds() <= PROFILE_S + 4, "perhaps renewed once"
        finally:
            point.terminate()
