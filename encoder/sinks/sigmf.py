"""IQ to a SigMF recording: `.sigmf-data` of cf32_le, `.sigmf-meta` with rate, start time and a mark on every group."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import BinaryIO, Final, Literal

from encoder.output_file import whole_file
from encoder.sinks import SampleFile, SignalFacts
from rds.group import Group
from rds.sigmf import RDS_EXTENSION, SIGMF_VERSION, group_annotation

KIND: Final[Literal["mpx", "iq"]] = "iq"


class SigmfSink(SampleFile):
    """Samples to the data file; marks to the metadata as they come, so that a long signal needs no memory."""

    def __init__(self, data: BinaryIO, meta: BinaryIO) -> None:
        super().__init__(data, lambda iq: iq.astype("<c8", copy=False))
        self._meta = meta
        self._separator = ""

    def mark_group(self, group: Group, *, first_sample: int, samples: int) -> None:
        """One annotation: the group's type as label, its words as `rds:group`."""
        annotation = group_annotation(group.words, first_sample=first_sample, samples=samples)
        self._meta.write(f"{self._separator}\n{json.dumps(annotation)}".encode())
        self._separator = ","


def _opening(facts: SignalFacts) -> bytes:
    """The metadata up to the first annotation."""
    capture: dict[str, int | str] = {"core:sample_start": 0}
    if facts.start_time is not None:
        start = facts.start_time.astimezone(UTC)
        capture["core:datetime"] = start.isoformat(timespec="microseconds").replace("+00:00", "Z")
    head = {
        "core:datatype": "cf32_le",
        "core:sample_rate": facts.rate_hz,
        "core:version": SIGMF_VERSION,
        "core:description": "FM multiplex with RDS, synthetic",
        "core:recorder": "evrds-encoder",
        "core:extensions": [RDS_EXTENSION],
    }
    return f'{{"global": {json.dumps(head)},\n"captures": {json.dumps([capture])},\n"annotations": ['.encode()


@contextmanager
def open_sink(path: Path, facts: SignalFacts) -> Iterator[SigmfSink]:
    """Both files of a recording, whichever of `.sigmf-data`, `.sigmf-meta` and `.sigmf` was named."""
    # The metadata appear last: who sees them finds the samples.
    with whole_file(path.with_suffix(".sigmf-meta")) as meta, whole_file(path.with_suffix(".sigmf-data")) as data:
        meta.write(_opening(facts))
        yield SigmfSink(data, meta)
        meta.write(b"\n]}\n")
