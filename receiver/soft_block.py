"""Log-likelihood ratios of 27 channel symbols to the most likely information word and its probability.

Differential and block code are decoded as one: 27 symbols that open and close a block of 26 bits are a (27,17) code,
its parity-check columns the sums of neighbours in H, because a wrong symbol turns two bits. Forming the product of
neighbours first would cost 2.2 dB. Two things are found for each of the four states of the two outer symbols, which
neighbouring blocks share:

- how likely it is that the inner 25 symbols are those of a block at all: exact, as a sum over the 1024 words of the
  dual code (Hartmann and Rudolph, IEEE Trans. Inform. Theory 22, 1976);
- the likeliest pattern of wrong inner symbols that explains the syndrome, out of all with at most five.

Their ratio is the probability that the pattern is right. It is a true probability as far as the ratios are true.
"""

from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.block import PARITY_CHECK
from rds.constants import BLOCK_BITS, CHECK_BITS

SYMBOLS: Final = BLOCK_BITS + 1
LEAST_WRONG: Final = 3
"""Words of the (27,17) code differ in at least three symbols; seven differ from a word in just three."""
SURE_NATS: Final = 12.0
"""If the least sure symbols say this together, another word is likelier once in 20 000."""
CONTRADICTED: Final = 0.05
"""The share of signal blocks in which a sure symbol may be wrong all the same."""
_INNER: Final = range(1, SYMBOLS - 1)
INNER_WORDS_LOG2: Final = len(_INNER) - CHECK_BITS
"""2^15 ways to fill the inner symbols once the outer two stand."""
_SYNDROMES: Final = 1 << CHECK_BITS
_MOST_WRONG: Final = 5
"""Wrong inner symbols that are looked for: at the weakest usable signal six are wrong in one block of 500."""
_NO_SYMBOL: Final = SYMBOLS
_SMALLEST: Final = 1e-4
"""Ratios nearer to zero are taken for this, so that their logarithms are finite."""
_LARGEST: Final = 30.0

Float = npt.NDArray[np.float32]


def _columns() -> tuple[int, ...]:
    """What a wrong symbol adds to the syndrome: the rows of H of the two bits that it borders on."""
    rows = (0, *PARITY_CHECK, 0)
    return tuple(rows[i] ^ rows[i + 1] for i in range(SYMBOLS))


COLUMNS: Final = _columns()


@dataclass(frozen=True, slots=True)
class _Tables:
    """What decoding looks up; made at the first use, in 0.1 s."""

    dual: Float
    """1 where a dual word has a 1 at an inner symbol; shape (25, 1024)."""
    signs: Float
    """(-1)^(d.s) for syndrome s and dual word d; shape (1024, 1024)."""
    states: Float
    """(-1)^(d.s) / 1024 for the syndromes of the four states of the outer symbols; shape (1024, 4)."""
    patterns: npt.NDArray[np.uint8]
    """Wrong symbols by syndrome, filled up with 27; shape (1024, most, 5)."""
    masks: npt.NDArray[np.int32]
    """The same as 27 bits, the first symbol highest; shape (1024, most)."""


@cache
def _tables() -> _Tables:
    values = np.arange(_SYNDROMES)
    odd = np.zeros(_SYNDROMES, bool)
    for bit in range(CHECK_BITS):
        odd ^= (values >> bit & 1).astype(bool)
    signs = np.where(odd[values[:, np.newaxis] & values], np.float32(-1), np.float32(1))
    columns = np.array([COLUMNS[i] for i in _INNER])
    dual = odd[columns[:, np.newaxis] & values].astype(np.float32)
    patterns = _patterns()
    masks = (1 << SYMBOLS >> 1 >> patterns.astype(np.int32)).sum(axis=-1, dtype=np.int32)
    return _Tables(dual, signs, signs[_STATES].T / np.float32(_SYNDROMES), patterns, masks)


_COLUMNS: Final = np.array(COLUMNS)
_STATES: Final = np.array((0, COLUMNS[-1], COLUMNS[0], COLUMNS[0] ^ COLUMNS[-1]))
"""Syndromes of: neither outer symbol wrong, the last, the first, both."""
_ONES: Final = np.ones(_MOST_WRONG, np.float32)


def _patterns() -> npt.NDArray[np.uint8]:
    """Every choice of up to five inner symbols in its syndrome's row: few symbols first, then the first symbols."""
    columns = np.array([*COLUMNS, 0])
    choices = (combinations(_INNER, size) for size in range(_MOST_WRONG + 1))
    filled = (wrong + (_NO_SYMBOL,) * (_MOST_WRONG - len(wrong)) for some in choices for wrong in some)
    wrong = np.fromiter(chain.from_iterable(filled), np.uint8).reshape(-1, _MOST_WRONG)
    syndromes = np.bitwise_xor.reduce(columns[wrong], axis=1)
    wrong = wrong[np.argsort(syndromes, kind="stable")]
    counts = np.bincount(syndromes, minlength=_SYNDROMES)
    # A syndrome with fewer patterns repeats its last: of equals the first is taken.
    places = np.minimum(np.arange(counts.max()), counts[:, np.newaxis] - 1)
    table: npt.NDArray[np.uint8] = wrong[(np.cumsum(counts) - counts)[:, np.newaxis] + places]
    return table


