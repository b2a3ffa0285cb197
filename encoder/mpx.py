"""RDS bits and programme audio to the FM multiplex: float32, 1.0 = 75 kHz deviation.

Everything happens in the frequency domain, in blocks of 0.2 s of which the middle 0.16 s are kept: all carriers, all
audio rates and the grid of the RDS impulses have whole numbers of cycles or samples in both. Filters are therefore
exact responses, the carriers need no oscillator, and four blocks go through one transform at once, which is twice as
fast as one by one. One transform makes the programme (L+R, and L-R around 38 kHz), another the pilot and RDS, so that
the limiter turns down the programme alone.
"""

from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from encoder.bitstream import SLOT_RATE_HZ, Bits, ImpulseEncoder
from encoder.levels import AUDIO_STOP_HZ, PILOT_LEVEL, MpxLevels, audio_response
from encoder.limiter import LookaheadLimiter, segment_peaks
from rds.constants import BIT_RATE_HZ, FULL_DEVIATION_HZ, PILOT_HZ, SUBCARRIER_HZ
from rds.waveform import biphase_peak, shaping_response

Mpx = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.complex64]

_BLOCKS: Final = 4
_BINS_PER_KHZ: Final = 200
_BLOCK_MS: Final = 200
_HOP_MS: Final = 160
_LEAD_MS: Final = 20
_STEREO_BIN: Final = 2 * PILOT_HZ * _BINS_PER_KHZ // 1000
_PILOT_BIN: Final = PILOT_HZ * _BINS_PER_KHZ // 1000
_RDS_BIN: Final = SUBCARRIER_HZ * _BINS_PER_KHZ // 1000
_SINE: Final = -0.5j
_COSINE: Final = 0.5
"""What a sine or a cosine of amplitude 1 has in its positive bin."""
_ROUNDING: Final = 1e-5
"""Kept free below 1.0 for the rounding of float32."""


class AudioSource(Protocol):
    """Programme audio without an end; a silent or a looping one is a source too."""

    @property
    def rate_hz(self) -> int:
        """Samples a second, a multiple of 25."""
        ...

    def read(self, frames: int) -> npt.NDArray[np.float32]:
        """The next `frames` frames, left and right; float32, 1.0 = full scale, shape (frames, 2)."""
        ...


