"""Bits to groups: what was sent comes out where it was sent, and nothing else, whatever happened on the way.

Ten minutes of random bits (712 500, seed 1) gave no group at all, nor did four hours of them (17.1 million, seeds 2 to
25). The suite runs two minutes.
"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.block import decode_block
from rds.constants import BIT_PERIOD_S, BLOCK_BITS, GROUP_BITS, GROUP_PERIOD_S
from rds.group import Group, groups_to_bits
from receiver.chain import BitChain
from receiver.received_group import ReceivedGroup
from tests.receiver.signals import Bits, cut, programme, random_bits, run

GROUPS = programme(40)
SENT = groups_to_bits(GROUPS)


def hear(bits: Bits, sizes: list[int] | None = None) -> list[ReceivedGroup]:
    chain = BitChain()
    return run(chain.feed, chain.flush, cut(bits, sizes or [len(bits)]))


def obvious(bits: Bits, start: int) -> list[tuple[int | None, ...]]:
    """The words of the groups from bit `start` on, one block after the other, by the block code's own function."""
    groups = []
    for first in range(start, len(bits) - GROUP_BITS + 1, GROUP_BITS):
        words: list[int | None] = []
        for place in range(4):
            at = first + place * BLOCK_BITS
            block = int("".join(map(str, bits[at : at + BLOCK_BITS])), 2)
            if place != 2:
                decoded = decode_block(block, "ABCD"[place])
            elif words[1] is not None:
                decoded = decode_block(block, "C'" if words[1] >> 11 & 1 else "C")
            else:
                # Nothing says which version it is, so either is believed, but only without an error.
                clean = (decode_block(block, offset) for offset in ("C", "C'"))
                decoded = next((found for found in clean if found is not None and not found[1]), None)
            words.append(None if decoded is None else decoded[0])
        groups.append(tuple(words))
    return groups


def words_of(groups: list[Group]) -> list[tuple[int, int, int, int]]:
    return [group.words for group in groups]


def flipped(bits: Bits, at: int, length: int) -> Bits:
    """The bits with a burst: its first and last bit are wrong, and what lies between."""
    wrong = bits.copy()
    wrong[at : at + length] ^= 1
    return wrong


@pytest.mark.parametrize("lead", [0, 1, 25, 26, 103, 500, 5000])
def test_every_group_comes_out_where_it_was_sent(lead: int) -> None:
    heard = hear(np.concatenate((np.resize(np.array([1, 0], np.uint8), lead), SENT)))
    assert [group.words for group in heard] == words_of(GROUPS)
    for number, group in enumerate(heard):
        assert group.sample_index == lead + number * GROUP_BITS
        assert group.end_s == pytest.approx((lead + (number + 1) * GROUP_BITS) * BIT_PERIOD_S)
        assert group.corrected == (False,) * 4
        assert all(0 < confidence <= 1 for confidence in group.confidence)


def test_four_blocks_are_enough() -> None:
    assert [group.words for group in hear(SENT[:GROUP_BITS])] == words_of(GROUPS[:1])


def test_version_b_stands_under_c_prime() -> None:
    assert {group.group_type for group in hear(SENT)} == {"0A", "0B", "11A"}


