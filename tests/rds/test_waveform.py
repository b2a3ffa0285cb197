"""The shaping filter and the biphase pulse against numerical integrals of H(f), and what the standard relies on."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rds.constants import BIT_PERIOD_S
from rds.waveform import (
    BAND_EDGE_HZ,
    biphase_pulse,
    biphase_response,
    differential_encode,
    shaping_pulse,
    shaping_response,
)

TD = BIT_PERIOD_S
FloatArray = npt.NDArray[np.float64]

# Midpoints over the whole band: the rule is exact to 1e-8 here, for H falls to zero at the edges.
STEPS = 20_000
FREQUENCY_HZ: FloatArray = (np.arange(STEPS) + 0.5) / STEPS * 2 * BAND_EDGE_HZ - BAND_EDGE_HZ
STEP_HZ = 2 * BAND_EDGE_HZ / STEPS


def inverse_transform(spectrum: npt.NDArray[Any], time_s: npt.NDArray[Any]) -> FloatArray:  # Any: of any width
    """The integral of a spectrum times exp(2 pi j f t) over the band: slow and obvious."""
    waves = np.exp(2j * np.pi * np.outer(time_s, FREQUENCY_HZ))
    return np.asarray((waves @ spectrum).real * STEP_HZ, dtype=np.float64)


def test_the_filter_at_the_figures_of_the_standard() -> None:
    # EN 50067, 1.7: cos(pi f td / 4), so 1 at 0 Hz, cos 45 degrees at 1187.5 Hz, 0 at 2/td = 2375 Hz and beyond.
    assert BAND_EDGE_HZ == 2375.0
    frequencies = np.array([0.0, 1187.5, -1187.5, 2375.0, 2375.001, -3000.0, 57_000.0])
    assert shaping_response(frequencies) == pytest.approx([1, np.sqrt(0.5), np.sqrt(0.5), 0, 0, 0, 0], abs=1e-12)


def test_the_shaping_pulse_is_the_integral_of_the_filter() -> None:
    time_s = np.linspace(-4 * TD, 4 * TD, 641)  # td / 80 apart: 0, td / 8 and td / 4 are among them
    integral = inverse_transform(shaping_response(FREQUENCY_HZ), time_s)
    scale = np.pi * TD / 8  # by hand: the integral at t = 0 is 8 / (pi td)
    assert shaping_pulse(time_s) == pytest.approx(integral * scale, abs=1e-7)


def test_the_shaping_pulse_where_its_formula_divides_nothing_by_nothing() -> None:
    near = TD / 8 * (1 + np.array([0, 1e-15, 1e-12, 1e-9, 1e-8, 9.9e-8, 1.01e-7, 1e-6, -1e-12, -1e-7, -1e-6]))
    assert shaping_pulse(near) == pytest.approx(np.pi / 4, abs=1e-6)
    assert shaping_pulse(-near) == pytest.approx(np.pi / 4, abs=1e-6)


def test_the_shaping_pulse_worked_by_hand() -> None:
    # cos(4 pi t / td) / (1 - 64 t^2 / td^2): td / 4 gives -1 / -3, td / 2 gives 1 / -15, td gives 1 / -63.
    assert shaping_pulse(np.array([0, TD / 4, TD / 2, TD])) == pytest.approx([1, 1 / 3, -1 / 15, -1 / 63])


def test_a_one_is_positive_first() -> None:
    # Halves of a bit later: 1 - h(td / 2) = 16 / 15; the middle is the zero crossing; the rest is odd.
    assert biphase_pulse(np.array([-TD / 4, 0, TD / 4])) == pytest.approx([16 / 15, 0, -16 / 15])
    time_s = np.linspace(0, 5 * TD, 1001)
    assert biphase_pulse(-time_s) == pytest.approx(-biphase_pulse(time_s), abs=1e-12)


def test_the_biphase_pulse_is_the_integral_of_its_spectrum() -> None:
    time_s = np.linspace(-3 * TD, 3 * TD, 241)
    integral = inverse_transform(biphase_response(FREQUENCY_HZ), time_s)
    assert biphase_pulse(time_s) == pytest.approx(integral * np.pi * TD / 8, abs=1e-7)


def test_the_subcarrier_itself_is_empty() -> None:
    # EN 50067, 1.6: biphase coding leaves no power at 57 kHz, and the shaping none at 2.4 kHz from it.
    assert np.abs(biphase_response(np.array([0.0, 2400.0, -2400.0]))).max() == pytest.approx(0)


def test_shaping_twice_is_a_full_cosine_roll_off_without_interference() -> None:
    # EN 50067, 1.7: with the same filter in the receiver, impulses half a bit apart do not disturb each other.
    time_s = np.arange(-8, 9) * TD / 2
    response = inverse_transform(shaping_response(FREQUENCY_HZ) ** 2, time_s)
    expected = np.where(time_s == 0, BAND_EDGE_HZ, 0.0)  # by hand: the integral of cos^2 is half the band's width
    assert response == pytest.approx(expected, abs=1e-5)


def test_matched_bits_do_not_disturb_each_other() -> None:
    matched = np.abs(biphase_response(FREQUENCY_HZ)) ** 2
    own, *others = inverse_transform(matched, np.arange(6) * TD)
    assert own == pytest.approx(2 * BAND_EDGE_HZ, abs=1e-5)
    assert others == pytest.approx([0] * 5, abs=1e-5)
    # Half a bit off, each of the two neighbours gives minus half: what a receiver mistimed by half a bit sees.
    assert inverse_transform(matched, np.array([TD / 2]))[0] == pytest.approx(-BAND_EDGE_HZ, abs=1e-5)


def test_differential_encoding_is_the_standards_table() -> None:
    # EN 50067, 1.5, table 1: previous output, input, output.
    for previous, new, output in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        assert differential_encode(np.array([new], dtype=np.uint8), previous=previous).tolist() == [output]


def test_differential_encoding_worked_by_hand() -> None:
    bits = np.array([1, 0, 0, 1, 1, 1, 0, 1], dtype=np.uint8)
    encoded = differential_encode(bits)
    assert encoded.dtype == np.uint8
    assert encoded.tolist() == [1, 1, 1, 0, 1, 0, 0, 1]
    assert differential_encode(bits, previous=1).tolist() == [0, 0, 0, 1, 0, 1, 1, 0]


bit_arrays = arrays(np.uint8, st.integers(0, 60), elements=st.integers(0, 1))


@given(bit_arrays, st.integers(0, 1))
def test_differences_give_the_bits_back(bits: npt.NDArray[np.uint8], previous: int) -> None:
    encoded = differential_encode(bits, previous=previous)
    assert np.array_equal(encoded ^ np.concatenate([[previous], encoded[:-1]])[: len(bits)], bits)


@given(bit_arrays, st.integers(0, 1), st.data())
def test_any_cutting_gives_the_same_bits(bits: npt.NDArray[np.uint8], previous: int, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(bits)))
    first = differential_encode(bits[:cut], previous=previous)
    state = int(first[-1]) if cut else previous
    second = differential_encode(bits[cut:], previous=state)
    assert np.array_equal(np.concatenate([first, second]), differential_encode(bits, previous=previous))
