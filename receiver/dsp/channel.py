"""IQ at the input's rate to IQ of its stations, each at its intermediate rate: shift, filter, decimate by one FFT pair.

The first transform is the same for all stations of a stream, the second one is small and each station's own. The pass
band is what the discriminator likes best: 200 to 260 kHz wide. Narrower costs 0.8 dB at 160 kHz and 2.6 dB at 120 kHz;
wider only lets noise and neighbours in.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeGuard, cast

import numpy as np
import numpy.typing as npt

from rds.pcm import CU8_ZERO, decode_cu8
from receiver.dsp.fourier import fft, ifft
from receiver.dsp.overlap_save import BlockBuffer

Iq = npt.NDArray[np.complex64]
Float = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]

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
_BLOCK: Final = 1152
_HOP: Final = 1024
_LEAD: Final = (_BLOCK - _HOP) // 2
"""Samples of IF: 4 ms blocks, whose filter rings for a quarter of one to each side. A few fit a core's cache."""
_BATCH: Final = 12
"""Blocks at once: more are a few per cent faster and later; this is 50 ms."""
_PASS_HZ: Final = 100_000
_STOP_HZ: Final = 130_000


def decimation_of(rate_hz: float) -> int:
    """The whole number that brings a rate next to 250 kHz, never below `MIN_RATE_HZ`."""
    if rate_hz <= MAX_IF_RATE_HZ:
        return 1
    return min(max(1, round(rate_hz / _IF_RATE_HZ)), int(rate_hz // MIN_RATE_HZ))


@dataclass(frozen=True, slots=True)
class Spectra:
    """A batch of overlapping blocks of a wide stream, transformed."""

    bins: Iq
    """Shape (blocks, bins), 0 Hz first, then upwards, then from the lowest frequency on."""
    first_block: int
    """How many blocks came before."""
    valid_samples: int
    """How many samples of the input the blocks' middles hold."""
    full_scale: float
    """What full scale is in the bins' unit."""


class WideSpectrum:
    """A wide stream to spectra, from which every `StationFilter` of the same rate takes its station."""

    def __init__(self, rate_hz: float, *, codes: bool = False) -> None:
        """Plans for the stream's rate; `codes` says that chunks are a stick's codes instead of complex64."""
        parts = 2 * decimation_of(rate_hz)
        self._zero, self._full_scale = (CU8_ZERO, CU8_ZERO) if codes else (0.0, 1.0)
        self._buffer = BlockBuffer(_BLOCK * parts, _HOP * parts, np.float32, batch=_BATCH, silence=self._zero)
        """I and Q in turn."""
        self._blocks_done = 0

    def feed(self, chunk: Iq | Codes) -> Iterator[Spectra]:
        """The spectra that a chunk of input completes: complex64, or uint8 of shape (samples, 2)."""
        # Codes become floats on the way into the blocks; what they are off zero is one bin's business.
        parts = chunk.reshape(-1) if _is_codes(chunk) else chunk.view(np.float32)
        for blocks in self._buffer.feed(parts):
            yield self._transform(blocks, self._buffer.batch_hop_samples)

    def flush(self) -> Iterator[Spectra]:
        """Those of what is still inside."""
        for blocks, valid in self._buffer.flush():
            yield self._transform(blocks, valid)

    def _transform(self, blocks: Float, valid_parts: int) -> Spectra:
        first = self._blocks_done
        self._blocks_done += len(blocks)
        samples: Iq = blocks.view(np.complex64)
        bins = fft(samples)
        bins[:, 0] -= np.complex64(bins.shape[1] * self._zero * (1 + 1j))
        return Spectra(bins, first, valid_parts // 2, self._full_scale)


class StationFilter:
    """One station's IF out of spectra. Sample n of the output lies at input sample n x `decimation`."""

    def __init__(self, rate_hz: float, *, offset_hz: float = 0.0) -> None:
        """Takes the stream's rate and the station's distance from its centre."""
        self.decimation = decimation_of(rate_hz)
        self.rate_hz = rate_hz / self.decimation
        block_in = _BLOCK * self.decimation
        self._bin = round(offset_hz * block_in / rate_hz)
        frequency_hz = np.abs(np.fft.fftfreq(_BLOCK, 1 / self.rate_hz))
        self._wide = self._response(frequency_hz, _PASS_HZ, _STOP_HZ)
        self._narrow = self._response(frequency_hz, _NARROW_PASS_HZ, _NARROW_STOP_HZ)
        half = _BLOCK // 2
        self._station = _runs(self._bin, half, block_in) + _runs(self._bin - half, half, block_in)
        own, near, far = (
            round(distance_hz / rate_hz * block_in)
            for distance_hz in (
                _NARROW_PASS_HZ,
                _NEIGHBOUR_HZ - _NARROW_PASS_HZ,
                min(_NEIGHBOUR_HZ + _NARROW_PASS_HZ, rate_hz / 2),
            )
        )
        self._own = _runs(self._bin - own, 2 * own, block_in)
        self._beside = [run for first in (near, -far) for run in _runs(self._bin + first, max(0, far - near), block_in)]
        self._picked = np.empty((_BATCH, _BLOCK), np.complex64)

    def _response(self, frequency_hz: npt.NDArray[np.float64], pass_hz: float, stop_hz: float) -> Float:
        """A filter from 1 at `pass_hz` to 0 at `stop_hz`, or at the IF's own edge.

        A step at the edge would ring longer than the blocks overlap.
        """
        stop_hz = min(stop_hz, self.rate_hz / 2)
        edge = np.clip((stop_hz - frequency_hz) / (stop_hz - pass_hz), 0, 1)
        response: Float = (np.sin(np.pi / 2 * edge) ** 2 / self.decimation).astype(np.float32)
        return response

    def take(self, spectra: Spectra) -> Iq:
        """The station's IF (complex64) in a batch of the stream's spectra."""
        response = self._narrow if self._has_loud_neighbour(spectra.bins) else self._wide
        end = 0
        for run in self._station:
            start, end = end, end + run.stop - run.start
            np.multiply(spectra.bins[:, run], response[start:end], out=self._picked[:, start:end])
        middles = ifft(self._picked, overwrite=True)[:, _LEAD : _LEAD + _HOP]
        # Each block was shifted as if time began with it.
        starts = (spectra.first_block + np.arange(_BATCH)) * _HOP - _LEAD
        turns = np.exp(-2j * np.pi * (self._bin * starts % _BLOCK) / _BLOCK) / spectra.full_scale
        samples: Iq = (middles * turns.astype(np.complex64)[:, np.newaxis]).reshape(-1)
        return samples[: -(-spectra.valid_samples // self.decimation)]

    def _has_loud_neighbour(self, bins: Iq) -> bool:
        """Whether it is louder in the first and the last block of a batch; both, for a filter's sake and the ear's."""
        ends = (bins[0], bins[-1])
        return _power(ends, self._beside) > _LOUD * _power(ends, self._own)


def as_iq(chunk: Iq | Codes) -> Iq:
    """Samples as complex64, whether they are or come as a stick's codes."""
    return decode_cu8(chunk) if _is_codes(chunk) else cast("Iq", chunk)


def _is_codes(chunk: Iq | Codes) -> TypeGuard[Codes]:
    return chunk.dtype == np.uint8


def _runs(first: int, count: int, bins: int) -> list[slice]:
    """So many bins of a spectrum from one on, any number, as runs without a step; after the last comes the first."""
    start = first % bins
    runs = (slice(start, min(start + count, bins)), slice(0, start + count - bins))
    return [run for run in runs if run.stop > run.start]


def _power(rows: Iterable[Iq], runs: list[slice]) -> float:
    return sum(float(np.vdot(row[run], row[run]).real) for row in rows for run in runs)


class Channel:
    """One station's IF out of a stream of its own; a stream that is no wider than a station passes as it is."""

    def __init__(self, rate_hz: float, *, offset_hz: float = 0.0, codes: bool = False) -> None:
        """Chooses the decimation for an input rate and the station's distance from the recording's centre."""
        self._spectrum = WideSpectrum(rate_hz, codes=codes)
        self._filter = StationFilter(rate_hz, offset_hz=offset_hz)
        self.decimation, self.rate_hz = self._filter.decimation, self._filter.rate_hz
        self.passes = rate_hz <= MAX_IF_RATE_HZ and offset_hz == 0
        """Whether the input is its station's IF as it is."""

    def feed(self, chunk: Iq | Codes) -> list[Iq]:
        """IF samples (complex64) that a chunk of input completes: complex64, or uint8 of shape (samples, 2)."""
        if self.passes:
            return [as_iq(chunk)]
        return [self._filter.take(spectra) for spectra in self._spectrum.feed(chunk)]

    def flush(self) -> list[Iq]:
        """What is still inside."""
        return [] if self.passes else [self._filter.take(spectra) for spectra in self._spectrum.flush()]
