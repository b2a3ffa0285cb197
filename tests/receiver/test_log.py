"""What is said on standard error: from a level on, and to the journal with the level before each line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from receiver.cli import main
from tests.receiver.installation import install

CODE = "import sys; from receiver.cli import main; sys.exit(main())"


@pytest.mark.parametrize(("level", "warns"), [("info", True), ("warning", True), ("error", False)])
def test_a_level_hides_what_is_below_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], level: str, warns: bool
) -> None:
    install(tmp_path)
    source = str(tmp_path / "groups.hex")
    assert main(["--log-level", level, "run", str(tmp_path / "12345.toml"), "--source", source]) == 0
    assert ("test key" in capsys.readouterr().err) == warns
    assert main(["--log-level", level, "run", str(tmp_path / "no.toml")]) == 3
    assert "no.toml" in capsys.readouterr().err, "a fault is always said"


@pytest.mark.parametrize(("is_journal", "mark"), [(True, "<3>"), (False, "")])
def test_the_journal_gets_levels(tmp_path: Path, is_journal: bool, mark: str) -> None:
    with (tmp_path / "journal").open("w+") as file:
        status = os.fstat(file.fileno())
        stream = f"{status.st_dev}:{status.st_ino if is_journal else 1}"
        command = [sys.executable, "-c", CODE, "run", str(tmp_path / "no.toml")]
        subprocess.run(command, stderr=file, env={**os.environ, "JOURNAL_STREAM": stream}, timeout=60)
        file.seek(0)
        assert file.read().startswith(f"{mark}evrds-receiver: configuration ")
