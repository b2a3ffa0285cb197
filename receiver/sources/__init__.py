"""Where samples come from: an input's name and options to a stream of IQ, MPX, bits or groups.

One file a format, found by the formats and suffixes it claims; a new one is copied from `_template.py`. A live source
is found by the scheme that its name begins with, such as `rtlsdr:0`.
Flags win over a metadata file, that over a header, that over the file's name; what was assumed is said.
"""

import importlib
import math
import pkgutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from rds.errors import InputError, UsageError
from receiver.sources.naming import centre_in_name
from receiver.sources.octets import STDIN, Octets
from receiver.sources.stream import IqStream, LiveStream, SourceOptions, Stream


class _Format(Protocol):
    """What a source file holds."""

    FORMATS: tuple[str, ...]
    """Values of `--format` that mean this file."""
    SUFFIXES: tuple[str, ...]
    """Name endings that mean it without the option, lower case."""

    def open_stream(self, name: str, options: SourceOptions) -> Stream:
        """The stream in the input of this name."""


class _Live(Protocol):
    """What a live source's file holds."""

    SCHEMES: tuple[str, ...]
    """What stands before the colon of its names."""

    def open_stream(self, name: str, options: SourceOptions) -> LiveStream:
        """The stream of the device or server of this name."""


@cache
def _modules() -> tuple[Any, ...]:  # Any: what each holds is looked at next
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in names if not name.startswith("_"))


def _sources() -> tuple[_Format, ...]:
    return tuple(module for module in _modules() if hasattr(module, "FORMATS"))


def _live_source(name: str) -> _Live | None:
    """The live source that a name means, or None for a file's."""
    scheme, colon, rest = name.partition(":")
    live: list[_Live] = [module for module in _modules() if hasattr(module, "SCHEMES")]
    for source in live:
        if colon and scheme in source.SCHEMES:
            return source
    if colon and rest.startswith("//"):
        schemes = ", ".join(f"{scheme}:" for source in live for scheme in source.SCHEMES)
        raise UsageError(f"{name}: nothing is known of {scheme}:; allowed: {schemes} and names of files")
    return None


def is_live(name: str) -> bool:
    """Whether a name means a live source, which has a tuner and no end.

    Raises:
        UsageError: it looks like one's, and nothing is known of it.
    """
    return _live_source(name) is not None


def formats() -> list[str]:
    """Every value that `--format` takes."""
    return sorted(name for source in _sources() for name in source.FORMATS)


def suffixes() -> tuple[str, ...]:
    """Every ending of a name, lower case, that tells a format."""
    return tuple(ending for source in _sources() for ending in source.SUFFIXES)


def open_input(name: str, options: SourceOptions) -> Stream:
    """The stream of a file, of standard input for "-", or of a live source by its scheme.

    Raises:
        InputError: it is missing, empty or unreadable, or its format or rate cannot be told.
        UsageError: an option does not fit it.
        DeviceAbsentError: a live source cannot be opened.
    """
    live = _live_source(name)
    if live is not None:
        return live.open_stream(name, options)
    if options.gain_db is not None or options.ppm or options.bias_tee:
        raise UsageError(f"{name}: a file has no tuner; leave --gain, --ppm and --bias-tee out")
    stream = _choose(name, options).open_stream(name, options)
    return stream if options.frequency_hz is None else _at_station(name, stream, options)


def _at_station(name: str, stream: Stream, options: SourceOptions) -> Stream:
    """The stream with the offset that follows from the station's frequency and the centre."""
    frequency_hz, centre_hz = options.frequency_hz, stream.centre_hz or centre_in_name(name)
    assert frequency_hz is not None
    if not isinstance(stream, IqStream):
        raise UsageError(f"--frequency {frequency_hz}: {name} holds one station and no IQ; leave the option out")
    if options.offset_hz is not None:
        raise UsageError(f"--frequency and --offset both say where the station is in {name}; give one of them")
    if centre_hz is None:
        raise UsageError(f"--frequency {frequency_hz}: {name} does not tell its centre; give --offset instead")
    if not math.isfinite(centre_hz):
        raise InputError(f"{name}: its metadata say that its centre is {centre_hz} Hz; give --offset instead")
    offset_hz = round(frequency_hz - centre_hz)
    stream.notes.append(f"{name}: its centre is {centre_hz / 1e6:.10g} MHz, the station {offset_hz:+d} Hz beside")
    return replace(stream, centre_hz=float(centre_hz), offset_hz=float(offset_hz))


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
