"""Soft symbols to groups: differential decoding, block synchronisation, bursts of two bits, loss and slips.

Synchronisation is a group phase, 0..103: four clean blocks inside sixteen block places agree on it. Noise does that
once in some hours. The last sixteen block places are kept, so that what came before the agreement is decoded too.
"""

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.block import BURST_PATTERNS, OFFSET_SYNDROMES, PARITY_CHECK, information_word
from rds.constants import BIT_PERIOD_S, BLOCK_BITS, BLOCKS, GROUP_BITS
from rds.hex_line import Words
from receiver.dsp.demodulator import SoftSymbols
from receiver.received_group import ReceivedGroup

_AGREEING: Final = 4
_WINDOW_BITS: Final = 16 * BLOCK_BITS
_LOSS_BLOCKS: Final = 40
"""Blocks in a row without a clean one: 0.9 s, then synchronisation is given up."""
_TRUST_WINDOW: Final = 12
_TRUST_CLEAN: Final = 3
"""Clean blocks among the last twelve that it takes to believe a corrected one: in noise one in twenty corrects."""
_HISTORY_BITS: Final = 2 * _WINDOW_BITS
_HALF: Final = BLOCK_BITS // 2
_VERSION_B: Final = 0x0800


def _half_syndromes(shift: int) -> npt.NDArray[np.uint16]:
    """Syndromes of all 13-bit values standing `shift` bits up in a block."""
    table = np.zeros(1 << _HALF, np.uint16)
    for bit in range(_HALF):
        row = PARITY_CHECK[BLOCK_BITS - 1 - shift - bit]
        table[np.arange(1 << _HALF) >> bit & 1 == 1] ^= np.uint16(row)
    return table


_SYNDROMES_HIGH: Final = _half_syndromes(_HALF)
_SYNDROMES_LOW: Final = _half_syndromes(0)
_PLACES: Final = {"A": 0, "B": 1, "C": 2, "C'": 2, "D": 3}
_PLACE_OF_SYNDROME: Final = np.full(1 << 10, -1, np.int8)
for _offset, _place in _PLACES.items():
    _PLACE_OF_SYNDROME[OFFSET_SYNDROMES[_offset]] = _place


