"""Groups out of ratios: the likeliest words with true probabilities, what a known PI may do and what it may not."""

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.block import OFFSET_SYNDROMES, encode_block
from rds.group import Group, groups_to_bits
from receiver.likely_group import GROUP_VALUES, LikelyGroup
from receiver.soft_block import evaluate
from receiver.soft_group import PLACES, SoftDecoder, Trellis

PI = 0x9331
Float = npt.NDArray[np.float32]


def stream(groups: int, *, eb_n0_db: float, seed: int) -> tuple[Float, list[Group]]:
    """Ratios of random groups of one station in Gaussian noise from the symbol before the first on, and the groups."""
    random = np.random.default_rng(seed)
    words = random.integers(0, 1 << 16, (groups, 3)).tolist()
    sent = [Group((PI, two, three, four)) for two, three, four in words]
    symbols = 1 - 2 * (np.cumsum(np.concatenate(([0], groups_to_bits(sent)))) % 2).astype(float)
    power = 10 ** (eb_n0_db / 10)
    # A symbol of size 1 in noise of variance 1 / (2 Eb/N0) has ratios of mean 4 Eb/N0 and twice that variance.
    ratios = 4 * power * symbols + np.sqrt(8 * power) * random.standard_normal(len(symbols))
    return ratios.astype(np.float32), sent


def decoded(ratios: Float, count: int, pi: int | None = None) -> list[LikelyGroup]:
    decoder = SoftDecoder()
    return [decoder.decode(ratios[104 * i : 104 * i + GROUP_VALUES], pi) for i in range(count)]


def test_probabilities_are_true_and_worth_three_decibels() -> None:
    """At Eb/N0 1 dB, where a hard decoder with bursts of two completes one group in ten (signal facts)."""
    ratios, sent = stream(161, eb_n0_db=1.0, seed=1)
    groups = decoded(ratios, 160)
    pairs = [
        (word.probability, word.word == true)
        for group, one in zip(groups, sent, strict=False)
        for word, true in zip(group.words, one.words, strict=True)
    ]
    told = sum(probability for probability, _ in pairs)
    spread = np.sqrt(sum(probability * (1 - probability) for probability, _ in pairs))
    assert abs(told - sum(right for _, right in pairs)) < 4 * spread
    whole = [
        all(word.word == true for word, true in zip(group.words, one.words, strict=True))
        for group, one in zip(groups, sent, strict=False)
    ]
    assert np.mean(whole) > 0.7


def known_block(ratios: Float, block: int) -> npt.NDArray[np.float64]:
    """The probability of a block's inner symbols by the states of the outer two, symbol by symbol."""
    changes = [0, *(block >> shift & 1 for shift in range(25, -1, -1))]
    known = np.zeros((2, 2))
    for turned in (0, 1):
        symbols = np.cumsum([turned, *changes[1:]]) % 2
        first, last = ((symbols != (ratios < 0))[[0, -1]]).astype(int)
        signs = 1.0 - 2 * symbols[1:-1]
        known[first, last] = np.prod(1 / (1 + np.exp(-signs * ratios[1:-1])))
    return known


