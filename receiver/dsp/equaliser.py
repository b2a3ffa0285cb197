"""IF samples of one station that came in by several ways to IF samples without the echoes.

An FM carrier has one amplitude; an echo makes it follow the frequency, and a notch where both ways cancel tears it.
So the filter is looked for whose output keeps one amplitude (Treichler and Agee 1983, IEEE Trans. ASSP 31, "A new
approach to multipath correction of constant modulus signals"), by least squares over a block instead of a gradient:
the output with its amplitude made even is what the next filter aims at (Agee 1986, the least-squares constant modulus
algorithm). Neither step size nor divergence: each round brings the amplitude closer to even, or leaves it.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from receiver.dsp.fourier import fft, ifft
from receiver.dsp.overlap_save import BlockBuffer

Complex = npt.NDArray[np.complex64]
Taps = npt.NDArray[np.complex128]

_BLOCK: Final = 8192
_LEAD: Final = 64
"""Samples to each side of a block's middle: more than the filter's reach and a fade."""
_HOP: Final = _BLOCK - 2 * _LEAD
_BEFORE: Final = 16
_AFTER: Final = 32
"""Taps for what comes after the strongest way; 0.13 ms is a detour of 40 km, in which an echo of -3 dB dies out."""
_REACH: Final = np.arange(-_BEFORE, _AFTER)
_FADE: Final = 32
_FIRST_ROUNDS: Final = 3
"""From nothing; a later block goes on from the last one's filter with a single round."""
_LOADING: Final = 1e-3
"""Noise that the filter is told to fear, of the signal's power: it holds the taps where the signal has none."""
_RIPPLE: Final = 0.005
_RIPPLE_OF_NOISE: Final = 0.06
"""A ripple that noise alone has not: four times its spread, as a share of the variance, over half a block."""
_WORTH: Final = 0.5
"""What a filter must leave at most of the ripple; fading and other stations it does not take away."""
_SPOILT: Final = 0.15
"""Variance that a filter kept from before may add, as it does to noise; more, and it is of another signal."""

_HOLD: Final = 60
"""Two seconds of silence in the programme, while an echo does not show. Going to and fro between filtered and not
would move the subcarrier each time: an echo in phase is 4 us of delay, a quarter of a turn at 57 kHz."""


class Equaliser:
    """IF in, IF out; without echoes, the very same samples."""

    def __init__(self) -> None:
        """Starts with a signal that passes as it is."""
        self._buffer = BlockBuffer(_BLOCK, _HOP, np.complex64)
        self._taps: Taps | None = None
        self._held = 0
        """Blocks that the taps were kept for without an echo to be seen."""
        self._tail: Complex | None = None
        """What the last block's filter makes of the first samples of this block's middle."""

    def feed(self, chunk: Complex) -> Iterator[Complex]:
        """The blocks (complex64) that a chunk (complex64) completes, each good until the next one is asked for."""
        for (block,) in self._buffer.feed(chunk):
            yield self._equalise(block, _HOP)

    def flush(self) -> Iterator[Complex]:
        """What is still inside."""
        for (block,), valid in self._buffer.flush():
            yield self._equalise(block, valid)

    def _equalise(self, block: Complex, valid: int) -> Complex:
        """The middle of a block, joined to the last one; `valid` samples of it are the signal's."""
        middle = slice(_LEAD, _LEAD + valid)
        ripple, variance = _ripple(block[middle])
        taps, whole = None, block
        if ripple > _RIPPLE + _RIPPLE_OF_NOISE * variance:
            taps, whole = _even(block, self._taps)
            if _ripple(whole[middle])[0] > _WORTH * ripple:
                taps = None
            else:
                self._held = 0
        if taps is None and self._taps is not None and self._held < _HOLD:
            whole = _filtered(fft(block), self._taps)
            self._held += 1
            if _ripple(whole[middle])[1] < variance + _SPOILT:
                taps = self._taps
        if taps is None:
            whole = block if self._taps is None else self._turned_back(block)
        else:
            turn = self._turn(whole)
            taps, whole = taps * turn, self._joined(whole * turn)
        self._taps = taps
        self._tail = whole[_LEAD + _HOP :][:_FADE].copy()
        return whole[middle]

    def _turn(self, whole: Complex) -> np.complex64:
        """The turn that continues the last block's phase: even amplitudes say nothing about it."""
        along = 0j if self._tail is None else complex(np.vdot(whole[_LEAD:][:_FADE], self._tail))
        return np.complex64(along / abs(along) if along else 1)

    def _turned_back(self, block: Complex) -> Complex:
        """The block with its own phase at its end and the last block's at its beginning: a shift of 15 Hz at most."""
        angle = np.angle(self._turn(block)) * np.linspace(1, 0, _HOP)
        ramp = np.pad(np.exp(1j * angle).astype(np.complex64), _LEAD, mode="edge")
        return self._joined(block * ramp)

    def _joined(self, whole: Complex) -> Complex:
        if self._tail is not None:
            share = np.linspace(0, 1, _FADE, dtype=np.float32)
            start = whole[_LEAD:][:_FADE]
            start += (1 - share) * (self._tail - start)
        return whole


def _ripple(block: Complex) -> tuple[float, float]:
    """How far the power two samples apart goes up and down together, and its variance; 1.0 is the mean power squared.

    Noise as wide as the IF is another one two samples later; what an echo does follows the slower multiplex.
    """
    power = np.square(block.real[::2]) + np.square(block.imag[::2])
    square = float(power.sum()) ** 2
    if square == 0:
        return 0.0, 0.0
    scale = len(power) / square
    return float(np.dot(power[1:], power[:-1])) * scale - 1, float(np.dot(power, power)) * scale - 1


def _even(block: Complex, taps: Taps | None) -> tuple[Taps, Complex]:
    """The filter that brings a block's amplitude nearer to even than `taps` do, and its output."""
    spectrum = fft(block)
    correlation = ifft(np.square(spectrum.real) + np.square(spectrum.imag))
    delays = np.arange(len(_REACH))
    matrix = correlation[delays[:, None] - delays].astype(np.complex128)
    matrix[delays, delays] *= 1 + _LOADING
    amplitude = np.float32(np.sqrt(matrix[0, 0].real / len(block)))
    rounds = _FIRST_ROUNDS if taps is None else 1
    whole = block.copy() if taps is None else _filtered(spectrum, taps)
    for _ in range(rounds):
        size = np.abs(whole)
        whole *= amplitude / np.maximum(size, np.finfo(np.float32).tiny)
        aim = ifft(fft(whole) * spectrum.conj())[_REACH]
        taps = np.linalg.solve(matrix, aim.astype(np.complex128))
        whole = _filtered(spectrum, taps)
    assert taps is not None
    return taps, whole


def _filtered(spectrum: Complex, taps: Taps) -> Complex:
    response = np.zeros(len(spectrum), np.complex64)
    response[_REACH] = taps
    filtered: Complex = ifft(spectrum * fft(response))
    return filtered
