"""examples/research/README.md, said as it stands, with one recording: it ends in a picture."""

import os
import re
import subprocess
from pathlib import Path

from tests.loopback.scripts import script

ROOT = Path(__file__).parents[2]


def test_the_commands_end_in_a_figure(tmp_path: Path) -> None:
    page = (ROOT / "examples" / "research" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```sh\n(.*?)```", page, flags=re.DOTALL)
    assert found is not None
    commands, loops = re.subn(r"for cn in [\d ]+;", "for cn in 17;", found[1])
    assert loops == 1
    for name in ("captures", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    path = f"{script('receiver').parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "1 recordings, 0.00 h: 1 decoded now, 0 before" in run.stdout
    for name in ("figure.png", "results/report.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
