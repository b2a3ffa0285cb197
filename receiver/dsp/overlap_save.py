"""A stream of samples to overlapping blocks for FFT filtering, whatever chunks it comes in.

Blocks of `block_samples` follow one another every `hop_samples`. The signal is thought preceded by half an overlap of
zeros, so the middle of block b begins at input sample b x hop: a zero-phase filter's output needs no delay correction.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

_Sample = TypeVar("_Sample", np.float32, np.complex64)


class BlockBuffer(Generic[_Sample]):
    """Cuts a stream of samples into overlapping blocks, whatever the chunks it comes in."""

    __slots__ = ("_buffer", "_filled", "_lead", "block_samples", "hop_samples", "samples_in")

    def __init__(self, block_samples: int, hop_samples: int, dtype: type[_Sample]) -> None:
        self.block_samples, self.hop_samples = block_samples, hop_samples
        self._lead = (block_samples - hop_samples) // 2
        self._buffer: npt.NDArray[_Sample] = np.zeros(block_samples, dtype)
        self._filled = self._lead
        self.samples_in = 0

    def feed(self, chunk: npt.NDArray[_Sample]) -> Iterator[npt.NDArray[_Sample]]:
        """Yields every block that the chunk completes. A yielded block is good until the next one is asked for."""
        self.samples_in += len(chunk)
        start = 0
        while start < len(chunk):
            taken = min(len(chunk) - start, self.block_samples - self._filled)
            self._buffer[self._filled : self._filled + taken] = chunk[start : start + taken]
            self._filled += taken
            start += taken
            if self._filled == self.block_samples:
                yield self._buffer
                kept = self.block_samples - self.hop_samples
                self._buffer[:kept] = self._buffer[self.hop_samples :].copy()
                self._filled = kept

    def flush(self) -> Iterator[tuple[npt.NDArray[_Sample], int]]:
        """Yields the last blocks, filled up with zeros, each with the input samples that its middle still holds."""
        while (left := self._filled - self._lead) > 0:
            self._buffer[self._filled :] = 0
            yield self._buffer, min(left, self.hop_samples)
            kept = max(0, self._filled - self.hop_samples)
            self._buffer[:kept] = self._buffer[self.hop_samples : self.hop_samples + kept].copy()
            self._filled = kept
