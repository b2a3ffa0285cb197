"""`run --realtime` in a process of its own: as slow as the input was sent, and stopped in order."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rds.constants import GROUP_PERIOD_S
from tests.receiver.installation import START, install


def test_realtime_takes_as_long_as_it_was_sent(tmp_path: Path) -> None:
    """In a process of its own, stopped after its first message: what comes seconds later has not been heard."""
    install(tmp_path)
    code = "import sys; from receiver.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "run", str(tmp_path / "12345.toml"), "--realtime", "--start-time", START]
    process = subprocess.Popen([*command, "--source", str(tmp_path / "groups.hex")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.terminate()
    rest, _ = process.communicate(timeout=20)
    assert [line["type"] for line in lines] == ["limit", "charger", "message"]
    assert lines[2]["seconds"] == pytest.approx(21 * GROUP_PERIOD_S, abs=0.01)
    assert '"limit"' not in rest
    assert process.returncode == 0, "a service that was told to stop"
