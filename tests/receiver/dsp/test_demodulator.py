"""MPX to soft symbols: the bits that were sent, when they began, and what is read of the signal beside them."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.constants import FULL_DEVIATION_HZ
from receiver.dsp.demodulator import Demodulator, SoftSymbols
from receiver.dsp.subcarrier import Subcarrier
from tests.receiver.signals import Bits, FloatArray, Mpx, Signal, cut, mpx, random_bits, run

BITS = random_bits(3600, seed=11)
"""Three seconds."""


@dataclass(frozen=True, slots=True)
class Heard:
    """All symbols of an input, and what was read of the signal a quarter of a second before its end."""

    symbols: SoftSymbols
    coherence: float
    clock_ppm: float
    pilot_hz: float | None
    rds_hz: float

    def wrong_bits(self, bits: Bits, signal: Signal) -> list[int]:
        """Which of the bits sent were not heard where they should be, the first one aside: nothing was before it."""
        values = self.symbols.ratios
        data = (values[1:] < 0) != (values[:-1] < 0)
        index = np.round(self._places(signal)).astype(int)
        inside = (index >= 1) & (index < len(bits))
        np.testing.assert_array_equal(index[inside], np.arange(1, len(bits)))
        return [int(at) + 1 for at in np.flatnonzero(data[inside] != bits[1:])]

    def time_error_bits(self, signal: Signal) -> float:
        """The largest error of the moments at which bits begin, once the bit clock stands."""
        places = self._places(signal)
        return float(np.max(np.abs(places - np.round(places))[(places > 500) & (places < len(BITS) - 300)]))

    def _places(self, signal: Signal) -> FloatArray:
        """Where each symbol lies in bits of the signal."""
        places: FloatArray = (self.symbols.starts_s[1:] - signal.time_s(0)) / (signal.time_s(1) - signal.time_s(0))
        return places


def hear(samples: Mpx, rate_hz: float, sizes: list[int] | None = None) -> Heard:
    bands = Subcarrier(rate_hz)
    demodulator = Demodulator(bands)
    blocks = run(bands.feed, bands.flush, cut(samples, sizes or [len(samples)]))
    parts = [part for block in blocks[:-3] for part in demodulator.feed(block)]
    pilot_hz = demodulator.pilot_deviation * FULL_DEVIATION_HZ if demodulator.pilot_locked else None
    readings = (
        demodulator.coherence, 1e6 * demodulator.clock_error, pilot_hz, demodulator.peak_deviation * FULL_DEVIATION_HZ
    )  # fmt: skip
    parts += [part for block in blocks[-3:] for part in demodulator.feed(block)] + demodulator.flush()
    symbols = SoftSymbols(
        np.concatenate([part.ratios for part in parts]),
        np.concatenate([part.starts_s for part in parts]),
        np.concatenate([part.points for part in parts]),
    )
    return Heard(symbols, *readings)


CASES = [
    Signal(),
    Signal(rds_phase=np.pi / 2),
    Signal(rds_phase=2.2, rds_hz=1000),
    Signal(pilot_hz=0),
    Signal(pilot_hz=0, rds_hz=7500, rds_phase=1.0),
    Signal(clock_ppm=300),
    Signal(clock_ppm=-300),
    Signal(pilot_hz=0, clock_ppm=300),
    Signal(pilot_hz=0, clock_ppm=-300),
    Signal(rate_hz=128_000),
    Signal(rate_hz=171_000, clock_ppm=100),
    Signal(rate_hz=171_001, rds_phase=np.pi / 2),
    Signal(rate_hz=176_400, pilot_hz=0, clock_ppm=-50),
    Signal(rate_hz=240_007, clock_ppm=-120),
    Signal(rate_hz=250_000, pilot_hz=6000, rds_hz=4000),
]


@pytest.mark.parametrize("signal", CASES, ids=str)
def test_every_bit_is_heard_where_it_was_sent_and_the_readings_are_right(signal: Signal) -> None:
    heard = hear(mpx(BITS, signal), signal.rate_hz)
    assert heard.wrong_bits(BITS, signal) == []
    assert heard.time_error_bits(signal) < 0.03
    assert heard.clock_ppm == pytest.approx(signal.clock_ppm, abs=2)
    assert heard.coherence > 0.9
    # The symbols' size tells the peak over all data, which depends a little on the bits of the last second.
    assert heard.rds_hz == pytest.approx(signal.rds_hz, rel=0.05)
    if signal.pilot_hz:
        assert heard.pilot_hz == pytest.approx(signal.pilot_hz, rel=0.01)
    else:
        assert heard.pilot_hz is None


def test_points_of_a_clean_signal_are_two_and_the_ratios_sure() -> None:
    symbols = hear(mpx(BITS), 228_000).symbols
    inner = slice(700, 3200)
    sizes = np.abs(symbols.points.real[inner])
    assert np.std(sizes) < 0.05 * np.mean(sizes)
    assert np.max(np.abs(symbols.points.imag[inner])) < 0.05 * np.mean(sizes)
    assert np.min(np.abs(symbols.ratios[inner])) > 100
    np.testing.assert_array_equal(symbols.ratios[inner] < 0, symbols.points.real[inner] < 0)


def test_noise_lowers_the_coherence_and_no_pilot_is_seen_in_it() -> None:
    for seed in range(4):
        samples = np.random.default_rng(seed).standard_normal(6 * 128_000).astype(np.float32)
        heard = hear(samples, 128_000)
        assert heard.coherence < 0.5
        assert heard.pilot_hz is None


@pytest.mark.parametrize("pilot_hz", [0, 6750])
def test_noise_at_10_db_leaves_few_bits_wrong(pilot_hz: float) -> None:
    """Eb/N0 10 dB: coherent detection then differential decoding has 8e-6 of the bits wrong; 2 of 3600 are a lot."""
    signal = Signal(pilot_hz=pilot_hz, clock_ppm=40)
    samples = mpx(BITS, signal)
    # Energy a bit by numeric integration; pilot subtracted.
    rds = mpx(BITS, Signal(pilot_hz=0, clock_ppm=40))
    energy = float(np.sum(np.square(rds.astype(np.float64)))) / len(BITS)
    density = energy / 10**1.0
    samples += (np.sqrt(density / 2) * np.random.default_rng(5).standard_normal(len(samples))).astype(np.float32)
    assert len(hear(samples, signal.rate_hz).wrong_bits(BITS, signal)) <= 2


@pytest.mark.parametrize("clock_ppm", [-300, -60, 60, 300])
@pytest.mark.parametrize("before", ["noise", "another transmitter"])
def test_a_carrier_without_pilot_is_found_when_it_comes_or_moves(before: str, clock_ppm: float) -> None:
    """Begun in three seconds of noise, or of a clock that the receiver had taken for the station's."""
    noise = 0.003 * np.random.default_rng(1).standard_normal(8 * 228_000).astype(np.float32)
    # 3.03 s begin in the last twentieth of a stretch that the carrier is looked for in.
    first = mpx(random_bits(3600, seed=5), Signal(pilot_hz=0)) if before != "noise" else np.zeros(691_000, np.float32)
    signal = Signal(pilot_hz=0, clock_ppm=clock_ppm, lead_s=0)
    both = np.concatenate((first, mpx(random_bits(3600, seed=6), signal)))
    heard = hear(both + noise[: len(both)], signal.rate_hz)
    assert heard.coherence > 0.8
    assert heard.clock_ppm == pytest.approx(clock_ppm, abs=3)


