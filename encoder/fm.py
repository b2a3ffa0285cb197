"""FM multiplex to IQ: float32 of 1.0 = 75 kHz to complex64 of constant magnitude 0.5, at the same or a higher rate.

The phase is the integral of the multiplex, not the sum of its samples: a sum would deviate 57 kHz some 9 % too far at
250 kHz. The integral over each output sample is a short filter on the multiplex, and the same filter interpolates.
Phase is counted in 2^-32 of a turn in integers that wrap, so it neither drifts nor loses precision in the longest file.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import FULL_DEVIATION_HZ

Mpx = npt.NDArray[np.float32]
Iq = npt.NDArray[np.complex64]

AMPLITUDE: Final = 0.5
HIGHEST_MPX_RATE_HZ: Final = 300_000
"""IQ at a higher rate is interpolated from a multiplex that is not."""

_TURN: Final = 2**32
_HALF_TAPS: Final = 4
_MPX_EDGE_HZ: Final = 60_000
_PIECE: Final = 24_576
"""Samples of multiplex at a time, which the processor's cache holds."""


def interpolation_for(iq_rate_hz: int) -> int:
    """The least whole number of IQ samples for one of multiplex.

    Raises:
        ValueError: the rate has no divisor that fits.
    """
    for factor in range(1, 17):
        if iq_rate_hz % (factor * 1000) == 0 and iq_rate_hz // factor <= HIGHEST_MPX_RATE_HZ:
            return factor
    raise ValueError(f"IQ rate {iq_rate_hz} Hz has no part of at most {HIGHEST_MPX_RATE_HZ} Hz in whole kHz")


def integrating_taps(mpx_rate_hz: int, interpolation: int) -> npt.NDArray[np.float64]:
    """Weights of the 9 multiplex samples around each one for the means over its output intervals.

    Column p gives the mean over one output sample's time centred on (p - (interpolation - 1) / 2) / interpolation of a
    multiplex sample's time, for anything up to 60 kHz; float64, shape (9, interpolation), by least squares.
    """
    cycles = np.linspace(0, _MPX_EDGE_HZ / mpx_rate_hz, 400)
    shifts = np.arange(-_HALF_TAPS, _HALF_TAPS + 1)
    middles = (np.arange(interpolation) - (interpolation - 1) / 2) / interpolation
    taps = np.exp(2j * np.pi * np.outer(cycles, shifts))
    wanted = np.exp(2j * np.pi * np.outer(cycles, middles)) * np.sinc(cycles / interpolation)[:, np.newaxis]
    matrix = np.concatenate((taps.real, taps.imag))
    means = np.concatenate((wanted.real, wanted.imag))
    weights: npt.NDArray[np.float64] = np.linalg.lstsq(matrix, means, rcond=1e-9)[0]
    return weights


class FmModulator:
    """Multiplex to IQ, `feed(mpx)` and `flush()`; `interpolation` IQ samples come out for each that went in.

    Multiplex sample n is the middle one of IQ samples n x interpolation and on: half a sample late at most.

    Args:
        mpx_rate_hz: samples a second of the multiplex.
        interpolation: IQ samples for one of multiplex.
        carrier_hz: where the carrier lies in the IQ.
    """

    def __init__(self, mpx_rate_hz: int, *, interpolation: int = 1, carrier_hz: float = 0.0) -> None:
        rate_hz = mpx_rate_hz * interpolation
        turns = FULL_DEVIATION_HZ / rate_hz * _TURN
        self._taps = (turns * integrating_taps(mpx_rate_hz, interpolation)).astype(np.float32)
        self._carrier = np.uint32(round(carrier_hz / rate_hz * _TURN) % _TURN)
        self._phase = np.uint32(0)
        self._context = np.zeros(_HALF_TAPS, dtype=np.float32)

    def feed(self, mpx: Mpx) -> list[Iq]:
        """Takes multiplex, float32; gives IQ, complex64, four samples of multiplex later."""
        pieces = (mpx[start : start + _PIECE] for start in range(0, len(mpx), _PIECE))
        return [iq for piece in pieces for iq in self._modulate(piece)]

    def flush(self) -> list[Iq]:
        """The IQ of the last four samples of multiplex."""
        return self.feed(np.zeros(_HALF_TAPS, dtype=np.float32))

    def _modulate(self, mpx: Mpx) -> list[Iq]:
        """A piece of multiplex to IQ."""
        samples = np.concatenate((self._context, mpx))
        count = len(samples) - 2 * _HALF_TAPS
        if count <= 0:
            self._context = samples
            return []
        self._context = samples[count:]
        # Wrapping is the point: 2^32 is a turn.
        phase = np.cumsum(self._increments(samples, count), dtype=np.uint32)
        phase += self._phase
        self._phase = phase[-1]
        angle = phase.view(np.int32).astype(np.float32)
        angle *= np.float32(2 * np.pi / _TURN)
        iq = np.empty(len(angle), dtype=np.complex64)
        np.cos(angle, out=iq.real)
        np.sin(angle, out=iq.imag)
        iq.view(np.float32)[:] *= np.float32(AMPLITUDE)
        return [iq]

    def _increments(self, samples: Mpx, count: int) -> npt.NDArray[np.uint32]:
        """Phase from one output sample to the next, in 2^-32 of a turn; uint32, shape (count x interpolation,)."""
        interpolation = self._taps.shape[1]
        increments = np.empty((count, interpolation), dtype=np.uint32)
        term = np.empty(count, dtype=np.float32)
        for column in range(interpolation):
            total = samples[:count] * self._taps[0, column]
            for row in range(1, len(self._taps)):
                np.multiply(samples[row : row + count], self._taps[row, column], out=term)
                total += term
            increments[:, column] = np.rint(total, out=total).astype(np.int32).view(np.uint32)
        increments += self._carrier
        return increments.reshape(-1)
