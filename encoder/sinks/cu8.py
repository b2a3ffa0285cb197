"""IQ to raw cu8 as an RTL-SDR gives it: I and Q in turn, uint8, 127.5 is zero; the file does not say its rate."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from encoder.output_file import whole_file
from encoder.sinks import SampleFile, Samples, SignalFacts

KIND: Final[Literal["mpx", "iq"]] = "iq"

_ZERO: Final = np.float32(127.5)


def encode(iq: Samples) -> npt.NDArray[np.uint8]:
    """Octets, shape (2 x samples,): nearest of 0 to 255 to 127.5 + 127.5 x value. Beyond full scale it clips."""
    values = np.ascontiguousarray(iq, dtype=np.complex64).view(np.float32) * _ZERO
    values += _ZERO
    np.rint(values, out=values)
    return np.clip(values, 0, 255, out=values).astype(np.uint8)


@contextmanager
def open_sink(path: Path, facts: SignalFacts) -> Iterator[SampleFile]:  # noqa: ARG001 - nothing says the rate
    """A file of pairs of octets."""
    with whole_file(path) as file:
        yield SampleFile(file, encode)