def test_a_pilot_that_comes_or_goes_costs_a_second_at_most() -> None:
    alone, stereo = Signal(pilot_hz=0, rds_phase=1.0), Signal(rds_phase=1.0)
    half = len(mpx(BITS, alone)) // 2
    for first, second in ((alone, stereo), (stereo, alone)):
        samples = np.concatenate((mpx(BITS, first)[:half], mpx(BITS, second)[half:]))
        heard = hear(samples, 228_000)
        wrong = heard.wrong_bits(BITS, alone)
        assert len(wrong) < 40
        assert all(bit > 1700 for bit in wrong)


@settings(max_examples=6, deadline=None)
@given(sizes=st.lists(st.integers(1000, 60_000), min_size=1, max_size=4))
def test_any_cutting_gives_the_same(sizes: list[int]) -> None:
    samples = mpx(BITS[:900], Signal(rate_hz=128_000))
    expected, heard = hear(samples, 128_000), hear(samples, 128_000, sizes)
    np.testing.assert_array_equal(heard.symbols.ratios, expected.symbols.ratios)
    np.testing.assert_array_equal(heard.symbols.starts_s, expected.symbols.starts_s)


@pytest.mark.parametrize("samples", [0, 1, 2, 13, 1000, 20_519, 20_521, 100_000, 150_000])
@pytest.mark.parametrize("level", [0.0, 0.1])
def test_short_and_empty_inputs_end_quietly(samples: int, level: float) -> None:
    bands = Subcarrier(228_000)
    demodulator = Demodulator(bands)
    wave = (level * np.random.default_rng(1).standard_normal(samples)).astype(np.float32)
    parts = [part for block in run(bands.feed, bands.flush, iter([wave])) for part in demodulator.feed(block)]
    parts += demodulator.flush()
    for part in parts:
        assert len(part.ratios) == len(part.starts_s) == len(part.points.imag)
        assert np.all(np.isfinite(part.ratios))
    for one, other in pairwise(part for part in parts if len(part.starts_s)):
        assert one.starts_s[-1] < other.starts_s[0]
