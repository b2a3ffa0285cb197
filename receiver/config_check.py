"""A configuration's file to all that can be said against it without a radio: a complaint a line, with its place."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rds.errors import EvrdsError, InputError
from rds.oda.key_warnings import key_warnings
from rds.toml_table import TomlTable, parse_toml
from receiver.chargers import load_driver
from receiver.config import Config, config_parts, read_config, read_text
from receiver.sources.octets import STDIN

_CHARGER: Final = "charger"


@dataclass(frozen=True, slots=True)
class CheckedConfig:
    """What became of a configuration."""

    config: Config | None
    """None where it cannot be read."""
    complaints: tuple[EvrdsError, ...]
    """Why `run` would refuse it, in the order of reading."""
    warnings: tuple[str, ...]
    """What it would run with, and a person should know."""


def check_config(path: Path) -> CheckedConfig:
    """Everything that speaks against a configuration; keys are opened, chargers and radio are not."""
    try:
        config = read_config(path)
    except EvrdsError as error:
        return CheckedConfig(None, _all_complaints(path, error), ())
    table = parse_toml(read_text(path), source=str(path))
    warnings = key_warnings(config.keyring.standing, config.keyring.roots, datetime.now(UTC))
    if config.state is None:
        warnings = (*warnings, f"{path}: no state file is named: nothing is remembered, and nobody can override")
    return CheckedConfig(config, tuple(_outer_complaints(config, table)), warnings)


def _all_complaints(path: Path, first: EvrdsError) -> tuple[EvrdsError, ...]:
    """The first complaint, and those of the other parts; each part stops at its own first."""
    found = {str(first): first}
    try:
        table = parse_toml(read_text(path), source=str(path))
    except EvrdsError:
        return (first,)
    for part in config_parts(table, path.parent):
        try:
            part()
        except EvrdsError as error:
            found.setdefault(str(error), error)
    return tuple(found.values())


def _outer_complaints(config: Config, table: TomlTable) -> Iterator[EvrdsError]:
    """What is wrong about a configuration that is well said: drivers and their options, and files."""
    places = [one.place() for one in table.tables(_CHARGER)] if table.has_tables(_CHARGER) else [table.place(_CHARGER)]
    for charger, place in zip(config.chargers, places, strict=True):
        try:
            load_driver(charger.driver).from_options(charger.options, lambda: datetime.now(UTC))
        except EvrdsError as error:
            yield type(error)(f"{place}: {error}")
    if config.state is not None:
        fault = state_fault(config.state)
        if fault is not None:
            yield InputError(f"{table.place('state')}: {fault}")
    source = config.source
    if source is not None and source != STDIN and ":" not in source and not Path(source).exists():
        yield InputError(f"{table.place('source')}: source {source}: no such file; give a file that exists")


def state_fault(path: Path) -> str | None:
    """Why a state file cannot be read and written here by this user, or None."""
    if not path.parent.is_dir():
        return f"state file {path}: there is no folder {path.parent}; make it, or name another file"
    # SQLite makes its journal beside the file, so the folder must be writable too.
    if not os.access(path.parent, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.R_OK | os.W_OK)):
        return f"state file {path} cannot be written by this user; change its owner, or run as the service's user"
    return None
