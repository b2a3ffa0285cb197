"""A broadcast of random groups with music, as IQ, and what can happen to it on the way; all of it seeded."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from encoder.bitstream import first_group_sample, transmission_bits
from encoder.fm import AMPLITUDE, FmModulator, interpolation_for
from encoder.impairments import ClockError
from encoder.levels import MpxLevels
from encoder.mpx import MpxSynthesiser
from rds.constants import GROUP_PERIOD_S
from rds.group import Group
from tests.benchmarks.encoder_speed import Music

Iq = npt.NDArray[np.complex64]

RATE_HZ: Final = 240_000
PI: Final = 0x9331


@dataclass(frozen=True, slots=True)
class Broadcast:
    """IQ and what was sent in it."""

    iq: Iq
    groups: list[Group]
    rate_hz: int
    clock_ppm: float = 0.0

    def start_s(self, group: int) -> float:
        """When a group begins, seconds of the receiver's clock."""
        nominal_s = first_group_sample(self.rate_hz) / self.rate_hz + group * GROUP_PERIOD_S
        return nominal_s / (1 + 1e-6 * self.clock_ppm)

    def seconds(self) -> npt.NDArray[np.float64]:
        """The time of each sample."""
        return np.arange(len(self.iq)) / self.rate_hz


def broadcast(
    groups: int,
    *,
    rds_hz: float = 3400,
    seed: int = 1,
    rate_hz: int = RATE_HZ,
    clock_ppm: float = 0.0,
    pilot: bool = True,
) -> Broadcast:
    """Random groups of one station with stereo music: block 1 its PI, version A, the rest random."""
    words = np.random.default_rng(seed).integers(0, 1 << 16, (groups, 3)).tolist()
    sent = [Group((PI, two & 0xF7FF, three, four)) for two, three, four in words]
    interpolation = interpolation_for(rate_hz)
    levels = MpxLevels(rds_deviation_hz=rds_hz, pilot=pilot)
    synthesiser = MpxSynthesiser(rate_hz // interpolation, levels=levels, programme=Music(0.9))
    clock = ClockError(clock_ppm)
    modulator = FmModulator(rate_hz // interpolation, interpolation=interpolation)
    mpx = [part for bits in transmission_bits(sent) for part in synthesiser.feed(bits)] + synthesiser.flush()
    slow = [part for whole in mpx for part in clock.feed(whole)] + clock.flush()
    iq = [part for whole in slow for part in modulator.feed(whole)] + modulator.flush()
    return Broadcast(np.concatenate(iq), sent, rate_hz, clock_ppm)


def noisy(iq: Iq, cn0_db_hz: float, *, rate_hz: int = RATE_HZ, seed: int = 2) -> Iq:
    """The signal in white noise, C/N0 counted from the carrier as it was sent."""
    spread = np.sqrt(AMPLITUDE**2 * rate_hz / 10 ** (cn0_db_hz / 10) / 2)
    random = np.random.default_rng(seed)
    noise = random.standard_normal(2 * len(iq), np.float32).view(np.complex64)
    result: Iq = (iq + np.float32(spread) * noise).astype(np.complex64)
    return result


def rayleigh(one: Broadcast, doppler_hz: float, *, seed: int) -> Iq:
    """Flat fading with the classical Doppler spectrum, mean power 1 (Clarke 1968)."""
    rate_hz = 200
    count = int(len(one.iq) / one.rate_hz * rate_hz) + 2
    random = np.random.default_rng(seed)
    spectrum = np.fft.fft(random.standard_normal(count) + 1j * random.standard_normal(count))
    share = np.abs(np.fft.fftfreq(count, 1 / rate_hz)) / doppler_hz
    spectrum *= np.where(share < 1, np.maximum(1 - share**2, 0.01) ** -0.25, 0)
    gain = np.fft.ifft(spectrum)
    gain /= np.sqrt(np.mean(np.abs(gain) ** 2))
    at = one.seconds() * rate_hz
    whole = np.arange(count)
    smooth = np.interp(at, whole, gain.real) + 1j * np.interp(at, whole, gain.imag)
    result: Iq = (one.iq * smooth).astype(np.complex64)
    return result


def second_ray(one: Broadcast, *, delay_s: float, level_db: float, phase: float) -> Iq:
    """The signal and an echo."""
    frequency_hz = np.fft.fftfreq(len(one.iq), 1 / one.rate_hz)
    late = np.fft.ifft(np.fft.fft(one.iq) * np.exp(-2j * np.pi * frequency_hz * delay_s))
    result: Iq = (one.iq + 10 ** (level_db / 20) * np.exp(1j * phase) * late).astype(np.complex64)
    return result


def clipped(iq: Iq, drive_db: float) -> Iq:
    """What an 8-bit converter gives when the carrier drives it so far beyond full scale."""
    parts = (iq / AMPLITUDE * 10 ** (drive_db / 20)).astype(np.complex64).view(np.float32)
    codes = np.clip(np.round(parts * 127.5 + 127.5), 0, 255).astype(np.float32)
    result: Iq = ((codes - 127.5) / 127.5).astype(np.float32).view(np.complex64)
    return result


def unbalanced(iq: Iq, *, dc: float, gain_db: float, phase_deg: float) -> Iq:
    """A direct-conversion receiver's faults: DC as a share of the carrier, I against Q."""
    shifted = iq + np.float32(dc * AMPLITUDE)
    turn = np.deg2rad(phase_deg)
    quadrature = shifted.imag * np.cos(turn) + shifted.real * np.sin(turn)
    result: Iq = (10 ** (gain_db / 20) * shifted.real + 1j * quadrature).astype(np.complex64)
    return result
