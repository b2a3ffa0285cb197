"""The lock in; out: for each Python and machine of the wheelhouse one version of each package, without markers."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = ROOT / "examples" / "offline" / "wheelhouse.py"
SPEC = importlib.util.spec_from_file_location("wheelhouse", PATH)
assert SPEC is not None
assert SPEC.loader is not None
wheelhouse = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(wheelhouse)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", wheelhouse.PYTHONS)
def test_each_package_stands_once_with_its_hashes(python: str, arch: str) -> None:
    entries = wheelhouse.entries_for(wheelhouse.LOCK.read_text(encoding="utf-8"), python, arch)
    names = [entry.partition("==")[0] for entry in entries]
    assert sorted(set(names)) == sorted(names)
    assert {"numpy", "scipy", "cryptography", "pyrtlsdr"} <= set(names)
    assert all("--hash=sha256:" in entry and ";" not in entry for entry in entries)


def test_a_marker_is_read_for_the_box_and_not_for_this_machine() -> None:
    lock = (
        "a==1 ; python_full_version < '3.12' \\\n    --hash=sha256:00\n    # via b\n"
        "a==2 ; python_full_version >= '3.12' \\\n    --hash=sha256:11\n"
        "c==3 ; sys_platform == 'win32' \\\n    --hash=sha256:22\n"
    )
    assert wheelhouse.entries_for(lock, "3.11", "aarch64") == ["a==1 \\\n    --hash=sha256:00"]
    assert wheelhouse.entries_for(lock, "3.13", "aarch64") == ["a==2 \\\n    --hash=sha256:11"]
