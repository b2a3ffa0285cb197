"""`run` told to stop by SIGTERM while nothing comes from its input: at once, in order, what it held on the disk."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from receiver.store import Store
from tests.receiver.installation import START, install

CODE = "import sys; from receiver.cli import main; sys.exit(main())"


def test_a_silent_pipe_holds_nothing_up(tmp_path: Path) -> None:
    install(tmp_path)
    address = str(tmp_path / "notify")
    groups = (tmp_path / "groups.hex").read_text()
    arguments = ["run", str(tmp_path / "12345.toml"), "--source", "-", "--format", "hex", "--start-time", START]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(address)
        peer.settimeout(20)
        pipe = subprocess.PIPE
        environment = {**os.environ, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000"}
        command = [sys.executable, "-c", CODE, *arguments]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n".join(groups.splitlines()[:260]) + "\n")
            process.stdin.flush()
            while '"limit_a":16' not in process.stdout.readline():
                pass
            while not peer.recv(4096).startswith(b"STATUS=NO SAMPLES; 16 A"):
                pass
            process.send_signal(signal.SIGTERM)
            # Its standard input stays open, and nothing comes.
            assert process.wait(10) == 0
            assert process.stderr is not None
            [warning] = process.stderr.read().splitlines()
            assert "test key" in warning
            rest = process.stdout.read()
        assert peer.recv(4096) == b"STOPPING=1"
    assert '"limit"' not in rest, "the charger is told nothing"
    with Store(tmp_path / "12345.sqlite3") as store:
        snapshot, bound_ms = store.load()
    assert len(snapshot.messages) == 1
    assert bound_ms is not None
