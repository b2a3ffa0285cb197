"""Probabilities of being right to yes or no, so that one in a hundred accepted is wrong, whatever the signal.

A fixed threshold would be too strict for a good signal and too lax for a bad one, for what is accepted is worth its
mean, not its worst. The threshold moves until the mean is what it should be.
"""

from typing import Final

_WRONG_SHARE: Final = 0.01
_STEP: Final = 0.5
_STRICTEST, _LAXEST, _FIRST = 0.02, 0.35, 0.15


class RiskBudget:
    """Accepts or refuses, and learns from the probabilities alone."""

    __slots__ = ("_limit",)

    def __init__(self) -> None:
        """Begins between strict and lax."""
        self._limit = _FIRST

    def accepts(self, probability: float) -> bool:
        """Whether a word that is right with this probability is taken."""
        risk = 1 - probability
        if risk > self._limit:
            return False
        self._limit = min(_LAXEST, max(_STRICTEST, self._limit * (1 + _STEP * (_WRONG_SHARE - risk))))
        return True
