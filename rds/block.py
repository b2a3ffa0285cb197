"""Information words to 26-bit blocks and back: checkwords, offset words, bursts (EN 50067, 2.3, annexes A and B).

A block is an int of 26 bits, the first-sent bit highest: information word (16), then checkword xor offset word (10).
"""

from typing import Final

from rds.constants import BLOCK_BITS, CHECK_BITS, INFORMATION_BITS

GENERATOR: Final = 0b101_1011_1001
"""g(x) = x^10 + x^8 + x^7 + x^5 + x^4 + x^3 + 1 (EN 50067, 2.3)."""

OFFSET_WORDS: Final[dict[str, int]] = {"A": 0x0FC, "B": 0x198, "C": 0x168, "C'": 0x350, "D": 0x1B4}
"""Ten-bit words added to the checkword of block 1, 2, 3 (version A), 3 (version B) and 4 (annex A, table A.1)."""


def _times_x(remainder: int) -> int:
    """Multiplies a ten-bit remainder by x, modulo g(x)."""
    remainder <<= 1
    return remainder ^ GENERATOR if remainder >> CHECK_BITS else remainder


def _over_x(remainder: int) -> int:
    """Divides a ten-bit remainder by x, modulo g(x)."""
    return (remainder ^ GENERATOR if remainder & 1 else remainder) >> 1


def _checkword_table(shift: int) -> tuple[int, ...]:
    """The checkwords of the 256 words `byte << shift`."""
    table = []
    for byte in range(256):
        remainder = 0
        for bit in range(7, -1, -1):
            remainder = _times_x(remainder) ^ ((byte >> bit) & 1)
        for _ in range(shift + CHECK_BITS):
            remainder = _times_x(remainder)
        table.append(remainder)
    return tuple(table)


_CHECKWORDS_HIGH: Final = _checkword_table(8)
_CHECKWORDS_LOW: Final = _checkword_table(0)


def _parity_check_rows() -> tuple[int, ...]:
    """Row i of the parity-check matrix H of annex B: what bit i of a block, first-sent first, adds to the syndrome.

    The matrix begins with the identity, so row i is x^(9-i) modulo g(x).
    """
    rows = [1 << (CHECK_BITS - 1)]
    while len(rows) < BLOCK_BITS:
        rows.append(_over_x(rows[-1]))
    return tuple(rows)


PARITY_CHECK: Final = _parity_check_rows()
"""The 26 rows of H as ten-bit ints (annex B, figure B.1)."""


def checkword(word: int) -> int:
    """The ten-bit checkword of a 16-bit information word, without an offset word (EN 50067, 2.3)."""
    return _CHECKWORDS_HIGH[word >> 8] ^ _CHECKWORDS_LOW[word & 0xFF]


def encode_block(word: int, offset: str) -> int:
    """The 26-bit block of a 16-bit information word under offset word A, B, C, C' or D."""
    return word << CHECK_BITS | checkword(word) ^ OFFSET_WORDS[offset]


def information_word(block: int) -> int:
    """The 16 information bits of a 26-bit block."""
    return block >> CHECK_BITS


def syndrome(block: int) -> int:
    """The ten-bit syndrome y H of 26 received bits (annex B): that of its offset word if no bit is wrong."""
    result = 0
    for i, row in enumerate(PARITY_CHECK):
        if block >> (BLOCK_BITS - 1 - i) & 1:
            result ^= row
    return result


OFFSET_SYNDROMES: Final[dict[str, int]] = {name: syndrome(word) for name, word in OFFSET_WORDS.items()}
"""What an error-free block's syndrome is, by offset word (annex B, table B.1)."""


def _burst_patterns(longest: int) -> dict[int, int]:
    """Syndrome to 26-bit error pattern, for every burst of at most `longest` bits inside a block."""
    patterns: dict[int, int] = {}
    for length in range(1, longest + 1):
        ends = 1 | 1 << (length - 1)
        for inner in range(1 << max(0, length - 2)):
            burst = ends | inner << 1
            for shift in range(BLOCK_BITS - length + 1):
                patterns.setdefault(syndrome(burst << shift), burst << shift)
    return patterns


LONGEST_BURST: Final = 2
"""Bursts of up to five bits could be told apart, at three to five times the false blocks: a bad trade."""
BURST_PATTERNS: Final = _burst_patterns(LONGEST_BURST)
"""Error pattern by the xor of the received and the expected syndrome; 51 entries."""


def decode_block(block: int, offset: str) -> tuple[int, bool] | None:
    """The information word of 26 received bits under an offset word, and whether a burst was corrected.

    Returns None where the syndrome is neither clean nor that of a burst of at most `LONGEST_BURST` bits.
    """
    difference = syndrome(block) ^ OFFSET_SYNDROMES[offset]
    if difference == 0:
        return information_word(block), False
    pattern = BURST_PATTERNS.get(difference)
    if pattern is None:
        return None
    return information_word(block ^ pattern), True


assert BLOCK_BITS == INFORMATION_BITS + CHECK_BITS
