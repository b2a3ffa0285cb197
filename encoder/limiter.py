"""Programme composite in, the same turned down where it would go over a ceiling, plus what is never turned down.

The gain is known ahead and has no corner: clipping would put distortion at 57 kHz. Segments of one millisecond ask for
the gain that their peak needs; the least asked nearby, averaged by a Hann window, is the gain at a segment's middle; a
cubic B-spline leads from middle to middle. Every step is a mean of values that are low enough, so the result is too.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

FloatArray = npt.NDArray[np.float32]

_SMOOTH: Final = 10
"""Segments from the middle of the Hann window to its end: the gain bends within some 10 ms."""
_SPLINE: Final = 2
"""Segments to either side that a point of the spline depends on."""
_LEAST: Final = _SMOOTH + _SPLINE
"""Segments to either side whose peaks a smoothed value must respect."""
REACH: Final = _LEAST + _SMOOTH + _SPLINE
"""Segments before and after that the gain of a segment depends on."""


def _spline(segment_samples: int) -> FloatArray:
    """Cubic B-spline weights of the five nodes around a segment at each of its samples; shape (5, samples)."""
    at = (np.arange(segment_samples) + 0.5) / segment_samples - 0.5
    distance = np.abs(at[np.newaxis, :] - np.arange(-_SPLINE, _SPLINE + 1)[:, np.newaxis])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    return np.where(distance < 1, near, far).astype(np.float32)


def segment_peaks(samples: FloatArray, segment_samples: int) -> FloatArray:
    """The largest magnitude in each segment along the last axis, in one row; float32."""
    segments = samples.reshape(*samples.shape[:-1], -1, segment_samples)
    peaks: FloatArray = np.maximum(segments.max(axis=-1), -segments.min(axis=-1))
    return peaks.reshape(-1)


def gain_nodes(peaks: FloatArray, ceiling: float) -> FloatArray:
    """The gain in the middle of each segment but the outer `REACH - _SPLINE` on both sides; float32 of 0 to 1."""
    needed = np.minimum(1, ceiling / np.maximum(peaks, np.float32(1e-9)))
    least = sliding_window_view(needed, 2 * _LEAST + 1).min(axis=1)
    window = np.hanning(2 * _SMOOTH + 3)[1:-1]
    return np.convolve(least, window / window.sum(), "valid").astype(np.float32)


class LookaheadLimiter:
    """Blocks of programme and of the rest (pilot, RDS) to their sum, one block later.

    Args:
        ceiling: what the programme's magnitude never exceeds.
        segment_samples: samples in a millisecond; a block holds a whole number of segments, at least `REACH`.
    """

    def __init__(self, ceiling: float, segment_samples: int) -> None:
        self._ceiling = ceiling
        self._segment_samples = segment_samples
        self._spline = _spline(segment_samples)
        self._before = np.zeros(REACH, dtype=np.float32)
        self._held: tuple[FloatArray, FloatArray, FloatArray] | None = None

    def feed(self, programme: FloatArray, rest: FloatArray, peaks: FloatArray) -> list[FloatArray]:
        """Takes a block of programme and rest, float32 of one shape, and the peaks; gives the block before, flat."""
        output = self._release(peaks[:REACH])
        self._held = programme, rest, peaks
        return output

    def flush(self) -> list[FloatArray]:
        """The last block."""
        return self._release(np.zeros(REACH, dtype=np.float32))

    def _release(self, after: FloatArray) -> list[FloatArray]:
        """The block held back, now that the peaks after it are known."""
        if self._held is None:
            return []
        programme, rest, peaks = self._held
        self._held = None
        around = np.concatenate((self._before, peaks, after))
        self._before = peaks[-REACH:]
        if around.max() > self._ceiling:
            nodes = gain_nodes(around, self._ceiling)
            gain = sliding_window_view(nodes, 2 * _SPLINE + 1) @ self._spline
            programme = programme * gain.reshape(programme.shape)
        return [np.add(programme, rest).reshape(-1)]
