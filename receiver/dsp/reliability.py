"""Complex symbols to log-likelihood ratios: how much likelier a symbol is one sign than the other, in nats.

The RDS signal's deviation is the station's and stays; the noise comes and goes with the carrier. So the amplitude is
averaged over seconds, the noise is taken from what lies at right angles to the symbols, and where that stands out for a
few symbols, a click or a dropout, from these symbols alone.
"""

import math
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

_AMPLITUDE_MEMORY: Final = 0.96
"""What the amplitude keeps of itself per block: 2 s."""
_NOISE_MEMORY: Final = 0.6
_LOCAL_SYMBOLS: Final = 9
_AFTER: Final = _LOCAL_SYMBOLS // 2
_BEFORE: Final = _LOCAL_SYMBOLS - _AFTER
_STANDS_OUT: Final = 3.0
"""Nine squares of Gaussian noise exceed three times their mean once in a thousand."""
_SMALLEST: Final = 1e-20
_MOST: Final = np.float32(1000)
"""Nats: no symbol is surer than that it arrived."""
_MEDIAN_OF_SQUARE: Final = 0.4549
"""The median of a squared Gaussian of variance 1."""


class Reliability:
    """Keeps the signal's amplitude and noise."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._power = 0.0
        self._weight = 0.0
        self.noise = 0.0
        """Variance of the noise in one of the two components."""

    @property
    def amplitude(self) -> float:
        """Mean size of a symbol without its noise."""
        return math.sqrt(max(0.0, self._power / self._weight)) if self._weight > 0 else 0.0

    def feed(self, symbols: npt.NDArray[np.complex64]) -> npt.NDArray[np.float32]:
        """The ratios (float32) of a block of symbols (complex64) whose real parts carry the data."""
        if len(symbols) == 0:
            return np.empty(0, np.float32)
        across = np.square(symbols.imag)
        typical = _median(across) / _MEDIAN_OF_SQUARE
        # Noise that is over is forgotten at once: after a silence, a memory of it would hide the signal.
        if self.noise == 0 or typical < self.noise / _STANDS_OUT:
            self.noise = typical
        self.noise += (1 - _NOISE_MEMORY) * (typical - self.noise)
        floor = np.float32(max(self.noise, _SMALLEST))
        around = _local_mean(across)
        usual = around <= _STANDS_OUT * floor
        count = int(np.count_nonzero(usual))
        if count:
            beyond = np.square(symbols.real) - across
            self._learn(float(beyond.sum(where=usual)) / count, float(floor))
        ratios: npt.NDArray[np.float32] = symbols.real * np.float32(2 * self.amplitude)
        ratios /= np.where(usual, floor, around)
        np.maximum(ratios, -_MOST, out=ratios)
        np.minimum(ratios, _MOST, out=ratios)
        return ratios

    def _learn(self, power: float, noise: float) -> None:
        """Takes in a block's power beyond its noise, the more the clearer it stands out."""
        known = max(self._power / self._weight if self._weight > 0 else 0.0, power if power > noise else 0.0)
        share = (known / (known + noise)) ** 2 if known > 0 else _SMALLEST
        self._power = _AMPLITUDE_MEMORY * self._power + share * power
        self._weight = _AMPLITUDE_MEMORY * self._weight + share


def _median(values: npt.NDArray[np.float32]) -> float:
    """The middle one of values, or the mean of the middle two; `np.median` without its care for what cannot be here."""
    half = len(values) // 2
    ordered = np.partition(values, (max(0, half - 1), half))
    return float(ordered[half]) if len(values) % 2 else float(ordered[half - 1] + ordered[half]) / 2


def _local_mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means of nine values about each, fewer at the ends."""
    # Sums up to each value, after five sums of none and before four of all.
    sums = np.zeros(len(values) + _LOCAL_SYMBOLS, np.float32)
    np.cumsum(values, out=sums[_BEFORE:-_AFTER])
    sums[-_AFTER:] = sums[-_AFTER - 1]
    return (sums[_LOCAL_SYMBOLS:] - sums[:-_LOCAL_SYMBOLS]) / _local_counts(len(values))


@lru_cache(maxsize=4)
def _local_counts(count: int) -> npt.NDArray[np.float32]:
    """How many values there are about each."""
    numbers = np.arange(count)
    first, last = np.maximum(numbers - _AFTER, 0), np.minimum(numbers + _BEFORE, count)
    return (last - first).astype(np.float32)
