"""RDS baseband and pilot to soft symbols: phase from the pilot or from the symbols themselves, bit clock, samples.

All estimates are sums over blocks of 120 ms that forget slowly, no loop runs per sample. The first half second is kept
until the estimates stand and is then demodulated from its beginning, so a recording's first group is not lost.
"""

import cmath
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import BIT_PERIOD_S, BIT_RATE_HZ, SUBCARRIER_HZ
from rds.waveform import biphase_peak, matched_gain
from receiver.dsp.carrier import PilotReference
from receiver.dsp.fourier import fft_padded
from receiver.dsp.reliability import Reliability
from receiver.dsp.subcarrier import Subcarrier, SubcarrierBlock

_ACQUISITION_BLOCKS: Final = 5
"""0.6 s: enough for a phase, a bit clock and a frequency at the weakest usable signal."""
_MEMORY: Final = 0.82
"""What a sum keeps of itself per block: 0.6 s."""
_FAST_MEMORY: Final = 0.4
_LONGEST_OFFSET_HZ: Final = 30.0
"""500 ppm of sample clock at 57 kHz, and the rounding to a bin."""
_FREQUENCY_GAIN: Final = 0.05
_TRANSFORM: Final = 8192
_PILOT_HARMONIC: Final = 3
_PILOT_TO_RDS: Final = 0.3
"""A pilot deviates by 6 to 7.5 kHz, RDS by 7.5 kHz at most; half as much again where it is in noise."""
_NOISE_GAIN: Final = 8 / BIT_PERIOD_S
"""What the baseband makes of a noise density in each of its two components: twice the area of |`biphase_response`|^2.

The area is 4/td by hand: |H|^2 = (1 - cos(pi f td)) (1 + cos(pi f td / 2)), of which the 1 alone is left.
"""
_LOST: Final = 0.25
"""Coherence below which the carrier is looked for again: noise has 0.1, the weakest signal that is decoded 0.33."""
_FOUND: Final = 0.2
"""Share of the squared symbols that a line has to be: 700 symbols of noise do not reach half of it."""
_SAME_HZ: Final = 0.2
"""So far off, a carrier is followed within a second."""
_SURE: Final = 0.5
"""Coherence of the squared symbols above which a sudden turn of the phase is believed."""
_SURE_CLOCK: Final = 0.12
"""The same for the bit clock; 0.23 to 0.26 is a clean signal's."""


@dataclass(frozen=True, slots=True)
class SoftSymbols:
    """Channel symbols in the order received, before differential decoding."""

    ratios: npt.NDArray[np.float32]
    """Log-likelihood ratio of each symbol, in nats: its sign is the symbol's, whose meaning is free, 0 is no idea."""
    starts_s: npt.NDArray[np.float64]
    """When each symbol's bit begins, seconds from the input's first sample."""
    points: npt.NDArray[np.complex64]
    """The symbols themselves, data along the real axis, in units of 75 kHz deviation: the constellation."""


class _Average:
    """A complex sum that forgets, beside a faster one that notices when the slow one has been left behind."""

    __slots__ = ("_fast", "_slow")

    def __init__(self) -> None:
        self._slow = self._fast = 0j

    def add(self, value: complex, *, believed: float) -> complex:
        """The slow mean after a value of size 0..1; if the fast mean is above `believed` and has turned away, that."""
        self._fast = _FAST_MEMORY * self._fast + (1 - _FAST_MEMORY) * value
        self._slow = _MEMORY * self._slow + (1 - _MEMORY) * value
        turned = (self._fast * self._slow.conjugate()).real < 0
        if abs(self._fast) > believed and turned:
            self._slow = self._fast
        return self._slow

    def turn(self, radians: float) -> None:
        """Turns both means back, when what they are measured against has been turned forward."""
        factor = cmath.exp(-1j * radians)
        self._slow *= factor
        self._fast *= factor


