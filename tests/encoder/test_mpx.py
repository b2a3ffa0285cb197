"""The multiplex at every rate: levels, spectrum, bits, stereo, the 75 kHz that nothing exceeds."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.bitstream import transmission_bits
from encoder.levels import MpxLevels
from encoder.mpx import MpxSynthesiser, transmission_samples
from encoder.options import MPX_RATES_HZ
from rds.waveform import biphase_peak
from tests.encoder.signals import (
    Loop,
    amplitude,
    band,
    envelope_peak,
    make_mpx,
    nasty_programme,
    power_db,
    random_groups,
    textbook_bits,
    tone,
    true_peak,
    windowed_power_db,
)

GROUPS = random_groups(16)
BITS = np.concatenate(list(transmission_bits(GROUPS)))
every_rate = pytest.mark.parametrize("rate_hz", MPX_RATES_HZ)


@every_rate
@pytest.mark.parametrize("phase_deg", [0, 90])
def test_a_textbook_demodulator_finds_every_bit(rate_hz: int, phase_deg: int) -> None:
    mpx = make_mpx(GROUPS, rate_hz, levels=MpxLevels(rds_phase_deg=phase_deg), programme=nasty_programme())
    assert list(textbook_bits(mpx, rate_hz, len(BITS), phase_deg=phase_deg)) == BITS.tolist()


@every_rate
def test_length_is_that_of_the_bits(rate_hz: int) -> None:
    mpx = make_mpx(GROUPS, rate_hz)
    assert mpx.dtype == np.float32
    assert len(mpx) == transmission_samples(len(BITS), rate_hz) == int(np.ceil(len(BITS) * rate_hz / 1187.5))


@every_rate
def test_pilot_is_nine_percent_and_a_sine(rate_hz: int) -> None:
    assert amplitude(make_mpx(GROUPS, rate_hz), rate_hz, 19_000) == pytest.approx(0.09, abs=2e-5)


@every_rate
@pytest.mark.parametrize("deviation_hz", [1000.0, 2000.0, 7500.0])
def test_rds_deviates_as_asked(rate_hz: int, deviation_hz: float) -> None:
    mpx = make_mpx(GROUPS, rate_hz, levels=MpxLevels(rds_deviation_hz=deviation_hz))
    assert 75_000 * envelope_peak(mpx, rate_hz, 54_000, 60_000) == pytest.approx(deviation_hz, rel=0.005)


def test_peak_of_a_pattern_worked_by_hand() -> None:
    # At a quarter of its bit a pulse is 1 + 1/15; the parts of the others nearby are 1/15 in sum, all signs equal.
    assert biphase_peak() == pytest.approx(17 / 15, abs=1e-6)


@every_rate
def test_lobes_lie_within_2400_hz_of_57_khz_and_the_carrier_is_suppressed(rate_hz: int) -> None:
    mpx = make_mpx(random_groups(60), rate_hz, levels=MpxLevels(pilot=False))
    lobes = windowed_power_db(mpx, rate_hz, 54_600, 59_400)
    assert windowed_power_db(mpx, rate_hz, 0, 54_600) < lobes - 90
    assert windowed_power_db(mpx, rate_hz, 59_400, rate_hz / 2) < lobes - 90
    assert windowed_power_db(mpx, rate_hz, 56_975, 57_025) < lobes - 40
    # As much above as below; near the carrier what sin^2(2x) cos^2(x) has there, integrated by hand: -7.69 dB.
    assert windowed_power_db(mpx, rate_hz, 54_600, 57_000) == pytest.approx(lobes - 3, abs=0.1)
    assert windowed_power_db(mpx, rate_hz, 56_400, 57_600) == pytest.approx(lobes - 7.69, abs=0.2)


def test_rds_is_locked_to_the_third_harmonic_of_the_pilot() -> None:
    # In phase: nothing in quadrature to sin(3wt) when the pilot is sin(wt); in quadrature: nothing in phase.
    for phase_deg, absent in ((0, np.cos), (90, np.sin)):
        mpx = make_mpx(GROUPS, 228_000, levels=MpxLevels(rds_phase_deg=phase_deg, pilot=False))
        mixed = mpx * absent(2 * np.pi * np.arange(len(mpx)) / 4)
        assert power_db(band(mixed, 228_000, 0, 4000)) < -120


@every_rate
@pytest.mark.parametrize("deviation_hz", [2000.0, 7500.0])
def test_nothing_goes_over_75_khz(rate_hz: int, deviation_hz: float) -> None:
    levels = MpxLevels(rds_deviation_hz=deviation_hz)
    mpx = make_mpx(GROUPS, rate_hz, levels=levels, programme=nasty_programme(44_100))
    assert 0.8 < true_peak(mpx[: len(mpx) // 1000 * 1000]) <= 1.0


@pytest.mark.parametrize("pilot", [True, False])
def test_limiting_spares_rds_and_pilot(pilot: bool) -> None:
    levels = MpxLevels(rds_deviation_hz=0, pilot=pilot)
    mpx = make_mpx(GROUPS, 228_000, levels=levels, programme=nasty_programme())
    for start in range(0, len(mpx) - 57_000, 28_500):
        assert windowed_power_db(mpx[start : start + 57_000], 228_000, 54_600, 59_400) < -100
    if pilot:
        assert abs(amplitude(mpx, 228_000, 19_000)) == pytest.approx(0.09, rel=0.01)


def stereo(mpx: npt.NDArray[np.floating], frequency_hz: float) -> tuple[float, float]:
    """Left and right amplitude of a tone in a multiplex at 228 kHz, the textbook's way, from its middle."""
    middle = np.asarray(mpx[22_800 : 22_800 + 228_000], dtype=np.float64)
    difference = 2 * middle * np.sin(2 * np.pi * 38_000 * np.arange(len(middle)) / 228_000)
    audio_sum, audio_difference = (amplitude(part, 228_000, frequency_hz) for part in (middle, difference))
    return abs(audio_sum + audio_difference), abs(audio_sum - audio_difference)


