"""A stream of samples to batches of overlapping blocks for FFT filtering, whatever chunks it comes in.

Blocks of `block_samples` follow one another every `hop_samples`. The signal is thought preceded by half an overlap of
silence, so the middle of block b begins at input sample b x hop: a zero-phase filter's output needs no delay
correction.
Blocks come several at a time, because transforms side by side use the processor's vector units: three times as fast.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

_Sample = TypeVar("_Sample", np.float32, np.complex64)


class BlockBuffer(Generic[_Sample]):
    """Cuts a stream of samples into batches of overlapping blocks."""

    __slots__ = ("_batch", "_blocks", "_buffer", "_filled", "_lead", "_silence", "block_samples", "hop_samples")

    def __init__(
        self, block_samples: int, hop_samples: int, dtype: type[_Sample], *, batch: int = 1, silence: float = 0.0
    ) -> None:
        """`silence` is the sample that stands for nothing before and after the signal."""
        self.block_samples, self.hop_samples = block_samples, hop_samples
        self._batch = batch
        self._lead = (block_samples - hop_samples) // 2
        self._silence = silence
        self._buffer: npt.NDArray[_Sample] = np.full(block_samples + (batch - 1) * hop_samples, silence, dtype)
        self._blocks: npt.NDArray[_Sample] = np.lib.stride_tricks.sliding_window_view(self._buffer, block_samples)[
            ::hop_samples
        ]
        self._filled = self._lead

    @property
    def batch_hop_samples(self) -> int:
        """Input samples from one batch to the next: what the middles of a batch's blocks hold."""
        return self._batch * self.hop_samples

    def feed(self, chunk: npt.NDArray[_Sample | np.uint8]) -> Iterator[npt.NDArray[_Sample]]:
        """Yields every batch that the chunk completes, shape (batch, block); good until the next one is asked for."""
        start = 0
        while start < len(chunk):
            taken = min(len(chunk) - start, len(self._buffer) - self._filled)
            self._buffer[self._filled : self._filled + taken] = chunk[start : start + taken]
            self._filled += taken
            start += taken
            if self._filled == len(self._buffer):
                yield self._blocks
                self._forget()

    def flush(self) -> Iterator[tuple[npt.NDArray[_Sample], int]]:
        """Yields the last batches, filled up with silence, each with the input samples that its middles still hold."""
        while (left := self._filled - self._lead) > 0:
            self._buffer[self._filled :] = self._silence
            yield self._blocks, min(left, self.batch_hop_samples)
            self._forget()

    def _forget(self) -> None:
        kept = max(0, self._filled - self.batch_hop_samples)
        self._buffer[:kept] = self._buffer[self.batch_hop_samples : self.batch_hop_samples + kept].copy()
        self._filled = kept
