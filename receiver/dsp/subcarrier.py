"""The multiplex to the RDS baseband at 16 samples a bit, matched filter done, and to the pilot."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.fft

from rds.constants import BIT_RATE_HZ, PILOT_HZ, SUBCARRIER_HZ
from rds.waveform import biphase_response
from receiver.dsp.overlap_save import BlockBuffer

_PART_S: Final = 0.005
_PARTS: Final = 8
"""A block is eight parts of which neighbours share two: 10 ms, twelve bits, longer than the matched filter."""
_SHARED: Final = 2
_BATCH: Final = 4
_BASEBAND_POINTS: Final = 760
"""Points of the baseband's inverse FFT: 19 kS/s from blocks of 40 ms."""
_PILOT_POINTS: Final = 16
"""Points of the pilot's: 400 S/s, 200 Hz to each side."""
_TURNS: Final = np.exp(-2j * np.pi * np.arange(_PARTS) / _PARTS).astype(np.complex64)
MIN_RATE_HZ: Final = 2 * (SUBCARRIER_HZ + 2 * BIT_RATE_HZ) + 1000
"""The multiplex must reach beyond 57 kHz + 2.4 kHz."""


@dataclass(frozen=True, slots=True)
class SubcarrierBlock:
    """120 ms of the two bands; time runs in seconds from the input's first sample."""

    start_s: float
    """When baseband[0] and pilot[0] are."""
    baseband: npt.NDArray[np.complex64]
    """About 57 kHz, matched filtered; 1.0 = 75 kHz deviation of a carrier."""
    pilot: npt.NDArray[np.complex64]
    """About 19 kHz; its magnitude is the pilot's deviation, 1.0 = 75 kHz."""


class Subcarrier:
    """MPX in, blocks of the two bands out."""

    def __init__(self, rate_hz: float) -> None:
        """Plans the transforms for an MPX rate of at least `MIN_RATE_HZ`."""
        part = max(1, round(rate_hz * _PART_S))
        block, hop = part * _PARTS, part * (_PARTS - _SHARED)
        self._buffer = BlockBuffer(block, hop, np.float32, batch=_BATCH)
        self._hop_s = hop / rate_hz
        bin_hz = rate_hz / block
        self.baseband_rate_hz = _BASEBAND_POINTS * bin_hz
        self.pilot_rate_hz = _PILOT_POINTS * bin_hz
        self._baseband_bin = round(SUBCARRIER_HZ / bin_hz)
        self._pilot_bin = round(PILOT_HZ / bin_hz)
        self.subcarrier_residual_hz = SUBCARRIER_HZ - self._baseband_bin * bin_hz
        """How far 57 kHz lies from the baseband's zero: the nearest bin was taken."""
        self.pilot_residual_hz = PILOT_HZ - self._pilot_bin * bin_hz
        frequency_hz = scipy.fft.fftfreq(_BASEBAND_POINTS, 1 / self.baseband_rate_hz) - self.subcarrier_residual_hz
        matched = np.conj(biphase_response(frequency_hz)) * (2 * _BASEBAND_POINTS / block)
        self._matched = matched.astype(np.complex64)
        self._pilot_matrix = _pilot_matrix(block)
        # A baseband of 19 kS/s reaches to 66.5 kHz; a low rate holds nothing up there.
        self._bins_beyond = max(0, self._baseband_bin + _BASEBAND_POINTS // 2 - (block // 2 + 1))
        self._block_index = 0

    def feed(self, mpx: npt.NDArray[np.float32]) -> list[SubcarrierBlock]:
        """The blocks that a chunk of MPX (float32, 1.0 = 75 kHz) completes."""
        return [self._split(blocks) for blocks in self._buffer.feed(mpx)]

    def flush(self) -> list[SubcarrierBlock]:
        """The last blocks, cut where the input ended."""
        last = []
        for blocks, valid in self._buffer.flush():
            whole = self._split(blocks)
            share = valid / self._buffer.batch_hop_samples
            baseband = whole.baseband[: round(share * len(whole.baseband))]
            last.append(SubcarrierBlock(whole.start_s, baseband, whole.pilot[: round(share * len(whole.pilot))]))
        return last

    def _split(self, blocks: npt.NDArray[np.float32]) -> SubcarrierBlock:
        spectra = scipy.fft.rfft(blocks, axis=1)
        if self._bins_beyond:
            spectra = np.pad(spectra, ((0, 0), (0, self._bins_beyond)))
        centre = self._pilot_bin
        pilot = spectra[:, centre - _PILOT_POINTS // 2 : centre + _PILOT_POINTS // 2] @ self._pilot_matrix
        # Each block was shifted as if time began with it.
        starts = (self._block_index + np.arange(len(blocks))) * (_PARTS - _SHARED) - _SHARED // 2
        baseband = self._baseband(spectra) * _TURNS[self._baseband_bin * starts % _PARTS, np.newaxis]
        pilot *= _TURNS[centre * starts % _PARTS, np.newaxis]
        start_s = self._block_index * self._hop_s
        self._block_index += len(blocks)
        return SubcarrierBlock(start_s, baseband.reshape(-1), pilot.reshape(-1))

    def _baseband(self, spectra: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex64]:
        """The valid middles of the band about 57 kHz at its own rate."""
        centre, half = self._baseband_bin, _BASEBAND_POINTS // 2
        bins = np.empty((len(spectra), _BASEBAND_POINTS), np.complex64)
        np.multiply(spectra[:, centre : centre + half], self._matched[:half], out=bins[:, :half])
        np.multiply(spectra[:, centre - half : centre], self._matched[half:], out=bins[:, half:])
        whole: npt.NDArray[np.complex64] = scipy.fft.ifft(bins, axis=1, overwrite_x=True)
        return whole[:, _middle(_BASEBAND_POINTS)]


def _middle(points: int) -> slice:
    """What the next block and the one before do not share."""
    lead = points * _SHARED // 2 // _PARTS
    return slice(lead, points - lead)


def _pilot_matrix(block: int) -> npt.NDArray[np.complex64]:
    """Windowed bins about 19 kHz to the middle of their inverse FFT: for so few points a product is quicker."""
    bins = np.arange(_PILOT_POINTS) - _PILOT_POINTS // 2
    window = np.cos(np.pi * bins / _PILOT_POINTS) ** 2 * (2 / block)
    at = np.arange(_PILOT_POINTS)[_middle(_PILOT_POINTS)]
    matrix: npt.NDArray[np.complex64] = window[:, np.newaxis] * np.exp(2j * np.pi / _PILOT_POINTS * np.outer(bins, at))
    return matrix.astype(np.complex64)
