"""A made-up tree that breaks each import rule once in; out: every contract of pyproject.toml catches its breach."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = {contract["id"]: contract for contract in SETTINGS["tool"]["importlinter"]["contracts"]}

BREACHES = {
    "ends-apart": ("encoder/carousel.py", "import receiver.policy"),
    "cli-on-top": ("encoder/feeds/plan.py", "from encoder import cli"),
    "app-below-cli": ("receiver/policy.py", "import receiver.app"),
    "stages-apart": ("receiver/dsp/fm.py", "from receiver.sources import iq_file"),
    "rds-pure": ("rds/text.py", "import time"),
    "outside-in-place": ("receiver/store.py", "import cryptography"),
}
ALLOWED = {
    "encoder/cli.py": "import encoder.app",
    "encoder/app.py": "import encoder.carousel, encoder.feeds.plan, rds.text",
    "receiver/cli.py": "import receiver.app",
    "receiver/decode_cli.py": "import receiver.app",
    "receiver/run_cli.py": "import receiver.app",
    "receiver/app.py": "import receiver.sources.iq_file, receiver.dsp.fm, receiver.chargers, receiver.store",
    "receiver/chargers/__init__.py": "",
    "receiver/chargers/ocpp16.py": "import ocpp.v16, websockets",
    "receiver/sources/iq_file.py": "import numpy",
    "receiver/sources/rtlsdr.py": "def open_device():\n    import rtlsdr",
    "receiver/pictures.py": "import matplotlib.pyplot",
    "rds/fields.py": "import bitstring",
    "rds/group.py": "import numpy, rds.text, math",
    "rds/oda/signature.py": "import cryptography.hazmat, rds.fields",
}


def _lint(folder: Path, lines: dict[str, str]) -> str:
    """What import-linter says of a tree with these lines and otherwise empty files."""
    for name in {*ALLOWED, *(breached for breached, _ in BREACHES.values()), *lines}:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines.get(name, "") + "\n", encoding="utf-8")
    for package in {path.parent for path in folder.rglob("*.py")}:
        (package / "__init__.py").touch()
    linter = str(Path(sys.executable).with_name("lint-imports"))
    command = [linter, "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def verdict_on_breaches(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _lint(tmp_path_factory.mktemp("breaches"), dict(BREACHES.values()))


def test_every_contract_has_a_breach() -> None:
    assert set(BREACHES) == set(CONTRACTS)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_breach_is_caught(verdict_on_breaches: str, contract: str) -> None:
    assert re.search(rf"^{re.escape(CONTRACTS[contract]['name'])} BROKEN", verdict_on_breaches, flags=re.MULTILINE)


def test_what_the_design_allows_is_kept(tmp_path: Path) -> None:
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in _lint(tmp_path, ALLOWED)


OTHERWISE_NAMED = {"pyrtlsdr": "rtlsdr", "pyserial": "serial"}
"""Packages whose module has another name."""


def test_no_declared_dependency_is_left_out_of_rds_purity() -> None:
    project = SETTINGS["project"]
    declared = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    packages = {re.split(r"[^\w.-]", name)[0] for name in declared}
    modules = {OTHERWISE_NAMED.get(package, package) for package in packages}
    named = {module for id_ in ("rds-pure", "outside-in-place") for module in CONTRACTS[id_]["forbidden_modules"]}
    assert modules <= named


LIVE_PATH = """
import importlib, pkgutil, sys
import receiver, rds
for package in (receiver, rds):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        # Found by name and imported when a configuration asks for them.
        on_demand = module.name.startswith("receiver.chargers.") or module.name.endswith((".pictures", ".rtlsdr"))
        if not on_demand:
            importlib.import_module(module.name)
print(*[name for name in ("scipy.signal", "matplotlib", "rtlsdr", "ocpp", "websockets") if name in sys.modules])
"""


def test_importing_the_live_path_loads_nothing_heavy() -> None:
    run = subprocess.run([sys.executable, "-c", LIVE_PATH], capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", "")
