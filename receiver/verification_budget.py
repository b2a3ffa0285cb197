"""Arriving groups in, leave to verify a signature out: what all paths off the air share (protocol, Budget)."""

from collections import deque
from typing import Final

VERIFICATIONS_PER_GROUP: Final = 4
VERIFICATIONS_PER_S: Final = 46


class VerificationBudget:
    """At most 4 verifications an arriving group and 46 a second. Nothing is saved up, so nothing can be used up."""

    def __init__(self) -> None:
        """No group has arrived."""
        self._now_s = 0.0
        self._left = 0
        self._spent_s: deque[float] = deque(maxlen=VERIFICATIONS_PER_S)
        self.spent = 0
        """How many in all."""

    def arrive(self, now_s: float) -> None:
        """A group ended at this second of the stream."""
        self._now_s = now_s
        self._left = VERIFICATIONS_PER_GROUP

    def spend(self, count: int = 1) -> bool:
        """Whether so many more may be verified; they count as done. More than a group's whole count as that."""
        count = min(count, VERIFICATIONS_PER_GROUP)
        recent = sum(self._now_s - spent_s < 1 for spent_s in self._spent_s)
        if count > self._left or recent + count > VERIFICATIONS_PER_S:
            return False
        self._left -= count
        self.spent += count
        self._spent_s.extend([self._now_s] * count)
        return True
