"""`decode -F table` in a real terminal: what stands there at the end."""

import os
import pty
import subprocess
from pathlib import Path
from typing import Final

from tests.loopback.scripts import script

CAPTURE: Final = Path(__file__).parents[2] / "captures" / "minirds.wav"


def test_the_table_stands_in_the_terminal(tmp_path: Path) -> None:
    theirs, ours = pty.openpty()
    environment = os.environ | {"TERM": "dumb", "COLUMNS": "100"}
    process = subprocess.Popen(
        [script("receiver"), "decode", CAPTURE, "-F", "table"], stdout=ours, stderr=subprocess.PIPE, env=environment
    )
    os.close(ours)
    shown = b""
    try:
        while piece := os.read(theirs, 65536):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(theirs)
    _, notes = process.communicate(timeout=20)
    assert process.returncode == 0, notes
    text = shown.decode()
    assert "synchronised" in text
    assert "station" in text
