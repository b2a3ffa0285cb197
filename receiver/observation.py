"""The first seconds of an input to what an engineer looks at: the multiplex's spectrum, the symbols' constellation."""

from dataclasses import dataclass
from itertools import takewhile
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.fft

from rds.constants import FULL_DEVIATION_HZ
from rds.errors import UsageError
from rds.waveform import biphase_peak, matched_gain
from receiver.dsp.channel import Channel
from receiver.dsp.demodulator import Demodulator
from receiver.dsp.discriminator import Discriminator
from receiver.dsp.subcarrier import Subcarrier
from receiver.sources import open_input
from receiver.sources.stream import IqStream, MpxStream, SourceOptions

_BIN_HZ: Final = 50


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen, averaged over `seconds`."""

    seconds: float
    frequency_hz: npt.NDArray[np.float64]
    deviation_db: npt.NDArray[np.float64]
    """Deviation in each bin of 50 Hz, dB relative to 75 kHz."""
    points: npt.NDArray[np.complex64]
    """Symbols in Hz of peak deviation, data along the real axis."""


def observe(name: str, options: SourceOptions, *, seconds: float = 20.0) -> Observation:
    """Demodulates the beginning of an IQ or MPX input.

    Raises:
        InputError: the input is missing, empty or unreadable.
        UsageError: the input holds no signal.
    """
    stream = open_input(name, options)
    if not isinstance(stream, IqStream | MpxStream):
        raise UsageError(f"{name} is a list of groups or bits; a picture needs a signal, IQ or MPX")
    rate_hz, mpx = _multiplex(stream, options.offset_hz or stream.offset_hz or 0.0, seconds=seconds)
    subcarrier = Subcarrier(rate_hz)
    demodulator = Demodulator(subcarrier)
    symbols = [found for block in subcarrier.feed(mpx) for found in demodulator.feed(block)]
    points = [found.points for found in symbols] or [np.empty(0, np.complex64)]
    frequency_hz, deviation_db = _spectrum(mpx, rate_hz)
    return Observation(
        seconds=len(mpx) / rate_hz,
        frequency_hz=frequency_hz,
        deviation_db=deviation_db,
        points=np.concatenate(points) * np.float32(FULL_DEVIATION_HZ * biphase_peak() / matched_gain()),
    )


def _multiplex(
    stream: IqStream | MpxStream, offset_hz: float, *, seconds: float
) -> tuple[float, npt.NDArray[np.float32]]:
    """The rate and samples of the multiplex over the first seconds."""
    wanted, taken = round(seconds * stream.rate_hz), 0

    def is_wanted(chunk: npt.NDArray[np.generic]) -> bool:
        nonlocal taken
        taken += len(chunk)
        return taken - len(chunk) < wanted

    if isinstance(stream, MpxStream):
        return stream.rate_hz, np.concatenate([np.empty(0, np.float32), *takewhile(is_wanted, stream.chunks)])
    channel = Channel(stream.rate_hz, offset_hz=offset_hz)
    discriminator = Discriminator(channel.rate_hz)
    parts = [discriminator.feed(part) for chunk in takewhile(is_wanted, stream.chunks) for part in channel.feed(chunk)]
    return channel.rate_hz, np.concatenate([np.empty(0, np.float32), *parts])


def _spectrum(mpx: npt.NDArray[np.float32], rate_hz: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean power of Hann-windowed stretches; a line of deviation 75 kHz stands at 0 dB."""
    length = round(rate_hz / _BIN_HZ)
    stretches = mpx[: len(mpx) // length * length].reshape(-1, length)
    window = np.hanning(length).astype(np.float32)
    power = np.zeros(length // 2 + 1)
    for stretch in stretches:
        power += np.square(np.abs(scipy.fft.rfft(stretch * window)))
    amplitude = np.sqrt(power / max(1, len(stretches))) * 2 / float(window.sum())
    return scipy.fft.rfftfreq(length, 1 / rate_hz), 20 * np.log10(np.maximum(amplitude, 1e-7))
