"""Transforms: by hand, against the sum that defines them, and with and without scipy's own extension."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.fft

from receiver.dsp import fourier

COUNTS = [1, 2, 7, 48, 768, 1152]


@pytest.fixture(params=["extension", "scipy.fft"], autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to the transforms."""
    if request.param == "scipy.fft":
        monkeypatch.setattr(fourier, "_extension", lambda: None)
    else:
        assert fourier._extension() is not None, "the extension of the scipy that is locked is known"


def test_a_turn_is_one_bin() -> None:
    turn = np.array([1, 1j, -1, -1j], np.complex64)
    np.testing.assert_allclose(fourier.fft(turn), [0, 4, 0, 0], atol=1e-6)
    np.testing.assert_allclose(fourier.ifft(np.array([0, 4, 0, 0], np.complex64)), turn, atol=1e-6)
    np.testing.assert_allclose(fourier.fft_padded(turn[:2], 4), [1 + 1j, 2, 1 - 1j, 0], atol=1e-6)


@pytest.mark.parametrize("count", COUNTS)
def test_sums_of_the_definition(count: int) -> None:
    random = np.random.default_rng(count)
    rows = (random.standard_normal((3, count)) + 1j * random.standard_normal((3, count))).astype(np.complex64)
    sums = np.exp(-2j * np.pi * np.outer(np.arange(count), np.arange(count)) / count)
    bins = fourier.fft(rows)
    assert bins.dtype == np.complex64
    np.testing.assert_allclose(bins, rows @ sums, atol=1e-4 * count)
    np.testing.assert_allclose(fourier.ifft(bins, overwrite=True), rows, atol=1e-5)
    real = fourier.rfft(rows.real)
    assert real.dtype == np.complex64
    np.testing.assert_allclose(real, (rows.real @ sums)[:, : count // 2 + 1], atol=1e-4 * count)
    np.testing.assert_allclose(fourier.irfft(real, count), rows.real, atol=1e-5)


@pytest.mark.parametrize("count", COUNTS)
def test_the_very_numbers_of_scipy(count: int) -> None:
    samples = np.random.default_rng(1).standard_normal((4, 2 * count)).astype(np.float32).view(np.complex64)
    np.testing.assert_array_equal(fourier.fft(samples), scipy.fft.fft(samples))
    np.testing.assert_array_equal(fourier.ifft(samples), scipy.fft.ifft(samples))
    np.testing.assert_array_equal(fourier.rfft(samples.real), scipy.fft.rfft(samples.real))
    np.testing.assert_array_equal(fourier.irfft(samples, 2 * count - 1), scipy.fft.irfft(samples, 2 * count - 1))


def test_another_extension_is_not_taken() -> None:
    class Other:
        """Counts turns the other way."""

        c2c = staticmethod(lambda a, *_: np.conj(np.fft.fft(a)).astype(np.complex64))
        r2c = staticmethod(lambda a, *_: np.fft.rfft(a).astype(np.complex64))
        c2r = staticmethod(lambda a, *_: np.fft.irfft(a).astype(np.float32))

    assert not fourier._is_known(Other)


def test_the_receiver_does_without_the_imports_about_it() -> None:
    code = "import sys, receiver.cli, receiver.dsp.fourier as one; one._extension(); print('scipy.fft' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
