"""A wide IQ stream to the groups of several of its stations: the first transform once, the rest for each of them."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from rds.errors import UsageError
from receiver.chain import Chain, IfChain, SignalStatus, chain_for, check_station
from receiver.dsp.channel import MAX_IF_RATE_HZ, Codes, Iq, Spectra, StationFilter, WideSpectrum
from receiver.received_group import ReceivedGroup
from receiver.sources.stream import IqStream, Stream


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


def bank_for(stream: Stream, offsets_hz: Sequence[float]) -> Bank | None:
    """The stages that a stream's stations need, at least one of them; None for a stream of groups.

    Raises:
        InputError: its rate is too low.
        UsageError: an offset for what is no IQ, or outside of it, or several for a stream of one station.
    """
    if len(offsets_hz) > 1 and isinstance(stream, IqStream):
        return StationBank(stream.rate_hz, offsets_hz, codes=stream.codes is not None)
    chain = chain_for(stream, offset_hz=next((offset_hz for offset_hz in offsets_hz if offset_hz), 0.0))
    return None if chain is None else _Alone(chain)
