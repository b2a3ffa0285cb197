"""Samples of any kind to received groups: wires the stages in signal order, and tells how they are doing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rds.constants import BIT_PERIOD_S, FULL_DEVIATION_HZ, PILOT_HZ, SUBCARRIER_HZ
from rds.errors import InputError, UsageError
from receiver.block_sync import BlockSync
from receiver.dsp import channel, subcarrier
from receiver.dsp.channel import Codes, Iq
from receiver.dsp.declip import Declip
from receiver.dsp.demodulator import Demodulator, SoftSymbols
from receiver.dsp.discriminator import carrier_to_noise_db, response_at
from receiver.dsp.equaliser import Equaliser
from receiver.dsp.threshold import ThresholdDiscriminator
from receiver.error_vector import PIECES_AT_ONCE, ErrorVector
from receiver.hard_group import HardDecoder
from receiver.received_group import ReceivedGroup
from receiver.soft_group import SoftDecoder
from receiver.sources.stream import BitStream, IqStream, LiveStream, MpxStream


@dataclass(frozen=True, slots=True)
class SignalStatus:
    """How the signal is now; None where the input does not show it."""

    synchronised: bool
    blocks_seen: int
    blocks_accepted: int
    blocks_corrected: int
    level_dbfs: float | None = None
    """Mean power of the station's IF; 0 dB is a full-scale carrier."""
    cn_db: float | None = None
    """Carrier to noise in 200 kHz, from the noise about 57 kHz behind the discriminator."""
    pilot_hz: float | None = None
    """The pilot's deviation; None without a pilot."""
    rds_hz: float | None = None
    """The RDS signal's peak deviation."""
    coherence: float | None = None
    """0..1: how well the squared symbols agree on a phase."""
    clock_ppm: float | None = None
    """How much faster than the sample clock says the station runs."""


class Chain(Protocol):
    """A stage with state: samples in, groups out."""

    def feed(self, chunk: Any) -> list[ReceivedGroup]:  # Any: complex64, float32 or uint8, as its stream gives
        """The groups that a chunk completes."""
        ...

    def flush(self) -> list[ReceivedGroup]:
        """The groups of what is still inside."""
        ...

    def status(self) -> SignalStatus:
        """How it stands now."""
        ...


class MpxChain:
    """MPX (float32, 1.0 = 75 kHz) to groups."""

    def __init__(self, rate_hz: float, *, input_rate_hz: float | None = None) -> None:
        """`input_rate_hz` is the rate that sample indices count in, where it is another than the MPX's.

        Raises:
            InputError: the rate is too low for a subcarrier at 57 kHz.
        """
        if rate_hz < subcarrier.MIN_RATE_HZ:
            raise InputError(
                f"MPX at {rate_hz:.10g} S/s holds no 57 kHz subcarrier; at least {subcarrier.MIN_RATE_HZ:.10g} S/s are"
                " needed (is this programme audio, or is --rate wrong?)"
            )
        self._subcarrier = subcarrier.Subcarrier(rate_hz)
        self._demodulator = Demodulator(self._subcarrier)
        self._block_sync = BlockSync(input_rate_hz or rate_hz, SoftDecoder())
        self._error_vector = ErrorVector()

    def feed(self, mpx: npt.NDArray[np.float32]) -> list[ReceivedGroup]:
        """The groups that a chunk completes."""
        return self.feed_all([mpx])

    def feed_all(self, chunks: Iterable[npt.NDArray[np.float32]]) -> list[ReceivedGroup]:
        """The groups that several chunks complete.

        All of them go through one stage before the next, for what a stage needs stays in the processor's caches.
        """
        blocks = [block for mpx in chunks for block in self._subcarrier.feed(mpx)]
        return self._decode([part for block in blocks for part in self._demodulator.feed(block)])

    def flush(self) -> list[ReceivedGroup]:
        """The groups of what is still inside."""
        parts = [part for block in self._subcarrier.flush() for part in self._demodulator.feed(block)]
        groups = self._decode(parts + self._demodulator.flush())
        return groups + self._error_vector.measure(self._block_sync.flush())

    def _decode(self, parts: list[SoftSymbols]) -> list[ReceivedGroup]:
        groups = []
        for start in range(0, len(parts), PIECES_AT_ONCE):
            some = parts[start : start + PIECES_AT_ONCE]
            for symbols in some:
                self._error_vector.heard(symbols)
            ratios = np.concatenate([symbols.ratios for symbols in some])
            starts_s = np.concatenate([symbols.starts_s for symbols in some])
            groups += self._error_vector.measure(self._block_sync.feed(ratios, starts_s))
        return groups

    @property
    def noise_density(self) -> float:
        """Two-sided density of the noise about 57 kHz, in squares of 75 kHz per Hz."""
        return self._demodulator.noise_density

    def status(self) -> SignalStatus:
        """How it stands now."""
        demodulator = self._demodulator
        return replace(
            _sync_status(self._block_sync),
            pilot_hz=demodulator.pilot_deviation * FULL_DEVIATION_HZ if demodulator.pilot_locked else None,
            rds_hz=demodulator.peak_deviation * FULL_DEVIATION_HZ,
            coherence=demodulator.coherence,
            clock_ppm=1e6 * demodulator.clock_error,
        )


