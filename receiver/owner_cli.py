"""The owner's commands `override`, `log` and `status`: arguments to calls of `owner_store`, lines out.

They open the state file beside a receiver that runs, or without one.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from rds.errors import UsageError
from rds.moment import parse_moment
from receiver.clock import ms_of
from receiver.config import read_charger_names, read_state_path
from receiver.override import OverrideKind
from receiver.owner_records import csv_lines, entry_record, entry_text, outcome_text, standing_now, status_lines
from receiver.owner_store import CLEAR, Entry, OwnerStore
from receiver.records import format_json
from receiver.state_lock import is_running
from receiver.store import Store

DEFAULT_CONFIG: Final = Path("receiver.toml")
_PATIENCE_S: Final = 3.0
"""How long to wait for a receiver that runs to read a request; it looks every second."""
_BETWEEN_S: Final = 0.1
Tell = Callable[[str], None]
AnyParser = TypeVar("AnyParser", bound=argparse.ArgumentParser)


def add_owner_commands(commands: "argparse._SubParsersAction[AnyParser]", *, exit_codes: str, tell: Tell) -> None:
    """The commands, each line of output by `tell`."""

    def add(name: str, run: Callable[[argparse.Namespace, Tell], None], *texts: str) -> AnyParser:
        text, description, example = texts
        parser = commands.add_parser(
            name, help=text, description=description, epilog=f"Example: evrds-receiver {example}. {exit_codes}"
        )
        parser.add_argument(
            "--config",
            type=Path,
            default=DEFAULT_CONFIG,
            metavar="CONFIG.toml",
            help=f"the receiver's configuration, which names the state file (default {DEFAULT_CONFIG})",
        )
        parser.add_argument("--charger", metavar="NAME", help="which, if the configuration has several")
        parser.set_defaults(run=lambda arguments: run(arguments, tell))
        return parser

    override = add(
        "override",
        _override,
        "charge whatever the network asks",
        "Sets aside what the network asks, in an emergency too; the charger's and the house's own limits "
        "stay. event: to its end, or until the car is unplugged; today: until local midnight; always: until cleared.",
        "override today --config charger.toml",
    )
    override.add_argument("what", choices=[*OverrideKind, CLEAR])
    log = add(
        "log",
        _log,
        "what was asked, done and overridden",
        "The participation log: what the network asked, what the charger did, what the owner overrode, and "
        "the energy deferred where the charger reports its meter.",
        "log --since 2026-12-01T00:00:00Z -F csv > december.csv",
    )
    log.add_argument("--since", type=_parse_since, metavar="RFC3339", help="leave out what was over before")
    log.add_argument(
        "-F", "--format", dest="output", choices=("text", "csv", "json"), default="text", help="default text"
    )
    status = add(
        "status",
        _status,
        "what holds now, why, and what comes next",
        "What the charger is told now and why, the next change expected, who may override, and warnings.",
        "status --config charger.toml",
    )
    status.add_argument("-F", "--format", dest="output", choices=("text", "json"), default="text", help="default text")


def _parse_since(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _named(arguments: argparse.Namespace) -> list[str]:
    """The chargers that are meant: the one that is named, or all."""
    names = read_charger_names(arguments.config)
    if arguments.charger is None:
        return list(names)
    if not arguments.charger or arguments.charger not in names:
        allowed = ", ".join(filter(None, names)) or "none: there is one, without a name"
        raise UsageError(f"--charger {arguments.charger}; allowed: {allowed}")
    return [arguments.charger]


@contextmanager
def _opened(arguments: argparse.Namespace) -> Iterator[tuple[OwnerStore, Path]]:
    """The tables of the charger that is meant, and the state file's path."""
    names = _named(arguments)
    if len(names) != 1:
        raise UsageError(f"there are several chargers and --charger is not given; allowed: {', '.join(names)}")
    with _opened_store(arguments.config) as (store, path):
        yield OwnerStore(store, names[0]), path


@contextmanager
def _opened_store(config: Path) -> Iterator[tuple[Store, Path]]:
    """A configuration's state file, and its path."""
    path = read_state_path(config)
    if path is None:
        raise UsageError(f'{config} names no state file, so nothing is remembered; add state = "receiver.sqlite3"')
    with Store(path, beside=True) as store:
        yield store, path


def _override(arguments: argparse.Namespace, tell: Tell) -> None:
    kind = None if arguments.what == CLEAR else OverrideKind(arguments.what)
    with _opened(arguments) as (tables, path):
        tables.ask(kind)
        if not is_running(path):
            tell("noted; no receiver runs now, the next one that starts obeys")
            return
        end_s = time.monotonic() + _PATIENCE_S
        while tables.request() is not None:
            if time.monotonic() > end_s:
                tell("noted; the receiver that runs obeys as soon as it knows the time")
                return
            time.sleep(_BETWEEN_S)
        tell(outcome_text(kind, tables.override()))


def _log(arguments: argparse.Namespace, tell: Tell) -> None:
    since_ms = None if arguments.since is None else ms_of(arguments.since)
    with _opened(arguments) as (tables, _):
        for line in _lines(tables.entries(since_ms), arguments.output):
            tell(line)


def _lines(entries: Iterator[Entry], output: str) -> Iterator[str]:
    if output == "csv":
        yield from csv_lines(entries)
    else:
        line_of = entry_text if output == "text" else lambda entry: format_json(entry_record(entry))
        yield from map(line_of, entries)


def _status(arguments: argparse.Namespace, tell: Tell) -> None:
    names = _named(arguments)
    with _opened_store(arguments.config) as (store, path):
        running = is_running(path)
        tables = [OwnerStore(store, name) for name in names]
        records = [standing_now(one.status(), one.override(), running=running) for one in tables]
    for name, record in zip(names, records, strict=True):
        if arguments.output == "json":
            tell(format_json(record))
            continue
        for line in ([f"charger    {name}"] if name else []) + list(status_lines(record)):
            tell(line)
