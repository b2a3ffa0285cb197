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

    def spend(self) -> bool:
        """Whether one more signature may be verified; it counts as done."""
        if not self._left or (len(self._spent_s) == VERIFICATIONS_PER_S and self._now_s - self._spent_s[0] < 1):
            return False
        self._left -= 1
        self.spent += 1
        self._spent_s.append(self._now_s)
        return True
