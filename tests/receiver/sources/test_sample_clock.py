"""Arrivals late, early, drifting and missing: what the clock makes of each, worked by hand."""

import numpy as np
import pytest

from receiver.sources.sample_clock import LEAST_LOSS_S, SampleClock

RATE_HZ = 1_000_000
BLOCK = 50_000
BLOCK_S = BLOCK / RATE_HZ


def losses(clock: SampleClock, moments_s: list[float]) -> list[int]:
    """What is found missing at each arrival of a block."""
    return [clock.arrived(BLOCK, moment_s) for moment_s in moments_s]


def regular(first_s: float, blocks: int, *, ppm: float = 0.0) -> list[float]:
    return [first_s + number * BLOCK_S * (1 + ppm * 1e-6) for number in range(blocks)]


@pytest.mark.parametrize("ppm", [-100, 0, 100])
def test_a_crystal_loses_nothing_in_an_hour(ppm: float) -> None:
    assert not any(losses(SampleClock(RATE_HZ), regular(7, 72_000, ppm=ppm)))


@pytest.mark.parametrize("seed", range(3))
def test_a_busy_machine_loses_nothing(seed: int) -> None:
    delays_s = np.random.default_rng(seed).exponential(0.03, 4000)
    delays_s[::15] = 0.001
    moments_s = np.maximum.accumulate(np.array(regular(0, 4000)) + delays_s)
    assert not any(losses(SampleClock(RATE_HZ), list(moments_s)))


@pytest.mark.parametrize("lost_s", [1.2 * LEAST_LOSS_S, 0.1, 3.0])
def test_a_loss_is_found_once_and_within_two_seconds(lost_s: float) -> None:
    clock = SampleClock(RATE_HZ)
    assert not any(losses(clock, regular(0, 200)))
    found = losses(clock, regular(10 + lost_s, 200))
    assert [round(lost / RATE_HZ, 3) for lost in found if lost] == [pytest.approx(lost_s, abs=0.001)]
    assert any(found[: round(2.1 / BLOCK_S)])
    assert clock.counted == 400 * BLOCK + sum(found)


def test_small_losses_add_up_to_one_that_is_seen() -> None:
    clock, moments_s, now_s = SampleClock(RATE_HZ), [], 0.0
    for second in range(60):
        moments_s += regular(now_s, 20)
        now_s += 1 + (0.004 if second >= 10 else 0)
    found = losses(clock, moments_s)
    assert sum(found) / RATE_HZ == pytest.approx(49 * 0.004, abs=LEAST_LOSS_S + 60 * 200e-6)
