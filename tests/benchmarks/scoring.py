"""A signal of which is known what was sent, decoded: the share of groups complete, of words wrong."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rds.constants import GROUP_PERIOD_S
from receiver.chain import IqChain
from receiver.received_group import ReceivedGroup
from tests.benchmarks.impaired import Broadcast, Iq

SETTLED_S: Final = 2.0
"""Complete groups are counted from here on, for redsea's sake; wrong words from the beginning."""
_PIECE: Final = 1 << 16
_NEAR: Final = 0.25
"""Of a group: so far a group may lie from where it was sent."""
Counts = Callable[[float, float], bool]
"""Whether a group is counted, by its begin and its end in seconds."""


@dataclass(frozen=True, slots=True)
class Score:
    """What came of a signal."""

    complete: float
    """Of the groups counted, the share of which all four words are right."""
    words: int
    """Words given out."""
    wrong: int
    """Of these, the ones that are not what was sent."""

    @property
    def wrong_share(self) -> float:
        """Of the words given out, the share that is wrong."""
        return self.wrong / max(1, self.words)


def decode(chain: IqChain, iq: Iq) -> list[ReceivedGroup]:
    """The groups that a signal completes, fed in pieces as a file would be."""
    return [group for start in range(0, len(iq), _PIECE) for group in chain.feed(iq[start : start + _PIECE])]


def score(one: Broadcast, iq: Iq, *, counts: Counts | None = None, limits: bool = False) -> Score:
    """Decodes and compares; `limits`: the converter of I and Q can give no more than 1.0."""
    chain = IqChain(one.rate_hz, has_limits=limits)
    return compare(one, decode(chain, iq) + chain.flush(), counts=counts)


def compare(one: Broadcast, heard: Iterable[ReceivedGroup], *, counts: Counts | None = None) -> Score:
    """Compares the groups heard with those sent."""
    whole: set[int] = set()
    words = wrong = 0
    for group in heard:
        place = (group.sample_index / one.rate_hz - one.start_s(0)) * (1 + 1e-6 * one.clock_ppm) / GROUP_PERIOD_S
        number = round(place)
        sent = one.groups[number].words if 0 <= number < len(one.groups) and abs(place - number) < _NEAR else None
        given = [word for word in group.words if word is not None]
        right = 0 if sent is None else sum(word == true for word, true in zip(group.words, sent, strict=True))
        words, wrong = words + len(given), wrong + len(given) - right
        if right == len(group.words):
            whole.add(number)
    numbers = counted(one, counts)
    return Score(sum(number in whole for number in numbers) / len(numbers), words, wrong)


def counted(one: Broadcast, counts: Counts | None = None) -> list[int]:
    """The groups counted."""
    return [
        number
        for number in range(len(one.groups))
        if one.start_s(number) >= SETTLED_S and (counts is None or counts(one.start_s(number), one.start_s(number + 1)))
    ]


def mean(scores: list[Score]) -> Score:
    """Of several signals, as if they were one."""
    return Score(
        sum(one.complete for one in scores) / len(scores),
        sum(one.words for one in scores),
        sum(one.wrong for one in scores),
    )


def crossing(points: list[tuple[float, float]], share: float) -> float:
    """Where a curve first reaches a share, between its points by a straight line; NaN where it does not."""
    for (low, before), (high, after) in pairwise(points):
        if before < share <= after:
            return low + (high - low) * (share - before) / (after - before)
    return float("nan")
