"""Data bits to MPX and IQ by the formulas of EN 50067 alone: slow, obvious, and none of the encoder's code."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

from rds.constants import BIT_PERIOD_S, FULL_DEVIATION_HZ, PILOT_HZ, SUBCARRIER_HZ
from rds.group import Group, groups_to_bits, make_group
from rds.waveform import biphase_peak, biphase_pulse, differential_encode

Bits = npt.NDArray[np.uint8]
Mpx = npt.NDArray[np.float32]
Iq = npt.NDArray[np.complex64]
FloatArray = npt.NDArray[np.float64]

PI = 0x9331
_REACH_BITS = 6
_GRID = 32
"""Points a bit."""
_Scalar = TypeVar("_Scalar", np.uint8, np.float32, np.complex64)
_Chunk = TypeVar("_Chunk")
_Output = TypeVar("_Output")


@dataclass(frozen=True, slots=True)
class Signal:
    """A multiplex to be made. Time is the station's; the receiver's clock runs `clock_ppm` slower."""

    rate_hz: float = 228_000
    rds_hz: float = 2000
    """Peak deviation of the RDS signal."""
    rds_phase: float = 0.0
    """Of 57 kHz against three times the pilot, radians."""
    pilot_hz: float = 6750
    pilot_phase: float = 0.4
    clock_ppm: float = 0.0
    lead_s: float = 0.05
    """Silence of the RDS before the first bit and after the last."""

    def time_s(self, bit: float) -> float:
        """When a bit begins, seconds of the receiver's clock from the first sample."""
        return (self.lead_s + bit * BIT_PERIOD_S) / (1 + self.clock_ppm * 1e-6)


def baseband(bits: Bits, time_s: FloatArray) -> FloatArray:
    """The shaped biphase signal of data bits, the first of which begins at 0 s, at any moments; peak about 1.13.

    Each bit adds its pulse to a grid, fine enough for a spline to go through it.
    """
    symbols = 2.0 * differential_encode(bits) - 1
    reach = np.arange(-_REACH_BITS * _GRID, _REACH_BITS * _GRID + 1) / _GRID
    pulse = biphase_pulse(reach * BIT_PERIOD_S)
    grid = np.zeros((len(bits) + 2 * _REACH_BITS) * _GRID + 1)
    for number, symbol in enumerate(symbols):
        grid[number * _GRID : number * _GRID + len(pulse)] += symbol * pulse
    # Bit 0 has its centre at half a bit, in the middle of its pulse.
    moments_s = (np.arange(len(grid)) / _GRID - _REACH_BITS + 0.5) * BIT_PERIOD_S
    total: FloatArray = CubicSpline(moments_s, grid)(time_s)
    total[(time_s < moments_s[0]) | (time_s > moments_s[-1])] = 0
    return total


def mpx(bits: Bits, signal: Signal | None = None) -> Mpx:
    """The multiplex of data bits: pilot and RDS, nothing else."""
    signal = signal or Signal()
    samples = round((2 * signal.lead_s + len(bits) * BIT_PERIOD_S) * signal.rate_hz)
    time_s = np.arange(samples) / signal.rate_hz * (1 + signal.clock_ppm * 1e-6)
    pilot = 2 * np.pi * PILOT_HZ * time_s + signal.pilot_phase
    carrier = 2 * np.pi * SUBCARRIER_HZ * time_s + 3 * signal.pilot_phase + signal.rds_phase
    rds = baseband(bits, time_s - signal.lead_s) / biphase_peak() * np.cos(carrier)
    return ((signal.pilot_hz * np.cos(pilot) + signal.rds_hz * rds) / FULL_DEVIATION_HZ).astype(np.float32)


def fm(multiplex: Mpx, rate_hz: float, *, offset_hz: float = 0.0, amplitude: float = 0.5) -> Iq:
    """The FM carrier of a multiplex at its own rate, its tuned frequency at 0 Hz plus the offset."""
    deviation_hz = FULL_DEVIATION_HZ * multiplex.astype(np.float64) + offset_hz
    carrier: Iq = (amplitude * np.exp(2j * np.pi * np.cumsum(deviation_hz) / rate_hz)).astype(np.complex64)
    return carrier


def noise(samples: int, *, seed: int) -> Iq:
    """White complex noise of power 1."""
    parts = np.random.default_rng(seed).standard_normal((samples, 2))
    white: Iq = (parts / np.sqrt(2)).astype(np.float32).view(np.complex64).reshape(-1)
    return white


def in_noise(iq: Iq, cn0_db_hz: float, *, seed: int, rate_hz: float = 250_000) -> Iq:
    """IQ of `fm` in white noise, C/N0 counted from its amplitude of 0.5."""
    spread = np.float32(0.5 * np.sqrt(rate_hz / 10 ** (cn0_db_hz / 10)))
    noisy: Iq = iq + spread * noise(len(iq), seed=seed)
    return noisy


def random_bits(count: int, *, seed: int) -> Bits:
    """Bits without any meaning."""
    return np.random.default_rng(seed).integers(0, 2, count, dtype=np.uint8)


def programme(count: int, *, seed: int = 1) -> list[Group]:
    """Groups of one station: every other one a 0A, the rest in turn 11A with anything in it and 0B."""
    random = np.random.default_rng(seed)
    groups = []
    for number in range(count):
        segment = number // 2 % 4
        name = int.from_bytes(b"EVRDS FM"[2 * segment :][:2], "big")
        if number % 2 == 0:
            groups.append(make_group("0A", pi=PI, free5=8 | segment, block3=0xE0CD, block4=name))
        elif number % 4 == 1:
            three, four = (int(word) for word in random.integers(0, 1 << 16, 2))
            groups.append(make_group("11A", pi=PI, free5=number % 32, block3=three, block4=four))
        else:
            groups.append(make_group("0B", pi=PI, free5=8 | segment, block4=name))
    return groups


def station_mpx(count: int, signal: Signal | None = None, *, seed: int = 1) -> Mpx:
    """The multiplex of `programme`."""
    return mpx(groups_to_bits(programme(count, seed=seed)), signal)


def cut(samples: npt.NDArray[_Scalar], sizes: list[int]) -> Iterator[npt.NDArray[_Scalar]]:
    """The samples in pieces of these sizes, over and over."""
    start = turn = 0
    while start < len(samples):
        size = sizes[turn % len(sizes)]
        yield samples[start : start + size]
        start, turn = start + size, turn + 1


def run(
    feed: Callable[[_Chunk], list[_Output]], flush: Callable[[], list[_Output]], chunks: Iterator[_Chunk]
) -> list[_Output]:
    """All that a stage gives for some chunks."""
    outputs: list[_Output] = []
    for chunk in chunks:
        outputs += feed(chunk)
    return outputs + flush()
