"""An input to what was heard in it: opens the source, runs the chain, follows station and application."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from rds.errors import NoSyncError
from receiver.chain import IqChain, MpxChain, chain_for
from receiver.received_group import ReceivedGroup
from receiver.records import Record, StreamTime, group_record, station_record, status_record
from receiver.sources import open_input
from receiver.sources.stream import GroupStream, SourceOptions, Stream
from receiver.station import Station

_STATUS_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What a caller says beside the input's name."""

    source: SourceOptions = field(default_factory=SourceOptions)
    start: datetime | None = None
    """The moment of the first sample, trusted; None: what the input's metadata say."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a decoding has come; `samples` is None where the input's length is not known."""

    done: int
    samples: int | None


Note = Callable[[str], None]


class Listening:
    """An open input being decoded: iterate over it for the groups; its station and status stand beside."""

    def __init__(self, stream: Stream, *, offset_hz: float = 0.0) -> None:
        """Plans the chain for a stream.

        Raises:
            InputError: the stream's rate is too low.
            UsageError: the offset does not fit.
        """
        self.stream = stream
        self._chain = None if isinstance(stream, GroupStream) else chain_for(stream, offset_hz=offset_hz)
        self.samples_done = 0
        self.groups = 0
