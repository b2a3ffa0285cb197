"""The limiter: never over the ceiling, no gain where none is needed, no corners, nothing lost."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.limiter import REACH, LookaheadLimiter, segment_peaks

SEGMENT = 16
BLOCK = 64 * SEGMENT


def run(programme: np.ndarray, ceiling: float) -> np.ndarray:
    """All of a programme through the limiter, with nothing beside it."""
    limiter = LookaheadLimiter(ceiling, SEGMENT)
    output = []
    for block in programme.astype(np.float32).reshape(-1, BLOCK):
        output += limiter.feed(block, np.zeros_like(block), segment_peaks(block, SEGMENT))
    return np.concatenate(output + limiter.flush())


def test_what_is_low_enough_passes_as_it_is() -> None:
    programme = np.random.default_rng(1).uniform(-0.5, 0.5, 3 * BLOCK).astype(np.float32)
    assert np.array_equal(run(programme, 0.5), programme)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4 * BLOCK - 1), st.floats(-30, 30)), max_size=8), st.integers(0, 1000))
def test_nothing_goes_over_the_ceiling(clicks: list[tuple[int, float]], seed: int) -> None:
    programme = np.random.default_rng(seed).uniform(-0.6, 0.6, 4 * BLOCK)
    for at, value in clicks:
        programme[at] = value
    assert np.abs(run(programme, 0.5)).max() <= 0.5 * (1 + 1e-6)


def test_far_from_a_peak_the_gain_is_one_and_it_bends_without_corners() -> None:
    programme = np.full(6 * BLOCK, 0.1, dtype=np.float32)
    programme[3 * BLOCK] = 5.0
    gain = run(programme, 0.5) / programme
    reach = (REACH + 1) * SEGMENT
    np.testing.assert_allclose(gain[: 3 * BLOCK - reach], 1, atol=1e-6)
    np.testing.assert_allclose(gain[3 * BLOCK + reach :], 1, atol=1e-6)
    assert gain[3 * BLOCK] <= 0.1
    assert np.abs(np.diff(gain)).max() < 0.9 / (8 * SEGMENT)
    assert np.abs(np.diff(gain, n=2)).max() < 1e-3


def test_the_rest_is_added_and_never_turned_down() -> None:
    limiter = LookaheadLimiter(0.5, SEGMENT)
    loud = np.full(BLOCK, 2.0, dtype=np.float32)
    rest = np.linspace(-0.1, 0.1, BLOCK, dtype=np.float32)
    assert limiter.feed(loud, rest, segment_peaks(loud, SEGMENT)) == []
    middle = limiter.feed(loud, rest, segment_peaks(loud, SEGMENT))[0]
    np.testing.assert_allclose(middle[BLOCK // 2 :] - rest[BLOCK // 2 :], 0.5, atol=1e-6)
    np.testing.assert_allclose(limiter.flush()[0][: BLOCK // 2] - rest[: BLOCK // 2], 0.5, atol=1e-6)
