"""Samples to files: a file format is a module of this folder, named as its files end, found by that name.

A new one is copied from `_template.py`; nothing else is edited.
"""

import importlib
import pkgutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

import numpy as np
import numpy.typing as npt

from rds.errors import UsageError
from rds.group import Group

Samples = npt.NDArray[np.float32] | npt.NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class SignalFacts:
    """What a file can say about its samples.

    `full_scale_hz` is the deviation that a multiplex file's full scale stands for; `start_time` that of sample 0.
    """

    rate_hz: int
    full_scale_hz: int
    start_time: datetime | None = None


class Sink(Protocol):
    """Where a signal goes, open."""

    def write(self, samples: Samples) -> None:
        """Adds samples: float32 multiplex, 1.0 = 75 kHz, or complex64 IQ, by the format's kind."""
        ...

    def mark_group(self, group: Group, *, first_sample: int, samples: int) -> None:
        """Says where a group lies; called in order, at any time. Formats without room for it do nothing."""
        ...


class SinkFormat(Protocol):
    """What a module of this folder offers."""

    KIND: Literal["mpx", "iq"]

    def open_sink(self, path: Path, facts: SignalFacts) -> AbstractContextManager[Sink]:
        """A sink whose file or files appear when the context ends well."""
        ...


class SampleFile:
    """A sink that puts encoded samples one after another into a file, and counts them."""

    def __init__(self, file: BinaryIO, encode: Callable[[Samples], npt.NDArray[np.generic]]) -> None:
        self._file = file
        self._encode = encode
        self.samples = 0

    def write(self, samples: Samples) -> None:
        """Adds samples."""
        self._file.write(np.ascontiguousarray(self._encode(samples)).data)
        self.samples += len(samples)

    def mark_group(self, group: Group, *, first_sample: int, samples: int) -> None:
        """Nothing: samples alone have no room for it."""


def formats() -> list[str]:
    """The endings that are known, without the dot."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def format_of(path: Path) -> SinkFormat:
    """The format that a file's name asks for; `.sigmf-data` and `.sigmf-meta` are sigmf.

    Raises:
        UsageError: no format has that ending.
    """
    name = path.suffix.removeprefix(".").lower().partition("-")[0]
    if name not in formats():
        allowed = ", ".join(f".{known}" for known in formats())
        raise UsageError(f"output {path} ends in {path.suffix or 'nothing'!r}; allowed: {allowed}")
    return cast(SinkFormat, importlib.import_module(f"encoder.sinks.{name}"))