class Demodulator:
    """Blocks of the two bands in, soft symbols out."""

    def __init__(self, bands: Subcarrier) -> None:
        """Takes the rates and residual offsets of the stage before."""
        self._rate_hz = bands.baseband_rate_hz
        self._residual_hz = bands.subcarrier_residual_hz
        self._pilot_residual_hz = bands.pilot_residual_hz
        self._pilot = PilotReference(bands.pilot_rate_hz, expected_hz=bands.pilot_residual_hz)
        self._period = self._rate_hz / BIT_RATE_HZ
        self._waiting: list[SubcarrierBlock] | None = []
        self._lost: list[npt.NDArray[np.complex64]] = []
        """The last blocks of a carrier that nobody holds: no pilot, and symbols that do not agree on a phase."""
        self._is_fresh = False
        """Whether the carrier was found but now, perhaps by the last few symbols of a stretch alone."""
        self._phase = 0.0
        self._frequency_hz = self._residual_hz
        self._carrier_start = 0.0
        self._squared, self._clock = _Average(), _Average()
        self._next = 0.0
        self._last_sample = np.zeros(1, np.complex64)
        self._turns = np.empty((2, 0), np.float32)
        self._reliability = Reliability()
        self._peak_per_symbol = biphase_peak() / matched_gain()
        self.coherence = 0.0
        """0..1: how well the squared symbols agree on a phase; 1 is a clean signal."""
        self.pilot_deviation = 0.0
        """The pilot's deviation in the last block, 1.0 = 75 kHz."""

    @property
    def pilot_locked(self) -> bool:
        """Whether the phase of 57 kHz comes from the pilot."""
        return self._pilot.locked

    @property
    def peak_deviation(self) -> float:
        """The RDS signal's peak deviation over all data, from the symbols' size; 1.0 = 75 kHz."""
        return self._reliability.amplitude * self._peak_per_symbol

    @property
    def noise_density(self) -> float:
        """Two-sided density of the multiplex's noise about 57 kHz, in squares of 75 kHz per Hz."""
        return self._reliability.noise / _NOISE_GAIN

    @property
    def clock_error(self) -> float:
        """How much faster than the sample clock says the subcarrier runs; 1e-6 = 1 ppm."""
        return (self._frequency_hz - self._residual_hz) / SUBCARRIER_HZ

    def feed(self, block: SubcarrierBlock) -> list[SoftSymbols]:
        """The symbols that a block completes; none until the first half second has been heard."""
        if self._waiting is None:
            return [self._demodulate(block)]
        self._waiting.append(block)
        return self._begin() if len(self._waiting) == _ACQUISITION_BLOCKS else []

    def flush(self) -> list[SoftSymbols]:
        """The symbols of an input shorter than the first half second."""
        return self._begin() if self._waiting else []

    def _begin(self) -> list[SoftSymbols]:
        """Sets frequency, bit clock and phase from the blocks kept, then demodulates them."""
        blocks, self._waiting = self._waiting or [], None
        baseband = np.concatenate([block.baseband for block in blocks])
        pilot = np.concatenate([block.pilot for block in blocks])
        least = self._least_pilot(_power(baseband))
        if self._pilot.acquire(pilot, least=least):
            error_hz = _PILOT_HARMONIC * (self._pilot.frequency_hz - self._pilot_residual_hz)
            self._frequency_hz = self._residual_hz + error_hz
        else:
            self._frequency_hz, _ = self._squared_line(baseband)
        self._set_clock(baseband)
        first = blocks[0].baseband
        moments = self._moments(len(first) - 1)
        phase, slope = self._reference(blocks[0], least)
        symbols = _between(first, moments) * np.exp(-1j * (phase + slope * moments))
        self._phase = float(np.angle(np.sum(symbols**2))) / 2
        # The first block's reference is needed once more, so both references go back to its beginning.
        self._carrier_start = 0.0
        self._pilot.acquire(pilot, least=least)
        return [self._demodulate(block) for block in blocks]

    def _least_pilot(self, power: npt.NDArray[np.float32]) -> float:
        """The smallest pilot there can be beside this much RDS, for inputs whose full scale nobody knows."""
        return _PILOT_TO_RDS * self._peak_per_symbol * math.sqrt(float(power.sum()) / max(1, len(power)))

    def _symbol_line(self, power: npt.NDArray[np.float32], start: float) -> complex:
        """The line at the bit rate in the power of the matched filter's output, as a share of it.

        The clock's own small error turns it by as much as in the block's middle.
        """
        total = float(power.sum())
        if total == 0:
            return 0j
        along, across = (self._bit_turns(len(power)) @ power).tolist()
        line = complex(along, across) / total
        turns = start / self._symbol_period - len(power) / 2 * self.clock_error / self._period
        return line * cmath.exp(2j * math.pi * turns)

    def _bit_turns(self, count: int) -> npt.NDArray[np.float32]:
        """One turn a bit backwards, by the sample clock, cosine and sine; made once for the usual block."""
        if count > self._turns.shape[1]:
            angles = -2 * np.pi / self._period * np.arange(count)
            self._turns = np.stack((np.cos(angles), np.sin(angles))).astype(np.float32)
        return self._turns[:, :count]

    @property
    def _symbol_period(self) -> float:
        """Baseband samples a bit, by the clock error that the carrier shows: both come from one oscillator."""
        return self._period / (1 + self.clock_error)

    def _set_clock(self, baseband: npt.NDArray[np.complex64]) -> None:
        line = self._symbol_line(_power(baseband), 0.0)
        self._next = float(-np.angle(line)) / (2 * np.pi) * self._symbol_period % self._symbol_period

    def _squared_line(self, baseband: npt.NDArray[np.complex64]) -> tuple[float, float]:
        """Half the frequency of the strongest line in the squared symbols, the carrier's; and its share of them.

        Sets the bit clock to the baseband's first symbol.
        """
        self._set_clock(baseband)
        squared = _between(baseband, self._moments(len(baseband) - 1)) ** 2
        size = max(_TRANSFORM, 4 * len(squared))
        spectrum = np.abs(fft_padded(squared, size))
        frequency_hz = np.fft.fftfreq(size, self._period / self._rate_hz) / 2
        spectrum[np.abs(frequency_hz - self._residual_hz) > _LONGEST_OFFSET_HZ] = 0
        strongest = int(np.argmax(spectrum))
        total = float(np.abs(squared).sum())
        return float(frequency_hz[strongest]), float(spectrum[strongest]) / total if total > 0 else 0.0

    def _look_again(self, baseband: npt.NDArray[np.complex64]) -> None:
        """Finds a carrier anew that nobody holds, in blocks heard since it was lost: tracking reaches 1 Hz or so."""
        if self._pilot.locked or (self.coherence > _LOST and not self._is_fresh):
            self._lost.clear()
            return
        self._lost.append(baseband)
        if len(self._lost) < _ACQUISITION_BLOCKS:
            return
        stretch = np.concatenate(self._lost)
        self._lost.clear()
        running = self._next
        frequency_hz, share = self._squared_line(stretch)
        # What is found is looked for once more: a carrier that came on just before tells its frequency badly.
        is_known = self._is_fresh and abs(frequency_hz - self._frequency_hz) < _SAME_HZ
        self._is_fresh = share >= _FOUND and not self._is_fresh
        if share < _FOUND or is_known:
            self._next = running
            return
        self._frequency_hz = frequency_hz
        self._set_clock(stretch)
        moments = self._moments(len(stretch) - 1)
        slope = 2 * np.pi * frequency_hz / self._rate_hz
        line = np.dot(_between(stretch, moments) ** 2, np.exp(-2j * slope * moments))
        self._phase = cmath.phase(complex(line)) / 2
        # Both go on in the block that follows.
        self._carrier_start = slope * len(stretch) % (2 * np.pi)
        self._next += self._symbol_period * len(moments) - len(stretch)
        self._squared, self._clock = _Average(), _Average()

    def _reference(self, block: SubcarrierBlock, least: float) -> tuple[float, float]:
        """The phase of 57 kHz at a block's first sample, but for a constant, and its slope in radians a sample."""
        if len(block.pilot):
            phase, slope = self._pilot.track(block.pilot, least=least)
            if self._pilot.locked:
                # Bins were rounded apart for pilot and subcarrier, so three times one is the other but for this.
                residual = 2 * np.pi * (self._residual_hz - _PILOT_HARMONIC * self._pilot_residual_hz)
                whole_slope = _PILOT_HARMONIC * slope + residual
                self._frequency_hz = whole_slope / (2 * np.pi)
                return _PILOT_HARMONIC * phase + residual * block.start_s, whole_slope / self._rate_hz
        start, slope = self._carrier_start, 2 * np.pi * self._frequency_hz / self._rate_hz
        self._carrier_start = (start + slope * len(block.baseband)) % (2 * np.pi)
        return start, slope

    def _moments(self, end: float) -> npt.NDArray[np.float64]:
        """The bit clock's moments before `end`, in samples, from the next one on."""
        count = max(0, int(np.ceil((end - self._next) / self._symbol_period)))
        return self._next + self._symbol_period * np.arange(count, dtype=np.float64)

    def _demodulate(self, block: SubcarrierBlock) -> SoftSymbols:
        """Symbols of one block; then the estimates take the block in."""
        self.pilot_deviation = float(np.abs(block.pilot).sum()) / len(block.pilot) if len(block.pilot) else 0.0
        power = _power(block.baseband)
        phase, slope = self._reference(block, self._least_pilot(power))
        # Time in samples from this block's first; the last one of the block before stands at -1.
        extended = np.concatenate((self._last_sample, block.baseband))
        moments = self._moments(len(block.baseband) - 1)
        turn = np.exp(-1j * (phase + self._phase + slope * moments)).astype(np.complex64)
        symbols = _between(extended, moments + 1)
        symbols *= turn
        starts_s = block.start_s + (moments - self._period / 2) / self._rate_hz
        self._last_sample = extended[-1:]
        first_moment = self._next
        self._next += self._symbol_period * len(moments) - len(block.baseband)
        self._follow_clock(power, first_moment)
        self._follow_phase(symbols)
        self._look_again(block.baseband)
        return SoftSymbols(self._reliability.feed(symbols), starts_s, symbols)

    def _follow_clock(self, power: npt.NDArray[np.float32], first_moment: float) -> None:
        line = self._clock.add(self._symbol_line(power, first_moment), believed=_SURE_CLOCK)
        late = -cmath.phase(line)
        self._next += late / (2 * np.pi) * self._symbol_period
        self._clock.turn(-late)

    def _follow_phase(self, symbols: npt.NDArray[np.complex64]) -> None:
        power = float(np.vdot(symbols, symbols).real)
        if power == 0:
            return
        mean = self._squared.add(complex(np.dot(symbols, symbols)) / power, believed=_SURE)
        self.coherence = abs(mean)
        ahead = cmath.phase(mean) / 2
        self._phase = (self._phase + ahead) % (2 * np.pi)
        self._squared.turn(2 * ahead)
        if not self._pilot.locked:
            block_s = len(symbols) / BIT_RATE_HZ
            self._frequency_hz += _FREQUENCY_GAIN * ahead / (2 * np.pi * block_s)


def _power(samples: npt.NDArray[np.complex64]) -> npt.NDArray[np.float32]:
    """Squared magnitude; float32."""
    return np.square(samples.real) + np.square(samples.imag)


def _between(samples: npt.NDArray[np.complex64], moments: npt.NDArray[np.float64]) -> npt.NDArray[np.complex64]:
    """Samples at moments from 0 on, between two of them by a straight line."""
    whole = moments.astype(np.intp)
    share = (moments - whole).astype(np.float32)
    early = samples[whole]
    result: npt.NDArray[np.complex64] = samples[whole + 1]
    result -= early
    result *= share
    result += early
    return result
