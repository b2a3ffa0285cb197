"""The first seconds of an input to what an engineer looks at: spectrum, constellation, eye."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.fft

from rds.constants import BIT_PERIOD_S, FULL_DEVIATION_HZ
from rds.errors import UsageError
from rds.waveform import biphase_peak, matched_gain
from receiver.dsp.channel import Channel
from receiver.dsp.demodulator import Demodulator, SoftSymbols
from receiver.dsp.discriminator import Discriminator
from receiver.dsp.subcarrier import Subcarrier, SubcarrierBlock
from receiver.sources import open_input
from receiver.sources.stream import IqStream, MpxStream, SourceOptions

_BIN_HZ: Final = 50
_EYE_TRACES: Final = 80
_EYE_SAMPLES: Final = 33
"""16 steps a bit."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen, averaged over `seconds`."""

    seconds: float
    frequency_hz: npt.NDArray[np.float64]
    deviation_db: npt.NDArray[np.float64]
    """Deviation in each bin of 50 Hz, dB relative to 75 kHz."""
    points: npt.NDArray[np.complex64]
    """Symbols in Hz of peak deviation, data along the real axis."""
    eye: npt.NDArray[np.float32]
    """The matched filter's output along the data's axis, in the same Hz: a row a symbol, from one bit before its middle
    to one behind it."""


def observe(name: str, options: SourceOptions, *, seconds: float = 20.0) -> Observation:
    """Demodulates the beginning of an IQ or MPX input.

    Raises:
        InputError: the input is missing, empty or unreadable.
        UsageError: the input holds no signal.
    """
    stream = open_input(name, options)
    if not isinstance(stream, IqStream | MpxStream):
        raise UsageError(f"{name} is a list of groups or bits; a picture needs a signal, IQ or MPX")
    if isinstance(stream, MpxStream):
        return observe_multiplex(stream.rate_hz, _first(stream, seconds=seconds))
    return observe_multiplex(
        *iq_multiplex(
            stream.rate_hz, _first(stream, seconds=seconds), offset_hz=options.offset_hz or stream.offset_hz or 0.0
        )
    )


def _first(stream: IqStream | MpxStream, *, seconds: float) -> Iterator[npt.NDArray[np.generic]]:
    """The chunks of the first seconds."""
    wanted, taken = round(seconds * stream.rate_hz), 0
    for chunk in stream.chunks:
        yield chunk
        taken += len(chunk)
        if taken >= wanted:
            return


def iq_multiplex(
    rate_hz: float, chunks: Iterable[npt.NDArray[Any]], *, offset_hz: float = 0.0
) -> tuple[float, list[npt.NDArray[np.float32]]]:
    """The multiplex of a station, rate and chunks, from chunks of IQ: complex64, or a stick's codes (uint8)."""
    chunks = list(chunks)
    channel = Channel(rate_hz, offset_hz=offset_hz, codes=bool(chunks) and chunks[0].dtype == np.uint8)
    discriminator = Discriminator(channel.rate_hz)
    return channel.rate_hz, [discriminator.feed(part) for chunk in chunks for part in channel.feed(chunk)]


def observe_multiplex(rate_hz: float, chunks: Iterable[npt.NDArray[Any]]) -> Observation:
    """What chunks of MPX (float32, 1.0 = 75 kHz) show, of at least 110 kS/s."""
    mpx: npt.NDArray[np.float32] = np.concatenate([np.empty(0, np.float32), *chunks])
    subcarrier = Subcarrier(rate_hz)
    demodulator = Demodulator(subcarrier)
    blocks = [*subcarrier.feed(mpx), *subcarrier.flush()]
    symbols = [found for block in blocks for found in demodulator.feed(block)] + demodulator.flush()
    points = [np.empty(0, np.complex64), *(found.points for found in symbols)]
    frequency_hz, deviation_db = _spectrum(mpx, rate_hz)
    per_hz = np.float32(FULL_DEVIATION_HZ * biphase_peak() / matched_gain())
    return Observation(
        seconds=len(mpx) / rate_hz,
        frequency_hz=frequency_hz,
        deviation_db=deviation_db,
        points=np.concatenate(points) * np.complex64(per_hz),
        eye=_eye(blocks, symbols, subcarrier.baseband_rate_hz) * per_hz,
    )


def _eye(blocks: list[SubcarrierBlock], symbols: list[SoftSymbols], rate_hz: float) -> npt.NDArray[np.float32]:
    """The baseband about each of the last symbols, turned as that symbol was."""
    if not symbols:
        return np.empty((0, _EYE_SAMPLES), np.float32)
    baseband = np.concatenate([block.baseband for block in blocks])
    places = np.arange(len(baseband))
    moments = np.concatenate([found.starts_s for found in symbols]) * rate_hz + rate_hz * BIT_PERIOD_S / 2
    points = np.concatenate([found.points for found in symbols])
    reach = rate_hz * BIT_PERIOD_S
    inside = np.flatnonzero((moments > reach) & (moments < len(baseband) - 1 - reach))[-_EYE_TRACES:]
    trace = np.linspace(-reach, reach, _EYE_SAMPLES)
    near = np.interp(moments[inside, np.newaxis] + trace, places, baseband)
    turn = points[inside] * near[:, _EYE_SAMPLES // 2].conj()
    turned = near * (turn / np.maximum(np.abs(turn), np.finfo(np.float32).tiny))[:, np.newaxis]
    eye: npt.NDArray[np.float32] = turned.real.astype(np.float32)
    return eye


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
