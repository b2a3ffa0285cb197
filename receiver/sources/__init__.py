"""Where samples come from: an input's name and options to a stream of IQ, MPX, bits or groups.

One file a format, found by the formats and suffixes it claims; a new one is copied from `_template.py`.
Flags win over a metadata file, that over a header, that over the file's name; what was assumed is said.
"""

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Protocol

from rds.errors import InputError, UsageError
from receiver.sources.octets import STDIN, Octets
from receiver.sources.stream import SourceOptions, Stream


class _Format(Protocol):
    """What a source file holds."""

    FORMATS: tuple[str, ...]
    """Values of `--format` that mean this file."""
    SUFFIXES: tuple[str, ...]
    """Name endings that mean it without the option, lower case."""

    def open_stream(self, name: str, options: SourceOptions) -> Stream:
        """The stream in the input of this name."""


@cache
def _sources() -> tuple[_Format, ...]:
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names if not name.startswith("_")]
    return tuple(module for module in modules if hasattr(module, "FORMATS"))


def formats() -> list[str]:
    """Every value that `--format` takes."""
    return sorted(name for source in _sources() for name in source.FORMATS)


def open_input(name: str, options: SourceOptions) -> Stream:
    """The stream of a file, or of standard input for "-".

    Raises:
        InputError: it is missing, empty or unreadable, or its format or rate cannot be told.
        UsageError: an option does not fit it.
    """
    return _choose(name, options).open_stream(name, options)


def _choose(name: str, options: SourceOptions) -> _Format:
    if options.format is not None:
        for source in _sources():
            if options.format in source.FORMATS:
                return source
        raise UsageError(f"--format {options.format}; allowed: {', '.join(formats())}")
    if name == STDIN:
        raise UsageError(f"standard input has no name to tell its format; give --format {'|'.join(formats())}")
    for source in _sources():
        if Path(name).name.lower().endswith(source.SUFFIXES):
            return source
    Octets.open(name)  # That a file is missing goes before what its name says.
    raise InputError(f"{name}: no known format has this name; give --format {'|'.join(formats())}")
