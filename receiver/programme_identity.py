"""Words of block A to the PI that a station can be expected to go on saying."""

from collections import Counter, deque
from typing import Final

_REMEMBERED: Final = 6
_AGREEING: Final = 4
_DENIED: Final = 3
"""Groups in a row of which all but the PI is clear, after which it is thought another: the own one is missed least."""


class ProgrammeIdentity:
    """The PI, once four of the last six accepted blocks A agree on it."""

    __slots__ = ("_denied", "_last")

    def __init__(self) -> None:
        """Expects nothing."""
        self._last: deque[int] = deque(maxlen=_REMEMBERED)
        self._denied = 0

    def heard(self, word: int) -> None:
        """Takes the word of an accepted block A."""
        self._last.append(word)
        self._denied = 0

    def missed(self) -> None:
        """Takes that block A alone of a group was not accepted; who expects a PI would refuse another for ever."""
        self._denied += 1
        if self._denied == _DENIED:
            self._last.clear()
            self._denied = 0

    @property
    def expected(self) -> int | None:
        """The PI, or None as long as there is none to expect."""
        word, count = Counter(self._last).most_common(1)[0] if self._last else (0, 0)
        return word if count >= _AGREEING else None
