"""What the service manager hears of a run: ready, alive while samples flow, status, stopping; by a real socket too."""

import os
import socket
from pathlib import Path

import pytest

from receiver.cli import main
from receiver.service import Service
from tests.receiver.installation import START, install


class Clock:
    """A clock set by hand."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def manager(watchdog_s: float | None = 8) -> tuple[Service, Clock, list[str]]:
    told: list[str] = []
    clock = Clock()
    return Service(told.append, watchdog_s=watchdog_s, now_s=clock), clock, told


def test_the_watchdog_is_fed_by_samples_alone() -> None:
    service, clock, told = manager()
    samples = 0
    for second in range(40):
        clock.now_s = 100.0 + second
        samples += 1000 if second < 20 else 0
        service.look(samples, lambda: "32 A")
    assert told.count("WATCHDOG=1") == 10, "every 2 s of the first 20"
    assert told[0] == "WATCHDOG=1"
    assert [line for line in told if line.startswith("STATUS")] == ["STATUS=32 A", "STATUS=NO SAMPLES; 32 A"]
    assert "WATCHDOG=1" not in told[told.index("STATUS=NO SAMPLES; 32 A") :]


def test_samples_that_come_back_are_told() -> None:
    service, clock, told = manager()
    for now_s, samples in ((100, 1), (103, 1), (104, 2)):
        clock.now_s = now_s
        service.look(samples, lambda: "32 A")
    assert told == ["WATCHDOG=1", "STATUS=32 A", "STATUS=NO SAMPLES; 32 A", "WATCHDOG=1", "STATUS=32 A"]


def test_a_run_that_never_had_a_sample_is_not_alive() -> None:
    service, clock, told = manager()
    for second in range(60):
        clock.now_s = 100.0 + second
        service.look(0, lambda: "32 A")
    assert "WATCHDOG=1" not in told
    assert told[-1] == "STATUS=NO SAMPLES; 32 A"


def test_without_a_watchdog_none_is_fed() -> None:
    service, _, told = manager(None)
    service.look(1, lambda: "32 A")
    assert told == ["STATUS=32 A"]


def test_a_status_is_one_line_at_most_once_a_second() -> None:
    service, clock, told = manager(None)
    for turn in range(30):
        clock.now_s = 100 + turn / 10
        service.look(turn, lambda turn=turn: f"{turn}\nREADY=1")  # type: ignore[misc]  # bound at once
    assert told == ["STATUS=0 READY=1", "STATUS=10 READY=1", "STATUS=20 READY=1"]


@pytest.mark.parametrize("is_abstract", [False, True])
def test_a_real_socket_hears_a_whole_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_abstract: bool
) -> None:
    install(tmp_path)
    address = f"@evrds-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(f"\0{address[1:]}" if is_abstract else address)
        peer.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.setenv("WATCHDOG_USEC", "8000000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        source = str(tmp_path / "groups.hex")
        assert main(["run", str(tmp_path / "12345.toml"), "--source", source, "--start-time", START]) == 0
        told = []
        while True:
            try:
                told.append(peer.recv(4096).decode())
            except BlockingIOError:
                break
    assert (told[0], told[1], told[-1]) == ("READY=1", "WATCHDOG=1", "STOPPING=1")
    assert told[2] == "STATUS=32 A, no limit from the network"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": "/no/such/socket", "WATCHDOG_USEC": "8000000"},
        {"NOTIFY_SOCKET": "vsock:2:3", "WATCHDOG_USEC": "8000000"},
        {"NOTIFY_SOCKET": "/no/such/socket", "WATCHDOG_USEC": "soon", "WATCHDOG_PID": "1"},
    ],
)
def test_a_manager_that_is_not_there_harms_nothing(environment: dict[str, str]) -> None:
    service = Service.of_environment(environment)
    service.ready()
    service.look(1, lambda: "32 A")
    service.stopping()


def test_another_process_watchdog_is_not_fed(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(address)
        peer.setblocking(False)
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "8000000", "WATCHDOG_PID": str(os.getpid() + 1)}
        Service.of_environment(environment).look(1, lambda: "32 A")
        assert peer.recv(4096) == b"STATUS=32 A"
        with pytest.raises(BlockingIOError):
            peer.recv(4096)
