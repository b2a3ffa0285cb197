"""A list of stations and a live source to the groups of the best of them; where the service is lost, of the next ones.

All listed stations that one stream can hold are listened to at once. That the service is lost is said by the caller,
who knows what was authentic: nothing that a station sends keeps the receiver there by itself.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Final, Protocol

from receiver.dsp.carriers import MARGIN_HZ, RASTER_HZ
from receiver.listening import Listening
from receiver.received_group import ReceivedGroup
from receiver.scan import HEARTBEAT_S, STEP_RATE_HZ
from receiver.sources.stream import SourceOptions, Stream

StationGroup = tuple[int, ReceivedGroup]
_SPIKE_HZ: Final = RASTER_HZ / 2
"""So far from a station the centre has to be, if there is room."""
_log = logging.getLogger(__name__)


class Hearing(Protocol):
    """What groups come from: an input, or one place after the other."""

    @property
    def stream(self) -> Stream:
        """What is listened to now."""

    @property
    def samples_done(self) -> int:
        """How far it has come, in samples."""

    @property
    def seconds_done(self) -> float:
        """How far it has come."""

    @property
    def samples_heard(self) -> int:
        """How many samples have come: lost ones do not count."""

    @property
    def now(self) -> Listening:
        """The input that is listened to now."""

    @property
    def best_station(self) -> int:
        """The number of the station of which most was heard there."""

    def groups_in_order(self) -> Iterator[list[StationGroup]]:
        """The groups of each chunk, each with a number for its station."""

    def look_elsewhere(self) -> None:
        """The service is lost here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Stations that are listened to at once."""

    frequencies_hz: tuple[int, ...]
    """The best first."""
    centre_hz: int | None
    """None: beside the one station."""

    def options(self, options: SourceOptions) -> SourceOptions:
        """What a live source is told."""
        if self.centre_hz is None:
            return replace(options, frequency_hz=self.frequencies_hz[0], offset_hz=None)
        rate_hz = options.rate_hz or STEP_RATE_HZ
        return replace(options, frequency_hz=self.centre_hz, offset_hz=0.0, rate_hz=rate_hz)

    @property
    def offsets_hz(self) -> tuple[float, ...]:
        """The stations' distances from the centre; none: as the source says."""
        centre_hz = self.centre_hz
        return () if centre_hz is None else tuple(float(one - centre_hz) for one in self.frequencies_hz)


def plan_places(frequencies_hz: Sequence[int], *, rate_hz: float | None = None) -> list[Place]:
    """Where to listen, the best first: with each station all that fit into a stream beside it, by their rank."""
    room_hz = (rate_hz or STEP_RATE_HZ) - 2 * MARGIN_HZ
    left, places = list(frequencies_hz), []
    while left:
        here = [left[0]]
        for one in left[1:]:
            if max(*here, one) - min(*here, one) <= room_hz:
                here.append(one)
        left = [one for one in left if one not in here]
        places.append(Place(tuple(here), _centre_hz(here, room_hz) if len(here) > 1 else None))
    return places


def _centre_hz(stations_hz: Sequence[int], room_hz: float) -> int:
    """The middle, or near to it, where no station has a stick's spike."""
    low_hz, high_hz = min(stations_hz), max(stations_hz)
    middle_hz = (low_hz + high_hz) // 2
    beside_hz = (sign * number * 10_000 for number in range(11) for sign in (1, -1))
    for centre_hz in (middle_hz + one for one in beside_hz):
        fits = 2 * max(centre_hz - low_hz, high_hz - centre_hz) <= room_hz
        if fits and all(abs(centre_hz - one) >= _SPIKE_HZ for one in stations_hz):
            return centre_hz
    return middle_hz


class Following:
    """Listens at one place after the other.

    Args:
        places: Where, the best first; after the last comes the first.
        listen: Opens a live source there.
        now_s: A clock that never steps. The stream's time goes on while a source is opened.
    """

    def __init__(
        self,
        places: Sequence[Place],
        listen: Callable[[Place], Listening],
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places, self._listen, self._now_s = cycle(places), listen, now_s
        self._began_s, self._base_s, self._moves = now_s(), 0.0, False
        self._heard_before = 0
        self._alone = len(places) == 1
        self._open()

    def _open(self) -> None:
        self.place = next(self._places)
        self._listening = self._listen(self.place)

    @property
    def stream(self) -> Stream:
        """Of the present place."""
        return self._listening.stream

    @property
    def now(self) -> Listening:
        """The input of the present place."""
        return self._listening

    @property
    def best_station(self) -> int:
        """The frequency of the station of which most was heard there."""
        return self.place.frequencies_hz[self._listening.best]

    @property
    def seconds_done(self) -> float:
        """How far the stream's time has come, all places together."""
        return self._base_s + self._listening.seconds_done

    @property
    def samples_done(self) -> int:
        """The same in samples of the present place's rate."""
        return round(self.seconds_done * self.stream.rate_hz)

    @property
    def samples_heard(self) -> int:
        """How many samples have come, at all places."""
        return self._heard_before + self._listening.samples_heard

    def look_elsewhere(self) -> None:
        """The service is lost here: after a while for a heartbeat, another place is tried."""
        self._moves = not self._alone and self._listening.seconds_done >= HEARTBEAT_S

    def groups_in_order(self) -> Iterator[list[StationGroup]]:
        """The groups of each chunk of the place's stream, each with its station's frequency, without an end.

        Raises:
            DeviceAbsentError: the source cannot be opened for the next place.
            DeviceLostError: it is gone.
        """
        while True:
            for pairs in self._listening.groups_in_order():
                yield [(self.place.frequencies_hz[number], self._placed(group)) for number, group in pairs]
                if self._moves:
                    break
            self._move()

    def _placed(self, group: ReceivedGroup) -> ReceivedGroup:
        """A group where it is in the time of all places."""
        base_samples = round(self._base_s * self.stream.rate_hz)
        return replace(group, sample_index=group.sample_index + base_samples, end_s=group.end_s + self._base_s)

    def _move(self) -> None:
        self._listening.close()
        left, done_s = self.place, self.seconds_done
        self._heard_before = self.samples_heard
        self._open()
        self._moves = False
        self._base_s = max(done_s, self._now_s() - self._began_s)
        here, there = (", ".join(f"{one / 1e6:.10g}" for one in place.frequencies_hz) for place in (left, self.place))
        _log.warning("no authentic heartbeat on %s MHz; listening on %s MHz", here, there)
