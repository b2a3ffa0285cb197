"""Symbols and the groups found in them to the same groups, each with its error vector: how clean its symbols were."""

import math
from collections import deque
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import BIT_PERIOD_S, GROUP_BITS
from receiver.dsp.demodulator import SoftSymbols
from receiver.received_group import ReceivedGroup

PIECES_AT_ONCE: Final = 8
"""Pieces of symbols, 120 ms each, that may be heard before the groups in them are measured."""
_KEPT_BITS: Final = 38 * GROUP_BITS
"""A group may be told when it began 35 groups ago: those that block synchronisation goes back, and these pieces."""


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
        return [replace(group, evm=error_vector(self._points(group.end_s - BIT_PERIOD_S / 2))) for group in groups]

    def _points(self, end_s: float) -> npt.NDArray[np.complex64]:
        """The last symbols that began before a time, a group of them at most."""
        found: list[npt.NDArray[np.complex64]] = []
        missing = GROUP_BITS
        # Most groups are told as soon as they are whole, so the newest pieces come first.
        for piece in reversed(self._pieces):
            end = len(piece.points) if found else int(np.searchsorted(piece.starts_s, end_s))
            if end:
                found.append(piece.points[max(0, end - missing) : end])
                missing -= len(found[-1])
            if not missing:
                break
        return np.concatenate(found[::-1]) if found else np.empty(0, np.complex64)


def error_vector(points: npt.NDArray[np.complex64]) -> float | None:
    """The rms distance of symbols from the nearer of two points, a unit of which is their own distance from 0.

    Args:
        points: Complex64, the data along the real axis.

    Returns:
        0 for a clean signal, 1.46 for noise alone; None where the symbols have no size.
    """
    if len(points) == 0:
        return None
    along, across = np.abs(points.real), points.imag
    size = float(along.sum()) / len(points)
    if size == 0:
        return None
    along -= np.float32(size)
    return math.sqrt((float(np.dot(along, along)) + float(np.dot(across, across))) / len(points)) / size
