"""Complex symbols to log-likelihood ratios: how much likelier a symbol is one sign than the other, in nats.

The RDS signal's deviation is the station's and stays; the noise comes and goes with the carrier. So the amplitude is
averaged over seconds, the noise is taken from what lies at right angles to the symbols, and where that stands out for a
few symbols, a click or a dropout, from these symbols alone.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

_AMPLITUDE_MEMORY: Final = 0.96
"""What the amplitude keeps of itself per block: 2 s."""
_NOISE_MEMORY: Final = 0.6
_LOCAL_SYMBOLS: Final = 9
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
        return float(np.sqrt(max(0.0, self._power / self._weight))) if self._weight > 0 else 0.0

    def feed(self, symbols: npt.NDArray[np.complex64]) -> npt.NDArray[np.float32]:
        """The ratios (float32) of a block of symbols (complex64) whose real parts carry the data."""
        if len(symbols) == 0:
            return np.empty(0, np.float32)
        across = np.square(symbols.imag)
        typical = float(np.median(across)) / _MEDIAN_OF_SQUARE
        # Noise that is over is forgotten at once: after a silence, a memory of it would hide the signal.
        if self.noise == 0 or typical < self.noise / _STANDS_OUT:
            self.noise = typical
        self.noise += (1 - _NOISE_MEMORY) * (typical - self.noise)
        floor = np.float32(max(self.noise, _SMALLEST))
        around = _local_mean(across)
        usual = around <= _STANDS_OUT * floor
        if np.any(usual):
            self._learn(float(np.mean(np.square(symbols.real[usual]) - across[usual])), float(floor))
        noise = np.where(usual, floor, around)
        ratios: npt.NDArray[np.float32] = np.clip(np.float32(2 * self.amplitude) * symbols.real / noise, -_MOST, _MOST)
        return ratios

    def _learn(self, power: float, noise: float) -> None:
        """Takes in a block's power beyond its noise, the more the clearer it stands out."""
        known = max(self._power / self._weight if self._weight > 0 else 0.0, power if power > noise else 0.0)
        share = (known / (known + noise)) ** 2 if known > 0 else _SMALLEST
        self._power = _AMPLITUDE_MEMORY * self._power + share * power
        self._weight = _AMPLITUDE_MEMORY * self._weight + share


def _local_mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means of nine values about each, fewer at the ends."""
    sums = np.zeros(len(values) + 1, np.float32)
    np.cumsum(values, out=sums[1:])
    last = np.minimum(np.arange(len(values)) + _LOCAL_SYMBOLS // 2 + 1, len(values))
    first = np.maximum(np.arange(len(values)) - _LOCAL_SYMBOLS // 2, 0)
    counts = (last - first).astype(np.float32)
    means: npt.NDArray[np.float32] = np.divide(sums[last] - sums[first], counts, dtype=np.float32)
    return means
