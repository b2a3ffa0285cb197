"""The biphase pulse of a bit, in time and in frequency (EN 50067, 1.6 and 1.7).

A 1 is the impulse pair delta(t) - delta(t - td/2), a 0 its negative, through the shaping filter
H(f) = cos(pi f td / 4) for |f| <= 2 / td. The receiver uses the same filter again.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import BIT_PERIOD_S

FloatArray = npt.NDArray[np.float64]

BAND_EDGE_HZ: Final = 2 / BIT_PERIOD_S
"""2375 Hz: the shaping filter passes nothing beyond."""


def shaping_response(frequency_hz: FloatArray) -> FloatArray:
    """H(f) of the data-shaping filter; float64, 1.0 at 0 Hz (EN 50067, 1.7, figure 3)."""
    inside = np.abs(frequency_hz) <= BAND_EDGE_HZ
    return np.where(inside, np.cos(np.pi * frequency_hz * BIT_PERIOD_S / 4), 0.0)


def biphase_response(frequency_hz: FloatArray) -> npt.NDArray[np.complex128]:
    """Spectrum of a shaped 1 centred on its bit: impulses at -td/4 and +td/4 through the shaping filter; complex128."""
    pair = 2j * np.sin(np.pi * frequency_hz * BIT_PERIOD_S / 2)
    return pair * shaping_response(frequency_hz)


def shaping_pulse(time_s: FloatArray) -> FloatArray:
    """Impulse response of the shaping filter, scaled to 1.0 at t = 0; float64.

    Worked by hand from H(f): cos(4 pi t / td) / (1 - 64 t^2 / td^2), and pi / 4 where both vanish.
    """
    x = np.asarray(8 * time_s / BIT_PERIOD_S, dtype=np.float64)
    singular = np.isclose(np.abs(x), 1.0, rtol=0, atol=1e-7)
    safe = np.where(singular, 0.0, x)
    return np.where(singular, np.pi / 4, np.cos(np.pi * safe / 2) / (1 - safe**2))


def biphase_pulse(time_s: FloatArray) -> FloatArray:
    """A shaped 1 centred on its bit: positive before t = 0, negative after; float64."""
    return shaping_pulse(time_s + BIT_PERIOD_S / 4) - shaping_pulse(time_s - BIT_PERIOD_S / 4)


def differential_encode(bits: npt.NDArray[np.uint8], *, previous: int = 0) -> npt.NDArray[np.uint8]:
    """y(i) = x(i) xor y(i-1), with y(-1) = `previous` (EN 50067, 1.5, table 1); uint8 of 0 and 1."""
    return (np.bitwise_xor.accumulate(bits, dtype=np.uint8) ^ np.uint8(previous)).astype(np.uint8)


def biphase_peak() -> float:
    """The largest value of the shaped signal over all data, where one pulse's shaping gives 1.0: about 1.1334.

    It is reached a quarter into a bit, with every other bit set to add up; data come within 0.1 % of it in a second.
    """
    bits = np.arange(-1000, 1001, dtype=np.float64)
    return float(np.abs(biphase_pulse((-0.25 - bits) * BIT_PERIOD_S)).sum())


def matched_gain() -> float:
    """What the matched filter `biphase_response` makes of one `biphase_pulse` at its centre: 1.0 in, this out."""
    frequency_hz = np.linspace(-BAND_EDGE_HZ, BAND_EDGE_HZ, 20_001)
    step_hz = frequency_hz[1] - frequency_hz[0]
    shaping_area = np.sum(shaping_response(frequency_hz)) * step_hz
    return float(np.sum(np.abs(biphase_response(frequency_hz)) ** 2) * step_hz / shaping_area)
