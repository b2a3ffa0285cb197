"""A stream's samples and groups to a SigMF recording: .sigmf-data as they came, .sigmf-meta with a mark on every group.

Where samples are missing a new capture begins, whose `core:global_index` counts them. Both files appear when it is
closed.
"""

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rds.constants import BIT_RATE_HZ, GROUP_BITS
from rds.errors import InputError, UsageError
from rds.sigmf import RDS_EXTENSION, SIGMF_VERSION, group_annotation
from receiver.received_group import ReceivedGroup
from receiver.records import format_moment
from receiver.sources.stream import IqStream, LiveStream, MpxStream, Stream
from receiver.whole_file import whole_file

META, DATA = ".sigmf-meta", ".sigmf-data"
ENDINGS: Final = (META, DATA, ".sigmf")
_MOST_MARKS: Final = 90_000
"""Two hours of groups, which a reader holds in memory; more are left out."""


@dataclass(frozen=True, slots=True)
class SigmfFacts:
    """What is recorded."""

    datatype: str
    sample_octets: int
    rate_hz: float
    centre_hz: float | None

    @classmethod
    def of(cls, stream: Stream) -> Self:
        """How a stream's samples are written: a stick's codes as they are, all else as floats.

        Raises:
            UsageError: it has none.
        """
        if isinstance(stream, LiveStream) or (isinstance(stream, IqStream) and stream.codes is not None):
            return cls("cu8", 2, stream.rate_hz, stream.centre_hz)
        if isinstance(stream, IqStream):
            return cls("cf32_le", 8, stream.rate_hz, stream.centre_hz)
        if isinstance(stream, MpxStream):
            return cls("rf32_le", 4, stream.rate_hz, None)
        raise UsageError("a list of groups or bits has no samples to record; give a radio, IQ or a multiplex")

    def octets(self, seconds: float) -> int:
        """How much room so many seconds take."""
        return round(seconds * self.rate_hz) * self.sample_octets


@dataclass(slots=True)
class _Stretch:
    """Samples without a loss in between."""

    first_sample: int
    """In the stream."""
    place: int
    """In the file, in samples."""
    samples: int


class SigmfRecording:
    """Two files that grow; `with` closes them, or leaves no trace where something is raised."""

    def __init__(self, path: Path, facts: SigmfFacts, *, start: datetime | None) -> None:
        """`start` is the moment of the stream's first sample, where it is known.

        Raises:
            UsageError: the files' name is none for SigMF, or they cannot be written.
        """
        self.path = meta_path(path)
        self._facts, self._start = facts, start
        self._stretches: list[_Stretch] = []
        self._separator = ""
        self.marks = self.unmarked = 0
        """Groups that have a mark, and those for which there are too many."""
        with ExitStack() as stack:
            # The metadata appear last: who sees them finds the samples.
            meta = stack.enter_context(whole_file(self.path))
            data = stack.enter_context(whole_file(self.path.with_suffix(DATA)))
            self._meta, self._data = stack.enter_context(meta.open("wb")), stack.enter_context(data.open("wb"))
            self._meta.write(self._opening())
            self._stack = stack.pop_all()

    def _opening(self) -> bytes:
        head = {
            "core:datatype": self._facts.datatype,
            "core:sample_rate": self._facts.rate_hz,
            "core:version": SIGMF_VERSION,
            "core:recorder": "evrds-receiver",
            "core:extensions": [RDS_EXTENSION],
        }
        return f'{{"global": {json.dumps(head)},\n"annotations": ['.encode()

    @property
    def seconds(self) -> float:
        """How much signal it holds."""
        return sum(stretch.samples for stretch in self._stretches) / self._facts.rate_hz

    def write(self, octets: bytes, first_sample: int) -> None:
        """Adds samples that begin with this one of the stream."""
        samples, last = len(octets) // self._facts.sample_octets, self._stretches[-1] if self._stretches else None
        self._data.write(octets)
        if last is not None and last.first_sample + last.samples == first_sample:
            last.samples += samples
        elif samples:
            place = 0 if last is None else last.place + last.samples
            self._stretches.append(_Stretch(first_sample, place, samples))

    def mark(self, groups: Sequence[ReceivedGroup]) -> None:
        """Annotates those groups, in order, all of whose samples have been written."""
        samples = group_samples(self._facts.rate_hz)
        for group in groups:
            place = self._place(group.sample_index, samples) if group.heard else None
            if place is None:
                continue
            if self.marks == _MOST_MARKS:
                self.unmarked += 1
                continue
            annotation = group_annotation(group.words, first_sample=place, samples=samples)
            self._meta.write(f"{self._separator}\n{json.dumps(annotation)}".encode())
            self._separator = ","
            self.marks += 1

    def _place(self, first_sample: int, samples: int) -> int | None:
        """Where in the file samples of the stream are, if they are there and without a loss."""
        for stretch in reversed(self._stretches):
            if stretch.first_sample <= first_sample:
                inside = first_sample + samples <= stretch.first_sample + stretch.samples
                return stretch.place + first_sample - stretch.first_sample if inside else None
        return None

    def close(self) -> None:
        """Both files get their names.

        Raises:
            InputError: there was not one sample.
            UsageError: they cannot be written.
        """
        with self._stack:
            if not self._stretches:
                raise InputError(f"nothing to record in {self.path}: not one sample came")
            captures = json.dumps([self._capture(stretch) for stretch in self._stretches])
            self._meta.write(f'\n],\n"captures": {captures}}}\n'.encode())
            last = self._stretches[-1]
            # Who was interrupted may have written more than he counted.
            self._data.flush()
            self._data.truncate((last.place + last.samples) * self._facts.sample_octets)

    def _capture(self, stretch: _Stretch) -> dict[str, object]:
        capture: dict[str, object] = {
            "core:sample_start": stretch.place,
            "core:global_index": stretch.first_sample,
        }
        if self._facts.centre_hz is not None:
            capture["core:frequency"] = self._facts.centre_hz
        if self._start is not None:
            moment = self._start + timedelta(seconds=stretch.first_sample / self._facts.rate_hz)
            capture["core:datetime"] = format_moment(moment)
        return capture

    def discard(self) -> None:
        """Nothing remains. Never raises."""
        reason = UsageError("discarded")
        self._stack.__exit__(UsageError, reason, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._stack.__exit__(kind, error, trace)


def meta_path(path: Path) -> Path:
    """The metadata's file of a recording that is named by it, by its data file or by what they have in common.

    Raises:
        UsageError: the name is another's.
    """
    if path.suffix not in ENDINGS:
        raise UsageError(f"{path} is no SigMF recording's name; write one that ends in {META}")
    return path.with_suffix(META)


def group_samples(rate_hz: float) -> int:
    """How many samples the 104 bits of a group take."""
    return round(GROUP_BITS / BIT_RATE_HZ * rate_hz)


def check_room(folder: Path, octets: int, *, reserve: int = 0) -> None:
    """Looks for room before it is needed.

    Raises:
        UsageError: there is no such folder, or less room than that.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror}; name a folder that exists") from None
    if octets + reserve > free:
        beside = f" beside the {reserve / 1e6:.0f} MB that stay free" if reserve else ""
        raise UsageError(f"{folder} has {free / 1e6:.1f} MB free, {octets / 1e6:.1f} MB are needed{beside}; make room")
