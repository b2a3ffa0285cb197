"""Samples to batches of overlapping blocks: what each holds, by hand, and whatever the chunks."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.dsp.overlap_save import BlockBuffer
from tests.receiver.signals import cut

Float = npt.NDArray[np.float32]


def batches(samples: Float, sizes: list[int], *, batch: int) -> tuple[list[Float], list[tuple[Float, int]]]:
    """Blocks of 8 every 6, in batches: those of the chunks, and those of the end."""
    buffer = BlockBuffer(8, 6, np.float32, batch=batch)
    fed = [blocks.copy() for piece in cut(samples, sizes) for blocks in buffer.feed(piece)]
    return fed, [(blocks.copy(), valid) for blocks, valid in buffer.flush()]


def test_two_batches_by_hand() -> None:
    [one], [(two, valid)] = batches(np.arange(1, 16, dtype=np.float32), [15], batch=2)
    np.testing.assert_array_equal(one, [[0, 1, 2, 3, 4, 5, 6, 7], [6, 7, 8, 9, 10, 11, 12, 13]])
    np.testing.assert_array_equal(two, [[12, 13, 14, 15, 0, 0, 0, 0], [0] * 8])
    assert valid == 3


@settings(max_examples=60, deadline=None)
@given(count=st.integers(0, 90), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5), batch=st.integers(1, 4))
def test_middles_are_the_input_whatever_the_chunks(count: int, sizes: list[int], batch: int) -> None:
    samples = np.arange(1, count + 1, dtype=np.float32)
    fed, ends = batches(samples, sizes, batch=batch)
    middles = [blocks[:, 1:7].reshape(-1) for blocks in fed]
    middles += [blocks[:, 1:7].reshape(-1)[:valid] for blocks, valid in ends]
    np.testing.assert_array_equal(np.concatenate([np.empty(0, np.float32), *middles]), samples)
    # What lies about a middle is the input too.
    padded = np.concatenate(([0], samples, np.zeros(40, np.float32)))
    for number, blocks in enumerate([*fed, *(blocks for blocks, _ in ends)]):
        for row, block in enumerate(blocks):
            start = (number * batch + row) * 6
            np.testing.assert_array_equal(block, padded[start : start + 8] if start < len(padded) - 8 else 0)


def test_silence_may_be_another_number() -> None:
    buffer = BlockBuffer(8, 6, np.float32, silence=5)
    codes = np.arange(1, 10, dtype=np.uint8)
    [one] = [blocks.copy() for blocks in buffer.feed(codes)]
    [two] = [blocks.copy() for blocks, _ in buffer.flush()]
    np.testing.assert_array_equal(one, [[5, 1, 2, 3, 4, 5, 6, 7]])
    np.testing.assert_array_equal(two, [[6, 7, 8, 9, 5, 5, 5, 5]])


@pytest.mark.parametrize("batch", [1, 3])
def test_nothing_gives_nothing(batch: int) -> None:
    assert batches(np.empty(0, np.float32), [1], batch=batch) == ([], [])
