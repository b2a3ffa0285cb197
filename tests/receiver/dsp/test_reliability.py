"""Symbols to log-likelihood ratios: true ones for Gaussian noise, and what dropouts, silence and steps do to them."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from receiver.dsp.reliability import Reliability, _local_mean, _median
from tests.receiver.signals import FloatArray, Iq, noise

BLOCK = 142
"""Symbols of 0.12 s."""


def symbols(count: int, *, spread: float, seed: int, size: float = 0.03) -> tuple[FloatArray, Iq]:
    """Signs, and symbols of that size in Gaussian noise with this spread in each component."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], count)
    points: Iq = (size * signs + spread * np.sqrt(2) * noise(count, seed=seed)).astype(np.complex64)
    return signs, points


def ratios(reliability: Reliability, points: Iq) -> FloatArray:
    blocks = [points[start : start + BLOCK] for start in range(0, len(points), BLOCK)]
    return np.concatenate([reliability.feed(block) for block in blocks]).astype(np.float64)


@pytest.mark.parametrize("eb_n0_db", [-1.0, 1.0, 4.0])
def test_ratios_are_true_for_gaussian_noise(eb_n0_db: float) -> None:
    """Of the symbols whose sign is told with a probability, that share has it: ten bins, by the spread of counting."""
    spread = 0.03 / np.sqrt(2 * 10 ** (eb_n0_db / 10))
    signs, points = symbols(200 * BLOCK, spread=spread, seed=1)
    told = ratios(Reliability(), points)[20 * BLOCK :]
    right = told * signs[20 * BLOCK :] > 0
    sure = 1 / (1 + np.exp(-np.abs(told)))
    edges = np.quantile(sure, np.linspace(0, 1, 11))
    for low, high in pairwise(edges):
        inside = (sure >= low) & (sure < high)
        expected, count = np.mean(sure[inside]), np.count_nonzero(inside)
        # The noise is known from half a second only, so two in a hundred are left for that.
        allowed = 4 * np.sqrt(expected * (1 - expected) / count) + 0.02
        assert np.mean(right[inside]) == pytest.approx(expected, abs=allowed)


def test_the_ratio_by_hand() -> None:
    """2 A x / variance: size 0.03, noise of spread 0.01 in each component, a symbol at 0.03 has 2 (0.03 / 0.01)^2."""
    _, points = symbols(100 * BLOCK, spread=0.01, seed=2)
    reliability = Reliability()
    told = ratios(reliability, points)
    assert reliability.amplitude == pytest.approx(0.03, rel=0.03)
    assert reliability.noise == pytest.approx(1e-4, rel=0.25)
    assert np.mean(np.abs(told[50 * BLOCK :])) == pytest.approx(18, rel=0.1)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-4, 1e4))
def test_the_scale_of_the_input_does_not_matter(scale: float) -> None:
    _, points = symbols(20 * BLOCK, spread=0.01, seed=3)
    scaled = ratios(Reliability(), (points * np.float32(scale)).astype(np.complex64))
    np.testing.assert_allclose(scaled, ratios(Reliability(), points), rtol=1e-3, atol=1e-3)


def test_a_dropout_weighs_little_and_the_rest_what_it_did() -> None:
    _, points = symbols(60 * BLOCK, spread=0.005, seed=4)
    usual = ratios(Reliability(), points)
    start = 50 * BLOCK + 40
    points[start : start + 59] = 0.2 * np.sqrt(2) * noise(59, seed=5)
    told = ratios(Reliability(), points)
    assert np.median(np.abs(told[start : start + 59])) < 0.05 * np.median(np.abs(usual))
    untouched = np.r_[50 * BLOCK : start - 9, start + 68 : 60 * BLOCK]
    assert np.median(np.abs(told[untouched])) > 0.5 * np.median(np.abs(usual[untouched]))


def test_a_click_weighs_little() -> None:
    _, points = symbols(40 * BLOCK, spread=0.005, seed=6)
    at = 35 * BLOCK + 70
    points[at : at + 2] += np.complex64(0.3 + 0.3j)
    told = np.abs(ratios(Reliability(), points))
    # 0.3 across weighs as noise of spread 0.3 / sqrt(9) or more does: at most 2 x 0.03 x 0.33 / 0.02.
    assert np.max(told[at : at + 2]) < 1.2
    assert np.median(told[at + 10 : at + 60]) > 40


def test_noise_that_is_over_is_forgotten() -> None:
    _, points = symbols(60 * BLOCK, spread=0.005, seed=7)
    clean = ratios(Reliability(), points)[-10 * BLOCK :]
    reliability = Reliability()
    loud = (0.5 * noise(5 * BLOCK, seed=8)).astype(np.complex64)
    ratios(reliability, points[: 50 * BLOCK])
    ratios(reliability, loud)
    after = ratios(reliability, points[50 * BLOCK :])
    assert np.median(np.abs(after[: 2 * BLOCK])) > 0.5 * np.median(np.abs(clean))


@pytest.mark.parametrize("before", ["silence", "noise"])
def test_what_was_first_does_not_hide_the_station(before: str) -> None:
    reliability = Reliability()
    first = np.zeros(20 * BLOCK, np.complex64) if before == "silence" else (noise(20 * BLOCK, seed=9) * np.float32(0.5))
    told = ratios(reliability, first)
    assert np.all(np.isfinite(told))
    signs, points = symbols(10 * BLOCK, spread=0.005, seed=10)
    heard = ratios(reliability, points)[5 * BLOCK :]
    assert np.all(heard * signs[5 * BLOCK :] > 0)
    assert np.median(np.abs(heard)) > 20


@settings(max_examples=40, deadline=None)
@given(
    parts=st.lists(
        hnp.arrays(np.float32, st.tuples(st.integers(0, 40), st.just(2)), elements=st.floats(-10, 10, width=32)),
        max_size=4,
    )
)
def test_any_symbols_have_finite_ratios(parts: list[np.ndarray]) -> None:
    reliability = Reliability()
    for part in parts:
        points = np.ascontiguousarray(part).view(np.complex64).reshape(-1)
        told = reliability.feed(points)
        assert told.shape == points.shape
        assert told.dtype == np.float32
        assert np.all(np.isfinite(told))
        assert np.all(told * points.real >= 0)


@given(hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(0, 1e3, width=32)))
def test_means_and_medians_are_the_plain_ones(values: npt.NDArray[np.float32]) -> None:
    assert _median(values) == pytest.approx(float(np.median(values)), rel=1e-6)
    plain = [np.mean(values[max(0, at - 4) : at + 5]) for at in range(len(values))]
    np.testing.assert_allclose(_local_mean(values), plain, rtol=1e-4, atol=0.01)
