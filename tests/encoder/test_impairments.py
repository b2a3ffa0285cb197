"""Known faults: the clock is off by what was asked, the noise as strong as asked, and both the same however cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.bitstream import transmission_bits
from encoder.impairments import ClockError, Noise
from tests.encoder.signals import Samples, make_mpx, random_groups, textbook_bits


def with_clock_error(mpx: Samples, error_ppm: float, cuts: list[int] | None = None) -> Samples:
    clock = ClockError(error_ppm)
    pieces = [piece for part in np.split(mpx, sorted(cuts or [])) for piece in clock.feed(part)]
    return np.concatenate(pieces + clock.flush())


@pytest.mark.parametrize("error_ppm", [-1000, -50, 0.5, 100, 1000])
@pytest.mark.parametrize("frequency_hz", [1000, 19_000, 57_000])
def test_a_tone_comes_out_at_the_wrong_frequency(error_ppm: float, frequency_hz: float) -> None:
    time = np.arange(60_000)
    turn = 2 * np.pi * frequency_hz / 171_000
    output = with_clock_error(np.sin(turn * time).astype(np.float32), error_ppm)
    expected = np.sin(turn * np.arange(len(output)) * (1 + error_ppm * 1e-6))
    assert len(output) == int(np.ceil(60_000 / (1 + error_ppm * 1e-6)))
    assert np.abs(output - expected)[50:-50].max() < 1e-3


def test_no_error_changes_nothing() -> None:
    mpx = np.random.default_rng(1).uniform(-1, 1, 10_000).astype(np.float32)
    np.testing.assert_allclose(with_clock_error(mpx, 0), mpx, atol=1e-6)


def test_bits_are_found_with_the_wrong_clock_and_not_with_the_right_one() -> None:
    groups = random_groups(30)
    bits = np.concatenate(list(transmission_bits(groups))).tolist()
    mpx = with_clock_error(make_mpx(groups, 171_000), 300)
    assert list(textbook_bits(mpx, 171_000 / (1 + 300e-6), len(bits))) == bits
    assert list(textbook_bits(mpx, 171_000, len(bits))) != bits


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12_000), max_size=6), st.sampled_from([-1000.0, 37.5, 1000.0]))
def test_any_cutting_gives_the_same_clock_error(cuts: list[int], error_ppm: float) -> None:
    mpx = np.random.default_rng(2).uniform(-1, 1, 12_000).astype(np.float32)
    assert np.array_equal(with_clock_error(mpx, error_ppm, cuts), with_clock_error(mpx, error_ppm))


@pytest.mark.parametrize("rate_hz", [228_000, 2_400_000])
@pytest.mark.parametrize("cn_db", [0.0, 12.0])
def test_noise_is_as_strong_as_asked_in_200_khz(rate_hz: int, cn_db: float) -> None:
    noise = Noise(cn_db, amplitude=0.5, rate_hz=rate_hz, seed=4).feed(np.zeros(400_000, dtype=np.complex64))[0]
    spectrum = np.abs(np.fft.fft(noise)) ** 2 / len(noise) ** 2
    inside = np.abs(np.fft.fftfreq(len(noise), 1 / rate_hz)) <= 100_000
    assert 10 * np.log10(0.25 / spectrum[inside].sum()) == pytest.approx(cn_db, abs=0.1)
    assert abs(np.mean(noise**2)) < 0.01 * np.mean(np.abs(noise) ** 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=6))
def test_any_cutting_gives_the_same_noise(cuts: list[int]) -> None:
    iq = np.zeros(5000, dtype=np.complex64)
    noise, again = (Noise(10, amplitude=0.5, rate_hz=250_000, seed=9) for _ in range(2))
    pieces = [piece for part in np.split(iq, sorted(cuts)) for piece in noise.feed(part)]
    assert np.array_equal(np.concatenate(pieces + noise.flush()), again.feed(iq)[0])


def test_another_seed_is_other_noise() -> None:
    iq = np.zeros(100, dtype=np.complex64)
    one, two = (Noise(10, amplitude=0.5, rate_hz=250_000, seed=seed).feed(iq)[0] for seed in (1, 2))
    assert not np.array_equal(one, two)
