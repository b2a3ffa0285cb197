"""The commands `replay`, `record` and `annotate`: a source or recording to a server, SigMF files or metadata."""

import argparse
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Final, TypeVar

from rds.errors import UsageError
from receiver.arguments import EXIT_CODES, add_source_options, argument
from receiver.listening import Listening
from receiver.received_group import ReceivedGroup
from receiver.records import Record
from receiver.sigmf_recording import ENDINGS, SigmfFacts, check_room, meta_path
from receiver.sources import open_input
from receiver.sources.octets import STDIN
from receiver.sources.stream import IqStream, LiveStream, SourceOptions

if TYPE_CHECKING:  # a server brings asyncio, which `decode` starts without
    from receiver.replay import Bar, Note

_DEFAULT_PORT: Final = 1234
_LAST_PORT: Final = 65_535
_FASTEST: Final = 100
_AROUND_S: Final = 30.0
_LONGEST_AROUND_S: Final = 300

P = TypeVar("P", bound=argparse.ArgumentParser)


@dataclass(frozen=True, slots=True)
class Edge:
    """What the command line lends its commands."""

    note: "Note"
    """Tells a person a line."""
    bar: "Bar"
    """Shows a person how far it has come."""
    telling: Callable[[list[str]], AbstractContextManager[None]]
    """Tells a stream's notes, and at the end those that came since."""
    source_options: Callable[[argparse.Namespace], SourceOptions]
    """What `add_source_options` asked for."""


def add_recording_commands(commands: "argparse._SubParsersAction[P]", edge: Edge) -> None:
    """The commands."""
    _add_replay(commands, edge)
    _add_record(commands, edge)
    _add_annotate(commands, edge)


def _add_replay(commands: "argparse._SubParsersAction[P]", edge: Edge) -> None:
    parser = commands.add_parser(
        "replay",
        help="serve a recording to SDR programs, as rtl_tcp would a stick",
        description="Serves an IQ recording as an rtl_tcp server, at the speed it was sent; each client hears it from "
        "its beginning, one after the other. Rate and frequency stay the recording's, whatever a program asks.",
        epilog="Example: evrds-receiver replay evening.sigmf-meta --loop. " + EXIT_CODES,
    )
    parser.add_argument("input", metavar="RECORDING", help="a file of IQ: SigMF, cu8, cs16, cf32, WAV of two channels")
    add = parser.add_argument
    add("--port", type=argument(_parse_port), default=_DEFAULT_PORT, metavar="N", help=f"default {_DEFAULT_PORT}")
    add("--listen", default="127.0.0.1", metavar="ADDRESS", help="0.0.0.0: for other computers (default 127.0.0.1)")
    add("--loop", action="store_true", help="begin again at the end, instead of sending the client away")
    add("--speed", type=argument(_parse_speed), default=1.0, metavar="X", help="2: twice as fast as it was sent")
    add_source_options(parser)
    parser.set_defaults(run=lambda arguments: _replay(arguments, edge))


def _add_record(commands: "argparse._SubParsersAction[P]", edge: Edge) -> None:
    parser = commands.add_parser(
        "record",
        help="a source to a SigMF recording, its groups marked",
        description="Writes the samples of any source to a SigMF recording and marks the groups heard in them; "
        "where samples were lost a new capture begins. The files appear when it ends, by Ctrl-C too.",
        epilog="Example: evrds-receiver record evening.wav evening.sigmf-meta --seconds 60. " + EXIT_CODES,
    )
    parser.add_argument("input", metavar="SOURCE", help="as of `decode`")
    parser.add_argument("output", metavar="OUT.sigmf-meta", type=Path, help="the samples go to OUT.sigmf-data")
    parser.add_argument("--seconds", type=argument(_parse_seconds), metavar="N", help="default: to the end, or Ctrl-C")
    add_source_options(parser)
    parser.set_defaults(run=lambda arguments: _record(arguments, edge))


def add_event_recording_options(parser: argparse.ArgumentParser) -> None:
    """What `run` records; `recording_events` reads it back."""
    add = parser.add_argument_group("recording").add_argument
    add("--record", type=Path, metavar="DIR", help="the signal around each event to DIR, as SigMF, its groups marked")
    for when in ("before", "after"):
        add(
            f"--record-{when}",
            type=argument(_parse_around),
            default=_AROUND_S,
            metavar="S",
            help=f"so much {when} an order was heard (default {_AROUND_S:.0f} s)",
        )


