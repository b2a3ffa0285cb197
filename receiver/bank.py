"""A wide IQ stream to the groups of several of its stations: the first transform once, the rest for each of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from rds.errors import UsageError
from receiver.chain import Chain, IfChain, SignalStatus, chain_for, check_station, refuse_offset
from receiver.dsp.channel import MAX_IF_RATE_HZ, Codes, Iq, Spectra, StationFilter, WideSpectrum
from receiver.received_group import ReceivedGroup
from receiver.sources.stream import BitStream, Gap, GroupStream, IqStream, LiveStream, MpxStream, Stream


class Bank(Protocol):
    """A stage with state: samples in, groups of each station out."""

    def feed(self, chunk: Any) -> list[list[ReceivedGroup]]:  # Any: complex64, float32 or uint8, as its stream gives
        """The groups that a chunk completes, a list for each station."""
        ...

    def flush(self) -> list[list[ReceivedGroup]]:
        """The groups of what is still inside."""
        ...

    def statuses(self) -> list[SignalStatus]:
        """How each station stands now."""
        ...


class StationBank:
    """What an `IqChain` for each station would give, sample for sample, for less."""

    def __init__(self, rate_hz: float, offsets_hz: Sequence[float], *, codes: bool = False) -> None:
        """`offsets_hz` are the stations' distances from the stream's centre, in the order of all results.

        `codes` says that chunks are a stick's codes instead of complex64.

        Raises:
            InputError: the rate is too low for an FM station.
            UsageError: an offset lies outside of the stream or is given twice, or the stream holds one station only.
        """
        for offset_hz in offsets_hz:
            check_station(rate_hz, offset_hz)
        if len(set(offsets_hz)) < len(offsets_hz):
            raise UsageError("--offset names a station twice; give each offset once")
        if rate_hz <= MAX_IF_RATE_HZ:
            raise UsageError(
                f"IQ at {rate_hz:.10g} S/s holds one station, and --offset names {len(offsets_hz)}; give it once"
            )
        self._spectrum = WideSpectrum(rate_hz, codes=codes)
        self._filters = [StationFilter(rate_hz, offset_hz=offset_hz) for offset_hz in offsets_hz]
        self._stations = [IfChain(one.rate_hz, input_rate_hz=rate_hz) for one in self._filters]

    def feed(self, chunk: Iq | Codes) -> list[list[ReceivedGroup]]:
        """The groups that a chunk completes, a list for each station."""
        return self._hear(self._spectrum.feed(chunk))

    def flush(self) -> list[list[ReceivedGroup]]:
        """The groups of what is still inside."""
        last = self._hear(self._spectrum.flush())
        return [groups + station.flush() for groups, station in zip(last, self._stations, strict=True)]

    def _hear(self, batches: Iterable[Spectra]) -> list[list[ReceivedGroup]]:
        taken = [[one.take(spectra) for one in self._filters] for spectra in batches]
        return [station.feed_all(row[number] for row in taken) for number, station in enumerate(self._stations)]

    def statuses(self) -> list[SignalStatus]:
        """How each station stands now."""
        return [station.status() for station in self._stations]


class _Alone:
    """A chain as a bank of one station."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def feed(self, chunk: Any) -> list[list[ReceivedGroup]]:  # Any: as in `Bank`
        return [self._chain.feed(chunk)]

    def flush(self) -> list[list[ReceivedGroup]]:
        return [self._chain.flush()]

    def statuses(self) -> list[SignalStatus]:
        return [self._chain.status()]


class LiveBank:
    """A bank of a live stream: after a gap all begins anew, and counts on from where the gap ends."""

    def __init__(self, make: Callable[[], Bank], rate_hz: float) -> None:
        self._make = make
        self._bank = make()
        self._rate_hz = rate_hz
        self._segment_start = 0
        self._fed = 0
        self._before = self._bank.statuses()

    def feed(self, piece: Codes | Gap) -> list[list[ReceivedGroup]]:
        """The groups that a piece completes, or those that a gap cuts off, a list for each station."""
        if not isinstance(piece, Gap):
            self._fed += len(piece)
            return self._placed(self._bank.feed(piece))
        lists = self.flush()
        self._segment_start += self._fed + piece.samples
        self._fed, self._before, self._bank = 0, self.statuses(), self._make()
        return lists

    def flush(self) -> list[list[ReceivedGroup]]:
        """The groups of what is still inside."""
        return self._placed(self._bank.flush())

    def _placed(self, lists: list[list[ReceivedGroup]]) -> list[list[ReceivedGroup]]:
        """The groups where they are in the whole stream."""
        start, start_s = self._segment_start, self._segment_start / self._rate_hz
        if not start:
            return lists
        return [
            [replace(one, sample_index=one.sample_index + start, end_s=one.end_s + start_s) for one in groups]
            for groups in lists
        ]

    def statuses(self) -> list[SignalStatus]:
        """How each station stands now; blocks are counted from the beginning."""
        return [
            replace(
                now,
                blocks_seen=before.blocks_seen + now.blocks_seen,
                blocks_accepted=before.blocks_accepted + now.blocks_accepted,
                blocks_corrected=before.blocks_corrected + now.blocks_corrected,
            )
            for before, now in zip(self._before, self._bank.statuses(), strict=True)
        ]


def bank_for(stream: Stream, offsets_hz: Sequence[float]) -> Bank | None:
    """The stages that a stream's stations need, at least one of them; None for a stream of groups.

    Raises:
        InputError: its rate is too low.
        UsageError: an offset for what is no IQ, or outside of it, or several for a stream of one station.
    """
    if isinstance(stream, GroupStream):
        refuse_offset(_one_offset_hz(offsets_hz))
        return None
    if isinstance(stream, LiveStream):
        return LiveBank(lambda: _bank(stream, offsets_hz), stream.rate_hz)
    return _bank(stream, offsets_hz)


def pieces_of(stream: IqStream | LiveStream | MpxStream | BitStream) -> Iterator[Any]:  # Any: as in `Bank`
    """What the bank of a stream is fed."""
    if isinstance(stream, LiveStream):
        return stream.pieces
    codes = stream.codes if isinstance(stream, IqStream) else None
    return codes or stream.chunks


def _bank(stream: IqStream | LiveStream | MpxStream | BitStream, offsets_hz: Sequence[float]) -> Bank:
    if len(offsets_hz) > 1 and isinstance(stream, IqStream | LiveStream):
        codes = isinstance(stream, LiveStream) or stream.codes is not None
        return StationBank(stream.rate_hz, offsets_hz, codes=codes)
    return _Alone(chain_for(stream, offset_hz=_one_offset_hz(offsets_hz)))


def _one_offset_hz(offsets_hz: Sequence[float]) -> float:
    return next((offset_hz for offset_hz in offsets_hz if offset_hz), 0.0)
