"""Text of 0 and 1 to bits: the data bits after differential decoding, white space between them as one likes."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rds.constants import BIT_RATE_HZ
from rds.errors import InputError
from receiver.sources.octets import Octets
from receiver.sources.rate import refuse_rate
from receiver.sources.stream import BitStream, SourceOptions

FORMATS = ("bits",)
SUFFIXES = (".bits",)


def open_stream(name: str, options: SourceOptions) -> BitStream:
    """Bits of a text.

    Raises:
        UsageError: `--rate` is given.
    """
    octets = Octets.open(name)
    refuse_rate(octets.name, options)
    return BitStream(rate_hz=BIT_RATE_HZ, notes=octets.notes, chunks=_chunks(octets))


def _chunks(octets: Octets) -> Iterator[npt.NDArray[np.uint8]]:
    while piece := octets.read():
        text = np.frombuffer(piece, np.uint8)
        digits = text[~np.isin(text, np.frombuffer(b" \t\r\n", np.uint8))]
        bits = digits - np.uint8(ord("0"))
        if np.any(bits > 1):
            seen = chr(int(digits[int(np.argmax(bits > 1))]))
            raise InputError(f"{octets.name}: {seen!r} in a list of bits; allowed: 0, 1 and white space")
        yield bits
