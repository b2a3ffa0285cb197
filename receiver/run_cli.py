"""The command `run`: what it listens to, what is told and where, until its end."""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rds.errors import UsageError
from receiver.app import DecodeOptions
from receiver.arguments import EXIT_CODES, Parser, add_source_options, argument
from receiver.config import read_config
from receiver.decode_cli import decode_options, warn_of_keys
from receiver.listening import Listening
from receiver.recording_cli import add_event_recording_options, recording_events
from receiver.records import Record
from receiver.sources import is_live
from receiver.terminal import note, tell, telling
from receiver.web.access import DEFAULT_ADDRESS, parse_address

if TYPE_CHECKING:
    from receiver.following import Hearing

_RUN_PATIENCE_S: Final = 600.0
"""How long a stick may be away from a charger's receiver, unless its owner says otherwise."""
_NOT_PRINTED: Final = ("station", "status")
"""By `run`, whose lines fill a journal for years: what is heard of the station, and every five seconds how well."""


def add_run_command(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The command `run`."""
    parser = commands.add_parser(
        "run",
        help="drive a charger by what is heard",
        description="Hears a station and drives a charger as CONFIG.toml says (see examples/receiver.toml); "
        "every change of the limit is a line.",
        epilog="Example: evrds-receiver run charger.toml --source evening.sigmf-meta. " + EXIT_CODES,
    )
    parser.add_argument("config", metavar="CONFIG.toml", type=Path, help="the receiver's configuration")
    parser.add_argument("--source", metavar="INPUT", help="as of `decode` (default: the configuration's)")
    parser.add_argument(
        "--stations",
        type=Path,
        metavar="STATIONS.json",
        help="where a live source listens: a list that `scan` saved; the next ones after 5 min without a heartbeat",
    )
    parser.add_argument("--realtime", action="store_true", help="as slowly as the input was sent")
    add_source_options(parser)
    parser.add_argument(
        "-F",
        dest="outputs",
        action="append",
        default=[],
        metavar="OUTPUT",
        help="json (default) or kv: one line a record; table: a live table in the terminal; mqtt://host/PREFIX, "
        "http://host/path, prometheus://127.0.0.1:9105: there as well (docs/outputs.md); may be given several times",
    )
    add_event_recording_options(parser)
    parser.add_argument(
        "--web",
        nargs="?",
        type=argument(parse_address),
        const=parse_address(DEFAULT_ADDRESS),
        metavar="HOST:PORT",
        help=f"serve a page for installer and engineer (default {DEFAULT_ADDRESS}, this machine alone)",
    )
    parser.set_defaults(run=_run, is_service=True)


def _run(arguments: argparse.Namespace) -> None:
    """Runs `run`."""
    # asyncio brings TLS, the store SQLite: a tenth of a second that `decode` need not wait.
    from receiver.outlets import Outlets, choose
    from receiver.run import run_to_end
    from receiver.service import Service

    chosen = choose(arguments.outputs, on_terminal=sys.stdout.isatty())
    config = read_config(arguments.config)
    warn_of_keys(config.keyring)
    source = arguments.source or config.source
    if source is None:
        raise UsageError(f"{arguments.config} names no source and --source is not given; give one of them")
    options = decode_options(arguments, patience_s=_RUN_PATIENCE_S, wait=True)
    listening = _hearing(arguments, source, options)
    recording = (
        recording_events(arguments, listening, note)
        if isinstance(listening, Listening)
        else nullcontext[Callable[[Record], None]](lambda _: None)
    )
    outlets = Outlets([*chosen.outputs, *config.outputs])
    with outlets, telling(listening.stream.notes), recording as heed:

        def emit(record: Record) -> None:
            heed(record)
            outlets.tell(record)
            if chosen.line_of is not None and record["type"] not in _NOT_PRINTED:
                tell(chosen.line_of(record))

        service = Service.of_environment(os.environ)
        if arguments.web is None:
            run_to_end(config, listening, emit=emit, start=options.start, realtime=arguments.realtime, service=service)
            return
        from receiver.web.watched_run import run_watched

        run_watched(
            config,
            listening,
            arguments.web,
            emit=emit,
            note=note,
            start=options.start,
            realtime=arguments.realtime,
            service=service,
        )


def _hearing(arguments: argparse.Namespace, source: str, options: DecodeOptions) -> "Hearing":
    """What `run` listens to: the source's station or stations, or those of a list."""
    if arguments.stations is None:
        return Listening(source, options.source, offsets_hz=options.offsets_hz)
    from receiver.following import Following, plan_places
    from receiver.station_list import read_frequencies

    if not is_live(source):
        raise UsageError(f"--stations tunes a live source, and {source} is none; give rtlsdr:0 or rtl_tcp://host:1234")
    if arguments.record is not None:
        raise UsageError("--record writes down one place, and --stations names several; give one of them")
    if options.source.frequency_hz is not None or options.offsets_hz:
        raise UsageError("--stations says where to listen; leave --frequency and --offset out")
    places = plan_places(read_frequencies(arguments.stations), rate_hz=options.source.rate_hz)
    return Following(
        places, lambda place: Listening(source, place.options(options.source), offsets_hz=place.offsets_hz)
    )
