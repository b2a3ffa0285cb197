"""The marker `peer` in; out: tests without their outside program skipped, one closing line that says what to install.

    @pytest.mark.peer("mosquitto", debian="mosquitto")
    @pytest.mark.peer("libusb headers", debian="gcc libusb-1.0-0-dev", found=libusb_headers_found)

A peer is found if its program is on the PATH or, for what is no program, if `found()` says so.
With EVRDS_PEERS=required a missing peer is a failure instead.
"""

import os
import shutil
from collections.abc import Callable

import hypothesis
import pytest

# A busy machine is no failure: nothing here is held to a time.
hypothesis.settings.register_profile("evrds", deadline=None)
hypothesis.settings.load_profile("evrds")

pytest_plugins = ["pytester"]

MODES = ("optional", "required")


def _mode() -> str:
    return os.environ.get("EVRDS_PEERS", "optional")


def pytest_configure(config: pytest.Config) -> None:
    if _mode() not in MODES:
        raise pytest.UsageError(f"EVRDS_PEERS is {_mode()!r}; allowed: {' or '.join(MODES)}")


def _missing_packages(program: str, *, debian: str, found: Callable[[], bool] | None = None) -> str | None:
    """The Debian packages of a peer that is not here, or None."""
    here = found() if found else shutil.which(program) is not None
    return None if here else debian


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("peer"):
        packages = _missing_packages(*mark.args, **mark.kwargs)
        if packages is None:
            continue
        # Properties travel with the report, from the workers of xdist too.
        item.user_properties.append(("missing_peer", packages))
        reason = f"{mark.args[0]} is missing (Debian: {packages})"
        if _mode() == "required":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    wanting = [
        packages
        for reports in (terminalreporter.getreports(kind) for kind in ("skipped", "error"))
        for report in reports
        for name, packages in getattr(report, "user_properties", ())
        if name == "missing_peer"
    ]
    if wanting:
        names = " ".join(sorted({name for packages in wanting for name in packages.split()}))
        terminalreporter.write_line(
            f"peers: {len(wanting)} tests want Debian packages that are missing: {names}; `make peers` installs them",
            yellow=True,
        )
