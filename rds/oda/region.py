"""Region codes: five digits, system operator to feeder; F is a wildcard at the end (protocol, Regions)."""

import itertools
import re
from typing import Final, Self

DIGITS: Final = 5
REGION_BITS: Final = 4 * DIGITS
_TEXT: Final = re.compile(r"[0-9A-Ea-e]{0,5}[Ff]{0,5}")
_WILDCARD: Final = 0xF


class Region(int):
    """A region as its 20 bits, first digit highest. `Region.parse("12FFF")` is all of 12, FFFFF is everyone."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The region of five hex digits.

        Raises:
            ValueError: not five digits, or a digit follows an F.
        """
        if len(text) != DIGITS or not _TEXT.fullmatch(text):
            raise ValueError(f"region {text!r}; allowed: five digits 0..E, then F for all below, such as 12FFF")
        return cls(int(text, 16))

    @classmethod
    def parse_code(cls, text: str) -> Self:
        """A receiver's own code: five digits 0..E.

        Raises:
            ValueError: not five digits, or one of them is F.
        """
        if len(text) != DIGITS or not re.fullmatch("[0-9A-Ea-e]{5}", text):
            raise ValueError(f"region code {text!r}; allowed: five digits 0..E, such as 12345")
        return cls(int(text, 16))

    @property
    def digits(self) -> tuple[int, ...]:
        """The five digits, system operator first."""
        return tuple(self >> shift & 0xF for shift in range(REGION_BITS - 4, -4, -4))

    @property
    def reserved(self) -> bool:
        """Whether a digit follows an F, as in 1F3FF: such a region is no region."""
        digits = self.digits
        return any(first == _WILDCARD != second for first, second in itertools.pairwise(digits))

    def within(self, scope: "Region") -> bool:
        """Whether every digit of `scope` is F or equal: FFFFF and 1FFFF are not within 12FFF."""
        return all(theirs in (_WILDCARD, own) for own, theirs in zip(self.digits, scope.digits, strict=True))

    def matches(self, code: "Region") -> bool:
        """Whether a receiver with this own code is meant."""
        return code.within(self)

    def __str__(self) -> str:
        return f"{int(self):05X}"

    def __repr__(self) -> str:
        return f"Region.parse('{self}')"


EVERYONE: Final = Region(0xFFFFF)
