"""What is listened to, to a SigMF recording around every event: what came before it from a ring, what comes after it.

Nothing here stops the receiver: where a recording fails, a warning is told, and what there is of it is removed.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from rds.errors import EvrdsError
from rds.moment import parse_moment
from receiver.listening import Samples
from receiver.received_group import ReceivedGroup
from receiver.records import ACCEPTED, Record
from receiver.sample_ring import SampleRing
from receiver.sigmf_recording import DATA, META, SigmfFacts, SigmfRecording, check_room
from receiver.sources.stream import Gap

LONGEST_S: Final = 600.0
"""Of one recording, however many events follow one another."""
RESERVE_OCTETS: Final = 200_000_000
"""What recordings leave free, for the receiver's own state."""
_GROUPS_COME_S: Final = 2.0
"""After the last sample of a group, at most."""
_RING_MORE_S: Final = 2.0
"""What the ring holds beside what is kept: the piece that comes in, and who was slow to say that there is an event."""


@dataclass(frozen=True, slots=True)
class Around:
    """How much of the signal is kept."""

    before_s: float
    after_s: float


@dataclass(frozen=True, slots=True)
class _Event:
    """An order that was believed."""

    name: str
    end_s: float
    """When it had been heard, in seconds of the stream."""
    moment: datetime | None


class EventRecorder:
    """A witness of the stream, and of the records that are made of it."""

    def __init__(
        self, folder: Path, facts: SigmfFacts, around: Around, *, note: Callable[[str], None], offset_hz: float = 0.0
    ) -> None:
        """Takes the ring's room; `offset_hz` is the station's distance from the centre, for the files' names.

        Raises:
            UsageError: there is not so much.
        """
        self._folder, self._facts, self._around, self._note = folder, facts, around, note
        self._offset_hz = offset_hz
        self._ring = SampleRing(self._samples(around.before_s + _RING_MORE_S), sample_octets=facts.sample_octets)
        self._events: deque[_Event] = deque()
        """Those that were told and are not looked at yet; `heed` may be called by another thread."""
        self._groups: deque[ReceivedGroup] = deque()
        self._recording: SigmfRecording | None = None
        self._first = self._next = self._until = 0
        """Samples of the stream: where the recording begins, how far it is written, where it is to end."""
        self._done = 0
        self._failing = False

    @property
    def kept_octets(self) -> int:
        """The ring's room."""
        return self._facts.octets(self._around.before_s + _RING_MORE_S)

    def _samples(self, seconds: float) -> int:
        return round(seconds * self._facts.rate_hz)

    def heed(self, record: Record) -> None:
        """Looks at what was just told. Every order that is believed is an event; a heartbeat or a tariff is none."""
        message = record.get("message")
        if record.get("verdict") == ACCEPTED and isinstance(message, dict) and "asks" in message:
            time, seconds = record["time"], record["seconds"]
            assert isinstance(seconds, float)
            moment = parse_moment(time) if isinstance(time, str) else None
            self._events.append(_Event(str(message["name"]), seconds, moment))

    def take(self, piece: Samples | Gap, first_sample: int) -> None:
        """The stream's next piece."""
        samples = piece.samples if isinstance(piece, Gap) else len(piece)
        self._attempt(self._look_at_events)
        # Twice what comes in: no burst, and yet always ahead of what the ring overwrites.
        self._attempt(lambda: self._copy(2 * samples))
        if not isinstance(piece, Gap):
            octets = piece.tobytes()
            self._attempt(lambda: self._ring.put(octets, first_sample))
        self._done = first_sample + samples
        self._attempt(self._finish_if_due)
        if self._recording is None:
            oldest = self._done - self._samples(self._around.before_s + _RING_MORE_S + _GROUPS_COME_S)
            while self._groups and self._groups[0].sample_index < oldest:
                self._groups.popleft()

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except (OSError, EvrdsError) as error:
            self._fail(error)

    def _finish_if_due(self) -> None:
        over = self._done >= self._until + self._samples(_GROUPS_COME_S) and not self._left()
        if self._recording is not None and over:
            self._finish(self._recording)

    def mark(self, groups: Sequence[ReceivedGroup]) -> None:
        """Groups that were found."""
        self._groups.extend(groups)

    def _look_at_events(self) -> None:
        while self._events:
            self._begin_or_extend(self._events.popleft())

    def _begin_or_extend(self, event: _Event) -> None:
        heard = self._samples(event.end_s)
        until = heard + self._samples(self._around.after_s)
        if self._recording is not None:
            self._until = max(self._until, min(until, self._first + self._samples(LONGEST_S)))
            return
        wanted_s = self._around.before_s + self._around.after_s
        check_room(self._folder, self._facts.octets(wanted_s), reserve=RESERVE_OCTETS)
        start = None if event.moment is None else event.moment - timedelta(seconds=event.end_s)
        self._recording = SigmfRecording(self._path(event), self._facts, start=start)
        self._first = self._next = max(0, heard - self._samples(self._around.before_s))
        self._until = until

    def _path(self, event: _Event) -> Path:
        """A name of moment, frequency and event that no other recording has."""
        moment, centre_hz = event.moment, self._facts.centre_hz
        parts = [f"{event.end_s:.0f}s" if moment is None else f"{moment:%Y%m%dT%H%M%SZ}"]
        parts += [] if centre_hz is None else [f"{(centre_hz + self._offset_hz) / 1e6:.10g}MHz"]
        stem = "_".join([*parts, event.name.replace(" ", "-")])
        path, number = self._folder / f"{stem}{META}", 1
        while path.exists() or path.with_suffix(DATA).exists():
            number += 1
            path = self._folder / f"{stem}_{number}{META}"
        return path

    def _left(self) -> int:
        """Samples that the ring has and the recording is still to get."""
        return max(0, min(self._until, self._done) - self._next)

    def _copy(self, most: int) -> None:
        while self._recording is not None and most > 0 and self._left():
            found = self._ring.get(self._next, min(most, self._left()))
            if found is None or found[0] >= self._until:
                self._next = min(self._until, self._done)
                return
            first, octets = found
            octets = octets[: (self._until - first) * self._facts.sample_octets]
            self._recording.write(octets, first)
            samples = len(octets) // self._facts.sample_octets
            self._next, most = first + samples, most - samples

    def _finish(self, recording: SigmfRecording) -> None:
        recording.mark(self._groups)
        recording.close()
        self._recording, self._failing = None, False
        self._note(f"wrote {recording.path}: {recording.seconds:.1f} s, {recording.marks} groups")

    def _fail(self, error: Exception) -> None:
        """Tells it once, until a recording succeeds."""
        if self._recording is not None:
            self._recording.discard()
            self._recording = None
        if not self._failing:
            self._failing = True
            said = error.strerror if isinstance(error, OSError) else error
            self._note(f"warning: not recorded: {said}; the receiver goes on")

    def close(self) -> None:
        """The stream has ended; a recording that has begun is made whole. Never raises."""
        self._attempt(self._look_at_events)
        self._attempt(lambda: self._copy(self._left()))
        if self._recording is not None:
            recording = self._recording
            self._attempt(lambda: self._finish(recording))
        self._ring.close()
