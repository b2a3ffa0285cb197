"""A group as it was most likely sent, and what decodes one: soft from symbols, hard from another's bits."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from rds.constants import BLOCK_BITS, BLOCKS

Float = npt.NDArray[np.float32]

GROUP_VALUES: Final = (BLOCKS + 1) * BLOCK_BITS + 1
"""Values from the one before a group's first bit to the end of the block that follows it."""
BLOCK_VALUES: Final = BLOCK_BITS + 1


@dataclass(frozen=True, slots=True)
class LikelyWord:
    """The likeliest word of a block."""

    word: int
    probability: float
    """That it is what was sent."""
    as_heard: bool
    """Whether nothing had to be turned over."""
    prior: bool = False
    """Whether it was taken because it is what the station keeps saying."""


@dataclass(frozen=True, slots=True)
class LikelyGroup:
    """What is known of a group."""

    words: tuple[LikelyWord, LikelyWord, LikelyWord, LikelyWord]
    evidence: tuple[float, ...]
    """What each place says for a block being there, in nats: 0 nothing, at most ln 1024, low: against it."""


class GroupDecoder(Protocol):
    """Values to groups. A block at a bit is the value before the bit and the 26 that follow."""

    soft: bool
    """Whether values are ratios that can be added and weighed, or no more than bits."""

    def evidence(self, values: Float) -> Float:
        """How much likelier blocks are than chance, in nats: float32 (n, 27) to (n, 4), a column for A, B, C, D."""
        ...

    def decode(self, values: Float, pi: int | None) -> LikelyGroup:
        """The group in float32 of shape (131,), 0 where nothing was heard; `pi` is what blocks A have said so far."""
        ...
