"""FM at every IQ rate: true deviation, constant envelope, every bit, no drift, any cutting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.bitstream import transmission_bits
from encoder.fm import FmModulator, integrating_taps, interpolation_for
from encoder.options import IQ_RATES_HZ
from tests.encoder.signals import (
    Iq,
    Loop,
    amplitude,
    deviation_of,
    envelope_peak,
    make_iq,
    make_mpx,
    nasty_programme,
    random_groups,
    textbook_bits,
)

GROUPS = random_groups(3)
BITS = np.concatenate(list(transmission_bits(GROUPS)))
every_rate = pytest.mark.parametrize("rate_hz", IQ_RATES_HZ)


def iq_at(rate_hz: int, programme: Loop | None = None) -> Iq:
    factor = interpolation_for(rate_hz)
    return make_iq(make_mpx(GROUPS, rate_hz // factor, programme=programme), rate_hz // factor, interpolation=factor)


@pytest.mark.parametrize(
    ("rate_hz", "factor"), [(228_000, 1), (300_000, 1), (1_024_000, 4), (1_200_000, 4), (2_048_000, 8), (2_400_000, 8)]
)
def test_least_factor_to_a_multiplex_rate(rate_hz: int, factor: int) -> None:
    assert interpolation_for(rate_hz) == factor


def test_a_rate_without_a_factor_is_refused() -> None:
    with pytest.raises(ValueError, match="no part of at most 300000"):
        interpolation_for(2_400_001)


@every_rate
def test_every_bit_is_there_under_a_loud_programme(rate_hz: int) -> None:
    deviation = deviation_of(iq_at(rate_hz, nasty_programme()), rate_hz)
    factor = interpolation_for(rate_hz)
    mpx = deviation[(factor - 1) // 2 :: factor]
    assert list(textbook_bits(mpx, rate_hz // factor, len(BITS))) == BITS.tolist()


@every_rate
def test_pilot_and_rds_deviate_as_asked(rate_hz: int) -> None:
    iq = iq_at(rate_hz)
    assert iq.dtype == np.complex64
    assert np.abs(iq) == pytest.approx(0.5, abs=1e-6)
    deviation = deviation_of(iq, rate_hz)
    assert abs(amplitude(deviation, rate_hz, 19_000)) == pytest.approx(0.09, rel=1e-3)
    assert 75_000 * envelope_peak(deviation, rate_hz, 54_600, 59_400) == pytest.approx(2000, rel=0.005)


def test_a_constant_is_a_frequency() -> None:
    iq = make_iq(np.full(25_000, 0.4, dtype=np.float32), 250_000, carrier_hz=-10_000)
    steps = np.angle(iq[100:-100] * iq[99:-101].conj()) * 250_000 / (2 * np.pi)
    assert steps == pytest.approx(0.4 * 75_000 - 10_000, abs=0.5)


def test_it_does_not_drift() -> None:
    modulator = FmModulator(250_000)
    second = np.sin(2 * np.pi * 1000 * np.arange(250_000) / 250_000).astype(np.float32)
    ends = np.array([modulator.feed(second)[-1][-1] for _ in range(20)])
    assert np.abs(np.angle(ends[1:] / ends[1])).max() < 1e-3


@pytest.mark.parametrize(("mpx_rate_hz", "factor"), [(228_000, 1), (256_000, 4), (300_000, 8)])
def test_taps_are_means_of_what_lies_between(mpx_rate_hz: int, factor: int) -> None:
    # The mean of a cosine over an interval, worked out as an integral.
    taps = integrating_taps(mpx_rate_hz, factor)
    shifts = np.arange(len(taps)) - len(taps) // 2
    for frequency_hz in (0, 1000, 19_000, 38_000, 57_000):
        turn = 2 * np.pi * frequency_hz / mpx_rate_hz
        for phase in range(factor):
            edges = (np.array([phase, phase + 1]) - factor / 2) / factor
            mean = factor * np.diff(np.sin(turn * edges))[0] / turn if turn else 1.0
            assert np.cos(turn * shifts) @ taps[:, phase] == pytest.approx(mean, abs=3e-4)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 30_000), max_size=6), st.sampled_from([1, 4]))
def test_any_cutting_gives_the_same_iq(cuts: list[int], factor: int) -> None:
    mpx = np.random.default_rng(3).uniform(-1, 1, 30_000).astype(np.float32)
    modulator = FmModulator(250_000, interpolation=factor, carrier_hz=1234.5)
    pieces = [iq for piece in np.split(mpx, sorted(cuts)) for iq in modulator.feed(piece)]
    iq = np.concatenate(pieces + modulator.flush())
    assert len(iq) == factor * len(mpx)
    assert np.array_equal(iq, make_iq(mpx, 250_000, interpolation=factor, carrier_hz=1234.5))
