"""The commands `replay`, `record` and `annotate`: a source or recording to a server, SigMF files or metadata."""

import argparse
import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from rds.errors import UsageError
from receiver.arguments import EXIT_CODES, add_source_options, argument
from receiver.replay import DEFAULT_PORT, Bar, Note, Replay, ReplayOptions
from receiver.sources import open_input
from receiver.sources.octets import STDIN
from receiver.sources.stream import IqStream, SourceOptions

_LAST_PORT: Final = 65_535
_FASTEST: Final = 100

P = TypeVar("P", bound=argparse.ArgumentParser)


@dataclass(frozen=True, slots=True)
class Edge:
    """What the command line lends its commands."""

    note: Note
    """Tells a person a line."""
    bar: Bar
    """Shows a person how far it has come."""
    source_options: Callable[[argparse.Namespace], SourceOptions]
    """What `add_source_options` asked for."""


def add_recording_commands(commands: "argparse._SubParsersAction[P]", edge: Edge) -> None:
    """The commands."""
    _add_replay(commands, edge)


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
    add("--port", type=argument(_parse_port), default=DEFAULT_PORT, metavar="N", help=f"default {DEFAULT_PORT}")
    add("--listen", default="127.0.0.1", metavar="ADDRESS", help="0.0.0.0: for other computers (default 127.0.0.1)")
    add("--loop", action="store_true", help="begin again at the end, instead of sending the client away")
    add("--speed", type=argument(_parse_speed), default=1.0, metavar="X", help="2: twice as fast as it was sent")
    add_source_options(parser)
    parser.set_defaults(run=lambda arguments: _replay(arguments, edge))


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
    name, options = arguments.input, edge.source_options(arguments)
    if name == STDIN:
        raise UsageError("replay reads a recording anew for each client; give a file instead of standard input")

    def opened() -> IqStream:
        stream = open_input(name, options)
        if not isinstance(stream, IqStream):
            raise UsageError(f"{name} holds no IQ; replay serves recordings of IQ, such as .cu8 or .sigmf-meta")
        return stream

    serving = ReplayOptions(arguments.listen, arguments.port, arguments.loop, arguments.speed)
    for line in opened().notes:
        edge.note(line)

    async def serve() -> None:
        await Replay(opened, serving, note=edge.note, bar=edge.bar).serve()

    asyncio.run(serve())
