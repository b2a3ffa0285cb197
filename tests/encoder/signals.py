"""Groups and programmes to test signals, and signals to what a textbook measures in them."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from encoder.bitstream import transmission_bits
from encoder.fm import FmModulator
from encoder.levels import MpxLevels
from encoder.mpx import AudioSource, MpxSynthesiser
from rds.constants import BIT_PERIOD_S, BIT_RATE_HZ, FULL_DEVIATION_HZ, SUBCARRIER_HZ
from rds.group import Group
from rds.waveform import biphase_pulse

Samples = npt.NDArray[np.float32]
Iq = npt.NDArray[np.complex64]
FloatArray = npt.NDArray[np.float64]

_REACH_BITS = 4


def random_groups(count: int, *, seed: int = 1) -> list[Group]:
    """Groups of random words, every type and version among them."""
    words = np.random.default_rng(seed).integers(0, 1 << 16, (count, 4))
    return [Group((int(one), int(two), int(three), int(four))) for one, two, three, four in words]


class Loop:
    """Frames in memory as a programme without an end."""

    def __init__(self, frames: npt.NDArray[np.floating], rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._frames = np.asarray(frames, dtype=np.float32)
        self._at = 0

    def read(self, frames: int) -> Samples:
        index = np.arange(self._at, self._at + frames) % len(self._frames)
        self._at += frames
        return self._frames[index]


def tone(frequency_hz: float, *, left: float, right: float, rate_hz: int = 48_000) -> Loop:
    """A sine for ever; the frequency must be a multiple of 5 Hz."""
    time_s = np.arange(rate_hz // 5) / rate_hz
    wave = np.sin(2 * np.pi * frequency_hz * time_s)
    return Loop(np.stack((left * wave, right * wave), axis=1), rate_hz)


def nasty_programme(rate_hz: int = 48_000) -> Loop:
    """What overdrives a multiplex: clicks, full-scale 15 kHz, hard left, noise, steps, each for a quarter second."""
    random = np.random.default_rng(5)
    time_s = np.arange(rate_hz // 4) / rate_hz
    silent = np.zeros_like(time_s)
    clicks = silent.copy()
    clicks[:: rate_hz // 50] = 1.0
    high = np.sin(2 * np.pi * 15_000 * time_s)
    noise = np.clip(random.standard_normal((len(time_s), 2)), -1, 1)
    steps = np.sign(np.sin(2 * np.pi * 40 * time_s))
    pairs = [(clicks, -clicks), (high, silent), (silent, high), (high, -high), (steps, steps), (silent, silent)]
    return Loop(np.concatenate([*(np.stack(pair, axis=1) for pair in pairs), noise]), rate_hz)


def make_mpx(
    groups: Iterable[Group], rate_hz: int, *, levels: MpxLevels | None = None, programme: AudioSource | None = None
) -> Samples:
    """The whole multiplex of groups."""
    synthesiser = MpxSynthesiser(rate_hz, levels=levels or MpxLevels(), programme=programme)
    pieces = [piece for bits in transmission_bits(groups) for piece in synthesiser.feed(bits)]
    return np.concatenate(pieces + synthesiser.flush())


def make_iq(mpx: Samples, mpx_rate_hz: int, *, interpolation: int = 1, carrier_hz: float = 0.0) -> Iq:
    """The whole IQ of a multiplex."""
    modulator = FmModulator(mpx_rate_hz, interpolation=interpolation, carrier_hz=carrier_hz)
    return np.concatenate(modulator.feed(mpx) + modulator.flush())


def deviation_of(iq: Iq, rate_hz: int) -> FloatArray:
    """The multiplex that frequency modulation of a true carrier would have had, from 0 to 60 kHz; 1.0 = 75 kHz.

    Phase steps are means over a sample's time, which fall off as a sinc; this undoes it.
    """
    steps = np.angle(iq[1:] * iq[:-1].conj()).astype(np.float64)
    # Whole thousands of samples transform fast.
    steps = np.concatenate(([0.0], steps, np.zeros(-len(iq) % 1000)))
    spectrum = np.fft.rfft(steps * rate_hz / (2 * np.pi * FULL_DEVIATION_HZ))
    cycles = np.arange(len(spectrum)) / len(steps)
    spectrum /= np.sinc(cycles)
    spectrum[cycles * rate_hz > 60_000] = 0
    return np.fft.irfft(spectrum, n=len(steps))[: len(iq)]


def band(mpx: npt.NDArray[np.floating], rate_hz: int, low_hz: float, high_hz: float) -> FloatArray:
    """What lies between two frequencies, everything else removed."""
    spectrum = np.fft.rfft(np.asarray(mpx, dtype=np.float64))
    frequency_hz = np.arange(len(spectrum)) * rate_hz / len(mpx)
    spectrum[(frequency_hz < low_hz) | (frequency_hz > high_hz)] = 0
    return np.fft.irfft(spectrum, n=len(mpx))


def envelope_peak(mpx: npt.NDArray[np.floating], rate_hz: int, low_hz: float, high_hz: float) -> float:
    """The largest magnitude that a band reaches, between samples too, but for 5 ms at the ends, which the cut bends."""
    spectrum = np.fft.fft(np.asarray(mpx, dtype=np.float64))
    frequency_hz = np.fft.fftfreq(len(mpx), 1 / rate_hz)
    spectrum[(frequency_hz < low_hz) | (frequency_hz > high_hz)] = 0
    edge = rate_hz // 200
    return float(2 * np.abs(np.fft.ifft(spectrum))[edge:-edge].max())


def true_peak(mpx: npt.NDArray[np.floating]) -> float:
    """The largest magnitude, between samples too: eight times as many are looked at."""
    spectrum = np.fft.rfft(np.asarray(mpx, dtype=np.float64))
    return float(8 * np.abs(np.fft.irfft(spectrum, n=8 * len(mpx))).max())


def power_db(samples: npt.NDArray[np.floating]) -> float:
    """Mean square in dB."""
    return float(10 * np.log10(np.mean(np.asarray(samples, dtype=np.float64) ** 2) + 1e-30))


def windowed_power_db(mpx: npt.NDArray[np.floating], rate_hz: int, low_hz: float, high_hz: float) -> float:
    """Mean square in a band in dB, seen through a Kaiser window that leaks nothing."""
    window = np.kaiser(len(mpx), 20)
    power = 2 * np.abs(np.fft.rfft(mpx * window)) ** 2 / len(mpx) / np.sum(window**2)
    frequency_hz = np.arange(len(power)) * rate_hz / len(mpx)
    return float(10 * np.log10(power[(frequency_hz >= low_hz) & (frequency_hz <= high_hz)].sum() + 1e-30))


def amplitude(mpx: npt.NDArray[np.floating], rate_hz: int, frequency_hz: float) -> complex:
    """Complex amplitude of a sine in whole fifths of a second: 1 for a sine, 1j for a cosine of amplitude 1."""
    whole = np.asarray(mpx[: len(mpx) * 5 // rate_hz * rate_hz // 5], dtype=np.float64)
    turns = np.exp(-2j * np.pi * frequency_hz * np.arange(len(whole)) / rate_hz)
    return complex(2j * np.mean(whole * turns))


def textbook_bits(mpx: npt.NDArray[np.floating], rate_hz: float, bits: int, *, phase_deg: int = 0) -> Iterator[int]:
    """The data bits of a multiplex that starts with the first bit: mixer, matched filter, slicer, differential decoder.

    The carrier and the clock are known, as they are in a textbook.
    """
    angle = 2 * np.pi * SUBCARRIER_HZ * np.arange(len(mpx)) / rate_hz
    mixed = np.asarray(mpx, dtype=np.float64) * (np.sin(angle) if phase_deg == 0 else np.cos(angle))
    previous = 0
    for bit in range(bits):
        centre_s = (bit + 0.5) * BIT_PERIOD_S
        first = max(0, round((centre_s - _REACH_BITS / BIT_RATE_HZ) * rate_hz))
        end = min(len(mpx), round((centre_s + _REACH_BITS / BIT_RATE_HZ) * rate_hz))
        pulse = biphase_pulse(np.arange(first, end) / rate_hz - centre_s)
        sent = int(mixed[first:end] @ pulse > 0)
        yield sent ^ previous
        previous = sent
