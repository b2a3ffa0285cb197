"""IQ to raw cf32: I and Q in turn, float32, little endian; the file does not say its rate."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from encoder.output_file import whole_file
from encoder.sinks import SampleFile, SignalFacts

KIND: Final[Literal["mpx", "iq"]] = "iq"


@contextmanager
def open_sink(path: Path, facts: SignalFacts) -> Iterator[SampleFile]:  # noqa: ARG001 - nothing says the rate
    """A file of bare complex64 samples."""
    with whole_file(path) as file:
        yield SampleFile(file, lambda iq: iq.astype("<c8", copy=False))