def test_left_and_right_are_apart() -> None:
    left, right = stereo(make_mpx(GROUPS, 228_000, programme=tone(1000, left=0.2, right=0)), 1000)
    assert left > 0.1
    assert right < left * 1e-4
    left, right = stereo(make_mpx(GROUPS, 228_000, programme=tone(10_000, left=0, right=0.1)), 10_000)
    assert right > 0.05
    assert left < right * 1e-4


@pytest.mark.parametrize("preemphasis_us", [50, 75])
@pytest.mark.parametrize("rate_hz", [32_000, 44_100, 48_000])
def test_preemphasis_is_the_networks_curve(preemphasis_us: int, rate_hz: int) -> None:
    levels = MpxLevels(preemphasis_s=preemphasis_us / 1e6)
    for frequency_hz in (100, 1000, 5000, 10_000, 14_900):
        programme = tone(frequency_hz, left=0.05, right=0.05, rate_hz=rate_hz)
        left, right = stereo(make_mpx(GROUPS, 228_000, levels=levels, programme=programme), frequency_hz)
        curve = np.hypot(1, 2 * np.pi * frequency_hz * preemphasis_us / 1e6)
        assert left == pytest.approx(right, rel=1e-3)
        assert left == pytest.approx(0.05 * levels.programme_ceiling * curve, rel=1e-3)


def test_full_scale_at_low_frequencies_is_what_pilot_and_rds_leave() -> None:
    mpx = make_mpx(GROUPS, 228_000, programme=tone(100, left=0.9, right=0.9))
    assert abs(amplitude(mpx[22_800:], 228_000, 100)) == pytest.approx(0.9 * (1 - 0.09 - 2 / 75), rel=1e-3)


def test_above_15_khz_nothing_passes() -> None:
    mpx = make_mpx(GROUPS, 228_000, programme=tone(16_600, left=1, right=0), levels=MpxLevels(rds_deviation_hz=0))
    for low_hz, high_hz in ((0, 18_900), (19_100, 60_000)):
        assert windowed_power_db(mpx, 228_000, low_hz, high_hz) < -100


def test_without_a_pilot_the_programme_is_mono() -> None:
    mpx = make_mpx(GROUPS, 228_000, levels=MpxLevels(pilot=False), programme=tone(1000, left=0.2, right=-0.2))
    assert windowed_power_db(mpx, 228_000, 0, 54_000) < -100


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 22_050, 24_000, 88_200, 96_000, 192_000])
def test_every_common_audio_rate(rate_hz: int) -> None:
    programme = tone(1000, left=0.2, right=0.1, rate_hz=rate_hz)
    left, right = stereo(make_mpx(GROUPS, 228_000, programme=programme), 1000)
    curve = MpxLevels().programme_ceiling * np.hypot(1, 2 * np.pi * 1000 * 50e-6)
    assert (left, right) == pytest.approx((0.2 * curve, 0.1 * curve), rel=1e-3)


@pytest.mark.parametrize("with_programme", [False, True])
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, len(BITS)), max_size=6))
def test_any_cutting_gives_the_same_multiplex(with_programme: bool, cuts: list[int]) -> None:
    def pieces(at: list[int]) -> npt.NDArray[np.float32]:
        programme = nasty_programme() if with_programme else None
        synthesiser = MpxSynthesiser(171_000, levels=MpxLevels(), programme=programme)
        edges = [0, *sorted(at), len(BITS)]
        output = [mpx for first, end in pairwise(edges) for mpx in synthesiser.feed(BITS[first:end])]
        return np.concatenate(output + synthesiser.flush())

    assert np.array_equal(pieces(cuts), pieces([]))


def test_no_bits_are_no_signal() -> None:
    synthesiser = MpxSynthesiser(228_000, levels=MpxLevels())
    assert synthesiser.feed(BITS[:0]) + synthesiser.flush() == []


def test_silence_is_pilot_and_rds() -> None:
    silence = Loop(np.zeros((100, 2)), 48_000)
    assert np.array_equal(make_mpx(GROUPS, 228_000, programme=silence), make_mpx(GROUPS, 228_000))


@pytest.mark.parametrize("rate_hz", [44_100, 119_000, 171_500])
def test_rates_it_cannot_do_are_refused(rate_hz: int) -> None:
    with pytest.raises(ValueError, match="multiples of 1000 from 120000"):
        MpxSynthesiser(rate_hz, levels=MpxLevels())


@pytest.mark.parametrize("rate_hz", [7975, 44_101])
def test_programme_rates_it_cannot_do_are_refused(rate_hz: int) -> None:
    with pytest.raises(ValueError, match="multiples of 25 from 8000"):
        MpxSynthesiser(228_000, levels=MpxLevels(), programme=Loop(np.zeros((9, 2)), rate_hz))
