"""TEMPLATE to IQ (or MPX, bits, groups): copy this file, name it after the format, change every line of it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from receiver.sources.octets import Octets
from receiver.sources.rate import OPTION, settle_rate
from receiver.sources.stream import IqStream, SourceOptions

FORMATS = ("template",)
"""What `--format` calls it."""
SUFFIXES = (".template",)
"""How its files' names end."""


def open_stream(name: str, options: SourceOptions) -> IqStream:
    """Reads what the header says, notes what was assumed, and leaves the samples to the iterator.

    Raises:
        InputError: what is wrong, the value seen, the values allowed, what to do.
    """
    octets = Octets.open(name)
    rate_hz = settle_rate(octets.name, {OPTION: options.rate_hz, "its header": 250_000}, octets.notes)
    octets.notes.append(f"{octets.name}: template at {rate_hz:.10g} S/s")
    return IqStream(rate_hz=rate_hz, notes=octets.notes, chunks=_chunks(octets))


def _chunks(octets: Octets) -> Iterator[npt.NDArray[np.complex64]]:
    """Samples as they come, constant memory."""
    for piece in octets.records(2):
        yield (np.frombuffer(piece, np.uint8).astype(np.float32) - np.float32(127.5)).view(np.complex64)
