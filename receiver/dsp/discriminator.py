"""IF samples to the multiplex: the phase step from sample to sample is the carrier's deviation."""

import numpy as np
import numpy.typing as npt

from rds.constants import FULL_DEVIATION_HZ


class Discriminator:
    """FM demodulation by phase difference, one sample out for one in."""

    def __init__(self, rate_hz: float) -> None:
        self._scale = np.float32(rate_hz / (2 * np.pi * FULL_DEVIATION_HZ))
        self._last = np.ones(1, np.complex64)

    def feed(self, chunk: npt.NDArray[np.complex64]) -> npt.NDArray[np.float32]:
        """MPX (float32, 1.0 = 75 kHz deviation) of IF samples (complex64)."""
        if len(chunk) == 0:
            return np.empty(0, np.float32)
        product = np.empty_like(chunk)
        np.multiply(chunk[:1], self._last.conj(), out=product[:1])
        np.multiply(chunk[1:], chunk[:-1].conj(), out=product[1:])
        self._last = chunk[-1:].copy()
        step = np.arctan2(product.imag, product.real)
        step *= self._scale
        return step
