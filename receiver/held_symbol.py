"""The symbols of runs on several stations to those of one envelope: an ESI's value is what most of the stations say.

A tag is a station's own, so which run of another station is the same envelope can only be told by the symbols.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from rds.oda.erasure_code import SYMBOL_BITS
from rds.oda.messages import MESSAGE_OCTETS

_HEAD_SYMBOLS: Final = -(-8 * MESSAGE_OCTETS // SYMBOL_BITS)
"""Messages of one key resemble one another; from here on, in the signature, no two do."""


@dataclass(frozen=True, slots=True)
class HeldSymbol:
    """The newest symbol of an ESI."""

    value: int
    arrival: int
    """Rises by one with every symbol."""
    suspect: bool
    """A block of its group was corrected, or it replaced a different symbol."""
    probability: float = 1.0
    """1 where its blocks were accepted; else how likely it is."""


def joined(
    own: Mapping[int, HeldSymbol], elsewhere: Iterable[Mapping[int, HeldSymbol]]
) -> dict[int, HeldSymbol] | None:
    """A run's symbols filled up by those of the runs on other stations that agree with it; None where none does."""
    runs = [own, *(run for run in elsewhere if _agree(own, run))]
    if len(runs) == 1:
        return None
    found: dict[int, list[HeldSymbol]] = {}
    for run in runs:
        for esi, symbol in run.items():
            found.setdefault(esi, []).append(symbol)
    return {esi: _elected(symbols) for esi, symbols in found.items()}


def _agree(own: Mapping[int, HeldSymbol], run: Mapping[int, HeldSymbol]) -> bool:
    """Whether two runs are of one envelope, as far as can be told."""
    common = [esi for esi in own.keys() & run.keys() if esi >= _HEAD_SYMBOLS]
    equal = sum(own[esi].value == run[esi].value for esi in common)
    return equal > len(common) - equal


def _elected(symbols: list[HeldSymbol]) -> HeldSymbol:
    """What most say, or the surest; nobody is suspect whom another station bears out."""

    def weight(one: HeldSymbol) -> tuple[int, bool, float, int]:
        votes = sum(other.value == one.value for other in symbols)
        return votes, not one.suspect, one.probability, one.arrival

    best = max(symbols, key=weight)
    votes, sure, _, _ = weight(best)
    newest = max(one.arrival for one in symbols)
    is_alone = votes == 1
    return HeldSymbol(
        best.value,
        newest,
        suspect=(not sure or len(symbols) > 1) if is_alone else votes <= len(symbols) - votes,
        probability=best.probability if is_alone else 1.0,
    )
