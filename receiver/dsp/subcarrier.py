"""The multiplex to the RDS baseband at 16 to 18 samples a bit, matched filter done, and to the pilot.

A short filter about 57 kHz lets the multiplex be thinned out first, so the long matched filter sees a twelfth of the
samples; another one about 19 kHz rides in the same matrix product. Their taps turn with their band: nothing is mixed.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import BIT_RATE_HZ, PILOT_HZ, SUBCARRIER_HZ
from rds.waveform import biphase_response
from receiver.dsp.fourier import fft, ifft
from receiver.dsp.overlap_save import BlockBuffer

Complex = npt.NDArray[np.complex64]
Float = npt.NDArray[np.float32]

_LEAST_BASEBAND_HZ: Final = 19_000
"""16 samples a bit: between two of them a straight line will do."""
_REACH: Final = 3.4
"""Of the thinning filter to each side, in baseband samples: what would fold onto the subcarrier is 80 dB down."""
_KAISER_BETA: Final = 7.86
"""80 dB by Kaiser's formula."""
_GROUPED: Final = 8
"""Baseband samples of a row of the product, one of the pilot's."""
_PILOT_ROWS: Final = 6
"""From one sample of the pilot to the next: 400 S/s."""
_PILOT_WINDOW_ROWS: Final = 24
"""10 ms: 200 Hz to each side, then nothing."""
_PIECES: Final = 4
"""Transforms a block, side by side."""
_PIECE_S: Final = 0.03
_SHARED: Final = _GROUPED * _PILOT_WINDOW_ROWS
"""Baseband samples that neighbouring transforms share: 10 ms, twelve bits, longer than the matched filter."""
MIN_RATE_HZ: Final = 2 * (SUBCARRIER_HZ + 2 * BIT_RATE_HZ) + 1000
"""The multiplex must reach beyond 57 kHz + 2.4 kHz."""


@dataclass(frozen=True, slots=True)
class SubcarrierBlock:
    """120 ms of the two bands; time runs in seconds from the input's first sample."""

    start_s: float
    """When baseband[0] and pilot[0] are."""
    baseband: Complex
    """About 57 kHz, matched filtered; 1.0 = 75 kHz deviation of a carrier."""
    pilot: Complex
    """About 19 kHz; its magnitude is the pilot's deviation, 1.0 = 75 kHz."""


