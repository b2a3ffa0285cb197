"""IQ at the input's rate to IQ of one station at its intermediate rate: shift, filter and decimate in one FFT pair.

The pass band is what the discriminator likes best: 200 to 260 kHz wide. Narrower costs 0.8 dB at 160 kHz and 2.6 dB
at 120 kHz; wider only lets noise and neighbours in.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.fft

from receiver.dsp.overlap_save import BlockBuffer

Complex = npt.NDArray[np.complex64]
Float = npt.NDArray[np.float32]

MIN_RATE_HZ: Final = 220_000
"""Below this rate an IQ stream does not hold an FM station."""
MAX_IF_RATE_HZ: Final = 320_000
"""Up to this rate a stream is its station's IF as it is."""
_IF_RATE_HZ: Final = 250_000
_NARROW_PASS_HZ: Final = 70_000
_NARROW_STOP_HZ: Final = 100_000
"""For a station with a loud neighbour: at +30 dB and 200 kHz, all groups instead of eight in ten."""
_NEIGHBOUR_HZ: Final = 200_000
_LOUD: Final = 4.0
"""How many times a neighbour's power is the station's; a weaker one spoils less than the narrow filter."""
_BLOCK: Final = 2560
_HOP: Final = 2400
_LEAD: Final = (_BLOCK - _HOP) // 2
"""Samples of IF: 10 ms blocks, whose filter rings for less than 0.3 ms to each side."""
_BATCH: Final = 8
_PASS_HZ: Final = 100_000
_STOP_HZ: Final = 130_000


def decimation_of(rate_hz: float) -> int:
    """The whole number that brings a rate next to 250 kHz, never below `MIN_RATE_HZ`."""
    if rate_hz <= MAX_IF_RATE_HZ:
        return 1
    return min(max(1, round(rate_hz / _IF_RATE_HZ)), int(rate_hz // MIN_RATE_HZ))


class Channel:
    """One station's IF out of a wider stream. Sample n of the output lies at input sample n x `decimation`."""

    def __init__(self, rate_hz: float, *, offset_hz: float = 0.0) -> None:
        """Chooses the decimation for an input rate and the station's distance from the recording's centre."""
        self.decimation = decimation_of(rate_hz)
        self.rate_hz = rate_hz / self.decimation
        self.passes = rate_hz <= MAX_IF_RATE_HZ and offset_hz == 0
        """Whether the input is its station's IF as it is."""
        block_in = _BLOCK * self.decimation
        self._buffer = BlockBuffer(block_in, _HOP * self.decimation, np.complex64, batch=_BATCH)
        self._bin = round(offset_hz * block_in / rate_hz)
        self._picked = (self._bin + scipy.fft.fftfreq(_BLOCK, 1 / _BLOCK).astype(np.intp)) % block_in
        frequency_hz = np.abs(scipy.fft.fftfreq(_BLOCK, 1 / self.rate_hz))
        self._wide = self._response(frequency_hz, _PASS_HZ, _STOP_HZ)
        self._narrow = self._response(frequency_hz, _NARROW_PASS_HZ, _NARROW_STOP_HZ)
        distance_hz = np.abs(scipy.fft.fftfreq(block_in, 1 / rate_hz))
        self._own = self._station_bins(distance_hz < _NARROW_PASS_HZ)
        self._beside = self._station_bins(np.abs(distance_hz - _NEIGHBOUR_HZ) < _NARROW_PASS_HZ)
        self._block_index = 0

    def _response(self, frequency_hz: npt.NDArray[np.float64], pass_hz: float, stop_hz: float) -> Float:
        """A filter from 1 at `pass_hz` to 0 at `stop_hz`, or at the IF's own edge.

        A step at the edge would ring longer than the blocks overlap.
        """
        stop_hz = min(stop_hz, self.rate_hz / 2)
        edge = np.clip((stop_hz - frequency_hz) / (stop_hz - pass_hz), 0, 1)
        response: Float = (np.sin(np.pi / 2 * edge) ** 2 / self.decimation).astype(np.float32)
        return response

    def _station_bins(self, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        """Every fourth of the bins wanted, counted from the recording's centre to count from the station's."""
        bins: npt.NDArray[np.intp] = (np.flatnonzero(wanted)[::4] + self._bin) % len(wanted)
        return bins

    def feed(self, chunk: Complex) -> list[Complex]:
        """IF samples (complex64) that a chunk of input (complex64) completes."""
        if self.passes:
            return [chunk]
        return [self._filter(blocks) for blocks in self._buffer.feed(chunk)]

    def flush(self) -> list[Complex]:
        """What is still inside."""
        if self.passes:
            return []
        return [self._filter(blocks)[: -(-valid // self.decimation)] for blocks, valid in self._buffer.flush()]

    def _filter(self, blocks: Complex) -> Complex:
        spectra = scipy.fft.fft(blocks, axis=1)
        picked = spectra[:, self._picked]
        picked *= self._narrow if self._has_loud_neighbour(spectra) else self._wide
        middles = scipy.fft.ifft(picked, axis=1, overwrite_x=True)[:, _LEAD : _LEAD + _HOP]
        if self._bin:
            # Each block was shifted as if time began with it.
            starts = (self._block_index + np.arange(len(blocks))) * _HOP - _LEAD
            middles = (
                middles * np.exp(-2j * np.pi * (self._bin * starts % _BLOCK) / _BLOCK).astype(np.complex64)[:, None]
            )
        self._block_index += len(blocks)
        return middles.reshape(-1)

    def _has_loud_neighbour(self, spectra: Complex) -> bool:
        """Whether it is louder in the first and the last block of a batch; both, for a filter's sake and the ear's."""
        if not len(self._beside):
            return False
        ends = spectra[:: len(spectra) - 1]
        return _power(ends[:, self._beside]) > _LOUD * _power(ends[:, self._own])


def _power(bins: Complex) -> float:
    return float(np.vdot(bins, bins).real)
