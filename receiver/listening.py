"""An input's name to an iterator over the groups in it, with the signal's status beside: source and chains as one."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rds.constants import GROUP_BITS
from rds.errors import InputError, NoSyncError
from receiver.bank import bank_for, pieces_of
from receiver.chain import SignalStatus
from receiver.received_group import ReceivedGroup
from receiver.sources import open_input
from receiver.sources.octets import STDIN
from receiver.sources.stream import BitStream, Gap, GroupStream, IqStream, LiveStream, SourceOptions

Samples = npt.NDArray[np.generic]


class Witness(Protocol):
    """Who is shown all that is listened to, as it comes, and what the first station was heard to say."""

    def take(self, piece: Samples | Gap, first_sample: int) -> None:
        """A piece of the stream, as its source gives it, before it is decoded."""
        ...

    def mark(self, groups: Sequence[ReceivedGroup]) -> None:
        """Groups that were found, in order; they end up to two seconds before what came last."""
        ...


class Listening:
    """An open input and the stations that are listened to. Its groups may be asked for once."""

    def __init__(self, name: str, options: SourceOptions, *, offsets_hz: Sequence[float] = ()) -> None:
        """Opens the input and plans its stages; nothing is decoded yet.

        Args:
            name: A file's, "-" for standard input, or a live source such as "rtlsdr:0".
            options: What name and metadata do not say.
            offsets_hz: Several stations of a wide stream, instead of the one at the options' offset.

        Raises:
            InputError: the input is missing, empty or unreadable, or its rate is too low.
            UsageError: an option does not fit.
            DeviceAbsentError: a stick or server cannot be opened.
        """
        self.stream = open_input(name, options)
        self.offsets_hz = tuple(offsets_hz) or (options.offset_hz or self.stream.offset_hz or 0.0,)
        self._bank = bank_for(self.stream, self.offsets_hz)
        self._name = "standard input" if name == STDIN else name
        self.samples_done = 0
        """How far decoding has come, in the input's samples, lost ones included."""
        self.witness: Witness | None = None
        self.gaps: Counter[str] = Counter()
        """How often samples were lost, by why."""
        self.samples_lost = 0
        self.groups_heard = [0] * len(self.offsets_hz)
        """In how many groups of each station anything was heard."""
        self.onlooker: Callable[[Samples | Gap], None] | None = None
        """Given each piece of the input as well, in the thread that decodes: for pictures of the signal."""

    @property
    def samples_heard(self) -> int:
        """How many samples have come: lost ones do not count."""
        return self.samples_done - self.samples_lost

    @property
    def seconds_done(self) -> float:
        """How far decoding has come, in seconds of signal."""
        return self.samples_done / self.stream.rate_hz

    @property
    def best(self) -> int:
        """Of which station most was heard."""
        return max(range(len(self.groups_heard)), key=self.groups_heard.__getitem__)

    @property
    def best_station(self) -> int:
        """The same as `groups_in_order` numbers it."""
        return self.best

    @property
    def now(self) -> "Listening":
        """What is listened to now: this."""
        return self

    def status(self, station: int = 0) -> SignalStatus | None:
        """How a station's signal is now; None for an input of groups."""
        return None if self._bank is None else self._bank.statuses()[station]

    def groups(self) -> Iterator[list[ReceivedGroup]]:
        """The groups of each chunk of input in turn, an empty list where a chunk completes none; at last the rest.

        Raises:
            InputError: the input cannot be read further, or there was nothing in it.
            DeviceLostError: a stick or server is gone for good.
            NoSyncError: it ended and nothing in it was a group.
        """
        return (groups for (groups,) in self.groups_by_station())

    def groups_by_station(self) -> Iterator[list[list[ReceivedGroup]]]:
        """As `groups`, with a list for each of `offsets_hz`."""
        for lists in self._lists():
            for number, groups in enumerate(lists):
                self.groups_heard[number] += sum(group.heard for group in groups)
            yield lists
        if self.samples_done == 0:
            raise InputError(f"{self._name} holds no {self._content}; was the recording stopped before it began?")
        if not any(self.groups_heard):
            raise NoSyncError(f"{self._name}: no RDS found in {self.seconds_done:.1f} s; {self._advice}")

    def groups_in_order(self) -> Iterator[list[tuple[int, ReceivedGroup]]]:
        """As `groups_by_station`, in one list by the groups' ends, each with its station's place in `offsets_hz`."""
        for lists in self.groups_by_station():
            pairs = [(number, group) for number, groups in enumerate(lists) for group in groups]
            yield sorted(pairs, key=lambda pair: pair[1].end_s)

    def look_elsewhere(self) -> None:
        """There is nowhere else."""

    def close(self) -> None:
        """Gives a live source free; it has no more groups then."""
        if isinstance(self.stream, LiveStream) and isinstance(self.stream.pieces, Generator):
            self.stream.pieces.close()

    @property
    def _content(self) -> str:
        """What the input should hold."""
        if isinstance(self.stream, GroupStream):
            return "groups"
        return "bits" if isinstance(self.stream, BitStream) else "samples"

    @property
    def _advice(self) -> str:
        """Why there may be no group in it."""
        if isinstance(self.stream, BitStream):
            return "are these data bits, after differential decoding, in the order sent?"
        states = [] if self._bank is None else self._bank.statuses()
        pilot = "no pilot either" if all(status.pilot_hz is None for status in states) else "a pilot there is"
        if isinstance(self.stream, IqStream | LiveStream):
            return f"{pilot}: is there a station with RDS, is --rate right, does --offset point at it?"
        return f"{pilot}: is this the multiplex of a station with RDS, and is --rate right?"

    def _lists(self) -> Iterator[list[list[ReceivedGroup]]]:
        if isinstance(self.stream, GroupStream):
            for group in self.stream.chunks:
                self.samples_done = group.sample_index + GROUP_BITS
                yield [[group]]
            return
        bank = self._bank
        assert bank is not None
        for piece in pieces_of(self.stream):
            if self.witness is not None:
                self.witness.take(piece, self.samples_done)
            if self.onlooker is not None:
                self.onlooker(piece)
            lists = bank.feed(piece)
            self._count(piece)
            yield self._marked(lists)
        yield self._marked(bank.flush())

    def _marked(self, lists: list[list[ReceivedGroup]]) -> list[list[ReceivedGroup]]:
        if self.witness is not None:
            self.witness.mark(lists[0])
        return lists

    def _count(self, piece: Samples | Gap) -> None:
        if isinstance(piece, Gap):
            self.gaps[piece.why] += 1
            self.samples_lost += piece.samples
            self.samples_done += piece.samples
        else:
            self.samples_done += len(piece)
