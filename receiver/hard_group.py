"""Bits that another program decided to groups: syndromes, bursts of two bits, nothing softer (EN 50067, annex B)."""

import math
from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.block import OFFSET_SYNDROMES, PARITY_CHECK, decode_block
from rds.constants import BLOCK_BITS, BLOCKS, CHECK_BITS
from receiver.likely_group import Float, LikelyGroup, LikelyWord

_VERSION_BIT: Final = 0x0800
_CLEAN_SHARE: Final = 2 / 3
"""How many of a usable signal's blocks are clean; a rougher one has its phase looked for anew now and then."""
_CLEAN_NATS: Final = math.log(_CLEAN_SHARE * (1 << CHECK_BITS) + 1 - _CLEAN_SHARE)
_OTHER_NATS: Final = math.log(1 - _CLEAN_SHARE)
_WINDOW: Final = 12
_ENOUGH_CLEAN: Final = 3
"""Clean blocks among the last twelve that it takes to believe a corrected one: in noise one in twenty corrects."""
_CLEAN_SURE: Final = 0.999
_CORRECTED_SURE: Final = 0.97
"""One block in twenty that is beyond correction looks like a burst; few are, where others are clean."""
_COLUMNS: Final = (("A",), ("B",), ("C", "C'"), ("D",))


class HardDecoder:
    """Values whose signs are data bits, negative for 1; see `GroupDecoder`."""

    soft = False

    def __init__(self) -> None:
        """Has heard no clean block yet."""
        self._recent: deque[bool] = deque(maxlen=_WINDOW)

    def evidence(self, values: Float) -> Float:
        """See `GroupDecoder`: a clean block speaks for itself, any other a little against."""
        bits = values[:, 1:] < 0
        syndromes: npt.NDArray[np.intp] = np.bitwise_xor.reduce(np.where(bits, np.array(PARITY_CHECK), 0), axis=1)
        columns = [np.isin(syndromes, [OFFSET_SYNDROMES[offset] for offset in offsets]) for offsets in _COLUMNS]
        return np.where(np.stack(columns, axis=1), np.float32(_CLEAN_NATS), np.float32(_OTHER_NATS))

    def decode(self, values: Float, pi: int | None) -> LikelyGroup:
        """See `GroupDecoder`; of what the station keeps saying no use is made."""
        del pi
        words: list[LikelyWord] = []
        for place in range(BLOCKS):
            bits = values[1 + BLOCK_BITS * place : 1 + BLOCK_BITS * (place + 1)]
            words.append(self._decode_block(bits, _COLUMNS[place], words))
        evidence = tuple(_CLEAN_NATS if word.probability > 0 and word.as_heard else _OTHER_NATS for word in words)
        return LikelyGroup((words[0], words[1], words[2], words[3]), evidence)

    def _decode_block(self, bits: Float, offsets: tuple[str, ...], before: list[LikelyWord]) -> LikelyWord:
        """One block, if all of it was heard; block 3 is under C or C' as block 2 says, if that is known."""
        found: list[tuple[int, bool]] = []
        if np.all(bits):
            block = int("".join("1" if bit else "0" for bit in bits < 0), 2)
            if len(offsets) == 2 and before[1].probability > 0:
                offsets = (offsets[bool(before[1].word & _VERSION_BIT)],)
            decoded = [decode_block(block, offset) for offset in offsets]
            # Where nothing says which version it is, either is believed, but only without an error.
            found = [one for one in decoded if one is not None and (len(offsets) == 1 or not one[1])]
        clean = bool(found) and not found[0][1]
        trusted = sum(self._recent) >= _ENOUGH_CLEAN
        self._recent.append(clean)
        if not found or not (clean or trusted):
            return LikelyWord(0, 0.0, as_heard=False)
        word, corrected = found[0]
        return LikelyWord(word, _CORRECTED_SURE if corrected else _CLEAN_SURE, as_heard=not corrected)