@dataclass(frozen=True, slots=True)
class SoftBlocks:
    """What is known of n blocks for each of the four states of their outer symbols (right or wrong as heard)."""

    valid: Float
    """Probability that the inner symbols make a block of the offset asked for; shape (n, 2, 2), first, last symbol."""
    best: Float
    """Probability of the likeliest inner symbols; shape (n, 2, 2)."""
    wrong: npt.NDArray[np.int32]
    """Which inner symbols these turn over, as 27 bits, the first symbol highest; shape (n, 2, 2)."""
    as_heard: Float
    """Logarithm of the probability of the inner symbols as heard; shape (n,)."""
    clean: npt.NDArray[np.bool_]
    """Whether the symbols as heard are a block; shape (n,)."""


def hard_syndromes(ratios: Float) -> npt.NDArray[np.intp]:
    """Syndromes of blocks by the signs of their 27 symbols; shape (n, 27) to (n,)."""
    syndromes: npt.NDArray[np.intp] = np.bitwise_xor.reduce(_COLUMNS * (ratios < 0), axis=1)
    return syndromes


def evaluate(ratios: Float, offset_syndromes: npt.NDArray[np.intp]) -> SoftBlocks:
    """Weighs blocks: ratios float32 of shape (n, 27), the syndromes of the offset words that they should carry (n,)."""
    tables = _tables()
    count = len(ratios)
    padded = np.zeros((count, SYMBOLS + 1), np.float32)
    sizes = np.abs(ratios, out=padded[:, :SYMBOLS])
    np.clip(sizes, _SMALLEST, _LARGEST, out=sizes)
    inner = sizes[:, 1:-1]
    syndromes = hard_syndromes(ratios) ^ offset_syndromes
    dual = np.exp(np.log(np.tanh(inner / 2)) @ tables.dual)
    dual *= tables.signs[syndromes]
    valid = np.maximum(dual @ tables.states, np.float32(0))
    states = syndromes[:, np.newaxis] ^ _STATES
    patterns = tables.patterns[states]
    starts = np.arange(0, padded.size, SYMBOLS + 1)[:, np.newaxis, np.newaxis, np.newaxis]
    # A product with ones adds five up far faster than a sum along so short an axis.
    costs = padded.reshape(-1).take(patterns + starts) @ _ONES
    chosen = costs.argmin(axis=-1)
    as_heard = -np.log1p(np.exp(-inner)).sum(axis=1)
    best = np.exp(as_heard[:, np.newaxis] - costs.min(axis=-1))
    return SoftBlocks(
        valid=valid.reshape(count, 2, 2),
        best=np.minimum(best, valid).reshape(count, 2, 2),
        wrong=tables.masks[states, chosen].reshape(count, 2, 2),
        as_heard=as_heard,
        clean=syndromes == 0,
    )


def evidence(ratios: Float, offset_syndromes: npt.NDArray[np.intp]) -> Float:
    """How much likelier symbols are those of a block than random ones, in nats, for each offset word.

    Args:
        ratios: Float32 of shape (n, 27).
        offset_syndromes: Syndromes of the offset words to try, shape (m,).

    Returns:
        Float32 of shape (n, m): at most ln 1024; 0 where nothing was heard; low, but never below ln 0.05, where sure
        symbols contradict, so that one wrong sure symbol does not outweigh many blocks.
    """
    tables = _tables()
    syndromes = hard_syndromes(ratios)
    gain = np.where(syndromes[:, np.newaxis] == offset_syndromes, np.float32(_SYNDROMES), np.float32(0))
    sizes = np.abs(ratios)
    unsure = np.partition(sizes, LEAST_WRONG, axis=1)[:, :LEAST_WRONG].sum(axis=1) < SURE_NATS
    if np.any(unsure):
        likeness = np.tanh(np.clip(sizes[unsure], _SMALLEST, _LARGEST) / 2)
        odd = np.exp(np.log(likeness) @ _whole_dual())
        odd *= tables.signs[syndromes[unsure]]
        gain[unsure] = np.maximum(odd @ tables.signs[:, offset_syndromes], np.float32(0))
    result: Float = np.log(np.float32(1 - CONTRADICTED) * gain + np.float32(CONTRADICTED))
    return result


@cache
def _whole_dual() -> Float:
    """1 where a dual word has a 1, outer symbols included; shape (27, 1024)."""
    tables = _tables()
    dual: Float = (tables.signs[list(COLUMNS)] < 0).astype(np.float32)
    return dual
