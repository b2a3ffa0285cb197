"""IF samples to the multiplex: the phase step from sample to sample is the carrier's deviation."""

from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import FULL_DEVIATION_HZ, SUBCARRIER_HZ

_CHANNEL_HZ: Final = 200_000
"""The width that a carrier-to-noise ratio is told for."""


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
        np.conjugate(chunk[:-1], out=product[1:])
        product[1:] *= chunk[1:]
        self._last = chunk[-1:].copy()
        # Of parts that lie one after another, an angle takes a third of the time.
        step, along = product.imag.copy(), product.real.copy()
        np.arctan2(step, along, out=step)
        step *= self._scale
        return step


def response_at(frequency_hz: float, rate_hz: float) -> float:
    """What is left of a deviation at a frequency: a phase step is its mean over the time of a sample."""
    return float(np.sinc(frequency_hz / rate_hz))


def carrier_to_noise_db(noise_density: float, rate_hz: float) -> float | None:
    """Carrier to noise in 200 kHz, from the noise behind the discriminator; None where there is none.

    White noise of density N0 about a carrier of power C turns its phase with the two-sided density N0 / 2C, so it moves
    the frequency with f^2 N0 / 2C. Clicks add to it: 7 dB are told as 6, noise alone as about -5.

    Args:
        noise_density: Of the multiplex about 57 kHz, two-sided, in squares of 75 kHz per Hz.
        rate_hz: The discriminator's.
    """
    if noise_density <= 0:
        return None
    weight_hz = SUBCARRIER_HZ * response_at(SUBCARRIER_HZ, rate_hz)
    density_hz = noise_density * FULL_DEVIATION_HZ**2
    return float(10 * np.log10(weight_hz**2 / (2 * density_hz * _CHANNEL_HZ)))
