"""Pilot samples to the pilot's phase, a block at a time; 57 kHz has three times that phase."""

import cmath
import math
from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from receiver.dsp.fourier import fft_padded

_COHERENT: Final = 0.5
"""A block whose derotated pilot samples keep this share of their size in the sum holds a pilot."""
_TRANSFORM: Final = 4096
_FREQUENCY_GAIN: Final = 0.1
_LONGEST_OFFSET_HZ: Final = 10.0
"""500 ppm of sample clock at 19 kHz."""
_STRETCH_BLOCKS: Final = 6
"""0.54 s: so long a stretch of noise never agrees on a phase, a single block of it does now and then."""
_MISSED_BLOCKS: Final = 12
"""Blocks in a row without a pilot, after which it has to be found anew."""


class PilotReference:
    """Follows the pilot's phase by one complex mean a block, its frequency by the slope from block to block."""

    def __init__(self, rate_hz: float, *, expected_hz: float) -> None:
        """Takes the rate of the pilot's samples and where in them 19 kHz lies."""
        self._rate_hz = rate_hz
        self._expected_hz = expected_hz
        self._phase = 0.0
        self.frequency_hz = 0.0
        self.locked = False
        self._fresh = True
        self._missed = _MISSED_BLOCKS
        self._stretch: deque[npt.NDArray[np.complex64]] = deque(maxlen=_STRETCH_BLOCKS)

    def acquire(self, samples: npt.NDArray[np.complex64], *, least: float) -> bool:
        """Sets the frequency from a stretch of samples (complex64); whether a pilot stands out of it.

        `least` is the smallest size that a pilot can have here: a coherent line may be but a product of others.
        """
        size = max(_TRANSFORM, 4 * len(samples))
        spectrum = np.abs(fft_padded(samples, size))
        frequency_hz = np.fft.fftfreq(size, 1 / self._rate_hz)
        spectrum[np.abs(frequency_hz - self._expected_hz) > _LONGEST_OFFSET_HZ] = 0
        peak = int(np.argmax(spectrum))
        found = bool(spectrum[peak] > max(_COHERENT * np.sum(np.abs(samples)), least * len(samples)))
        if found:
            self.frequency_hz = float(frequency_hz[peak])
            self._fresh, self._missed = True, 0
        self.locked = found
        self._stretch.clear()
        return found

    def track(self, samples: npt.NDArray[np.complex64], *, least: float) -> tuple[float, float]:
        """The pilot's phase at the block's first sample and its slope, in radians and radians a second.

        `locked` says whether they come from the block's own samples; otherwise they run on as they were.
        """
        self._stretch.append(samples)
        if self._missed >= _MISSED_BLOCKS and not self._reacquire(least):
            return self._phase, 2 * math.pi * self.frequency_hz
        duration_s = len(samples) / self._rate_hz
        turn = np.exp(2j * math.pi * self.frequency_hz / self._rate_hz * np.arange(len(samples)))
        mean = complex(np.vdot(turn, samples))
        size = float(np.abs(samples).sum())
        self.locked = abs(mean) > _COHERENT * size > 0
        self._missed = 0 if self.locked else self._missed + 1
        if self.locked:
            measured = cmath.phase(mean)
            error = (measured - self._phase + math.pi) % (2 * math.pi) - np.pi
            if self._fresh:
                self._fresh, error, self._phase = False, 0.0, measured
            # The mean is the phase at the block's middle, so an error of slope shows there by half a block's turn.
            self.frequency_hz += _FREQUENCY_GAIN * error / (2 * math.pi * duration_s)
            self._phase += error
        phase, slope = self._phase, 2 * math.pi * self.frequency_hz
        self._phase = (self._phase + slope * duration_s) % (2 * math.pi)
        return phase, slope

    def _reacquire(self, least: float) -> bool:
        """Looks for the pilot in the last blocks, once there are enough."""
        if len(self._stretch) < _STRETCH_BLOCKS:
            self.locked = False
            return False
        return self.acquire(np.concatenate(self._stretch), least=least)
