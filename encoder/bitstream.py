"""Groups to the bits of a transmission, and bits to the impulses that the shaping filter turns into biphase symbols."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import BIT_RATE_HZ, GROUP_BITS
from rds.group import Group, groups_to_bits
from rds.waveform import differential_encode

Bits = npt.NDArray[np.uint8]

FILLER_BITS: Final = GROUP_BITS // 2
"""Half a group of plain subcarrier stands before the first group and after the last."""
SLOTS_PER_BIT: Final = 4
"""The impulses of a bit lie at a quarter and at three quarters of it (EN 50067, 1.7): slots 1 and 3 of 4."""
SLOT_RATE_HZ: Final = 4750
"""1187.5 bit/s x 4. Half of it is the edge of the shaping filter, so this rate holds the shaped signal exactly."""

_GROUPS_AT_A_TIME: Final = 32


def filler() -> Bits:
    """52 bits, 1 and 0 in turn: no 26 of them are a block, not even after the correction of a burst."""
    return np.resize(np.array([1, 0], dtype=np.uint8), FILLER_BITS)


def transmission_bits(groups: Iterable[Group]) -> Iterator[Bits]:
    """The bits of a whole transmission in pieces: filler, the groups, filler. Groups are taken as they are needed."""
    yield filler()
    remaining = iter(groups)
    while piece := list(islice(remaining, _GROUPS_AT_A_TIME)):
        yield groups_to_bits(piece)
    yield filler()


def bit_sample(bit: int, rate_hz: float) -> float:
    """Where bit `bit` of a transmission starts: seconds times `rate_hz`, exact and mostly no whole number."""
    return bit * rate_hz / BIT_RATE_HZ


def first_group_sample(rate_hz: float) -> float:
    """Where the first bit of the first group starts, in samples of MPX or IQ at `rate_hz` from the signal's start.

    At 228 kHz it is sample 9984. The bit's biphase symbol is centred half a bit later. Group n starts n x 104 bits on.
    """
    return bit_sample(FILLER_BITS, rate_hz)


class ImpulseEncoder:
    """Bits to impulses: differential encoding, then +1 and -1 for a 1, -1 and +1 for a 0 (EN 50067, 1.5 and 1.7)."""

    def __init__(self) -> None:
        self._previous = 0

    def feed(self, bits: Bits) -> npt.NDArray[np.float32]:
        """Impulses on the slots of the bits; float32 of -1, 0 and 1, shape (4 x bits,), at `SLOT_RATE_HZ`."""
        encoded = differential_encode(bits, previous=self._previous)
        if len(encoded):
            self._previous = int(encoded[-1])
        symbols = encoded.astype(np.float32) * 2 - 1
        slots = np.zeros((len(bits), SLOTS_PER_BIT), dtype=np.float32)
        slots[:, 1] = symbols
        slots[:, 3] = -symbols
        return slots.reshape(-1)
