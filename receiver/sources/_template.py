"""TEMPLATE to IQ (or MPX, bits, groups): copy this file, name it after the format, change every line of it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from receiver.sources.octets import Octets
from receiver.sources.stream import IqStream, SourceOptions

FORMATS = ("template",)
"""What `--format` calls it."""
SUFFIXES = (".template",)
"""How its files' names end."""


def open_stream(octets: Octets, options: SourceOptions) -> IqStream:
    """Reads what the header says, notes what was assumed, and leaves the samples to the iterator.

    Raises:
        InputError: what is wrong, the value seen, the values allowed, what to do.
    """
    rate_hz = options.rate_hz or 250_000
    notes = [f"{octets.name}: template at {rate_hz} S/s"]
    return IqStream(rate_hz=rate_hz, notes=notes, chunks=_chunks(octets))


def _chunks(octets: Octets) -> Iterator[npt.NDArray[np.complex64]]:
    """Samples as they come, constant memory."""
    for piece in octets.records(2):
        yield (np.frombuffer(piece, np.uint8).astype(np.float32) - np.float32(127.5)).view(np.complex64)
