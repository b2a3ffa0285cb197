"""A device's codes as they arrive to pieces as they are asked for: a bounded queue, a gap where samples are missing.

Every sample of the stream's time is in one of the pieces: what the queue could not hold is counted exactly, what the
driver or a server lost by the clock (`SampleClock`), and a silence as it goes on.
"""

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from receiver.sources.sample_clock import LEAST_LOSS_S, SampleClock
from receiver.sources.stream import Gap

Codes = npt.NDArray[np.uint8]

QUEUE_S: Final = 2.0
NOTHING_CAME: Final = "nothing came"
TOO_SLOW: Final = "this computer was too slow"
LOST_ON_THE_WAY: Final = "lost before it came here"


class Inflow:
    """A stage with state: arrivals in, pieces out. Moments are seconds of any clock that never steps."""

    def __init__(self, rate_hz: float, *, silence_s: float) -> None:
        """`silence_s` without an arrival is a silence, and told each time that it has gone on for so long."""
        self._rate_hz, self._silence = rate_hz, round(silence_s * rate_hz)
        self._clock = SampleClock(rate_hz)
        self._queue: deque[Codes | Gap] = deque()
        self._queued = 0
        self._most_queued = round(QUEUE_S * rate_hz)
        self._ahead = 0
        """Samples of a silence that were told to be missing and may come yet, when nobody can use them."""
        self._resumes = False
        """Whether the next arrival is the first after a silence or a reopening."""
        self.why = NOTHING_CAME
        """What a silence is called now."""

    def start(self, now_s: float) -> None:
        """Lets the stream's time begin without a sample."""
        self._clock.start(now_s)
        self._resumes = True

    def reopened(self) -> None:
        """The device was closed and opened: what it had is gone."""
        self._clock.reopen()
        self._ahead = 0
        self._resumes = True

    def put(self, codes: Codes, now_s: float) -> None:
        """Takes codes, shape (samples, 2), that arrive now."""
        if not len(codes):
            return
        if self._resumes:
            self._resumes = False
            self._lose(self._clock.late(now_s) - len(codes), self.why)
            self.why = NOTHING_CAME
        too_late = self._too_late(len(codes), now_s)
        if too_late:
            codes = codes[too_late:]
            self._append(Gap(0, NOTHING_CAME))  # They were counted, but what comes next does not join.
        lost = self._clock.arrived(len(codes), now_s)
        if lost:
            self._append(Gap(lost, LOST_ON_THE_WAY))
        if len(codes) == 0:
            return
        if self._queued + len(codes) > self._most_queued:
            self._append(Gap(len(codes), TOO_SLOW))
        else:
            self._queued += len(codes)
            self._queue.append(codes)

    def _too_late(self, samples: int, now_s: float) -> int:
        """How many of the samples that arrive stand for a part of a silence that was told already."""
        early = samples - self._clock.late(now_s)
        if not self._ahead or early < LEAST_LOSS_S * self._rate_hz:
            return 0
        late = min(samples, early, self._ahead)
        self._ahead -= late
        return late

    def _lose(self, samples: int, why: str) -> None:
        """A gap that is known now, of the clock's time."""
        if samples > 0:
            self._clock.count(samples)
            self._ahead += samples
            self._append(Gap(samples, why))

    def _append(self, gap: Gap) -> None:
        """Joins it to a gap of the same reason before it, so that the queue stays short."""
        last = self._queue[-1] if self._queue else None
        if isinstance(last, Gap) and last.why == gap.why:
            self._queue[-1] = Gap(last.samples + gap.samples, gap.why)
        else:
            self._queue.append(gap)

    def get(self, now_s: float) -> Codes | Gap | None:
        """The next piece; None where there is none yet."""
        if not self._queue:
            late = self._clock.late(now_s)
            if late < self._silence:
                return None
            self._lose(late, self.why)
            self._resumes = True
        piece = self._queue.popleft()
        if not isinstance(piece, Gap):
            self._queued -= len(piece)
        return piece

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._queue
