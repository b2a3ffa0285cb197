"""Bits that another decided to groups: against the block code's own function, and what is taken for granted when."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.constants import BLOCK_BITS, GROUP_BITS
from rds.group import Group, groups_to_bits, make_group
from receiver.hard_group import HardDecoder
from receiver.likely_group import BLOCK_VALUES, GROUP_VALUES, Float, LikelyGroup

PI = 0x9331
VERSION_A = make_group("2A", pi=PI, free5=3, block3=0x4142, block4=0x4344)
VERSION_B = make_group("0B", pi=PI, free5=8, block4=0x4556)


def values(groups: list[Group]) -> Float:
    """What the decoder is given of the first group: a value before it, its bits and those of the next block."""
    bits = np.concatenate(([0], groups_to_bits([*groups, VERSION_A])))
    return np.where(bits, np.float32(-1), np.float32(1))[:GROUP_VALUES]


def turned(given: Float, *bits: int) -> Float:
    """The values with these bits of the group wrong."""
    wrong = given.copy()
    wrong[[1 + bit for bit in bits]] *= -1
    return wrong


def after_clean(given: Float) -> LikelyGroup:
    """The group after a clean one."""
    decoder = HardDecoder()
    decoder.decode(values([VERSION_A]), None)
    return decoder.decode(given, None)


def words(group: LikelyGroup) -> list[int | None]:
    return [word.word if word.probability > 0 else None for word in group.words]


@pytest.mark.parametrize("group", [VERSION_A, VERSION_B])
def test_a_clean_group_is_sure_from_the_first(group: Group) -> None:
    likely = HardDecoder().decode(values([group]), None)
    assert words(likely) == list(group.words)
    assert all(word.probability > 0.99 and word.as_heard and not word.prior for word in likely.words)
    assert all(nats > 6 for nats in likely.evidence), "a clean block is one in 1024 by chance, e^6.9"


def test_a_burst_is_corrected_among_clean_blocks_only() -> None:
    burst = turned(values([VERSION_A]), 30, 31)
    alone = turned(burst, 5, 15, 60, 70, 85, 95)
    likely = after_clean(burst)
    assert words(likely) == list(VERSION_A.words)
    assert [word.as_heard for word in likely.words] == [True, False, True, True]
    assert 0.9 < likely.words[1].probability < likely.words[0].probability
    assert likely.evidence[1] < 0 < likely.evidence[0], "in noise one in twenty corrects"
    assert words(HardDecoder().decode(alone, None)) == [None] * 4


def test_block_3_goes_by_the_version_that_block_2_says() -> None:
    # A block 3 under C in a group of version B is none, though it is clean.
    wrong = values([Group((PI, VERSION_B.words[1], 0x1234, 0x4556))])
    under_c = values([Group((PI, VERSION_A.words[1], 0x1234, 0x4556))])
    third = slice(1 + 2 * BLOCK_BITS, 1 + 3 * BLOCK_BITS)
    wrong[third] = under_c[third]
    assert words(after_clean(wrong))[2] is None
    # With block 2 lost, either is believed when clean, and neither when not.
    lost = turned(wrong, 30, 35, 40, 45)
    assert words(after_clean(lost)) == [PI, None, 0x1234, 0x4556]
    assert words(after_clean(turned(lost, 60))) == [PI, None, None, 0x4556]


@pytest.mark.parametrize("heard", [0, 25, 26, 60, 104])
def test_a_block_heard_in_part_is_none(heard: int) -> None:
    given = values([VERSION_A])
    given[1 + heard :] = 0
    whole = heard // BLOCK_BITS
    assert words(after_clean(given)) == [*VERSION_A.words[:whole], *[None] * (4 - whole)]


def test_what_the_station_keeps_saying_changes_nothing() -> None:
    for heard in (values([VERSION_A]), turned(values([VERSION_A]), 1, 5, 9)):
        assert HardDecoder().decode(heard, PI) == HardDecoder().decode(heard, None)


def test_evidence_is_high_where_a_block_is_and_in_its_column() -> None:
    windows = np.lib.stride_tricks.sliding_window_view(values([VERSION_B]), BLOCK_VALUES)
    evidence = HardDecoder().evidence(windows)
    assert evidence.shape == (GROUP_BITS + 1, 4)
    high = {(int(bit), int(column)) for bit, column in np.argwhere(evidence > 0)}
    assert {(0, 0), (26, 1), (52, 2), (78, 3), (104, 0)} <= high
    assert len(high) <= 7, "the rest is chance: 400 tries at one in 1024"
    assert np.all(evidence[evidence <= 0] < 0)


@settings(max_examples=40, deadline=None)
@given(given=st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=GROUP_VALUES, max_size=GROUP_VALUES))
def test_any_values_end_in_words_with_probabilities(given: list[float]) -> None:
    likely = HardDecoder().decode(np.array(given, np.float32), None)
    assert all(0 <= word.probability < 1 and 0 <= word.word <= 0xFFFF for word in likely.words)
    assert all(np.isfinite(likely.evidence))
