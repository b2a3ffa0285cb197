"""Wide streams, one after the other, to the stations in them: carriers first, then all of them decoded at once."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rds.errors import InputError, UsageError
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.ticks import TICK_S
from receiver.bank import Bank, bank_for, pieces_of
from receiver.chain import SignalStatus
from receiver.dsp.carriers import MARGIN_HZ, RASTER_HZ, CarrierSearch
from receiver.dsp.channel import MAX_IF_RATE_HZ
from receiver.intake import Intake
from receiver.keyring import Keyring
from receiver.received_group import ReceivedGroup
from receiver.settings import ONLOOKER
from receiver.sources.stream import Gap, IqStream, LiveStream, Stream
from receiver.station import Station
from receiver.station_list import FoundStation, Service, ranked
from receiver.verify import Rejection, Verdict

BAND_HZ: Final = (87_500_000, 108_000_000)
STEP_RATE_HZ: Final = 2_400_000
"""The most that a stick gives without loss."""
SEARCH_S: Final = 1.0
"""For the carriers; what comes in it is decoded too."""
LOOK_S: Final = 12.0
"""For RDS, its name and what it announces: a 3A comes at least every 5 s, and one may be lost."""
NO_RDS_S: Final = 4.0
"""A station is in step within 2 s, if it ever is."""
HEARTBEAT_S: Final = 100.0
"""For a heartbeat, where the application is announced: at 1 group/s one begins every 90 s."""
_STALE_S: Final = 600.0
"""As a heartbeat is by the clock (protocol, What a receiver must do, 4)."""
_LEAST_CN_DB: Final = 6.0
"""Noise alone is told as -5 dB."""


def step_centres_hz(rate_hz: float) -> list[int]:
    """Where to tune so that each place of the band lies in one step, and none on a stick's spike at the centre."""
    low_hz, high_hz = BAND_HZ
    places = int((rate_hz - 2 * MARGIN_HZ) // RASTER_HZ) + 1
    places -= places % 2
    if not places:
        raise UsageError(
            f"--rate {rate_hz:.10g}: a step of a scan has no room for two stations; 900k or more, best 2.4M"
        )
    beside_hz = (places - 1) * RASTER_HZ // 2
    return [first_hz + beside_hz for first_hz in range(low_hz, high_hz + 1, places * RASTER_HZ)]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where and when a carrier is."""

    number: int
    """In its bank."""
    offset_hz: float
    centre_hz: int | None
    began_s: float


class Scan:
    """The steps of a scan and what was found in them, at any time.

    Args:
        keyring: Whom to believe; an empty one verifies nothing, and no heartbeat is waited for.
        start_ms: The time at the first step's first sample, if something trusted says so.
        heartbeat_s: How long to stay for a heartbeat where the application is announced.
    """

    def __init__(self, keyring: Keyring, *, start_ms: int | None = None, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._keyring, self._start_ms = keyring, start_ms
        self._heartbeat_s = 0.0 if keyring.empty else heartbeat_s
        self._heard: list[_Heard] = []

    @property
    def longest_s(self) -> float:
        """How much of a step's signal is listened to at most."""
        return max(LOOK_S, self._heartbeat_s)

    def step(self, stream: Stream, *, centre_hz: int | None, began_s: float = 0.0) -> Generator[float]:
        """Listens to a stream until nothing more is to be expected of it; yields the seconds of it done.

        Args:
            stream: IQ of any width.
            centre_hz: Where its centre lies; None: unknown.
            began_s: When its first sample was, since the scan's first; for what is recorded elsewhere and repeated.

        Raises:
            InputError: the stream is no IQ, or its rate is too low.
        """
        if not isinstance(stream, IqStream | LiveStream):
            raise InputError("a scan looks for carriers in IQ, and this input is none; give an IQ recording or a stick")
        pieces = pieces_of(stream)
        try:
            yield from self._take(stream, pieces, centre_hz, began_s)
        finally:
            # A stick that is open cannot be opened for the next step.
            if isinstance(pieces, Generator):
                pieces.close()

    def _take(
        self,
        stream: IqStream | LiveStream,
        pieces: Iterator[Any],  # Any: as a `Bank` takes them
        centre_hz: int | None,
        began_s: float,
    ) -> Iterator[float]:
        kept: list[Any] = []  # Any: as a `Bank` takes them
        search = CarrierSearch(stream.rate_hz, centre_hz=centre_hz)
        done = 0
        for piece in pieces:
            kept.append(piece)
            done += _samples(piece)
            if not isinstance(piece, Gap):
                search.feed(piece)
            if done >= SEARCH_S * stream.rate_hz:
                break
        offsets_hz = [0.0] if stream.rate_hz <= MAX_IF_RATE_HZ else search.offsets_hz()
        yield done / stream.rate_hz
        # What a tuner brings in from its image, or from beyond the band, is no station.
        if centre_hz is not None:
            offsets_hz = [offset_hz for offset_hz in offsets_hz if BAND_HZ[0] <= centre_hz + offset_hz <= BAND_HZ[1]]
        if offsets_hz:
            yield from self._listen(stream, offsets_hz, _chained(kept, pieces), centre_hz, began_s)

    def _listen(
        self,
        stream: IqStream | LiveStream,
        offsets_hz: Sequence[float],
        pieces: Iterator[Any],  # Any: as a `Bank` takes them
        centre_hz: int | None,
        began_s: float,
    ) -> Iterator[float]:
        bank = bank_for(stream, offsets_hz)
        assert bank is not None, "there is none for groups alone"
        start_ms = None if self._start_ms is None else self._start_ms + int(1000 * began_s)
        heard = [
            _Heard(
                _Place(number, offset_hz, centre_hz, began_s),
                bank,
                Intake(self._keyring, (), settings=ONLOOKER, start_ms=start_ms),
            )
            for number, offset_hz in enumerate(offsets_hz)
        ]
        self._heard += heard
        done = 0
        for piece in pieces:
            done += _samples(piece)
            seconds = done / stream.rate_hz
            for one, groups in zip(heard, bank.feed(piece), strict=True):
                one.feed(groups, seconds)
            yield seconds
            if seconds >= max(one.wants_s(self._heartbeat_s) for one in heard):
                break
        for one, groups in zip(heard, bank.flush(), strict=True):
            one.feed(groups, done / stream.rate_hz)

    def found(self) -> list[FoundStation]:
        """The stations so far, the best first; places where none is are left out."""
        moments = [one.clock_s for one in self._heard if one.clock_s is not None]
        newest_s = max(moments, default=0.0)
        return ranked(one.found(newest_s) for one in self._heard if one.is_station)


def _samples(piece: Any) -> int:  # Any: as a `Bank` takes it
    return piece.samples if isinstance(piece, Gap) else len(piece)


def _chained(kept: list[Any], pieces: Iterator[Any]) -> Iterator[Any]:  # Any: as a `Bank` takes them
    """What was kept, each forgotten as it is given, and then the rest."""
    kept.reverse()
    while kept:
        yield kept.pop()
    yield from pieces


class _Heard:
    """A carrier that is listened to."""

    def __init__(self, place: _Place, bank: Bank, intake: Intake) -> None:
        self._place, self._bank, self._intake = place, bank, intake
        self._station = Station()
        self._heartbeats, self._stale = 0, 0
        self._heard_s = 0.0
        self.clock_s: float | None = None
        """What the newest verified heartbeat says of the moment at which the scan began."""

    def feed(self, groups: list[ReceivedGroup], seconds: float) -> None:
        """Takes the groups of the stream's next piece, which ends after so many seconds."""
        self._heard_s = seconds
        for group in groups:
            self._station.feed(group)
            for verdict in self._intake.feed(group):
                if isinstance(verdict, Verdict) and isinstance(verdict.message, Heartbeat):
                    self._judged(verdict, verdict.message.ts)

    def _judged(self, verdict: Verdict, ts: int) -> None:
        self._stale += verdict.rejection is Rejection.STALE
        if verdict.accepted:
            self._heartbeats += 1
            clock_s = TICK_S * ts - self._place.began_s - verdict.candidate.end_s
            self.clock_s = clock_s if self.clock_s is None else max(self.clock_s, clock_s)

    @property
    def _status(self) -> SignalStatus:
        return self._bank.statuses()[self._place.number]

    @property
    def _is_announced(self) -> bool:
        """Whether our application is, as far as the receiver of messages goes by it."""
        return bool(self._intake.tracker_counts["announcements"])

    @property
    def is_station(self) -> bool:
        """Whether there is more than noise or a neighbour's edge."""
        status = self._status
        return status.synchronised or status.pilot_hz is not None or (status.cn_db or 0) >= _LEAST_CN_DB

    def wants_s(self, heartbeat_s: float) -> float:
        """How long it is worth listening to by what is known."""
        if not self._status.blocks_seen:
            return NO_RDS_S
        return max(LOOK_S, heartbeat_s) if self._is_announced and not self._heartbeats else LOOK_S

    def found(self, newest_s: float) -> FoundStation:
        """What is known of it; `newest_s` is the newest of all stations' `clock_s`."""
        facts, status, place = self._station.facts, self._status, self._place
        seen = status.blocks_seen
        return FoundStation(
            frequency_hz=None if place.centre_hz is None else place.centre_hz + round(place.offset_hz),
            offset_hz=place.offset_hz,
            service=self._service(newest_s),
            heartbeats=self._heartbeats,
            heard_s=self._heard_s,
            level_dbfs=status.level_dbfs,
            cn_db=status.cn_db,
            pilot=status.pilot_hz is not None,
            pi=facts.pi,
            ps=facts.ps,
            bler=1 - status.blocks_accepted / seen if seen else None,
            aids=facts.aids,
        )

    def _service(self, newest_s: float) -> Service:
        if self.clock_s is not None:
            return Service.STALE if self.clock_s < newest_s - _STALE_S else Service.VERIFIED
        if self._stale:
            return Service.STALE
        return Service.UNVERIFIED if self._is_announced else Service.NONE
