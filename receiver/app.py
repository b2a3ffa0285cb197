"""An input to what was heard in it: groups, or records of groups, station, messages and status."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rds.errors import NoSyncError, UsageError
from receiver.bulletin_records import verdict_record
from receiver.clock import ms_of
from receiver.intake import Intake
from receiver.key_notice import warned
from receiver.keyring import Keyring
from receiver.listening import Listening
from receiver.received_group import ReceivedGroup
from receiver.records import (
    STATUS_EVERY_S,
    Inflow,
    Record,
    StreamTime,
    counts_record,
    group_record,
    station_record,
    status_record,
)
from receiver.settings import ONLOOKER
from receiver.sources.stream import SourceOptions
from receiver.station import Station
from receiver.trust import make_keyring


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What a caller says beside the input's name."""

    source: SourceOptions = field(default_factory=SourceOptions)
    offsets_hz: tuple[float, ...] = ()
    """Several stations of a wide recording, by their distances from its centre, instead of the source's one."""
    start: datetime | None = None
    """The moment of the first sample, aware and trusted; None: what the input's metadata say."""
    keyring: Keyring = field(default_factory=lambda: make_keyring([]))
    """Whom to believe, and for which application to listen."""

    def __post_init__(self) -> None:
        if self.start is not None and self.start.tzinfo is None:
            raise UsageError(f"start {self.start} has no zone; give an aware datetime, such as one with tzinfo=UTC")


def decode_file(path: str | Path, options: DecodeOptions | None = None) -> Iterator[Record]:
    """What `evrds-receiver decode -F json` prints, record by record, as dictionaries.

    Args:
        path: A recording, or "-" for standard input.
        options: What its name and metadata do not say.

    Returns:
        Records with `"v": 1`, `"type"`, `"sample"`, `"seconds"` and `"time"`; see docs/records.md. They are made as
        they are asked for, so asking may raise as well.

    Raises:
        InputError: The input is missing, empty, unreadable, or of a rate that holds no RDS.
        UsageError: An option does not fit the input.
        NoSyncError: It ended and nothing in it was a group.
    """
    options = options or DecodeOptions()
    return decode_records(Listening(str(path), options.source, offsets_hz=options.offsets_hz), options)


def decode_groups(listening: Listening) -> Iterator[tuple[float, ReceivedGroup]]:
    """The groups of an open input of which anything was heard, one after the other, each with its station's offset."""
    for lists in listening.groups_by_station():
        for offset_hz, groups in zip(listening.offsets_hz, lists, strict=True):
            yield from ((offset_hz, group) for group in groups if group.heard)


def decode_records(listening: Listening, options: DecodeOptions) -> Iterator[Record]:
    """The records of an open input; where several stations are listened to, each with its station's `offset_hz`."""
    start = options.start or listening.stream.start
    time = StreamTime(start)
    start_ms = None if start is None else ms_of(start)
    stations = [
        _StationRecords(time, Intake(options.keyring, (), settings=ONLOOKER, start_ms=start_ms), listening, number)
        for number in range(len(listening.offsets_hz))
    ]
    told_s = 0.0
    try:
        for lists in listening.groups_by_station():
            for station, groups in zip(stations, lists, strict=True):
                yield from station.of_groups(groups)
            if listening.seconds_done - told_s >= STATUS_EVERY_S:
                told_s = listening.seconds_done
                yield from (record for station in stations for record in station.status())
    except NoSyncError:
        # Where nothing was heard, what the signal was like is all there is to tell.
        yield from (record for station in stations for record in station.status())
        raise
    for station in stations:
        yield from station.status()
        yield station.counts()


class _StationRecords:
    """One station's groups to its records."""

    def __init__(self, time: StreamTime, intake: Intake, listening: Listening, number: int) -> None:
        self._time, self._intake, self._listening, self._number = time, intake, listening, number
        self._station = Station()
        offsets_hz = listening.offsets_hz
        self._whose: Record = {"offset_hz": offsets_hz[number]} if len(offsets_hz) > 1 else {}

    def of_groups(self, groups: list[ReceivedGroup]) -> Iterator[Record]:
        """What groups hold and what they tell."""
        station, time = self._station, self._time
        for group in groups:
            if group.heard:
                yield group_record(group, time) | self._whose
            if station.feed(group) and station.facts.pi is not None:
                yield station_record(station.facts, group, time) | self._whose
            for verdict in self._intake.feed(group):
                yield verdict_record(verdict, time) | self._whose

    def status(self) -> Iterator[Record]:
        """How the signal is; nothing for an input of groups."""
        listening = self._listening
        status = listening.status(self._number)
        if status is not None:
            inflow = Inflow(listening.groups_heard[self._number], listening.samples_lost, listening.gaps)
            sample, seconds = listening.samples_done, listening.seconds_done
            yield self._warned(status_record(status, sample, seconds, self._time, inflow=inflow))

    def counts(self) -> Record:
        """What was counted to the end."""
        listening = self._listening
        return self._warned(counts_record(self._intake, listening.samples_done, listening.seconds_done, self._time))

    def _warned(self, record: Record) -> Record:
        return warned(record, self._intake, int(1000 * self._listening.seconds_done)) | self._whose
