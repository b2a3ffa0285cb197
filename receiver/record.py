"""An open input to a SigMF recording of so many seconds, its groups marked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from rds.errors import DeviceLostError, NoSyncError
from receiver.listening import Listening, Samples
from receiver.received_group import ReceivedGroup
from receiver.sigmf_recording import SigmfFacts, SigmfRecording, check_room
from receiver.sources.stream import Gap

_GROUPS_COME_S: Final = 1.0
"""After the last sample, for the groups in it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written, in words that a person is told."""

    path: Path
    seconds: float
    marks: int
    notes: tuple[str, ...]


def record(
    listening: Listening,
    output: Path,
    *,
    seconds: float | None = None,
    start: datetime | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Recorded:
    """Writes what is listened to, to its end, `seconds` or an interruption, whichever comes first.

    Args:
        listening: The input.
        output: The recording's name.
        seconds: Of the stream's time, lost samples included; None: no limit.
        start: The moment of the stream's first sample; None: what the input says.
        advance: Called with numbers of samples.

    Raises:
        DeviceLostError: the radio is gone for good; what came before is kept.
        InputError: there was not one sample, or the input cannot be read any further.
        UsageError: the output cannot be written, has no room, or is the input.
    """
    facts = SigmfFacts.of(listening.stream)
    rate_hz, length = facts.rate_hz, listening.stream.samples
    most = None if seconds is None else round(seconds * rate_hz)
    known = min((count for count in (most, length) if count is not None), default=0)
    check_room(output.parent, known * facts.sample_octets)
    notes, lost = [], None
    with SigmfRecording(output, facts, start=start or listening.stream.start) as recording:
        listening.witness = _Upto(recording, most, advance)
        try:
            for _ in listening.groups():
                if most is not None and listening.samples_done >= most + _GROUPS_COME_S * rate_hz:
                    break
        except NoSyncError as error:
            notes.append(f"{error}; nothing in the recording is marked")
        except DeviceLostError as error:
            lost = error
        except KeyboardInterrupt:
            pass  # It is how one ends a recording.
    if lost is not None:
        raise lost
    if recording.unmarked:
        notes.append(f"after {recording.marks} groups, {recording.unmarked} more were not marked")
    return Recorded(recording.path, recording.seconds, recording.marks, tuple(notes))


class _Upto:
    """A witness that writes down the first samples of a stream."""

    def __init__(self, recording: SigmfRecording, most: int | None, advance: Callable[[int], None]) -> None:
        self._recording, self._most, self._advance = recording, most, advance

    def take(self, piece: Samples | Gap, first_sample: int) -> None:
        if isinstance(piece, Gap):
            self._advance(piece.samples)
            return
        if self._most is not None:
            piece = piece[: max(0, self._most - first_sample)]
        if len(piece):
            self._recording.write(piece.tobytes(), first_sample)
            self._advance(len(piece))

    def mark(self, groups: Sequence[ReceivedGroup]) -> None:
        self._recording.mark(groups)
