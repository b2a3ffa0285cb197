"""Arrivals of samples on a clock to how many are missing among them: what a source without a counter can know of it.

Samples cannot come before they were taken, only later, by what the way takes. So the least delay of a second hardly
changes; when it grows and stays, so many samples were lost. Slow growth is the crystal of the source.
"""

from typing import Final

LEAST_LOSS_S: Final = 0.025
"""A smaller loss is not told from a busy machine."""
_WINDOW_S: Final = 1.0
"""Of so much, one arrival at least is not delayed by this machine."""
_DRIFT: Final = 200e-6
"""The worst crystal and the worst clock together."""


class SampleClock:
    """Counts a stream's samples, lost ones included, against a clock."""

    def __init__(self, rate_hz: float) -> None:
        """Starts with the first arrival."""
        self._rate_hz = rate_hz
        self._zero_s: float | None = None
        """When the stream's first sample was due."""
        self.counted = 0
        """Samples of the stream so far."""
        self._usual_s: float | None = None
        """The least delay, as far as it is known."""
        self._least_s = 0.0
        """That of the window that runs."""
        self._window_s: float | None = None
        """When it began; None: with the next arrival."""

    def start(self, now_s: float) -> None:
        """Lets the stream's time begin, where nothing has arrived yet."""
        if self._zero_s is None:
            self._zero_s = now_s

    def late(self, now_s: float) -> int:
        """How many samples more than have been counted are due, beyond the usual delay; negative: too many counted."""
        if self._zero_s is None:
            return 0
        least_s = min((one_s for one_s in (self._usual_s, self._running_s) if one_s is not None), default=0.0)
        return round((self._delay_s(now_s) - least_s) * self._rate_hz)

    @property
    def _running_s(self) -> float | None:
        return None if self._window_s is None else self._least_s

    def _delay_s(self, now_s: float) -> float:
        assert self._zero_s is not None
        return now_s - self._zero_s - self.counted / self._rate_hz

    def count(self, samples: int) -> None:
        """Takes note of samples that are known to be missing. The window begins anew: they may be a few too many."""
        self.counted += samples
        self._window_s = None

    def reopen(self) -> None:
        """Forgets the usual delay: the way is another."""
        self._usual_s = self._window_s = None

    def arrived(self, samples: int, now_s: float) -> int:
        """Takes note of samples that have come; how many are found missing before them, mostly 0, counted already."""
        self.counted += samples
        if self._zero_s is None:
            self._zero_s = now_s - self.counted / self._rate_hz
        delay_s = self._delay_s(now_s)
        if self._window_s is None:
            self._window_s, self._least_s = now_s, delay_s
        self._least_s = min(self._least_s, delay_s)
        elapsed_s = now_s - self._window_s
        if elapsed_s < _WINDOW_S:
            return 0
        least_s, self._window_s = self._least_s, None
        if self._usual_s is None:
            self._usual_s = least_s
            return 0
        if least_s - self._usual_s > LEAST_LOSS_S:
            lost = round((least_s - self._usual_s) * self._rate_hz)
            self.counted += lost
            return lost
        self._usual_s = min(least_s, self._usual_s + _DRIFT * elapsed_s)
        return 0
