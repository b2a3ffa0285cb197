"""Symbols and the groups found in them to the same groups, each with its error vector: how clean its symbols were."""

from collections import deque
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import BIT_PERIOD_S, GROUP_BITS
from receiver.dsp.demodulator import SoftSymbols
from receiver.received_group import ReceivedGroup

_KEPT_BITS: Final = 26 * GROUP_BITS
"""A group may be told when it began 25 groups ago: those that block synchronisation goes back, and one piece."""


class ErrorVector:
    """Keeps the last seconds of symbols, for groups are told late."""

    def __init__(self) -> None:
        """Has heard no symbol yet."""
        self._pieces: deque[SoftSymbols] = deque()
        self._count = 0

    def heard(self, symbols: SoftSymbols) -> None:
        """Takes in the symbols that block synchronisation gets."""
        self._pieces.append(symbols)
        self._count += len(symbols.points)
        while self._count - len(self._pieces[0].points) > _KEPT_BITS:
            self._count -= len(self._pieces.popleft().points)

    def measure(self, groups: list[ReceivedGroup]) -> list[ReceivedGroup]:
        """The groups with `evm` filled in."""
        if not groups:
            return groups
        starts_s = np.concatenate([piece.starts_s for piece in self._pieces])
        points = np.concatenate([piece.points for piece in self._pieces])
        ends = np.searchsorted(starts_s, [group.end_s - BIT_PERIOD_S / 2 for group in groups])
        return [
            replace(group, evm=error_vector(points[max(0, end - GROUP_BITS) : end]))
            for group, end in zip(groups, ends.tolist(), strict=True)
        ]


def error_vector(points: npt.NDArray[np.complex64]) -> float | None:
    """The rms distance of symbols from the nearer of two points, a unit of which is their own distance from 0.

    Args:
        points: Complex64, the data along the real axis.

    Returns:
        0 for a clean signal, 1.46 for noise alone; None where the symbols have no size.
    """
    size = float(np.mean(np.abs(points.real))) if len(points) else 0.0
    if size == 0:
        return None
    return float(np.sqrt(np.mean(np.square(np.abs(points.real) - size) + np.square(points.imag)))) / size
