"""Symbols or bits to groups: finds where groups begin, has them decoded, notices loss and slips.

Synchronisation is a group phase, 0..103. Every block place adds what its symbols say for a block being there or
against it, in nats; a phase is taken when the places of the last 0.7 s add up to more than chance gives once in days.
Two seconds of symbols are kept, so what came before that moment is decoded too.
"""

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import BIT_PERIOD_S, BLOCK_BITS, BLOCKS, GROUP_BITS
from receiver.likely_group import BLOCK_VALUES, GROUP_VALUES, Float, GroupDecoder, LikelyGroup
from receiver.programme_identity import ProgrammeIdentity
from receiver.received_group import ReceivedGroup
from receiver.risk import RiskBudget

_WINDOW_BITS: Final = 32 * BLOCK_BITS
_NEEDED_NATS: Final = 20.0
"""Random symbols reach it less than once in e^20 trials; ten minutes of noise are 7 x 10^5 trials."""
_HISTORY_BITS: Final = 23 * GROUP_BITS
_DOUBT_NATS: Final = -4.0
"""A group whose places say this against the phase has another phase looked for: a slip, or another station."""
_HEARD_BLOCKS: Final = 48
_HEARD_NATS: Final = 10.0
"""Over the last second, for `synchronised`."""


class BlockSync:
    """Values in, received groups out, in the order sent.

    A group without any accepted block is given out for its values alone, where they can still be weighed.
    """

    def __init__(self, rate_hz: float, decoder: GroupDecoder) -> None:
        """Takes the input's sample rate, for the groups' sample index, and what the values mean."""
        self._rate_hz = rate_hz
        self._decoder = decoder
        # Bit i lies between values i and i + 1: before the first stands one of which nothing is known.
        self._values = np.zeros(1, np.float32)
        self._starts_s = np.empty(0, np.float64)
        self._base = 0
        self._next_step = GROUP_BITS
        self._group_start: int | None = None
        self._told_until = 0
        self._evidence = np.empty((0, BLOCKS), np.float32)
        self._evidence_start = 0
        self._recent: deque[float] = deque(maxlen=_HEARD_BLOCKS)
        self._identity = ProgrammeIdentity()
        self._risk = RiskBudget()
        self.blocks_seen = 0
        """Block places decoded under synchronisation."""
        self.blocks_accepted = 0
        self.blocks_corrected = 0

    @property
    def synchronised(self) -> bool:
        """Whether the block places of the last second hold blocks."""
        return sum(self._recent) >= _HEARD_NATS

    def feed(self, values: Float, starts_s: npt.NDArray[np.float64]) -> list[ReceivedGroup]:
        """The groups that these values complete: float32, and when the bit of each begins, float64 of seconds."""
        self._values = np.concatenate((self._values, values))
        self._starts_s = np.concatenate((self._starts_s, starts_s))
        groups: list[ReceivedGroup] = []
        # Steps at fixed bits, not at the ends of chunks: how the input is cut must not matter.
        while self._next_step <= self._end:
            groups += self._step(self._next_step, look_ahead=True)
            self._next_step += GROUP_BITS
        self._trim()
        return groups

    def flush(self) -> list[ReceivedGroup]:
        """The groups of the last bits, a last one that was cut off included."""
        groups = self._step(self._end, look_ahead=False)
        if self._group_start is not None and self._group_start < self._end:
            groups += self._decode(self._group_start)
            self._group_start += GROUP_BITS
        return groups

    @property
    def _end(self) -> int:
        """The bit after the last one heard."""
        return self._base + len(self._starts_s)

    def _trim(self) -> None:
        drop = self._next_step - GROUP_BITS - _HISTORY_BITS - self._base
        if drop > 0:
            self._base += drop
            self._values, self._starts_s = self._values[drop:], self._starts_s[drop:]

    def _step(self, end: int, *, look_ahead: bool) -> list[ReceivedGroup]:
        """Decodes what lies before bit `end`; looks for a phase where there is none, or where the groups deny it."""
        groups = self._decode_until(end, look_ahead=look_ahead)
        if self._in_doubt() and self._find_phase(end):
            groups += self._decode_until(end, look_ahead=look_ahead)
        return groups

    def _in_doubt(self) -> bool:
        return self._group_start is None or sum(list(self._recent)[-BLOCKS:]) < _DOUBT_NATS

    def _decode_until(self, end: int, *, look_ahead: bool) -> list[ReceivedGroup]:
        groups: list[ReceivedGroup] = []
        needed = GROUP_VALUES - 1 if look_ahead else GROUP_BITS
        while self._group_start is not None and self._group_start + needed <= end:
            groups += self._decode(self._group_start)
            self._group_start += GROUP_BITS
        return groups

    def _find_phase(self, end: int) -> bool:
        """Adds up the evidence of the window before bit `end` by phase; whether a new phase was taken."""
        first = max(self._base, end - _WINDOW_BITS, self._told_until)
        places = self._evidence_between(first, end - BLOCK_BITS + 1)
        starts = first + np.arange(len(places))[:, np.newaxis] - BLOCK_BITS * np.arange(BLOCKS)
        scores = np.bincount((starts % GROUP_BITS).ravel(), weights=places.ravel(), minlength=GROUP_BITS)
        phase = int(np.argmax(scores))
        if scores[phase] < _NEEDED_NATS or (self._group_start is not None and self._group_start % GROUP_BITS == phase):
            return False
        # Back to what was told last, the group included whose first blocks may lie before it. More may be kept than the
        # history, where a chunk is long; how the input is cut must not matter.
        earliest = max(self._base, end - _HISTORY_BITS, self._told_until) - (GROUP_BITS - BLOCK_BITS)
        self._group_start = earliest + (phase - earliest) % GROUP_BITS
        # What was said of another phase is no word on this one.
        self._recent.clear()
        self._recent.append(float(scores[phase]))
        return True

    def _evidence_between(self, first: int, last: int) -> Float:
        """Evidence for a block A, B, C or D at bits `first` to `last` - 1; what is known from before is kept."""
        known_until = self._evidence_start + len(self._evidence)
        if not self._evidence_start <= first <= known_until:
            self._evidence, known_until = self._evidence[:0], first
            self._evidence_start = first
        self._evidence = self._evidence[first - self._evidence_start :]
        self._evidence_start = first
        if known_until < last:
            windows = np.lib.stride_tricks.sliding_window_view(self._values, BLOCK_VALUES)
            fresh = self._decoder.evidence(windows[known_until - self._base : last - self._base])
            self._evidence = np.concatenate((self._evidence, fresh))
        return self._evidence[: max(0, last - first)]

    def _decode(self, start: int) -> list[ReceivedGroup]:
        """The group at bit `start`, unless none of its blocks is accepted or its places deny that one is there."""
        at = start - self._base
        values = np.zeros(GROUP_VALUES, np.float32)
        heard = self._values[max(0, at) : max(0, at + GROUP_VALUES)]
        values[max(0, -at) : max(0, -at) + len(heard)] = heard
        likely = self._decoder.decode(values, self._identity.expected)
        inside = [0 <= at + BLOCK_BITS * place <= len(self._starts_s) - BLOCK_BITS for place in range(BLOCKS)]
        self._recent.extend(nats for nats, whole in zip(likely.evidence, inside, strict=True) if whole)
        self.blocks_seen += sum(inside)
        if sum(likely.evidence) < _DOUBT_NATS:
            return []
        self._told_until = max(self._told_until, start + GROUP_BITS)
        return self._accept(start, likely, inside, values if self._decoder.soft else None)

    def _accept(self, start: int, likely: LikelyGroup, inside: list[bool], values: Float | None) -> list[ReceivedGroup]:
        """Judges the words by the budget of risk."""
        words: list[int | None] = [None] * BLOCKS
        # A word's probability takes it for granted that a block is there; behind a station that is gone, none is.
        present = self.synchronised or sum(likely.evidence) >= _HEARD_NATS
        for place, word in enumerate(likely.words):
            if present and inside[place] and self._risk.accepts(word.probability):
                words[place] = word.word
        if words == [None] * BLOCKS and (values is None or not all(inside)):
            return []
        if words[0] is not None:
            self._identity.heard(words[0])
        elif None not in words[1:]:
            self._identity.missed()
        taken = [word is not None for word in words]
        corrected = [told and not word.as_heard for told, word in zip(taken, likely.words, strict=True)]
        prior = [told and word.prior for told, word in zip(taken, likely.words, strict=True)]
        self.blocks_accepted += sum(taken)
        self.blocks_corrected += sum(corrected)
        begin_s, end_s = self._times(start)
        one, two, three, four = (
            word.probability if told else 0.0 for told, word in zip(taken, likely.words, strict=True)
        )
        return [
            ReceivedGroup(
                words=(words[0], words[1], words[2], words[3]),
                sample_index=max(0, round(begin_s * self._rate_hz)),
                end_s=end_s,
                corrected=(corrected[0], corrected[1], corrected[2], corrected[3]),
                confidence=(one, two, three, four),
                prior=(prior[0], prior[1], prior[2], prior[3]),
                values=values,
            )
        ]

    def _times(self, start: int) -> tuple[float, float]:
        """When the group at bit `start` begins and ends, beyond what was heard too."""
        first = min(max(0, start - self._base), len(self._starts_s) - 1)
        last = min(start + GROUP_BITS - 1 - self._base, len(self._starts_s) - 1)
        begin_s = float(self._starts_s[first]) - (self._base + first - start) * BIT_PERIOD_S
        return begin_s, float(self._starts_s[last]) + BIT_PERIOD_S
