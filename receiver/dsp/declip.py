"""IQ whose converter ran into its limits to IQ with the phase that it must have had: a strong station next door.

An FM carrier has one amplitude. How often the converter was at its limit tells which, and where only one of I and Q
was, the other one gives the phase. Where both were, the phase is known to lie in a sector; what is left of it follows
from the multiplex ending at 60 kHz, by going to and fro between the two (projections onto convex sets, Youla 1978).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from receiver.dsp.fourier import irfft, rfft
from receiver.dsp.overlap_save import BlockBuffer

Complex = npt.NDArray[np.complex64]

_BLOCK: Final = 8192
_HOP: Final = 7168
_LIMIT: Final = 0.999
_RARE: Final = 0.05
"""Share of limited samples that is left as it is."""
_MOST: Final = 0.97
"""Share of limited components at 26 dB into the limit; beyond, hardly a phase is left to tell the amplitude by."""
_SECTORS_MATTER: Final = 0.2
"""Share of samples with both components limited that makes it worth the transforms."""
_ROUNDS: Final = 6
_KNOWN_WITHIN: Final = 0.02
"""Radians that quantisation and noise may have moved a phase that is known."""
_PASS_HZ: Final = 62_000
_STOP_HZ: Final = 66_000
_SAMPLED: Final = 8


class Declip:
    """IQ of one station in, as a converter of 8 or 16 bits gives it; the same out, mended where it was limited."""

    def __init__(self, rate_hz: float) -> None:
        """Plans for a rate that holds one station."""
        self._buffer = BlockBuffer(_BLOCK, _HOP, np.complex64)
        self._lead = (_BLOCK - _HOP) // 2
        frequency_hz = np.fft.rfftfreq(_BLOCK, 1 / rate_hz)
        self._response = np.clip((_STOP_HZ - frequency_hz) / (_STOP_HZ - _PASS_HZ), 0, 1).astype(np.float32)

    def feed(self, chunk: Complex) -> Iterator[Complex]:
        """The blocks that a chunk completes, each good until the next one is asked for."""
        for (block,) in self._buffer.feed(chunk):
            yield self._mend(block)[self._lead : self._lead + _HOP]

    def flush(self) -> Iterator[Complex]:
        """What is still inside."""
        for (block,), valid in self._buffer.flush():
            yield self._mend(block)[self._lead : self._lead + valid]

    def _mend(self, block: Complex) -> Complex:
        """The block as it is, or a mended copy if it was limited often."""
        few = block[::_SAMPLED].copy().view(np.float32)
        is_limited = np.abs(few, out=few) >= _LIMIT
        if np.count_nonzero(is_limited[::2] | is_limited[1::2]) < _RARE * len(is_limited) / 2:
            return block
        parts = np.stack((block.real, block.imag))
        limited = np.abs(parts) >= _LIMIT
        # Before the input's first sample and after its last there is nothing.
        share = min(np.count_nonzero(limited) / (2 * np.count_nonzero(block)), _MOST)
        # |cos| of an even phase is above 1/A for this share of the time.
        amplitude = 1 / np.cos(np.pi * share / 2)
        both = limited[0] & limited[1]
        other = np.sqrt(np.maximum(amplitude**2 - np.square(parts[::-1]), 0))
        size = np.where(both, np.float32(amplitude / np.sqrt(2)), other)
        parts = np.where(limited, np.copysign(size, parts), parts)
        mended = np.empty_like(block)
        mended.real, mended.imag = parts
        if both.mean() < _SECTORS_MATTER:
            return mended
        return self._within_sectors(mended, both, float(np.pi / 4 - np.arcsin(1 / amplitude)))

    def _within_sectors(self, mended: Complex, both: npt.NDArray[np.bool_], half_sector: float) -> Complex:
        """Moves the phases of samples with both components limited, as little as a multiplex of 60 kHz needs."""
        step = np.empty(len(mended), np.float32)
        step[0] = 0
        step[1:] = np.angle(mended[1:] * mended[:-1].conj())
        known = np.cumsum(step, dtype=np.float64)
        # The block's own phase, or it would jump from block to block.
        known += np.angle(np.vdot(np.exp(1j * known), mended))
        room = np.where(both, half_sector, _KNOWN_WITHIN)
        phase = known
        for _ in range(_ROUNDS):
            step[1:] = np.diff(phase)
            smooth = np.cumsum(irfft(rfft(step) * self._response, len(step)), dtype=np.float64)
            away = smooth - known
            phase = known + np.clip(away - np.mean(away), -room, room)
        result: Complex = np.exp(1j * phase).astype(np.complex64)
        return result