@pytest.mark.parametrize("eb_n0_db", [-12.0, -6.0, 1.0])
def test_the_trellis_adds_up_all_states_of_the_symbols_that_blocks_share(eb_n0_db: float) -> None:
    """The oracle goes through the 64 ways in which the six can be right or wrong."""
    ratios, sent = stream(9, eb_n0_db=eb_n0_db, seed=6)
    offsets = np.array([OFFSET_SYNDROMES[name] for name in PLACES])
    for number in range(8):
        group = ratios[104 * number :][:GROUP_VALUES]
        starts = [0, 26, 52, 52, 78, 104]
        soft = evaluate(np.stack([group[start : start + 27] for start in starts]), offsets)
        candidates = [encode_block(word, "B") for word in (0x0123, sent[number].words[1], 0xFFFF)]
        choices = [0.3 / 3 * known_block(group[26:53].astype(float), block) for block in candidates]
        valid = soft.valid.astype(float)
        valid[1] = sum(choices) + valid[1] * 0.7 / 2**16
        steps = [valid[0], valid[1], valid[2] + valid[3], valid[4], valid[5]]
        wrong = 1 / (1 + np.exp(np.abs(group[::26].astype(float))))
        cells = np.zeros((5, 2, 2))
        for states in product((0, 1), repeat=6):
            weight = np.prod([wrong[i] if state else 1 - wrong[i] for i, state in enumerate(states)])
            weight *= np.prod([steps[i][states[i], states[i + 1]] for i in range(5)])
            for i in range(5):
                cells[i][states[i], states[i + 1]] += weight
        total = cells[0].sum()
        trellis = Trellis.of(group)
        trellis.choose_among(1, candidates, share=0.3)
        trellis.run()
        for row, place in ((0, 0), (4, 3)):
            share = np.divide(soft.best[row], valid[row], out=np.zeros((2, 2)), where=valid[row] > 0)
            assert trellis.word(row).probability == pytest.approx((cells[place] * share).max() / total, rel=1e-3)
        told = [float(np.sum(cells[1] * choice / valid[1])) / total for choice in choices]
        index, this, any_of_them = trellis.choice(1)
        assert index == int(np.argmax(told))
        assert (this, any_of_them) == pytest.approx((max(told), sum(told)), rel=1e-3)


def test_a_good_signal_is_taken_as_heard_by_both_ways() -> None:
    ratios, sent = stream(21, eb_n0_db=9.0, seed=2)
    for scale in (1, 0.2):
        groups = decoded(ratios * np.float32(scale), 20)
        assert [tuple(word.word for word in group.words) for group in groups] == [one.words for one in sent[:20]]
        assert all(word.as_heard and not word.prior for group in groups for word in group.words)


@pytest.mark.parametrize("group_type", [0x0800, 0x0000])
def test_the_version_in_block_2_tells_the_offset_word_of_block_3(group_type: int) -> None:
    sent = [Group((PI, group_type | 5, PI if group_type else 0x1234, 7))] * 2
    symbols = 1 - 2 * (np.cumsum(np.concatenate(([0], groups_to_bits(sent)))) % 2).astype(np.float32)
    for size in (30, 2):
        [group] = decoded(size * symbols, 1)
        assert tuple(word.word for word in group.words) == sent[0].words


def test_a_known_pi_saves_blocks_that_noise_has_spoilt() -> None:
    ratios, _ = stream(161, eb_n0_db=-0.5, seed=3)
    unknown = np.mean([group.words[0].word == PI for group in decoded(ratios, 160)])
    known = [group.words[0] for group in decoded(ratios, 160, PI)]
    assert np.mean([word.word == PI and word.probability > 0.9 for word in known]) > unknown
    assert any(word.prior for word in known)


def test_a_known_pi_turns_neither_noise_nor_another_station_into_itself() -> None:
    noise = np.random.default_rng(4).normal(0, 1.0, 104 * 300 + 30).astype(np.float32)
    taken = [group.words[0] for group in decoded(noise, 300, PI)]
    assert sum(word.word == PI and word.probability > 0.65 for word in taken) <= 3
    silent = decoded(np.zeros(GROUP_VALUES, np.float32), 1, PI)[0]
    assert silent.words[0].probability < 0.02
    ratios, _ = stream(101, eb_n0_db=1.0, seed=5)
    other = [group.words[0] for group in decoded(ratios, 100, 0x1ABC)]
    assert sum(word.word == 0x1ABC and word.probability > 0.5 for word in other) == 0


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.floats(-1e4, 1e4, width=32), min_size=GROUP_VALUES, max_size=GROUP_VALUES),
    pi=st.one_of(st.none(), st.integers(0, 0xFFFF)),
)
def test_any_values_end_in_words_with_probabilities(values: list[float], pi: int | None) -> None:
    [group] = decoded(np.array(values, np.float32), 1, pi)
    assert all(0 <= word.probability <= 1.001 and 0 <= word.word <= 0xFFFF for word in group.words)
    assert all(np.isfinite(nats) and nats <= np.log(1024) + 1e-3 for nats in group.evidence)
