"""Symbols and groups to error vectors: worked by hand, those of Gaussian noise, and the symbols of the right group."""

import numpy as np
import pytest

from rds.constants import BIT_PERIOD_S, GROUP_BITS, GROUP_PERIOD_S
from receiver.dsp.demodulator import SoftSymbols
from receiver.error_vector import ErrorVector, error_vector
from receiver.received_group import ReceivedGroup
from tests.receiver.signals import Iq, noise


def symbols(count: int, *, seed: int, size: float = 1.0) -> Iq:
    """Points of a clean signal."""
    return (size * np.random.default_rng(seed).choice([-1, 1], count)).astype(np.complex64)


def test_worked_by_hand() -> None:
    assert error_vector(np.array([2, -2, 2], np.complex64)) == 0
    # Each is half a unit beside a point of size 1.
    assert error_vector(np.array([1.5, 0.5, -1 + 0.5j, -1 - 0.5j], np.complex64)) == pytest.approx(0.5)
    assert error_vector(np.zeros(5, np.complex64)) is None
    assert error_vector(np.empty(0, np.complex64)) is None


@pytest.mark.parametrize("size", [1e-4, 1.0])
def test_it_is_the_noise_beside_the_amplitude(size: float) -> None:
    points = symbols(20_000, seed=1, size=size) + 0.2 * size * noise(20_000, seed=1)
    assert error_vector(points.astype(np.complex64)) == pytest.approx(0.2, rel=0.03)


def test_noise_alone_has_the_most() -> None:
    # Mean size sqrt(2 / pi) of the spread by hand, so the square is pi - 1.
    assert error_vector(noise(20_000, seed=2)) == pytest.approx(np.sqrt(np.pi - 1), rel=0.03)


@pytest.mark.parametrize("piece", [7, 60, 142])
def test_every_group_gets_its_own_symbols(piece: int) -> None:
    lead, count = 31, 40
    points = symbols(lead + count * GROUP_BITS, seed=3)
    starts_s = np.arange(len(points), dtype=np.float64) * (BIT_PERIOD_S * 1.0003)
    errors = [0.01 * (number + 1) for number in range(count)]
    for number, error in enumerate(errors):
        points[lead + number * GROUP_BITS :][:GROUP_BITS] += np.complex64(1j * error)
    vector = ErrorVector()
    heard = []
    told = 0
    for start in range(0, len(points), piece):
        end = start + piece
        vector.heard(SoftSymbols(np.empty(0, np.float32), starts_s[start:end], points[start:end]))
        # Told as late as block synchronisation may: 22 groups.
        while told < count and lead + (told + 23) * GROUP_BITS <= min(end, len(points)):
            end_s = float(starts_s[lead + (told + 1) * GROUP_BITS - 1]) + BIT_PERIOD_S
            heard += vector.measure([ReceivedGroup((1, 2, 3, 4), 0, end_s)])
            told += 1
    assert len(heard) == count - 22
    measured = np.array([group.evm for group in heard], float)
    np.testing.assert_allclose(measured, np.array(errors[: len(heard)]), rtol=1e-4)


def test_a_group_that_was_heard_in_part_has_what_was_heard() -> None:
    vector = ErrorVector()
    vector.heard(
        SoftSymbols(np.empty(0, np.float32), BIT_PERIOD_S * np.arange(60, dtype=np.float64), symbols(60, seed=4))
    )
    [group] = vector.measure([ReceivedGroup((None, None, None, 4), 0, 60 * BIT_PERIOD_S)])
    assert group.evm == 0
    [before] = vector.measure([ReceivedGroup((None, None, None, 4), 0, -GROUP_PERIOD_S)])
    assert before.evm is None