def sliding_blocks(bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """The 26-bit block that begins at each bit (uint8 of 0 and 1): uint32, 25 fewer than bits."""
    if len(bits) < BLOCK_BITS:
        return np.empty(0, np.uint32)
    by_width = {1: bits.astype(np.uint32)}
    for width in (2, 4, 8, 16):
        half = by_width[width // 2]
        by_width[width] = _joined(half[: len(half) - width // 2], half[width // 2 :], width // 2)
    return _joined(_joined(by_width[16][:-10], by_width[8][16:-2], 8), by_width[2][24:], 2)


def _joined(high: npt.NDArray[np.uint32], low: npt.NDArray[np.uint32], low_bits: int) -> npt.NDArray[np.uint32]:
    return np.bitwise_or(np.left_shift(high, np.uint32(low_bits)), low)


class BlockSync:
    """Soft symbols in, received groups out, in the order sent; what has no accepted block is left out."""

    def __init__(self, rate_hz: float) -> None:
        """`rate_hz` is the input's sample rate, for the groups' sample index."""
        self._rate_hz = rate_hz
        self._bits = np.empty(0, np.uint8)
        self._sizes = np.empty(0, np.float32)
        self._starts_s = np.empty(0, np.float64)
        self._blocks = np.empty(0, np.uint32)
        self._syndromes = np.empty(0, np.uint16)
        self._base = 0
        self._next_check = GROUP_BITS
        self._last_symbol = np.float32(0)
        self._group_start: int | None = None
        self._last_clean = -1
        self._recent: deque[bool] = deque(maxlen=_LOSS_BLOCKS)
        self.blocks_seen = 0
        """Block places decoded under synchronisation."""
        self.blocks_accepted = 0
        self.blocks_corrected = 0
        self.synchronisations = 0

    @property
    def synchronised(self) -> bool:
        """Whether a group phase is held."""
        return self._group_start is not None

    def feed(self, symbols: SoftSymbols) -> list[ReceivedGroup]:
        """The groups that these symbols complete."""
        if len(symbols.values) == 0:
            return []
        self._take(symbols)
        groups: list[ReceivedGroup] = []
        while self._next_check <= self._end:
            groups += self._decode_until(self._next_check)
            if self._find_phase(self._next_check):
                groups += self._decode_until(self._next_check)
            self._next_check += GROUP_BITS
        self._trim()
        return groups

    def flush(self) -> list[ReceivedGroup]:
        """The groups of the last bits, a last one that was cut off included if a block of it was whole."""
        groups = self._decode_until(self._end)
        if self._find_phase(self._end):
            groups += self._decode_until(self._end)
        if self._group_start is not None and self._end - self._group_start >= BLOCK_BITS:
            group = self._decode_group(self._group_start)
            groups += [group] if group is not None else []
            self._group_start += GROUP_BITS
        return groups

    @property
    def _end(self) -> int:
        return self._base + len(self._bits)

    def _take(self, symbols: SoftSymbols) -> None:
        """Differential decoding (EN 50067, 1.5), then the block and syndrome that begin at every bit."""
        values = np.concatenate((np.array([self._last_symbol]), symbols.values))
        self._last_symbol = values[-1]
        bits = ((values[1:] < 0) != (values[:-1] < 0)).astype(np.uint8)
        sizes = np.minimum(np.abs(values[1:]), np.abs(values[:-1]))
        fresh = np.concatenate((self._bits[-(BLOCK_BITS - 1) :], bits))
        blocks = sliding_blocks(fresh)
        syndromes = _SYNDROMES_HIGH[blocks >> _HALF] ^ _SYNDROMES_LOW[blocks & ((1 << _HALF) - 1)]
        self._bits = np.concatenate((self._bits, bits))
        self._sizes = np.concatenate((self._sizes, sizes))
        self._starts_s = np.concatenate((self._starts_s, symbols.starts_s))
        self._blocks = np.concatenate((self._blocks, blocks))
        self._syndromes = np.concatenate((self._syndromes, syndromes))

    def _trim(self) -> None:
        """Forgets bits that neither the search nor the next group needs."""
        keep_from = self._end - _HISTORY_BITS
        if self._group_start is not None:
            keep_from = min(keep_from, self._group_start)
        drop = keep_from - self._base
        if drop > _HISTORY_BITS:
            self._base += drop
            self._bits, self._sizes = self._bits[drop:], self._sizes[drop:]
            self._starts_s = self._starts_s[drop:]
            self._blocks, self._syndromes = self._blocks[drop:], self._syndromes[drop:]

    def _find_phase(self, end: int) -> bool:
        """Looks for four clean blocks of one phase in the window before `end`; whether a new phase was taken."""
        first = max(self._base, end - _WINDOW_BITS)
        if self._group_start is not None:
            first = max(first, self._last_clean + 1)
        last = end - BLOCK_BITS + 1
        if last <= first:
            return False
        places = _PLACE_OF_SYNDROME[self._syndromes[first - self._base : last - self._base]]
        hits = np.flatnonzero(places >= 0)
        if len(hits) < _AGREEING:
            return False
        phases = (first + hits - BLOCK_BITS * places[hits].astype(np.int64)) % GROUP_BITS
        counts = np.bincount(phases, minlength=GROUP_BITS)
        phase = int(np.argmax(counts))
        if counts[phase] < _AGREEING or (self._group_start is not None and self._group_start % GROUP_BITS == phase):
            return False
        # What is kept of before the agreement is decoded as well, back to the last clean block of the old phase.
        earliest = max(self._base, self._last_clean + 1) - (GROUP_BITS - BLOCK_BITS)
        self._group_start = earliest + (phase - earliest) % GROUP_BITS
        self._recent.clear()
        self._recent.extend([True] * _TRUST_CLEAN)
        self.synchronisations += 1
        return True

    def _decode_until(self, end: int) -> list[ReceivedGroup]:
        """The groups that lie whole before bit `end`, until synchronisation is lost."""
        groups = []
        while self._group_start is not None and self._group_start + GROUP_BITS <= end:
            group = self._decode_group(self._group_start)
            if group is not None:
                groups.append(group)
            self._group_start += GROUP_BITS
            if len(self._recent) == _LOSS_BLOCKS and not any(self._recent):
                self._group_start = None
        return groups

    def _decode_group(self, start: int) -> ReceivedGroup | None:
        """The group at bit `start`; blocks outside of what is kept are not accepted. None if no block is."""
        words: list[int | None] = [None] * BLOCKS
        corrected = [False] * BLOCKS
        confidence = [0.0] * BLOCKS
        for place in range(BLOCKS):
            at = start + BLOCK_BITS * place - self._base
            if not 0 <= at <= len(self._bits) - BLOCK_BITS:
                continue
            word, burst = self._decode_block(at, place, words[1])
            self.blocks_seen += 1
            self._recent.append(word is not None and not burst)
            if word is None:
                continue
            self.blocks_accepted += 1
            self.blocks_corrected += burst
            words[place], corrected[place] = word, burst
            confidence[place] = float(np.mean(np.minimum(self._sizes[at : at + BLOCK_BITS], 1)))
            if not burst:
                self._last_clean = self._base + at
        if words == [None] * BLOCKS:
            return None
        return self._received(start, words, corrected, confidence)

    def _decode_block(self, at: int, place: int, block2: int | None) -> tuple[int | None, bool]:
        """The word at a place and whether a burst was corrected; block 3 is under C or C' as block 2 says."""
        block, found = int(self._blocks[at]), int(self._syndromes[at])
        if place != 2:
            offsets: tuple[str, ...] = ("ABCD"[place],)
        elif block2 is None:
            offsets = ("C", "C'")
        else:
            offsets = ("C'",) if block2 & _VERSION_B else ("C",)
        differences = [found ^ OFFSET_SYNDROMES[offset] for offset in offsets]
        if 0 in differences:
            return information_word(block), False
        trusted = sum(list(self._recent)[-_TRUST_WINDOW:]) >= _TRUST_CLEAN
        if len(offsets) == 1 and trusted and differences[0] in BURST_PATTERNS:
            return information_word(block ^ BURST_PATTERNS[differences[0]]), True
        return None, False

    def _received(
        self, start: int, words: list[int | None], corrected: list[bool], confidence: list[float]
    ) -> ReceivedGroup:
        first = max(0, start - self._base)
        last = min(start + GROUP_BITS - 1 - self._base, len(self._bits) - 1)
        begin_s = float(self._starts_s[first]) - (first - (start - self._base)) * BIT_PERIOD_S
        end_s = float(self._starts_s[last]) + BIT_PERIOD_S
        one, two, three, four = words
        heard: Words = (one, two, three, four)
        return ReceivedGroup(
            words=heard,
            sample_index=max(0, round(begin_s * self._rate_hz)),
            end_s=end_s,
            corrected=(corrected[0], corrected[1], corrected[2], corrected[3]),
            confidence=(confidence[0], confidence[1], confidence[2], confidence[3]),
        )