class IfChain:
    """One station's IF (complex64, 1.0 = full scale) to groups."""

    def __init__(self, rate_hz: float, *, input_rate_hz: float) -> None:
        """`input_rate_hz` is the rate that sample indices count in."""
        self._rate_hz = rate_hz
        self._equaliser = Equaliser()
        self._discriminator = ThresholdDiscriminator(rate_hz)
        self._mpx = MpxChain(rate_hz, input_rate_hz=input_rate_hz)
        self._power = 0.0

    def feed_all(self, chunks: Iterable[Iq]) -> list[ReceivedGroup]:
        """The groups that several chunks complete."""
        return self._demodulate(whole for samples in chunks for whole in self._equalised(samples))

    def flush(self) -> list[ReceivedGroup]:
        """The groups of what is still inside."""
        groups = self._demodulate(self._equaliser.flush())
        return groups + self._mpx.feed_all(self._discriminator.flush()) + self._mpx.flush()

    def _equalised(self, samples: Iq) -> Iterable[Iq]:
        if len(samples):
            self._power = float(np.vdot(samples, samples).real) / len(samples)
        return self._equaliser.feed(samples)

    def _demodulate(self, chunks: Iterable[Iq]) -> list[ReceivedGroup]:
        return self._mpx.feed_all(mpx for chunk in chunks for mpx in self._discriminator.feed(chunk))

    def status(self) -> SignalStatus:
        """How it stands now."""
        level_dbfs = float(10 * np.log10(self._power)) if self._power > 0 else None
        rate_hz, mpx = self._rate_hz, self._mpx.status()
        return replace(
            mpx,
            level_dbfs=level_dbfs,
            cn_db=carrier_to_noise_db(self._mpx.noise_density, rate_hz),
            pilot_hz=None if mpx.pilot_hz is None else mpx.pilot_hz / response_at(PILOT_HZ, rate_hz),
            rds_hz=None if mpx.rds_hz is None else mpx.rds_hz / response_at(SUBCARRIER_HZ, rate_hz),
        )


