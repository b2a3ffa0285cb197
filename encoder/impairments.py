"""Multiplex or IQ to the same with a known fault: a sample clock that runs wrong, noise of a known strength."""

from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Mpx = npt.NDArray[np.float32]
Iq = npt.NDArray[np.complex64]

NOISE_BANDWIDTH_HZ: Final = 200_000
"""What a carrier-to-noise ratio is measured in."""

_TAPS: Final = 32
_PHASES: Final = 512
_KAISER_BETA: Final = 8.0
"""80 dB down in the stop band, which suits a multiplex to 60 kHz at 171 kHz and more."""
_PIECE: Final = 4096


class ClockError:
    """Multiplex as a sender makes it whose clock is `error_ppm` too fast: output n is the input at n (1 + error).

    Values between samples come from a windowed sinc of 32 taps. The input is taken as zero before its start and after
    its end; in all, ceil(samples / (1 + error)) come out.
    """

    def __init__(self, error_ppm: float) -> None:
        self._step = 1 + error_ppm * 1e-6
        self._table = self._windowed_sinc()
        self._samples = np.zeros(_TAPS // 2 - 1, dtype=np.float32)
        self._dropped = 1 - _TAPS // 2
        self._taken = 0
        self._given = 0

    def feed(self, mpx: Mpx) -> list[Mpx]:
        """Takes multiplex, float32; gives what lies half a filter before its end."""
        self._taken += len(mpx)
        self._samples = np.concatenate((self._samples, mpx))
        return self._resample(self._dropped + len(self._samples) - _TAPS // 2)

    def flush(self) -> list[Mpx]:
        """The rest."""
        self._samples = np.concatenate((self._samples, np.zeros(_TAPS, dtype=np.float32)))
        return self._resample(self._taken)

    def _resample(self, end: int) -> list[Mpx]:
        """Every output that lies before input sample `end`."""
        output = []
        while True:
            positions = np.arange(self._given, self._given + _PIECE) * self._step
            positions = positions[: np.searchsorted(positions, end)]
            if not len(positions):
                break
            base = np.floor(positions).astype(np.int64)
            phase = (positions - base) * _PHASES
            row = phase.astype(np.int64)
            rest = (phase - row).astype(np.float32)[:, np.newaxis]
            taps = self._table[row] * (1 - rest) + self._table[row + 1] * rest
            first = base - (_TAPS // 2 - 1) - self._dropped
            output.append(np.einsum("ij,ij->i", sliding_window_view(self._samples, _TAPS)[first], taps))
            self._given += len(positions)
        keep_from = int(np.floor(self._given * self._step)) - (_TAPS // 2 - 1)
        surplus = min(max(0, keep_from - self._dropped), len(self._samples))
        self._samples = self._samples[surplus:]
        self._dropped += surplus
        return output

    @staticmethod
    def _windowed_sinc() -> npt.NDArray[np.float32]:
        """Filter by fraction of a sample in 512ths; float32, shape (513, 32)."""
        fraction = np.arange(_PHASES + 1)[:, np.newaxis] / _PHASES
        at = np.arange(_TAPS) - (_TAPS // 2 - 1) - fraction
        window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - (at / (_TAPS / 2)) ** 2, 0, None))) / np.i0(_KAISER_BETA)
        return (np.sinc(at) * window).astype(np.float32)


class Noise:
    """IQ with white Gaussian noise added.

    Args:
        cn_db: carrier power over the noise power in 200 kHz.
        amplitude: of the carrier.
        rate_hz: of the IQ; all of it gets noise of the same density.
        seed: the same seed gives the same noise.
    """

    def __init__(self, cn_db: float, *, amplitude: float, rate_hz: int, seed: int) -> None:
        power = amplitude**2 / 10 ** (cn_db / 10) * rate_hz / NOISE_BANDWIDTH_HZ
        self._deviation = np.float32(np.sqrt(power / 2))
        self._random = np.random.default_rng(seed)

    def feed(self, iq: Iq) -> list[Iq]:
        """Takes IQ, complex64; gives as much at once."""
        noise = self._random.standard_normal(2 * len(iq), dtype=np.float32)
        noise *= self._deviation
        return [iq + noise.view(np.complex64)]

    def flush(self) -> list[Iq]:
        """Nothing is held back."""
        return []
