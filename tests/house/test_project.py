"""The project's own files in; out: none names a package index, every dependency has its reason in the docs."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
# Written in two halves, so that this file does not name them itself.
INDEX_HOSTS = re.compile(
    "|".join(
        re.escape(host + "." + domain)
        for host, domain in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("piwheels", "org"),
            ("anaconda", "org"),
            ("registry.npmjs", "org"),
            ("registry.yarnpkg", "com"),
            ("deb.debian", "org"),
        )
    )
)
INDEX_OPTIONS = re.compile(r"^\s*--?(?:i|index-url|extra-index-url|find-links|trusted-host)\b", flags=re.MULTILINE)


def _text_files() -> list[Path]:
    """What git tracks or would, or everything where there is no git, without recordings."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True).stdout.split("\n")
    paths = [ROOT / name for name in listed if name]
    return [path for path in paths if path.is_file() and path.suffix not in {".wav", ".png"}]


def test_no_file_names_a_package_index() -> None:
    paths = _text_files()
    if not paths:
        pytest.skip("no git here to list the project's files")
    guilty = [path for path in paths if INDEX_HOSTS.search(path.read_text(encoding="utf-8", errors="replace"))]
    assert guilty == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_and_hashes_everything_and_names_no_index(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert INDEX_OPTIONS.search(text) is None
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(entries) > 10
    assert [entry for entry in entries if not re.match(r"[\w.-]+==\S+", entry) or "--hash=sha256:" not in entry] == []


def test_there_are_two_locks_and_no_uv_lock() -> None:
    assert [lock.name for lock in LOCKS] == ["requirements-dev.lock", "requirements.lock"]
    assert not (ROOT / "uv.lock").exists()


def test_the_docs_give_the_reason_for_each_dependency_and_no_other() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    declared = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
        *settings["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[^\w.-]", name)[0] for name in declared}
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([\w.-]+)` \|.*\S", text, flags=re.MULTILINE)
    assert sorted(explained) == sorted(names)
