"""The block code against the standard's matrices, hand-worked blocks and long division; then bursts and garbage."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.block import (
    BURST_PATTERNS,
    GENERATOR,
    LONGEST_BURST,
    OFFSET_SYNDROMES,
    OFFSET_WORDS,
    PARITY_CHECK,
    checkword,
    decode_block,
    encode_block,
    information_word,
    syndrome,
)

VECTORS = tomllib.loads((Path(__file__).parents[1] / "vectors" / "block_code.toml").read_text(encoding="utf-8"))
STANDARD = VECTORS["standard"]
OFFSETS = tuple(STANDARD["offset_words"])

words = st.integers(0, 0xFFFF)
offsets = st.sampled_from(OFFSETS)


def long_division(dividend: int) -> int:
    """The remainder by g(x), a bit at a time as on paper: slow and obvious."""
    while dividend.bit_length() >= GENERATOR.bit_length():
        dividend ^= GENERATOR << dividend.bit_length() - GENERATOR.bit_length()
    return dividend


def test_the_generator_polynomial() -> None:
    assert f"{GENERATOR:b}" == STANDARD["generator"]


def test_the_offset_words() -> None:
    assert {name: f"{word:010b}" for name, word in OFFSET_WORDS.items()} == STANDARD["offset_words"]


def test_the_offset_words_syndromes() -> None:
    assert {name: f"{value:010b}" for name, value in OFFSET_SYNDROMES.items()} == STANDARD["offset_syndromes"]


def test_the_parity_check_matrix() -> None:
    assert [f"{row:010b}" for row in PARITY_CHECK] == STANDARD["parity_check_matrix"]


def test_the_generator_matrix() -> None:
    assert [f"{checkword(1 << 15 - i):010b}" for i in range(16)] == STANDARD["generator_matrix"]


@pytest.mark.parametrize("vector", VECTORS["block"], ids=lambda vector: vector["word"])
def test_a_block_worked_by_hand(vector: dict[str, str]) -> None:
    word, block = int(vector["word"], 16), int(vector["block"].replace(" ", ""), 2)
    assert f"{checkword(word):010b}" == vector["checkword"]
    assert encode_block(word, vector["offset"]) == block
    assert decode_block(block, vector["offset"]) == (word, False)


def test_every_checkword_is_the_remainder_of_long_division() -> None:
    assert [checkword(word) for word in range(1 << 16)] == [long_division(word << 10) for word in range(1 << 16)]


@given(words, words)
def test_the_code_is_linear(one: int, other: int) -> None:
    assert checkword(one ^ other) == checkword(one) ^ checkword(other)


@given(words, offsets)
def test_a_block_comes_back(word: int, offset: str) -> None:
    block = encode_block(word, offset)
    assert information_word(block) == word
    assert syndrome(block) == OFFSET_SYNDROMES[offset]
    assert decode_block(block, offset) == (word, False)


@given(words, offsets, st.sampled_from([0b1, 0b11]), st.integers(0, 25))
def test_a_burst_of_up_to_two_bits_is_corrected_and_said(word: int, offset: str, burst: int, shift: int) -> None:
    wrong = encode_block(word, offset) ^ (burst << shift & 0x3FFFFFF)
    assert decode_block(wrong, offset) == (word, True)


@given(words, offsets, st.sampled_from([0b101, 0b111]), st.integers(0, 23))
def test_a_burst_of_three_bits_is_never_taken_for_clean(word: int, offset: str, burst: int, shift: int) -> None:
    assert decode_block(encode_block(word, offset) ^ burst << shift, offset) is None


def test_each_burst_has_a_syndrome_of_its_own() -> None:
    assert LONGEST_BURST == 2
    assert len(BURST_PATTERNS) == 26 + 25
    assert 0 not in BURST_PATTERNS


def test_correction_alone_cannot_tell_some_offset_words_apart() -> None:
    # Table B.1 has C and D one wrong bit apart, the other pairs two neighbours: a block's place in the group must tell.
    pairs = [(sent, asked) for sent in OFFSETS for asked in OFFSETS if decode_block(encode_block(0, sent), asked)]
    mistaken = {frozenset(pair) for pair in pairs if pair[0] != pair[1]}
    assert mistaken == {frozenset(pair) for pair in (("C", "D"), ("A", "B"), ("A", "D"), ("B", "C'"))}


@given(st.integers(0, (1 << 26) - 1), offsets)
def test_any_26_bits_give_a_word_of_a_near_codeword_or_nothing(block: int, offset: str) -> None:
    decoded = decode_block(block, offset)
    if decoded is not None:
        word, corrected = decoded
        distance = (encode_block(word, offset) ^ block).bit_count()
        assert distance in ((1, 2) if corrected else (0,))
