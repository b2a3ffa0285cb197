"""IF samples to the multiplex, better than a discriminator does it where noise begins to tear at the phase.

Below 10 dB of carrier to noise a discriminator clicks: noise turns the phase once around. Most of the IF's width is the
programme's doing, and the programme is known well even then, as a discriminator's noise grows with the frequency. So
the IF is turned back by what the first demodulation says of the programme, as much of each frequency as stands out of
the noise (Wiener 1949). That leaves a narrower signal, which is filtered to its width and demodulated again with less
noise. It is frequency feedback (Chaffee 1939, "The Application of Negative Feedback to Frequency-Modulation Systems"),
but forward: with whole blocks at hand both filters look ahead.
"""

from collections.abc import Iterator
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from rds.constants import FULL_DEVIATION_HZ
from receiver.dsp.discriminator import Discriminator
from receiver.dsp.fourier import fft, ifft, irfft, rfft
from receiver.dsp.overlap_save import BlockBuffer

Complex = npt.NDArray[np.complex64]
Float = npt.NDArray[np.float32]
_Sample = TypeVar("_Sample", np.float32, np.complex64)

_BLOCK: Final = 4096
_HOP: Final = 3584
_LEAD: Final = (_BLOCK - _HOP) // 2
"""About 1 ms of IF, as long as the programme's filter rings."""
_BATCH: Final = 4
_PROGRAMME_PASS_HZ: Final = 53_000
_PROGRAMME_STOP_HZ: Final = 55_000
"""The programme's sum and difference, and the pilot; not RDS."""
_NOISE_FROM_HZ: Final = 62_000
_NOISE_TO_HZ: Final = 72_000
"""Where a multiplex holds noise only, or what is no worse a guess."""
_LEAST_POWER: Final = np.float32(1e-9)
_NARROW_PASS_HZ: Final = 55_000
_NARROW_STOP_HZ: Final = 75_000
_CARRIER_TO_NOISE_DB: Final = 9.2
"""In the IF's own width, where it begins to pay: 63 dB-Hz in 240 kHz."""
_SAMPLED: Final = 16


def _envelope_spread(carrier_to_noise_db: float) -> float:
    """Variance of the squared envelope of a carrier in Gaussian noise, as a share of its mean squared."""
    noise = 10 ** (-carrier_to_noise_db / 10)
    return float((2 * noise + noise**2) / (1 + noise) ** 2)


class ThresholdDiscriminator:
    """FM demodulation, one sample out for one in: a plain discriminator's of a good signal, a better one's of a weak.

    Which it is, each batch of some 60 ms decides for itself.
    """

    def __init__(self, rate_hz: float) -> None:
        """Plans for one station's IF at a rate of 220 to 320 kS/s."""
        self._rate_hz = rate_hz
        self._plain = Discriminator(rate_hz)
        self._buffer = BlockBuffer(_BLOCK, _HOP, np.complex64, batch=_BATCH)
        self._radians = np.float32(2 * np.pi * FULL_DEVIATION_HZ / rate_hz)
        frequency_hz = np.fft.rfftfreq(_BLOCK, 1 / rate_hz)
        self._programme = _falling(frequency_hz, _PROGRAMME_PASS_HZ, _PROGRAMME_STOP_HZ)
        self._noise_bins = slice(*np.searchsorted(frequency_hz, (_NOISE_FROM_HZ, _NOISE_TO_HZ)))
        shape = np.square(frequency_hz)
        self._noise_shape = (shape / np.mean(shape[self._noise_bins])).astype(np.float32)
        """A discriminator's noise grows with the square of the frequency."""
        frequency_hz = np.abs(np.fft.fftfreq(_BLOCK, 1 / rate_hz))
        self._narrow = _falling(frequency_hz, _NARROW_PASS_HZ, _NARROW_STOP_HZ)
        self._most_spread = _envelope_spread(_CARRIER_TO_NOISE_DB)

    def feed(self, chunk: Complex) -> Iterator[Float]:
        """MPX (float32, 1.0 = 75 kHz deviation) that a chunk of IF samples (complex64) completes."""
        for blocks in self._buffer.feed(chunk):
            yield self._demodulate(blocks, _BATCH * _HOP)

    def flush(self) -> Iterator[Float]:
        """What is still inside."""
        for blocks, valid in self._buffer.flush():
            yield self._demodulate(blocks, valid)

    def _demodulate(self, blocks: Complex, valid: int) -> Float:
        middles = _middles(blocks)[:valid]
        plain = self._plain.feed(middles)
        return self._again(blocks)[:valid] if self._is_weak(middles) else plain

    def _is_weak(self, samples: Complex) -> bool:
        """Whether the envelope, which FM leaves alone, changes from sample to sample as noise makes it.

        Neighbours are compared so that fading does not count.
        """
        # Strides of one dimension: a good signal pays for this as well.
        last = len(samples) // _SAMPLED * _SAMPLED
        first, second = _power(samples[:last:_SAMPLED]), _power(samples[1:last:_SAMPLED])
        change = second - first
        total = float(first.sum())
        return float(np.dot(change, change)) * len(first) > 2 * self._most_spread * total**2

    def _again(self, blocks: Complex) -> Float:
        """The middles' MPX, by way of a carrier that the programme no longer deviates."""
        programme = self._programme_of(blocks)
        phase = np.cumsum(programme, axis=1)
        phase *= -self._radians
        turned = np.empty_like(blocks)
        np.cos(phase, out=turned.real)
        np.sin(phase, out=turned.imag)
        turned *= blocks
        spectra = fft(turned, overwrite=True)
        spectra *= self._narrow
        rest = self._of_rows(ifft(spectra, overwrite=True))
        rest += programme
        return _middles(rest)

    def _programme_of(self, blocks: Complex) -> Float:
        """What of the blocks' MPX stands out of its noise, below RDS."""
        spectra = rfft(self._of_rows(blocks))
        power = np.maximum(_power(spectra), _LEAST_POWER)
        noise = float(power[:, self._noise_bins].mean()) * self._noise_shape
        spectra *= np.maximum(1 - noise / power, 0) * self._programme
        programme: Float = irfft(spectra, _BLOCK)
        return programme

    def _of_rows(self, blocks: Complex) -> Float:
        """MPX of blocks; the first sample of each is anything."""
        return Discriminator(self._rate_hz).feed(blocks.reshape(-1)).reshape(blocks.shape)


def _falling(frequency_hz: npt.NDArray[np.floating], pass_hz: float, stop_hz: float) -> Float:
    """A filter from 1 at `pass_hz` to 0 at `stop_hz`."""
    response: Float = np.clip((stop_hz - frequency_hz) / (stop_hz - pass_hz), 0, 1).astype(np.float32)
    return response


def _power(samples: Complex) -> Float:
    return np.square(samples.real) + np.square(samples.imag)


def _middles(blocks: npt.NDArray[_Sample]) -> npt.NDArray[_Sample]:
    return blocks[:, _LEAD : _LEAD + _HOP].reshape(-1)
