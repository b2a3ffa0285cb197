"""The lock in, a folder of wheels and a script that installs them without internet out: for one kind of machine.

python examples/offline/wheelhouse.py x86_64     # or aarch64; into dist/wheelhouse-ARCH
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements.lock"
PYTHONS: Final = ("3.11", "3.12", "3.13")
_GLIBC: Final = ("2_17", "2_24", "2_26", "2_27", "2_28", "2_31", "2_34")
"""manylinux levels up to that of Debian 12 and Raspberry Pi OS of its day."""


def entries_for(lock: str, python: str, arch: str) -> list[str]:
    """The lock's entries that hold for a machine, each without its marker: pip would read that for this machine."""
    where = {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": arch}
    where |= {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    where |= {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    kept = []
    for entry in re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n?", "", lock, flags=re.MULTILINE).strip()):
        head, _, hashes = entry.partition("\\")
        requirement = Requirement(head)
        if requirement.marker is None or requirement.marker.evaluate(where):
            kept.append(f"{requirement.name}{requirement.specifier} \\{hashes}")
    return kept


def fill(folder: Path, python: str, arch: str) -> None:
    """Fetches the wheels of one Python, each with its hash from the lock."""
    platforms = [word for level in _GLIBC for word in ("--platform", f"manylinux_{level}_{arch}")]
    abi = f"cp{python.replace('.', '')}"
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as list_file:
        list_file.write("\n".join(entries_for(LOCK.read_text(encoding="utf-8"), python, arch)) + "\n")
        list_file.flush()
        download = [
            "download",
            "--quiet",
            "--require-hashes",
            "--no-deps",
            "--only-binary=:all:",
            "--dest",
            str(folder),
        ]
        target = ["--python-version", python, "--implementation", "cp", "--abi", abi, "--abi", "abi3", "--abi", "none"]
        run_pip(*download, *target, *platforms, "--platform", f"manylinux2014_{arch}", "-r", list_file.name)


def run_pip(*words: str) -> None:
    """Ends the program where pip fails; pip has said why."""
    if subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *words]).returncode:
        sys.exit(1)


def main() -> None:
    """Fills dist/wheelhouse-ARCH; it appears by rename when it is whole."""
    [arch] = sys.argv[1:]
    final = ROOT / "dist" / f"wheelhouse-{arch}"
    final.parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=final.parent))
    for python in PYTHONS:
        fill(folder, python, arch)
    run_pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    shutil.copy(LOCK, folder)
    shutil.copy(Path(__file__).with_name("install.sh"), folder)
    folder.chmod(0o755)
    shutil.rmtree(final, ignore_errors=True)
    folder.replace(final)


if __name__ == "__main__":
    main()
