"""A signal and what was sent in it to what perfect synchronisation makes of it: the share of groups complete.

The ideal receiver is told the phase of 57 kHz, the bit clock, where groups begin and the signal's amplitude. Behind a
plain discriminator it has a matched filter, the likeliest words by differential and block code together and no
limit on wrong ones; the noise it takes from what lies at right angles to the symbols, over 15 of them. It shares no
code with the receiver's demodulator.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.ndimage

from encoder.bitstream import FILLER_BITS, transmission_bits
from rds.constants import BIT_RATE_HZ, GROUP_BITS, SUBCARRIER_HZ
from rds.waveform import BAND_EDGE_HZ, biphase_response, differential_encode
from receiver.dsp.discriminator import Discriminator
from receiver.likely_group import GROUP_VALUES, Float
from receiver.soft_group import SoftDecoder
from tests.benchmarks.impaired import Broadcast, Iq
from tests.benchmarks.scoring import counted

Complex = npt.NDArray[np.complex128]

_NOISE_SYMBOLS: Final = 15
"""At 5 Hz of Doppler fewer know the noise worse, more know it too late."""
_BASEBAND_HZ: Final = 38_000
"""32 samples a bit, for a cubic between them."""
_SUREST: Final = 1000.0


class Genie:
    """Knows a broadcast; `complete` decodes what became of it on the way."""

    def __init__(self, one: Broadcast) -> None:
        """Learns phase and amplitude from the signal as it was sent."""
        self._one = one
        bits = np.concatenate(list(transmission_bits(one.groups)))
        sent = 2.0 * differential_encode(bits) - 1
        clean = self._symbols(one.iq)
        self._gain = complex(np.mean(clean * sent[: len(clean)]))

    def complete(self, iq: Iq) -> float:
        """Of the groups counted, the share of which all four words are right."""
        points = self._symbols(iq) / self._gain
        noise = scipy.ndimage.uniform_filter1d(np.square(points.imag), _NOISE_SYMBOLS)
        ratios = np.clip(2 * points.real / noise, -_SUREST, _SUREST).astype(np.float32)
        numbers = counted(self._one)
        return sum(self._is_right(ratios, number) for number in numbers) / len(numbers)

    def _is_right(self, ratios: Float, number: int) -> bool:
        first = FILLER_BITS + number * GROUP_BITS - 1
        heard = ratios[first : first + GROUP_VALUES]
        group = SoftDecoder().decode(np.pad(heard, (0, GROUP_VALUES - len(heard))), None)
        return tuple(word.word for word in group.words) == self._one.groups[number].words

    def _symbols(self, iq: Iq) -> Complex:
        """The matched filter's output in the middle of every bit."""
        one = self._one
        multiplex = Discriminator(one.rate_hz).feed(iq)
        turns = np.exp(-2j * np.pi * SUBCARRIER_HZ / one.rate_hz * np.arange(len(multiplex)))
        spectrum = scipy.fft.fft(multiplex * turns)
        frequency_hz = scipy.fft.fftfreq(len(multiplex), 1 / one.rate_hz)
        spectrum *= biphase_response(frequency_hz).conj()
        spectrum[np.abs(frequency_hz) > BAND_EDGE_HZ] = 0
        half = round(len(multiplex) * _BASEBAND_HZ / one.rate_hz / 2)
        baseband = scipy.fft.ifft(np.concatenate((spectrum[:half], spectrum[-half:])))
        count = int((len(multiplex) / one.rate_hz - 0.01) * BIT_RATE_HZ)
        moments = (np.arange(count) + 0.5) / BIT_RATE_HZ * one.rate_hz * 2 * half / len(multiplex)
        result: Complex = scipy.ndimage.map_coordinates(baseband, moments[np.newaxis], order=3)
        return result
