"""IQ to raw cu8 as an RTL-SDR gives it: I and Q in turn, uint8, 127.5 is zero; the file does not say its rate."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from encoder.output_file import whole_file
from encoder.sinks import SampleFile, SignalFacts
from rds.pcm import encode_cu8

KIND: Final[Literal["mpx", "iq"]] = "iq"


@contextmanager
def open_sink(path: Path, facts: SignalFacts) -> Iterator[SampleFile]:  # noqa: ARG001 - nothing says the rate
    """A file of pairs of octets."""
    with whole_file(path) as file:
        yield SampleFile(file, encode_cu8)
