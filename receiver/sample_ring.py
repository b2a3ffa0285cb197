"""A stream's samples to the latest of them: a file of constant size that has no name and goes with the process."""

import os
import tempfile
from collections import deque
from dataclasses import dataclass

from rds.errors import UsageError


@dataclass(slots=True)
class _Stretch:
    """Samples without a loss in between."""

    first_sample: int
    samples: int
    place: int
    """In samples, as if the file had no end."""


class SampleRing:
    """Samples in, by their numbers in the stream; the oldest give way."""

    def __init__(self, samples: int, *, sample_octets: int) -> None:
        """Takes the room at once, where temporary files are (TMPDIR).

        Raises:
            UsageError: there is not so much.
        """
        self._samples, self._sample_octets = samples, sample_octets
        self._stretches: deque[_Stretch] = deque()
        self._put = 0
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it lives as long as the ring
        try:
            os.posix_fallocate(self._file.fileno(), 0, max(1, samples * sample_octets))
        except OSError as error:
            self._file.close()
            raise UsageError(
                f"cannot keep {samples * sample_octets / 1e6:.0f} MB of samples in {tempfile.gettempdir()}: "
                f"{error.strerror}; name a folder with room by TMPDIR"
            ) from None

    @property
    def oldest(self) -> int | None:
        """The first sample that is still there."""
        return self._stretches[0].first_sample if self._stretches else None

    def put(self, octets: bytes, first_sample: int) -> None:
        """Adds samples that come after all that were added.

        Raises:
            OSError: the file cannot be written.
        """
        samples = len(octets) // self._sample_octets
        if samples > self._samples:  # More than all of it: the end counts.
            octets = octets[(samples - self._samples) * self._sample_octets :]
            first_sample, samples = first_sample + samples - self._samples, self._samples
        self._give_way(samples)
        for at, part in self._parts(self._put, samples):
            os.pwrite(self._file.fileno(), octets[: part * self._sample_octets], at * self._sample_octets)
            octets = octets[part * self._sample_octets :]
        last = self._stretches[-1] if self._stretches else None
        if last is not None and last.first_sample + last.samples == first_sample:
            last.samples += samples
        elif samples:
            self._stretches.append(_Stretch(first_sample, samples, self._put))
        self._put += samples

    def _give_way(self, samples: int) -> None:
        """Forgets what is about to be overwritten."""
        kept_from = self._put + samples - self._samples
        while self._stretches and (old := kept_from - self._stretches[0].place) > 0:
            first = self._stretches[0]
            if old >= first.samples:
                self._stretches.popleft()
            else:
                first.first_sample, first.place, first.samples = (
                    first.first_sample + old,
                    kept_from,
                    first.samples - old,
                )

    def _parts(self, place: int, samples: int) -> list[tuple[int, int]]:
        """Where in the file samples are, and how many: in two parts about its end."""
        at = place % self._samples
        before_end = min(samples, self._samples - at)
        return [(at, before_end), (0, samples - before_end)]

    def get(self, first_sample: int, most: int) -> tuple[int, bytes] | None:
        """The next samples from this number on that are there and without a loss: the first one's number, and they.

        Raises:
            OSError: the file cannot be read.
        """
        for stretch in self._stretches:
            skipped = max(0, first_sample - stretch.first_sample)
            if skipped < stretch.samples:
                samples = min(most, stretch.samples - skipped)
                octets = b"".join(
                    os.pread(self._file.fileno(), part * self._sample_octets, at * self._sample_octets)
                    for at, part in self._parts(stretch.place + skipped, samples)
                )
                return stretch.first_sample + skipped, octets
        return None

    def close(self) -> None:
        """Frees the room."""
        self._file.close()
