"""Groups to bits and impulses: worked by hand, then any cutting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.bitstream import ImpulseEncoder, filler, first_group_sample, transmission_bits
from rds.block import OFFSET_WORDS, decode_block
from rds.group import groups_to_bits
from tests.encoder.signals import random_groups


def test_impulses_worked_by_hand() -> None:
    # Data 1 1 0 encode to 1 0 0; a 1 is + then -, a 0 is - then +.
    assert ImpulseEncoder().feed(np.array([1, 1, 0], dtype=np.uint8)).tolist() == [
        0,
        1,
        0,
        -1,
        0,
        -1,
        0,
        1,
        0,
        -1,
        0,
        1,
    ]


@pytest.mark.parametrize(("rate_hz", "sample"), [(171_000, 7488), (190_000, 8320), (228_000, 9984), (57_000, 2496)])
def test_where_the_first_group_starts(rate_hz: int, sample: int) -> None:
    assert first_group_sample(rate_hz) == sample


def test_half_a_group_stands_before_and_after() -> None:
    groups = random_groups(40)
    bits = np.concatenate(list(transmission_bits(groups)))
    assert len(bits) == 52 + 40 * 104 + 52
    assert bits[52:-52].tolist() == groups_to_bits(groups).tolist()


def test_no_window_of_filler_is_a_block() -> None:
    text = "".join(map(str, filler()))
    windows = [int(text[start : start + 26], 2) for start in range(27)]
    assert not [window for window in windows for offset in OFFSET_WORDS if decode_block(window, offset)]


@given(st.lists(st.integers(0, 1), max_size=60), st.data())
def test_any_cutting_gives_the_same_impulses(bits: list[int], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(bits)))
    whole = np.array(bits, dtype=np.uint8)
    encoder = ImpulseEncoder()
    pieces = [encoder.feed(whole[:cut]), encoder.feed(whole[cut:])]
    assert np.concatenate(pieces).tolist() == ImpulseEncoder().feed(whole).tolist()
