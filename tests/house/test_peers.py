"""Small test runs with missing peers in; out: skips, failures and the closing line of tests/conftest.py."""

import json
import re
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

MISSING = """
    import pytest

    @pytest.mark.peer("no-such-broker", debian="brokerd")
    def test_broker():
        pass

    @pytest.mark.peer("no-such-header", debian="gcc libheader-dev", found=lambda: False)
    def test_header():
        pass

    @pytest.mark.peer("sh", debian="dash")
    def test_shell():
        pass

    @pytest.mark.peer("no-such-module", debian="module", found=lambda: True)
    def test_module():
        pass
"""
CLOSING = "peers: 2 tests want Debian packages that are missing: brokerd gcc libheader-dev; `make peers` installs them"


@pytest.fixture
def small_run(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest((TESTS / "conftest.py").read_text(encoding="utf-8"))
    pytester.makeini("[pytest]\nmarkers = peer: an outside program\naddopts = -p no:cacheprovider --strict-markers\n")
    pytester.makepyfile(MISSING)
    return pytester


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_missing_peer_is_skipped_and_named_once(
    small_run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    monkeypatch.delenv("EVRDS_PEERS", raising=False)
    run = small_run.runpytest_subprocess(*workers)
    run.assert_outcomes(passed=2, skipped=2)
    assert [line for line in run.outlines if line.startswith("peers:")] == [CLOSING]
    assert run.ret == 0


def test_a_required_peer_fails(small_run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVRDS_PEERS", "required")
    run = small_run.runpytest_subprocess()
    run.assert_outcomes(passed=2, errors=2)
    run.stdout.fnmatch_lines(["*no-such-broker is missing (Debian: brokerd)", CLOSING])
    assert run.ret == 1


def test_nothing_missing_says_nothing(small_run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVRDS_PEERS", "required")
    run = small_run.runpytest_subprocess("-k", "shell or module")
    run.assert_outcomes(passed=2, deselected=2)
    assert "peers:" not in run.stdout.str()


def test_a_file_that_cannot_be_collected_is_said_as_ever(
    small_run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVRDS_PEERS", "optional")
    small_run.makepyfile(test_broken="<<<<<<< HEAD")
    result = small_run.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    assert "AttributeError" not in str(result.stderr)


def test_an_unknown_mode_is_refused(small_run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVRDS_PEERS", "always")
    run = small_run.runpytest_subprocess()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*EVRDS_PEERS is 'always'; allowed: optional or required"])


def test_every_package_that_a_marker_names_is_installed_by_make_peers() -> None:
    script = (TESTS / "peers.sh").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^packages=\((.*?)\)$", script, flags=re.MULTILINE | re.DOTALL)
    named = {
        package
        for path in TESTS.rglob("test_*.py")
        if path != Path(__file__)
        for packages in re.findall(r'\.peer\([^)]*debian="([^"]+)"', path.read_text(encoding="utf-8"))
        for package in packages.split()
    }
    assert set(listed.split()) == named


def test_peers_sh_is_sound_shell() -> None:
    assert subprocess.run(["bash", "-n", TESTS / "peers.sh"]).returncode == 0


def test_the_lock_of_the_node_peers_names_versions_and_hashes_and_no_addresses() -> None:
    packages = json.loads((TESTS / "live/package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert "node_modules/ocpp-rpc" in packages
    for name, package in packages.items():
        assert name == "" or {"version", "integrity"} <= package.keys()
        assert "resolved" not in package, "tests/live/.npmrc says so; was npm told otherwise?"
