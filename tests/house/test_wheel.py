"""The wheel in an empty environment in; out: both scripts run from `/`, with the locked dependencies alone."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"rds", "encoder", "receiver"}


def _run(*command: str | Path, cwd: str | Path = "/") -> str:
    """What a command says on stdout; the test fails with all it said if it ends badly."""
    run = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert run.returncode == 0, f"{command}: exit code {run.returncode}\n{run.stdout}\n{run.stderr}"
    return run.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_three_packages_and_no_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert "receiver/chargers/_modbus_tables/go_e.toml" in names


def test_both_scripts_run_in_an_environment_that_holds_the_lock_and_the_wheel(wheel: Path, tmp_path: Path) -> None:
    _run(sys.executable, "-m", "venv", tmp_path)
    pip = tmp_path / "bin" / "pip"
    _run(pip, "install", "--quiet", "--no-compile", "--require-hashes", "-r", ROOT / "requirements.lock")
    _run(pip, "install", "--quiet", "--no-compile", "--no-deps", wheel)
    assert "No broken requirements found" in _run(pip, "check")
    for script in ("evrds-encoder", "evrds-receiver"):
        assert _run(tmp_path / "bin" / script, "--version").startswith(script)
        assert f"usage: {script}" in _run(tmp_path / "bin" / script, "--help")
    drivers = _run(tmp_path / "bin" / "evrds-receiver", "charger", "list")
    assert "modbus" in drivers
    assert "extra" not in drivers, "no driver lacks anything"
