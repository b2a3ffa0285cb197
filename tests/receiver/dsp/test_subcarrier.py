"""MPX to the two bands: against mixing and matched filtering done directly, at even and odd rates, in any chunks."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.constants import BIT_PERIOD_S, FULL_DEVIATION_HZ
from rds.waveform import biphase_pulse
from receiver.dsp.subcarrier import MIN_RATE_HZ, Subcarrier, SubcarrierBlock
from tests.receiver.signals import Mpx, Signal, cut, mpx, random_bits, run

RATES_HZ = [120_000, 128_000, 171_000, 171_001, 176_400, 190_000, 192_000, 228_000, 240_007, 250_000, 384_000]
_SHAPING_AREA_HZ = 8 / (np.pi * BIT_PERIOD_S)
"""The integral of cos(pi f td / 4) from -2/td to 2/td, worked by hand: what `shaping_pulse` was divided by."""


def textbook(samples: Mpx, rate_hz: float, moment_s: float) -> complex:
    """What the matched filter gives at one moment: the sum over the mixed samples, weighted by the pulse there."""
    time_s = np.arange(len(samples)) / rate_hz
    mixed = 2 * samples.astype(np.float64) * np.exp(-2j * np.pi * 57_000 * time_s)
    weights = biphase_pulse(time_s - moment_s) * _SHAPING_AREA_HZ
    return complex(np.dot(mixed, weights) / rate_hz)


def run_bands(rate_hz: float, chunks: list[Mpx]) -> tuple[Subcarrier, list[SubcarrierBlock]]:
    bands = Subcarrier(rate_hz)
    return bands, run(bands.feed, bands.flush, iter(chunks))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_baseband_is_mixing_and_matched_filter(rate_hz: float) -> None:
    samples = mpx(random_bits(350, seed=2), Signal(rate_hz=rate_hz))
    bands, blocks = run_bands(rate_hz, [samples])
    scale = max(float(np.max(np.abs(block.baseband))) for block in blocks)
    assert 19_000 <= bands.baseband_rate_hz < 22_200
    for block in blocks[:-1]:
        for index in range(0, len(block.baseband), 433):
            moment_s = block.start_s + index / bands.baseband_rate_hz
            if not 0.01 < moment_s < len(samples) / rate_hz - 0.01:
                continue
            # The baseband's zero is the bin next to 57 kHz.
            turn = np.exp(2j * np.pi * bands.subcarrier_residual_hz * moment_s)
            assert abs(block.baseband[index] - textbook(samples, rate_hz, moment_s) * turn) < 5e-3 * scale


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_pilot_has_its_deviation_and_phase(rate_hz: float) -> None:
    signal = Signal(rate_hz=rate_hz, pilot_hz=6750, pilot_phase=1.0)
    bands, blocks = run_bands(rate_hz, [mpx(random_bits(500, seed=2), signal)])
    for block in blocks[1:-1]:
        time_s = block.start_s + np.arange(len(block.pilot)) / bands.pilot_rate_hz
        straight = block.pilot * np.exp(-2j * np.pi * bands.pilot_residual_hz * time_s)
        expected = 6750 / FULL_DEVIATION_HZ * np.exp(1j)
        np.testing.assert_allclose(straight, expected, atol=5e-3 * abs(expected))


def test_blocks_follow_one_another_without_a_gap() -> None:
    for rate_hz in (171_001, 228_000):
        bands, blocks = run_bands(rate_hz, [mpx(random_bits(700, seed=3), Signal(rate_hz=rate_hz))])
        for before, after in pairwise(blocks):
            assert before.start_s + len(before.baseband) / bands.baseband_rate_hz == pytest.approx(after.start_s)


def test_the_end_is_where_the_input_ends() -> None:
    samples = mpx(random_bits(300, seed=3))
    bands, blocks = run_bands(228_000, [samples])
    end_s = blocks[-1].start_s + len(blocks[-1].baseband) / bands.baseband_rate_hz
    assert end_s == pytest.approx(len(samples) / 228_000, abs=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 100, 20_519, 20_521])
def test_short_inputs_end_in_short_blocks(samples: int) -> None:
    _, blocks = run_bands(228_000, [np.zeros(samples, np.float32)])
    assert sum(len(block.baseband) for block in blocks) == pytest.approx(samples / 12, abs=1)


@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.integers(1, 30_000), min_size=1, max_size=5))
def test_any_cutting_gives_the_same(sizes: list[int]) -> None:
    samples = mpx(random_bits(200, seed=4))
    _, expected = run_bands(228_000, [samples])
    _, blocks = run_bands(228_000, list(cut(samples, sizes)))
    assert [block.start_s for block in blocks] == [block.start_s for block in expected]
    for one, other in zip(blocks, expected, strict=True):
        np.testing.assert_array_equal(one.baseband, other.baseband)
        np.testing.assert_array_equal(one.pilot, other.pilot)


def test_the_lowest_rate_works() -> None:
    bands, blocks = run_bands(MIN_RATE_HZ, [mpx(random_bits(300, seed=1), Signal(rate_hz=MIN_RATE_HZ))])
    bits: npt.NDArray[np.complex64] = np.concatenate([block.baseband for block in blocks])
    assert bands.baseband_rate_hz > 18_000
    assert np.max(np.abs(bits)) > 0.01