def transmission_samples(bits: int, rate_hz: int) -> int:
    """Samples that `bits` bits last, begun ones counted."""
    return -(-bits * rate_hz * 2 // round(2 * BIT_RATE_HZ))


class _Sidebands:
    """A baseband's weights and place as double sideband around a carrier's bin."""

    def __init__(self, response: npt.NDArray[np.complex128], carrier_bin: int, carrier: complex) -> None:
        self._upper = (response * carrier).astype(np.complex64)
        self._lower = (response.conj() * carrier)[:0:-1].astype(np.complex64)
        bins = len(response)
        self._above = slice(carrier_bin, carrier_bin + bins)
        self._below = slice(carrier_bin - bins + 1, carrier_bin)

    def place(self, baseband: Spectrum, spectrum: Spectrum) -> None:
        """Writes the weighted bins of `baseband` and their mirror image into `spectrum`; both (blocks, bins)."""
        np.multiply(baseband, self._upper, out=spectrum[:, self._above])
        np.conjugate(baseband[:, :0:-1], out=spectrum[:, self._below])
        spectrum[:, self._below] *= self._lower


class _Overlap:
    """Samples fed in any pieces to overlapping blocks; the first block starts `lead` samples before the first one."""

    def __init__(self, rate_hz: int) -> None:
        self._block, self._hop = (rate_hz * ms // 1000 for ms in (_BLOCK_MS, _HOP_MS))
        # At odd audio rates this is half a sample off: the programme comes 45 microseconds late.
        self._samples = np.zeros((1, rate_hz * _LEAD_MS // 1000), dtype=np.float32)

    @property
    def missing(self) -> int:
        """Samples still wanted before `take` can be called."""
        return max(0, self._block + (_BLOCKS - 1) * self._hop - self._samples.shape[1])

    def feed(self, samples: npt.NDArray[np.float32]) -> None:
        """Adds samples, shape (channels, n)."""
        before = np.broadcast_to(self._samples, (len(samples), self._samples.shape[1]))
        self._samples = np.concatenate((before, samples), axis=1)

    def take(self) -> npt.NDArray[np.float32]:
        """The next blocks; shape (channels, blocks, block samples)."""
        blocks = sliding_window_view(self._samples, self._block, axis=1)[:, : _BLOCKS * self._hop : self._hop]
        self._samples = self._samples[:, _BLOCKS * self._hop :]
        return blocks


class _Canvas:
    """A spectrum to be written into and the samples it stands for."""

    def __init__(self, rate_hz: int) -> None:
        self._samples = rate_hz * _BLOCK_MS // 1000
        lead = rate_hz * _LEAD_MS // 1000
        self._kept = slice(lead, lead + rate_hz * _HOP_MS // 1000)
        self.spectrum: Spectrum = np.zeros((_BLOCKS, self._samples // 2 + 1), dtype=np.complex64)

        # Numbers that turn every bin's phase by half a sample.
        self._half_sample = np.exp(1j * np.pi * np.arange(self._samples // 2 + 1) / self._samples).astype(np.complex64)

    def samples(self) -> npt.NDArray[np.float32]:
        """The kept samples of the blocks, float32, shape (blocks, hop)."""
        return self._transform(self.spectrum)

    def samples_between(self) -> npt.NDArray[np.float32]:
        """The values half a sample after each of `samples`."""
        return self._transform(self.spectrum * self._half_sample)

    def _transform(self, spectrum: Spectrum) -> npt.NDArray[np.float32]:
        """Spectra of blocks to their kept samples."""
        samples = np.fft.irfft(spectrum, n=self._samples, axis=1)
        return np.asarray(samples[:, self._kept], dtype=np.float32)


class _Programme:
    """Audio to the programme part of the multiplex, always at hand."""

    def __init__(self, source: AudioSource, rate_hz: int, levels: MpxLevels) -> None:
        self._source = source
        self._overlap = _Overlap(source.rate_hz)
        self._canvas = _Canvas(rate_hz)
        self._segment_samples = rate_hz // 1000
        self._ceiling = levels.programme_ceiling
        self._cycles = (2 * PILOT_HZ * levels.pilot + AUDIO_STOP_HZ) / rate_hz
        frequency_hz = np.arange(0, min(AUDIO_STOP_HZ, source.rate_hz / 2), 1000 / _BINS_PER_KHZ)
        self._bins = len(frequency_hz)
        scale = levels.programme_ceiling * rate_hz / source.rate_hz
        response = scale * audio_response(frequency_hz, levels.preemphasis_s)
        self._sum_weights = response.astype(np.complex64)
        self._difference = _Sidebands(response, _STEREO_BIN, _SINE) if levels.pilot else None

    def next(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """The next samples, float32 of shape (blocks, hop), and the true peak of every millisecond."""
        frames = self._source.read(self._overlap.missing)
        left, right = frames[:, 0], frames[:, 1]
        self._overlap.feed(np.stack((left + right, left - right)) * np.float32(0.5))
        audio_sum, audio_difference = np.fft.rfft(self._overlap.take(), axis=2)[:, :, : self._bins]
        np.multiply(audio_sum, self._sum_weights, out=self._canvas.spectrum[:, : self._bins])
        if self._difference is not None:
            self._difference.place(audio_difference, self._canvas.spectrum)
        samples = self._canvas.samples()
        return samples, self._true_peaks(samples)

    def _true_peaks(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """What the signal does not exceed in any millisecond, between samples either.

        Samples of a signal up to f at a rate r miss at most a factor cos(pi f / r) of its peak (Ehlich and Zeller,
        1964). At 228 kHz that is much, and 38 kHz does miss 13 %: so where it matters, twice as many are looked at.
        """
        peaks = segment_peaks(samples, self._segment_samples)
        if peaks.max() <= self._ceiling * np.cos(np.pi * self._cycles):
            return peaks
        between = segment_peaks(self._canvas.samples_between(), self._segment_samples)
        bounds: npt.NDArray[np.float32] = np.maximum(peaks, between) * np.float32(1 / np.cos(np.pi * self._cycles / 2))
        return bounds


class MpxSynthesiser:
    """Bits to multiplex, `feed(bits)` and `flush()`; sample 0 is the start of the first bit.

    Without a programme it is pilot and RDS. The output comes in pieces of 0.64 s whatever the pieces of bits were.

    Args:
        rate_hz: of the output; a multiple of 1000, at least 120 000.
        levels: deviations, phase, pilot, pre-emphasis.
        programme: where the audio comes from, if any.

    Raises:
        ValueError: a rate that this cannot do.
    """

    def __init__(self, rate_hz: int, *, levels: MpxLevels, programme: AudioSource | None = None) -> None:
        if rate_hz % 1000 or rate_hz < 2 * (SUBCARRIER_HZ + 3000):
            raise ValueError(f"multiplex rate {rate_hz} Hz; allowed: multiples of 1000 from 120000")
        if programme is not None and (programme.rate_hz % 25 or programme.rate_hz < 8000):
            raise ValueError(f"programme rate {programme.rate_hz} Hz; allowed: multiples of 25 from 8000")
        self._rate_hz = rate_hz
        self._impulses = ImpulseEncoder()
        self._slots = _Overlap(SLOT_RATE_HZ)
        self._canvas = _Canvas(rate_hz)
        if levels.pilot:
            self._canvas.spectrum[:, _PILOT_BIN] = PILOT_LEVEL * _SINE * rate_hz * _BLOCK_MS / 1000
        slots = SLOT_RATE_HZ * _BLOCK_MS // 1000
        shaping = shaping_response(np.arange(slots // 2 + 1) * 1000 / _BINS_PER_KHZ)
        # Impulses on the slots come out of the shaping filter with the mean of its response, 2 / pi.
        level = levels.rds_deviation_hz / FULL_DEVIATION_HZ / (2 / np.pi * biphase_peak())
        carrier = _SINE if levels.rds_phase_deg == 0 else _COSINE
        self._rds = _Sidebands(level * rate_hz / SLOT_RATE_HZ * shaping.astype(np.complex128), _RDS_BIN, carrier)
        self._programme = None if programme is None else _Programme(programme, rate_hz, levels)
        self._limiter = LookaheadLimiter(levels.programme_ceiling - _ROUNDING, rate_hz // 1000)
        self._bits = 0
        self._made_samples = 0
        self._sent_samples = 0

    def feed(self, bits: Bits) -> list[Mpx]:
        """Takes bits of the transmission, uint8 of 0 and 1; gives the multiplex that is ready."""
        self._bits += len(bits)
        self._slots.feed(self._impulses.feed(bits)[np.newaxis])
        output = []
        while not self._slots.missing:
            output += self._make_blocks()
        self._sent_samples += sum(map(len, output))
        return output

    def flush(self) -> list[Mpx]:
        """The rest, to the end of the last bit."""
        end = transmission_samples(self._bits, self._rate_hz)
        output = []
        while self._made_samples < end:
            self._slots.feed(np.zeros((1, self._slots.missing), dtype=np.float32))
            output += self._make_blocks()
        output += self._limiter.flush()
        return [np.concatenate(output)[: end - self._sent_samples]] if output else []

    def _make_blocks(self) -> list[Mpx]:
        """The next blocks of RDS and pilot, and the programme with them through the limiter."""
        baseband = np.asarray(np.fft.rfft(self._slots.take()[0], axis=1), dtype=np.complex64)
        self._rds.place(baseband, self._canvas.spectrum)
        rest = self._canvas.samples()
        self._made_samples += rest.size
        if self._programme is None:
            return [rest.reshape(-1)]
        programme, peaks = self._programme.next()
        return self._limiter.feed(programme, rest, peaks)
