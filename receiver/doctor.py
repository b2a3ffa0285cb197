"""A configuration to findings about all but the radio: file, keys, state, disk, chargers; each found or what to do."""

import asyncio
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rds.errors import EvrdsError, InputError
from rds.oda.key_warnings import current, end_of, key_warnings
from receiver.charger_trial import probe
from receiver.chargers.driver import ChargerReading, ProbeReport
from receiver.chargers_config import ChargerConfig
from receiver.config import Config
from receiver.config_check import check_config, state_fault
from receiver.keyring import Keyring
from receiver.state_lock import is_running
from receiver.store import Store

_LEAST_FREE_OCTETS: Final = 20_000_000
"""Years of state and log, and room for the database to turn around in."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a receiver needs.

    Attributes:
        what: The thing, in a word or two.
        found: What was found; of a fault, what is wrong and what to do.
        advice: What to do although it works; empty: nothing.
        error: The kind of a fault: the doctor ends with its exit code if it is the first.
    """

    what: str
    found: str
    advice: str = ""
    error: type[EvrdsError] | None = None

    @property
    def line(self) -> str:
        """For a person."""
        mark = "FAULT" if self.error else "look at" if self.advice else "found"
        return f"{mark:8} {self.what:14} {'; '.join(part for part in (self.found, self.advice) if part)}"


def fault(what: str, error: EvrdsError) -> Finding:
    """The finding that an error is."""
    return Finding(what, str(error), error=type(error))


def examine_config(path: Path) -> tuple[Config | None, list[Finding]]:
    """The configuration, if there is one to go on with, and the complaints about it."""
    checked = check_config(path)
    findings = [fault("configuration", error) for error in checked.complaints]
    if checked.config is not None and not findings:
        count = len(checked.config.chargers)
        regions = ", ".join(map(str, checked.config.regions))
        findings = [Finding("configuration", f"{path}: {count} charger{'s' * (count > 1)}, regions {regions}")]
    return checked.config, findings


def examine_keys(ring: Keyring) -> Finding:
    """Whom the receiver believes."""
    domain = f"AID {ring.domain.aid:04X}, network {ring.domain.network}"
    certificates = current(ring.standing)
    if not certificates:
        return Finding("keys", f"{domain}: none", "give a configuration, or --trust, or nothing can be verified")
    ends = max(map(end_of, certificates))
    keys = ", ".join(str(key) for key in sorted({one.key for one in certificates}))
    warnings = key_warnings(ring.standing, ring.roots, datetime.now(UTC))
    return Finding("keys", f"{domain}: key {keys}, until {ends:%Y-%m-%d}", "; ".join(warnings))


def examine_state(path: Path | None) -> Iterator[Finding]:
    """The state file and the disk that it lies on. Nothing is written but what opening a database writes."""
    if path is None:
        yield Finding("state file", "none is named", 'add state = "receiver.sqlite3", or nothing outlives a power cut')
        return
    unwritable = state_fault(path)
    if unwritable is not None:
        yield fault("state file", InputError(unwritable))
        return
    yield _state_finding(path)
    free = shutil.disk_usage(path.parent).free
    if free < _LEAST_FREE_OCTETS:
        needed = f"{_LEAST_FREE_OCTETS // 1_000_000} MB"
        yield fault("disk", InputError(f"{free // 1_000_000} MB are free for {path}; make room for {needed}"))
    else:
        yield Finding("disk", f"{free / 1e9:.1f} GB are free")


def _state_finding(path: Path) -> Finding:
    if not path.exists():
        return Finding("state file", f"{path} will be made")
    try:
        with Store(path, beside=True) as store:
            store.load()
    except InputError as error:
        return fault("state file", error)
    return Finding("state file", f"{path}{', and a receiver runs on it' if is_running(path) else ''}")


def examine_chargers(chargers: Iterable[ChargerConfig], state: Path | None) -> Iterator[Finding]:
    """Who is at the other end of each wire; nobody is asked while a receiver runs, which has the wires."""
    held = state is not None and is_running(state)
    for charger in chargers:
        what = f"charger {charger.name}".strip()
        if held:
            yield Finding(what, "the receiver that runs has it; see evrds-receiver status, or stop that one first")
            continue
        yield _charger_finding(charger, what)


def _charger_finding(charger: ChargerConfig, what: str) -> Finding:
    found: list[Finding] = []

    def seen(report: ProbeReport, _: ChargerReading) -> None:
        found.append(Finding(what, f"{charger.driver}: {report.found}", "; ".join(report.warnings)))

    try:
        asyncio.run(probe(charger, seen))
    except EvrdsError as error:
        return fault(what, error)
    return found[0]