class Subcarrier:
    """MPX in, blocks of the two bands out."""

    def __init__(self, rate_hz: float) -> None:
        """Plans the filters for an MPX rate of at least `MIN_RATE_HZ`."""
        thinning = int(rate_hz // _LEAST_BASEBAND_HZ)
        self.baseband_rate_hz = rate_hz / thinning
        pilot_samples = _GROUPED * _PILOT_ROWS
        self.pilot_rate_hz = self.baseband_rate_hz / pilot_samples
        hop = pilot_samples * round(_PIECE_S * self.pilot_rate_hz)
        count = _PIECES * hop
        self._block_s = count / self.baseband_rate_hz
        self.subcarrier_residual_hz, self._turns = _turned_back(SUBCARRIER_HZ, self._block_s, count)
        """How far 57 kHz lies from the baseband's zero: a block holds whole turns."""
        self.pilot_residual_hz, self._pilot_turns = _turned_back(PILOT_HZ, self._block_s, count // pilot_samples)
        self._turns = self._turns.reshape(_PIECES, hop)
        self._matched = _matched(self.baseband_rate_hz, hop + _SHARED)
        self._plan_product(rate_hz, thinning)
        self._buffer = BlockBuffer((count + _SHARED + 2 * _GROUPED) * thinning, count * thinning, np.float32)
        rows = (count + _SHARED) // _GROUPED
        self._product, self._further = np.empty((2, rows, 2 * _GROUPED + 2), np.float32)
        self._thinned = np.empty(count + _SHARED, np.complex64)
        self._pieces = np.lib.stride_tricks.sliding_window_view(self._thinned, hop + _SHARED)[::hop]
        self._pilot_places = _PILOT_ROWS * np.arange(count // pilot_samples)[:, np.newaxis] + np.arange(
            _PILOT_WINDOW_ROWS
        )
        self._block_index = 0

    def _plan_product(self, rate_hz: float, thinning: int) -> None:
        """Taps as matrices: a row of samples and the beginning of the next one to the samples of both bands."""
        self._row = row = _GROUPED * thinning
        half = round(_REACH * thinning)
        # The first row begins half an overlap and half a filter before the block's middle does.
        self._first = row - half
        taps = np.arange(-half, half + 1)
        thinner = np.sinc(taps / thinning) * np.kaiser(len(taps), _KAISER_BETA)
        reach = len(taps) + row - thinning
        matrix = np.zeros((reach, _GROUPED + 1), np.complex128)
        for place in range(_GROUPED):
            matrix[place * thinning :, place][: len(taps)] = thinner * _turning(SUBCARRIER_HZ, taps / rate_hz)
        centred = np.arange(reach) - (reach - 1) / 2
        matrix[:, _GROUPED] = np.hanning(reach + 2)[1:-1] * _turning(PILOT_HZ, centred / rate_hz)
        # A real signal has half of its size at positive frequencies.
        matrix[:, :_GROUPED] *= 2 / thinner.sum()
        matrix[:, _GROUPED] *= 2 / np.abs(matrix[:, _GROUPED]).sum()
        both = matrix.view(np.float64).astype(np.float32)
        self._own, self._next = both[:row].copy(), both[row:].copy()
        centred = np.arange(_PILOT_WINDOW_ROWS) - (_PILOT_WINDOW_ROWS - 1) / 2
        # The window's middle lies half a baseband sample before the sample that it is for.
        weights = np.hanning(_PILOT_WINDOW_ROWS + 2)[1:-1] * _turning(
            PILOT_HZ, (centred * row - thinning / 2) / rate_hz
        )
        self._pilot_weights = (weights / np.abs(weights).sum()).astype(np.complex64)

    def feed(self, mpx: Float) -> list[SubcarrierBlock]:
        """The blocks that a chunk of MPX (float32, 1.0 = 75 kHz) completes."""
        return [self._split(block) for (block,) in self._buffer.feed(mpx)]

    def flush(self) -> list[SubcarrierBlock]:
        """The last blocks, cut where the input ended."""
        last = []
        for (block,), valid in self._buffer.flush():
            whole = self._split(block)
            share = valid / self._buffer.batch_hop_samples
            baseband = whole.baseband[: round(share * len(whole.baseband))]
            last.append(SubcarrierBlock(whole.start_s, baseband, whole.pilot[: round(share * len(whole.pilot))]))
        return last

    def _split(self, block: Float) -> SubcarrierBlock:
        rows = len(self._product) + 1
        samples = block[self._first :][: rows * self._row].reshape(rows, self._row)
        np.matmul(samples[:-1], self._own, out=self._product)
        np.matmul(samples[1:, : len(self._next)], self._next, out=self._further)
        self._product += self._further
        self._thinned.view(np.float32).reshape(-1, 2 * _GROUPED)[:] = self._product[:, :-2]
        spectra = fft(self._pieces)
        spectra *= self._matched
        filtered = ifft(spectra, overwrite=True)
        baseband = filtered[:, _SHARED // 2 : -_SHARED // 2] * self._turns
        pilot = self._product[:, -2:].copy().view(np.complex64).reshape(-1)[self._pilot_places] @ self._pilot_weights
        pilot *= self._pilot_turns
        start_s = self._block_index * self._block_s
        self._block_index += 1
        return SubcarrierBlock(start_s, baseband.reshape(-1), pilot)


def _turning(frequency_hz: float, time_s: npt.NDArray[np.floating]) -> npt.NDArray[np.complex128]:
    """What a frequency is turned back by, to be added up."""
    turning: npt.NDArray[np.complex128] = np.exp(-2j * np.pi * frequency_hz * time_s)
    return turning


def _turned_back(frequency_hz: float, block_s: float, count: int) -> tuple[float, Complex]:
    """What is left of a frequency that whole turns a block are taken from, and these turns at a block's samples."""
    turns = round(frequency_hz * block_s)
    angles = -2j * np.pi * (turns * np.arange(count) % count) / count
    return frequency_hz - turns / block_s, np.exp(angles).astype(np.complex64)


def _matched(rate_hz: float, points: int) -> Complex:
    """The matched filter about where 57 kHz comes to lie at the baseband's rate."""
    distance_hz: npt.NDArray[np.float64] = np.fft.fftfreq(points, 1 / rate_hz).astype(np.float64) - SUBCARRIER_HZ
    distance_hz -= rate_hz * np.round(distance_hz / rate_hz)
    return np.conj(biphase_response(distance_hz)).astype(np.complex64)