class IqChain:
    """IQ to the groups of one station: complex64, 1.0 = full scale, or a stick's codes, uint8 of shape (samples, 2)."""

    def __init__(
        self, rate_hz: float, *, offset_hz: float = 0.0, has_limits: bool = False, codes: bool = False
    ) -> None:
        """`offset_hz` is the station's distance from the recording's centre; `codes` says that codes will come.

        `has_limits` says that 1.0 is the most that the converter of I and Q can give.

        Raises:
            InputError: the rate is too low for an FM station.
            UsageError: the offset lies outside of the recording.
        """
        check_station(rate_hz, offset_hz)
        self._channel = channel.Channel(rate_hz, offset_hz=offset_hz, codes=codes)
        # A wider stream holds several stations: no one amplitude, nothing to mend by.
        self._declip = Declip(rate_hz) if has_limits and self._channel.passes else None
        self._station = IfChain(self._channel.rate_hz, input_rate_hz=rate_hz)

    def feed(self, iq: Iq | Codes) -> list[ReceivedGroup]:
        """The groups that a chunk completes."""
        mended = [iq] if self._declip is None else self._declip.feed(channel.as_iq(iq))
        return self._station.feed_all(samples for whole in mended for samples in self._channel.feed(whole))

    def flush(self) -> list[ReceivedGroup]:
        """The groups of what is still inside."""
        mended = () if self._declip is None else self._declip.flush()
        groups = self._station.feed_all(samples for whole in mended for samples in self._channel.feed(whole))
        return groups + self._station.feed_all(self._channel.flush()) + self._station.flush()

    def status(self) -> SignalStatus:
        """How it stands now."""
        return self._station.status()


def check_station(rate_hz: float, offset_hz: float) -> None:
    """Whether a recording can hold a station so far from its centre.

    Raises:
        InputError: the rate is too low for an FM station.
        UsageError: the offset lies outside of the recording.
    """
    if rate_hz < channel.MIN_RATE_HZ:
        raise InputError(
            f"IQ at {rate_hz:.10g} S/s does not hold an FM station; at least {channel.MIN_RATE_HZ} S/s are needed"
            " (is this programme audio, or is --rate wrong?)"
        )
    if not abs(offset_hz) < rate_hz / 2:
        raise UsageError(
            f"--offset {offset_hz:.10g} Hz lies outside of the recording; allowed: less than {rate_hz / 2:.10g} Hz"
            " to each side"
        )


class BitChain:
    """Data bits (uint8 of 0 and 1) to groups."""

    def __init__(self) -> None:
        """Starts before the first bit."""
        self._block_sync = BlockSync(1 / BIT_PERIOD_S, HardDecoder())
        self._count = 0

    def feed(self, bits: npt.NDArray[np.uint8]) -> list[ReceivedGroup]:
        """The groups that a chunk completes."""
        starts_s = (self._count + np.arange(len(bits), dtype=np.float64)) * BIT_PERIOD_S
        self._count += len(bits)
        return self._block_sync.feed(np.where(bits, np.float32(-1), np.float32(1)), starts_s)

    def flush(self) -> list[ReceivedGroup]:
        """The groups of what is still inside."""
        return self._block_sync.flush()

    def status(self) -> SignalStatus:
        """How it stands now."""
        return _sync_status(self._block_sync)


def _sync_status(sync: BlockSync) -> SignalStatus:
    return SignalStatus(
        synchronised=sync.synchronised,
        blocks_seen=sync.blocks_seen,
        blocks_accepted=sync.blocks_accepted,
        blocks_corrected=sync.blocks_corrected,
    )


def refuse_offset(offset_hz: float) -> None:
    """For an input that is no IQ.

    Raises:
        UsageError: there is an offset.
    """
    if offset_hz:
        raise UsageError(
            f"--offset {offset_hz:.10g}: only an IQ recording has stations beside its centre; leave the option out"
        )


def chain_for(stream: IqStream | LiveStream | MpxStream | BitStream, *, offset_hz: float = 0.0) -> Chain:
    """The stages that a stream needs.

    Raises:
        InputError: its rate is too low.
        UsageError: an offset for what is no IQ, or outside of it.
    """
    if isinstance(stream, LiveStream):
        return IqChain(stream.rate_hz, offset_hz=offset_hz, has_limits=True, codes=True)
    if isinstance(stream, IqStream):
        codes = stream.codes is not None
        return IqChain(stream.rate_hz, offset_hz=offset_hz, has_limits=stream.has_limits, codes=codes)
    refuse_offset(offset_hz)
    return MpxChain(stream.rate_hz) if isinstance(stream, MpxStream) else BitChain()
