"""IQ to ... : copy this file to `<ending>.py`, say here what goes in and what the file holds, and replace the encoding.

The tests in tests/encoder/sinks run over every module of the folder: same samples, same octets; nothing half-written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from encoder.output_file import whole_file
from encoder.sinks import SampleFile, SignalFacts

KIND: Final[Literal["mpx", "iq"]] = "iq"


@contextmanager
def open_sink(path: Path, facts: SignalFacts) -> Iterator[SampleFile]:  # noqa: ARG001 - a real format may say the rate
    """A file of ... (type, order of octets, what full scale is)."""
    with whole_file(path) as file:
        yield SampleFile(file, lambda iq: iq.astype("<c8"))
