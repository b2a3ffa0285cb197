"""The soft block decoder against an oracle that goes through all 131 072 words of the (27,17) code."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.block import OFFSET_SYNDROMES, OFFSET_WORDS, checkword
from receiver.soft_block import COLUMNS, SYMBOLS, evaluate, evidence, hard_syndromes

Signs = npt.NDArray[np.int8]


@cache
def all_words(offset: str) -> Signs:
    """Every way to send every block: int8 of +1 and -1, shape (2 x 65536, 27); rows w and w + 65536 carry word w."""
    words = np.arange(1 << 16)
    blocks = words << 10 | np.array([checkword(word) for word in range(1 << 16)]) ^ OFFSET_WORDS[offset]
    bits = blocks[:, np.newaxis] >> np.arange(25, -1, -1) & 1
    symbols = np.concatenate((np.zeros((1 << 16, 1), int), np.cumsum(bits, axis=1) % 2), axis=1)
    signs = (1 - 2 * symbols).astype(np.int8)
    return np.concatenate((signs, -signs))


def word_probabilities(ratios: npt.NDArray[np.float32], offset: str) -> npt.NDArray[np.float64]:
    """The probability of every sign pattern of `all_words`, unscaled: the product of its symbols' probabilities."""
    likely = -np.log1p(np.exp(-ratios.astype(np.float64)))
    unlikely = -np.log1p(np.exp(ratios.astype(np.float64)))
    positive = all_words(offset) > 0
    probabilities: npt.NDArray[np.float64] = np.exp(positive @ (likely - unlikely) + unlikely.sum())
    return probabilities


def noisy_ratios(seed: int, *, size: float, offset: str = "B") -> tuple[npt.NDArray[np.float32], int]:
    """Ratios of a random block in noise (mean `size`, as Gaussian noise gives them), and its word."""
    random = np.random.default_rng(seed)
    row = int(random.integers(1 << 17))
    ratios = random.normal(size, np.sqrt(2 * size), SYMBOLS) * all_words(offset)[row]
    return ratios.astype(np.float32), row & 0xFFFF


@pytest.mark.parametrize("size", [0.5, 2.0, 4.0, 8.0])
@pytest.mark.parametrize("seed", range(4))
def test_validity_and_likeliest_word_are_those_of_all_words(seed: int, size: float) -> None:
    ratios, _ = noisy_ratios(seed, size=size)
    oracle = word_probabilities(ratios, "B")
    soft = evaluate(ratios[np.newaxis], np.array([OFFSET_SYNDROMES["B"]]))
    wrong = 1 / (1 + np.exp(np.abs(ratios[[0, -1]].astype(float))))
    outer = np.outer([1 - wrong[0], wrong[0]], [1 - wrong[1], wrong[1]])
    assert np.sum(outer * soft.valid[0]) == pytest.approx(oracle.sum(), rel=2e-3)
    best = (outer * soft.best[0]).max()
    likeliest = all_words("B")[int(np.argmax(oracle))]
    turned = likeliest != np.sign(ratios)
    if turned[1:-1].sum() <= 5:
        assert best == pytest.approx(oracle.max(), rel=1e-3)
        wrong_inside = soft.wrong[0, int(turned[0]), int(turned[-1])]
        assert wrong_inside == int("".join("01"[one] for one in turned[1:-1].astype(int)), 2) << 1
    else:
        assert best < oracle.max()


def test_posteriors_of_weak_blocks_are_true_probabilities() -> None:
    """Of 400 blocks at 1 dB, as many are right as the probabilities say, within three standard deviations."""
    size = 4 * 10 ** (1 / 10)
    right, told = [], []
    for seed in range(400):
        ratios, word = noisy_ratios(seed, size=size)
        oracle = word_probabilities(ratios, "B")
        both = oracle[: 1 << 16] + oracle[1 << 16 :]
        told.append(both.max() / both.sum())
        right.append(int(np.argmax(both)) == word)
    spread = np.sqrt(np.sum([p * (1 - p) for p in told]))
    assert abs(sum(right) - sum(told)) < 3 * spread


@pytest.mark.parametrize("size", [0.3, 1.0, 3.0, 12.0])
def test_random_symbols_are_as_likely_a_block_as_any_on_average(size: float) -> None:
    """The mean of the likelihood ratio over one sign pattern of each syndrome is 1: noise makes e^20 once in e^20."""
    patterns: dict[int, Signs] = {}
    random = np.random.default_rng(1)
    while len(patterns) < 1 << 10:
        signs = (1 - 2 * random.integers(0, 2, SYMBOLS)).astype(np.int8)
        patterns.setdefault(int(hard_syndromes(signs[np.newaxis].astype(np.float32))[0]), signs)
    sizes = random.exponential(size, SYMBOLS).astype(np.float32)
    for offset in OFFSET_WORDS:
        nats = evidence(np.stack(list(patterns.values())) * sizes, np.array([OFFSET_SYNDROMES[offset]]))
        assert np.mean(np.exp(nats.astype(float))) == pytest.approx(1, abs=0.01)


@given(st.lists(st.floats(-50, 50, width=32), min_size=SYMBOLS, max_size=SYMBOLS), st.sampled_from(list(OFFSET_WORDS)))
@settings(max_examples=50)
def test_any_ratios_give_finite_probabilities(values: list[float], offset: str) -> None:
    ratios = np.array([values], np.float32)
    soft = evaluate(ratios, np.array([OFFSET_SYNDROMES[offset]]))
    assert np.all(np.isfinite(soft.valid))
    assert np.all((soft.best >= 0) & (soft.best <= soft.valid * 1.0001))
    assert np.all(np.isfinite(evidence(ratios, np.array(list(OFFSET_SYNDROMES.values())))))


@pytest.mark.parametrize("offset", list(OFFSET_WORDS))
def test_columns_find_every_word_clean(offset: str) -> None:
    signs = all_words(offset)[[0, 1, 0x9331, 0xFFFF, 0x1ABCD]].astype(np.float32)
    assert list(hard_syndromes(signs)) == [OFFSET_SYNDROMES[offset]] * 5


def test_a_wrong_symbol_turns_two_bits_over() -> None:
    assert COLUMNS[0] == 0b10_0000_0000
    assert COLUMNS[1] == 0b11_0000_0000
    assert len(set(COLUMNS)) == SYMBOLS


def test_evidence_is_that_of_all_words() -> None:
    """Against random symbols, each of which is as likely as any: 2^27 patterns."""
    ratios, _ = noisy_ratios(5, size=3.0, offset="C'")
    offsets = ["A", "B", "C", "C'", "D"]
    told = evidence(ratios[np.newaxis], np.array([OFFSET_SYNDROMES[offset] for offset in offsets]))[0]
    for offset, nats in zip(offsets, told, strict=True):
        gain = word_probabilities(ratios, offset).sum() * 1024
        assert nats == pytest.approx(np.log(0.95 * gain + 0.05), abs=2e-3)


def test_nothing_heard_is_evidence_for_nothing() -> None:
    silent = np.zeros((1, SYMBOLS), np.float32)
    assert evidence(silent, np.array([OFFSET_SYNDROMES["A"]]))[0, 0] == pytest.approx(0, abs=1e-3)