@pytest.mark.parametrize("cut_off", [1, 25, 26, 27, 60, 78, 79])
def test_a_first_group_in_part_has_its_last_blocks(cut_off: int) -> None:
    heard = hear(SENT[cut_off:])
    missing = -(-cut_off // BLOCK_BITS)
    if missing < 4:
        assert heard[0].words == (None,) * missing + GROUPS[0].words[missing:]
        assert heard[0].sample_index == 0
        assert heard[0].end_s == pytest.approx((GROUP_BITS - cut_off) * BIT_PERIOD_S)
    assert [group.words for group in heard[-39:]] == words_of(GROUPS[1:])


@pytest.mark.parametrize("kept", [26, 51, 52, 80, 103])
def test_a_last_group_in_part_has_its_first_blocks(kept: int) -> None:
    heard = hear(SENT[: 39 * GROUP_BITS + kept])
    whole = kept // BLOCK_BITS
    assert heard[-1].words == GROUPS[39].words[:whole] + (None,) * (4 - whole)
    assert len(heard) == 40


@pytest.mark.parametrize("length", [1, 2])
def test_bursts_of_one_and_two_bits_are_corrected(length: int) -> None:
    for at in range(20 * GROUP_BITS, 21 * GROUP_BITS):
        if at % BLOCK_BITS > BLOCK_BITS - length:
            continue
        heard = hear(flipped(SENT, at, length)[10 * GROUP_BITS : 25 * GROUP_BITS])
        assert [group.words for group in heard] == words_of(GROUPS[10:25])
        place = at // BLOCK_BITS % 4
        assert heard[10].corrected == tuple(block == place for block in range(4))


@pytest.mark.parametrize("length", [3, 4, 5])
def test_longer_bursts_never_give_another_word(length: int) -> None:
    for at in range(20 * GROUP_BITS, 21 * GROUP_BITS - length, 3):
        heard = hear(flipped(SENT, at, length)[10 * GROUP_BITS : 25 * GROUP_BITS])
        for one, sent in zip(heard[10].words, GROUPS[20].words, strict=True):
            assert one in (None, sent)
        assert [group.words for group in heard[11:]] == words_of(GROUPS[21:25])


_BEFORE_BLOCK_4 = st.integers(GROUP_BITS, len(SENT) - 1).filter(lambda at: at // BLOCK_BITS % 4 != 3)
"""A group without any clean block is left out, as noise would be."""


@settings(max_examples=20, deadline=None)
@given(wrong=st.lists(_BEFORE_BLOCK_4, max_size=20), lead=st.integers(0, 103))
def test_scattered_errors_end_as_in_the_obvious_decoder(wrong: list[int], lead: int) -> None:
    bits = SENT.copy()
    bits[wrong] ^= 1
    expected = [words for words in obvious(bits, 0) if words != (None,) * 4]
    heard = hear(np.concatenate((np.resize(np.array([1, 0], np.uint8), lead), bits)))
    assert [group.words for group in heard] == expected


@pytest.mark.parametrize("at", [2000, 2031, 2079])
@pytest.mark.parametrize("inserted", [True, False])
def test_a_slip_of_a_bit_costs_two_groups_at_most(at: int, *, inserted: bool) -> None:
    bits = np.insert(SENT, at, 1) if inserted else np.delete(SENT, at)
    heard = [group.words for group in hear(bits)]
    sent = words_of(GROUPS)
    assert heard[:19] == sent[:19]
    assert heard[-19:] == sent[-19:]
    assert {words for words in heard if None not in words} <= set(sent)


def test_half_a_second_of_nonsense_costs_what_it_lasts() -> None:
    for seed in range(10):
        nonsense = random_bits(594, seed=seed)
        bits = np.concatenate((SENT[: 20 * GROUP_BITS], nonsense, SENT[20 * GROUP_BITS :]))
        heard = [group.words for group in hear(bits) if group.complete and not any(group.corrected)]
        assert heard == words_of(GROUPS)


def test_a_long_silence_ends_synchronisation() -> None:
    chain = BitChain()
    chain.feed(SENT)
    assert chain.status().synchronised
    chain.feed(np.zeros(2000, np.uint8))
    assert not chain.status().synchronised
    assert chain.status().blocks_seen > chain.status().blocks_accepted


def test_two_minutes_of_random_bits_hold_no_group() -> None:
    assert hear(random_bits(142_500, seed=1)) == []


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_any_cutting_gives_the_same(sizes: list[int], seed: int) -> None:
    bits = np.concatenate((random_bits(300, seed=seed), SENT[: 9 * GROUP_BITS - 7], SENT))
    bits[random_bits(len(bits), seed=seed).cumsum() % 131 == 0] ^= 1
    assert hear(bits, sizes) == hear(bits)


def test_a_long_chunk_of_nonsense_is_cut_as_short_ones_are() -> None:
    # Seeds in whose nonsense, more than two seconds back, something looks like a block.
    for seed in (0, 8, 13):
        bits = np.concatenate((random_bits(20_000, seed=seed), SENT))
        assert hear(bits) == hear(bits, [100])


@settings(max_examples=30, deadline=None)
@given(parts=st.lists(st.tuples(st.sampled_from(["zeros", "random", "groups"]), st.integers(0, 900)), max_size=6))
def test_any_bits_end_in_groups_one_after_the_other(parts: list[tuple[str, int]]) -> None:
    made = {"zeros": np.zeros(900, np.uint8), "random": random_bits(900, seed=1), "groups": SENT[17:917]}
    heard = hear(np.concatenate([np.empty(0, np.uint8), *(made[kind][:size] for kind, size in parts)]))
    for before, after in pairwise(heard):
        # After a slip, the group cut off by it and the first one of the new phase overlap.
        assert after.end_s - before.end_s > -GROUP_PERIOD_S
    for group in heard:
        assert any(word is not None for word in group.words)
        assert group.end_s - group.sample_index * BIT_PERIOD_S <= GROUP_PERIOD_S + 1e-9
