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
from rds.hex_line import format_words

KIND: Final[Literal["mpx", "iq"]] = "iq"

_VERSION: Final = "1.2.0"
_EXTENSION: Final = {"name": "rds", "version": "1.0.0", "optional": True}


class SigmfSink(SampleFile):
    """Samples to the data file; marks to the metadata as they come, so that a long signal needs no memory."""

    def __init__(self, data: BinaryIO, meta: BinaryIO) -> None:
        super().__init__(data, lambda iq: iq.astype("<c8", copy=False))
        self._meta = meta
        self._separator = ""

    def mark_group(self, group: Group, *, first_sample: int, samples: int) -> None:
        """One annotation: the group's type as label, its words as `rds:group`."""
        annotation = {
            "core:sample_start": first_sample,
            "core:sample_count": samples,
            "core:label": f"RDS {group.group_type}",
            "rds:group": format_words(group.words),
        }
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
        "core:version": _VERSION,
        "core:description": "FM multiplex with RDS, synthetic",
        "core:recorder": "evrds-encoder",
        "core:extensions": [_EXTENSION],
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