@contextmanager
def recording_events(
    arguments: argparse.Namespace, listening: Listening, note: "Note"
) -> Iterator[Callable[[Record], None]]:
    """Whom to tell each record, so that the signal around events is written down, if that was asked for.

    Raises:
        UsageError: there is no such folder, or the source has no samples. That there is no room is a note.
    """
    folder: Path | None = arguments.record
    if folder is None:
        yield lambda _: None
        return
    from receiver.event_recording import Around, EventRecorder

    around = Around(arguments.record_before, arguments.record_after)
    facts = SigmfFacts.of(listening.stream)
    check_room(folder, 0)
    try:
        recorder = EventRecorder(folder, facts, around, note=note, offset_hz=listening.offsets_hz[0])
    except UsageError as error:
        note(f"warning: events are not recorded: {error}")
        yield lambda _: None
        return
    note(f"the last {around.before_s:g} s are kept in {gettempdir()}, {recorder.kept_octets / 1e6:.0f} MB")
    listening.witness = recorder
    try:
        yield recorder.heed
    finally:
        recorder.close()


def _parse_around(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > _LONGEST_AROUND_S:
        raise ValueError(f"{text!r} s; allowed: whole seconds, 0..{_LONGEST_AROUND_S}")
    return float(text)


def _add_annotate(commands: "argparse._SubParsersAction[P]", edge: Edge) -> None:
    parser = commands.add_parser(
        "annotate",
        help="mark the groups in a SigMF recording",
        description="Decodes a SigMF recording and writes a mark on each group into its metadata, in the place of "
        "earlier ones; all else in them stays, and so do the samples.",
        epilog="Example: evrds-receiver annotate evening.sigmf-meta. " + EXIT_CODES,
    )
    parser.add_argument("input", metavar="RECORDING.sigmf-meta", type=Path, help="a recording of one station")
    add_source_options(parser)
    parser.set_defaults(run=lambda arguments: _annotate(arguments, edge))


def _parse_seconds(text: str) -> float:
    seconds = float(text) if re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text) else 0.0
    if seconds <= 0:
        raise ValueError(f"{text!r} are no seconds; write 60 or 0.5")
    return seconds


def _parse_port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > _LAST_PORT:
        raise ValueError(f"port {text!r}; allowed: 0..{_LAST_PORT}; 0 takes one that is free")
    return int(text)


def _parse_speed(text: str) -> float:
    speed = float(text) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text) else 0.0
    if not 0 < speed <= _FASTEST:
        raise ValueError(f"speed {text!r}; allowed: more than 0, at most {_FASTEST}")
    return speed


def _replay(arguments: argparse.Namespace, edge: Edge) -> None:
    """Runs `replay`."""
    import asyncio

    from receiver.replay import Replay, ReplayOptions

    name, options = arguments.input, edge.source_options(arguments)
    if name == STDIN:
        raise UsageError("replay reads a recording anew for each client; give a file instead of standard input")

    def opened() -> IqStream:
        stream = open_input(name, options)
        if not isinstance(stream, IqStream):
            raise UsageError(f"{name} is no recording of IQ; replay serves files such as .cu8 or .sigmf-meta")
        return stream

    serving = ReplayOptions(arguments.listen, arguments.port, arguments.loop, arguments.speed)
    for line in opened().notes:
        edge.note(line)

    asyncio.run(Replay(opened, serving, note=edge.note, bar=edge.bar).serve())


def _record(arguments: argparse.Namespace, edge: Edge) -> None:
    """Runs `record`."""
    from receiver.record import record

    output, seconds = meta_path(arguments.output), arguments.seconds
    if Path(arguments.input).with_suffix("") == output.with_suffix("") and Path(arguments.input).suffix in ENDINGS:
        raise UsageError(f"{arguments.input} would be replaced while it is read; name another recording to write")
    listening = Listening(arguments.input, _one_station(arguments, edge))
    stream = listening.stream
    start = arguments.start_time
    if start is None and isinstance(stream, LiveStream):
        start = datetime.now(UTC)
    with edge.telling(stream.notes):
        whole = stream.samples or 0
        most = round(seconds * stream.rate_hz) if seconds else whole
        with edge.bar("recording", min(most, whole) if whole else most) as advance:
            recorded = record(listening, output, seconds=seconds, start=start, advance=advance)
    for line in recorded.notes:
        edge.note(line)
    edge.note(f"wrote {recorded.path}: {recorded.seconds:.1f} s, {recorded.marks} groups")


def _annotate(arguments: argparse.Namespace, edge: Edge) -> None:
    """Runs `annotate`."""
    from receiver.annotate import annotate

    meta = meta_path(arguments.input)
    listening = Listening(str(meta), _one_station(arguments, edge))
    with edge.telling(listening.stream.notes), edge.bar("decoding", listening.stream.samples or 0) as advance:
        found = annotate(meta, _all_groups(listening, advance), rate_hz=listening.stream.rate_hz)
    edge.note(f"wrote {meta}: {found} groups")


def _one_station(arguments: argparse.Namespace, edge: Edge) -> SourceOptions:
    if len(arguments.offset) > 1:
        raise UsageError(f"marks are those of one station, and --offset names {len(arguments.offset)}; give it once")
    return edge.source_options(arguments)


def _all_groups(listening: Listening, advance: Callable[[int], None]) -> Iterator[ReceivedGroup]:
    done = 0
    for groups in listening.groups():
        advance(listening.samples_done - done)
        done = listening.samples_done
        yield from groups
