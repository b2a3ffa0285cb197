"""An input to what was heard in it: groups, or records of groups, station, messages and status."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from rds.errors import NoSyncError, UsageError
from receiver.bulletin_records import verdict_record
from receiver.clock import ms_of
from receiver.intake import Intake
from receiver.keyring import Keyring
from receiver.listening import Listening
from receiver.received_group import ReceivedGroup
from receiver.records import (
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

_STATUS_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What a caller says beside the input's name."""

    source: SourceOptions = field(default_factory=SourceOptions)
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
    return decode_records(Listening(str(path), options.source), options)


def decode_groups(listening: Listening) -> Iterator[ReceivedGroup]:
    """The groups of an open input of which anything was heard, one after the other."""
    for groups in listening.groups():
        yield from (group for group in groups if group.heard)


def decode_records(listening: Listening, options: DecodeOptions) -> Iterator[Record]:
    """The records of an open input."""
    start = options.start or listening.stream.start
    time = StreamTime(start)
    station = Station()
    intake = Intake(options.keyring, (), settings=ONLOOKER, start_ms=None if start is None else ms_of(start))
    told_s = 0.0
    try:
        for groups in listening.groups():
            for group in groups:
                if group.heard:
                    yield group_record(group, time)
                if station.feed(group) and station.facts.pi is not None:
                    yield station_record(station.facts, group, time)
                for verdict in intake.feed(group):
                    yield verdict_record(verdict, time)
            if listening.seconds_done - told_s >= _STATUS_EVERY_S:
                told_s = listening.seconds_done
                yield from _status(listening, time)
    except NoSyncError:
        # Where nothing was heard, what the signal was like is all there is to tell.
        yield from _status(listening, time)
        raise
    yield from _status(listening, time)
    yield counts_record(intake, listening.samples_done, listening.seconds_done, time)


def _status(listening: Listening, time: StreamTime) -> Iterator[Record]:
    status = listening.status()
    if status is not None:
        yield status_record(status, listening.samples_done, listening.seconds_done, time)
