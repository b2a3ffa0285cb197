"""Arrivals to pieces and gaps: every sample of time in one of them, whatever comes, late, twice or never."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.sources.inflow import LOST_ON_THE_WAY, NOTHING_CAME, QUEUE_S, TOO_SLOW, Codes, Inflow
from receiver.sources.stream import Gap

RATE_HZ = 1000
SILENCE_S = 0.5


def codes(count: int, first: int = 0) -> Codes:
    """Samples that count."""
    numbers = np.arange(first, first + count)
    return np.stack([numbers % 256, numbers // 256 % 256], axis=1).astype(np.uint8)


def told(inflow: Inflow, now_s: float) -> list[int | tuple[int, str]]:
    """Pieces as their lengths, gaps with their reason."""
    pieces: list[int | tuple[int, str]] = []
    while (piece := inflow.get(now_s)) is not None:
        pieces.append((piece.samples, piece.why) if isinstance(piece, Gap) else len(piece))
    return pieces


def test_what_arrives_is_what_is_asked_for() -> None:
    inflow = Inflow(RATE_HZ, silence_s=SILENCE_S)
    assert inflow.get(0) is None
    inflow.put(codes(100), 10.1)
    inflow.put(codes(100, 100), 10.2)
    first, second = inflow.get(10.2), inflow.get(10.2)
    assert isinstance(first, np.ndarray)
    assert isinstance(second, np.ndarray)
    assert np.array_equal(np.concatenate([first, second]), codes(200))
    assert inflow.get(10.2) is None


def test_a_full_queue_loses_exactly_what_it_cannot_hold() -> None:
    inflow = Inflow(RATE_HZ, silence_s=SILENCE_S)
    for number in range(35):
        inflow.put(codes(100, 100 * number), 0.1 * (number + 1))
    assert told(inflow, 3.5) == [100] * round(QUEUE_S * 10) + [(1500, TOO_SLOW)]
    inflow.put(codes(100), 3.6)
    assert told(inflow, 3.6) == [100]


def test_a_silence_is_told_as_it_goes_on_and_its_end_at_once() -> None:
    inflow = Inflow(RATE_HZ, silence_s=SILENCE_S)
    inflow.put(codes(100), 0.1)
    assert told(inflow, 0.1) == [100]
    assert told(inflow, 0.55) == []
    assert told(inflow, 0.6) == [(500, NOTHING_CAME)]
    assert told(inflow, 1.1) == [(500, NOTHING_CAME)]
    inflow.put(codes(100), 1.4)
    assert told(inflow, 1.4) == [(200, NOTHING_CAME), 100]


def test_a_reopening_is_one_gap_with_its_reason() -> None:
    inflow = Inflow(RATE_HZ, silence_s=SILENCE_S)
    inflow.put(codes(100), 0.1)
    inflow.why = "the stick was unplugged"
    inflow.reopened()
    inflow.put(codes(100), 0.4)
    assert told(inflow, 0.4) == [100, (200, "the stick was unplugged"), 100]
    assert told(inflow, 1.0) == [(600, NOTHING_CAME)]


def test_what_comes_after_its_time_was_told_is_left_out() -> None:
    """A network that held two seconds back: the stream's time is the clock's again."""
    inflow = Inflow(RATE_HZ, silence_s=SILENCE_S)
    inflow.put(codes(1000), 1.0)
    told(inflow, 1.0)
    assert told(inflow, 3.0) == [(2000, NOTHING_CAME)]
    for _ in range(20):
        inflow.put(codes(100), 3.0)
    inflow.put(codes(100), 3.1)
    assert told(inflow, 3.1) == [(0, NOTHING_CAME), 100]


def test_before_anything_came_time_runs_from_the_start() -> None:
    inflow = Inflow(RATE_HZ, silence_s=SILENCE_S)
    inflow.start(5.0)
    assert told(inflow, 5.4) == []
    assert told(inflow, 6.0) == [(1000, NOTHING_CAME)]


def test_a_loss_on_the_way_is_a_gap() -> None:
    inflow = Inflow(RATE_HZ, silence_s=SILENCE_S)
    gaps = []
    for number in range(60):
        now_s = 0.1 * number + (0.2 if number >= 30 else 0)
        inflow.put(codes(100), now_s)
        gaps += [one for one in told(inflow, now_s) if isinstance(one, tuple)]
    assert gaps == [(200, LOST_ON_THE_WAY)]


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(0, 2), st.booleans()), max_size=60))
def test_time_is_never_lost(steps: list[tuple[int, float, bool]]) -> None:
    """However it comes, at a moment when all is told the stream is nowhere behind the clock by a silence."""
    inflow, now_s, counted = Inflow(RATE_HZ, silence_s=SILENCE_S), 0.0, 0
    inflow.start(0.0)
    for count, wait_s, reopened in steps:
        now_s += wait_s
        if reopened:
            inflow.reopened()
        inflow.put(codes(min(count, round(wait_s * RATE_HZ))), now_s)
        counted += sum(one[0] if isinstance(one, tuple) else one for one in told(inflow, now_s))
        assert counted > (now_s - SILENCE_S) * RATE_HZ - now_s - 30
        assert counted <= now_s * RATE_HZ + 30


@pytest.mark.parametrize("count", [0, 1])
def test_an_arrival_of_nothing_is_nothing(count: int) -> None:
    inflow = Inflow(RATE_HZ, silence_s=SILENCE_S)
    inflow.put(codes(count), 1.0)
    assert told(inflow, 1.0) == [1] * count
