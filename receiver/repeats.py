"""Ratios of groups in, ratios with an earlier sending of the same group added out: two weak sendings make a better one.

Two groups that say the same have the same symbols, or all of them turned over. Of block 1, which all groups share,
nothing is made. Groups are kept for as long as a run's second pass comes after the first (protocol, Run).
"""

from collections import deque
from typing import Final

import numpy as np

from rds.constants import BLOCK_BITS, GROUP_BITS
from receiver.likely_group import Float

_KEPT_S: Final = 32.0
"""Two passes of 30 symbols at two groups a second, and some."""
_ALIKE: Final = 4.5
"""Standard deviations of chance: 350 groups that differ reach it once in 400 groups."""


class Repeats:
    """Remembers half a minute of groups."""

    def __init__(self) -> None:
        """Has heard nothing."""
        self._kept: deque[tuple[float, Float]] = deque()

    def feed(self, values: Float, end_s: float) -> Float:
        """The ratios (float32 of shape (131,)) and those of the earlier group that is most like it, if one is."""
        while self._kept and end_s - self._kept[0][0] > _KEPT_S:
            self._kept.popleft()
        result = values
        if self._kept:
            groups = np.stack([kept for _, kept in self._kept])
            products = groups[:, BLOCK_BITS : GROUP_BITS + 1] * values[BLOCK_BITS : GROUP_BITS + 1]
            alike = products.sum(axis=1) / np.sqrt(np.square(products).sum(axis=1) + np.float32(1e-12))
            nearest = int(np.argmax(np.abs(alike)))
            if abs(alike[nearest]) > _ALIKE:
                result = values + np.copysign(np.float32(1), alike[nearest]) * groups[nearest]
        self._kept.append((end_s, values))
        return result
