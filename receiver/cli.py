"""The command line `evrds-receiver`: arguments to calls of `receiver.app`, records to stdout, errors to one line."""

import argparse
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from threadpoolctl import threadpool_limits

from rds.errors import DeviceLostError, EvrdsError, UsageError
from rds.installation import PACKAGES, installation_fault
from rds.oda.key_warnings import key_warnings
from receiver.app import DecodeOptions, decode_file, decode_groups, decode_records
from receiver.arguments import EXIT_CODES, Parser, add_source_options, add_trust_options, argument
from receiver.charger_cli import add_charger_command
from receiver.clock import ms_of
from receiver.config import read_config
from receiver.doctor_cli import add_doctor_commands
from receiver.fleet.options import add_fleet_command, add_fleet_options
from receiver.install_cli import add_install_command
from receiver.keyring import Keyring
from receiver.listening import Listening
from receiver.owner_cli import add_owner_commands
from receiver.recording_cli import Edge, add_event_recording_options, add_recording_commands, recording_events
from receiver.records import Record, format_hex, format_json, format_kv
from receiver.research.options import add_batch_command, add_report_command
from receiver.scan_cli import add_scan_command
from receiver.sources import is_live
from receiver.sources.octets import STDIN
from receiver.sources.stream import SourceOptions
from receiver.trust import make_keyring, read_trust_file
from receiver.web.access import DEFAULT_ADDRESS, parse_address

if TYPE_CHECKING:
    from receiver.following import Hearing

Item = TypeVar("Item")
_PROGRAM: Final = "evrds-receiver"
_INTERRUPTED: Final = 130
_LOG_LEVELS: Final = ("error", "warning", "info")
_JOURNAL_LEVELS: Final = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}
"""syslog(3)'s, which the journal reads off the beginning of a line (sd-daemon(3))."""
_log: Final = logging.getLogger(__name__)
_RUN_PATIENCE_S: Final = 600.0
"""How long a stick may be away from a charger's receiver, unless its owner says otherwise."""
_NOT_PRINTED: Final = ("station", "status")
"""By `run`, whose lines fill a journal for years: what is heard of the station, and every five seconds how well."""


class _Version(argparse.Action):
    """Tells the version; looked up when it is asked for only."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"{_PROGRAM} {version('evrds')}")
        parser.exit()


def _add_decode(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The command `decode`."""
    parser = commands.add_parser(
        "decode",
        help="a recording to groups, station facts and messages",
        description="Decodes a recording (SigMF, bare IQ, SDRangel's, WAV of IQ or MPX, hex, bits) or a live source.",
        epilog="Example: evrds-receiver decode evening.cu8 --rate 250k -F json --trust root.public.pem "
        "--trust operator.certificate.pem. " + EXIT_CODES,
    )
    parser.add_argument("input", metavar="INPUT", help="a file; - for standard input; rtlsdr:0; rtl_tcp://host:1234")
    add_source_options(parser)
    add_trust_options(parser)
    parser.add_argument(
        "-F",
        dest="output",
        choices=("hex", "json", "kv", "table"),
        default="hex",
        help="one line a group or record (default hex), or a live table in the terminal",
    )
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw the multiplex and the symbols at its start")
    parser.set_defaults(run=_decode)


def _add_run(commands: "argparse._SubParsersAction[Parser]") -> None:
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


def _decode_options(arguments: argparse.Namespace, *, patience_s: float = 0.0, wait: bool = False) -> DecodeOptions:
    """The options that `add_source_options` asked for; how long a live source may be away depends on the command."""
    offsets_hz = tuple(arguments.offset)
    source = SourceOptions(
        format=arguments.format,
        rate_hz=arguments.rate,
        offset_hz=offsets_hz[0] if offsets_hz else None,
        frequency_hz=arguments.frequency,
        gain_db=arguments.gain,
        ppm=arguments.ppm,
        bias_tee=arguments.bias_tee,
        patience_s=patience_s if arguments.patience is None else 60 * arguments.patience,
        wait=wait,
    )
    return DecodeOptions(source=source, start=arguments.start_time, offsets_hz=offsets_hz)


def _ring(arguments: argparse.Namespace) -> Keyring:
    """The keys that `add_trust_options` asked for."""
    texts = [read_trust_file(path) for path in arguments.trust]
    return make_keyring(texts, aid=arguments.aid, network=arguments.network)


def _note(line: str, level: int = logging.INFO) -> None:
    _log.log(level, line)


class _Notes(logging.Handler):
    """Notes on standard error what the command line and the receiver's modules log; to the journal with its level."""

    def emit(self, record: logging.LogRecord) -> None:
        mark = f"<{_JOURNAL_LEVELS.get(record.levelno, 6)}>" if _is_journal() else ""
        print(f"{mark}{_PROGRAM}: {record.getMessage()}", file=sys.stderr)


def _is_journal() -> bool:
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _note_logs(level: str) -> None:
    """From a level on; the handler once for the process."""
    logger = logging.getLogger("receiver")
    if not any(isinstance(handler, _Notes) for handler in logger.handlers):
        logger.addHandler(_Notes())
    logger.setLevel(level.upper())


def _warn_of_keys(ring: Keyring) -> None:
    """Notes what is wrong with the keys at any time: a recording may be from another."""
    for line in key_warnings(ring.standing, ring.roots, None):
        _note(f"warning: {line}", logging.WARNING)


def _tell(line: str) -> None:
    """A line of data, at once.

    Raises:
        BrokenPipeError: who read us has left.
        EvrdsError: it cannot be written.
    """
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output()
        raise EvrdsError(f"standard output: {error.strerror}; make room or write elsewhere") from None


def _drop_output() -> None:
    """What is still to be written goes nowhere, or the interpreter would fail again when it closes the stream."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _telling(notes: list[str]) -> Iterator[None]:
    """Tells the notes there are, and at last those that came while the input was read."""
    told = len(notes)
    for line in notes:
        _note(line)
    try:
        yield
    finally:
        for line in notes[told:]:
            _note(line)


def _decode(arguments: argparse.Namespace) -> None:
    """Runs `decode`."""
    ring = _ring(arguments)
    _warn_of_keys(ring)
    options = replace(_decode_options(arguments), keyring=ring)
    several = len(options.offsets_hz) > 1
    if arguments.plot is not None and several:
        raise UsageError(f"--plot draws one station, and --offset names {len(options.offsets_hz)}; give it once")
    listening = Listening(arguments.input, options.source, offsets_hz=options.offsets_hz)
    if arguments.plot is not None and arguments.input == STDIN:
        raise UsageError("--plot reads the input's start a second time; give a file instead of standard input")
    with _telling(listening.stream.notes):
        if arguments.output == "hex":
            for offset_hz, group in _with_progress(decode_groups(listening), listening):
                _tell(format_hex(group, offset_hz=offset_hz if several else None))
        elif arguments.output == "table":
            _show_table(listening, options)
        else:
            line_of = format_json if arguments.output == "json" else format_kv
            for record in _with_progress(decode_records(listening, options), listening):
                _tell(line_of(record))
    if arguments.plot is not None:
        from receiver.observation import observe
        from receiver.pictures import draw_reception

        draw_reception(arguments.plot, observe(arguments.input, options.source), title=arguments.input)
        _note(f"wrote {arguments.plot}")


def _show_table(listening: Listening, options: DecodeOptions) -> None:
    """The records as a table in the terminal, which is not waited for."""
    from receiver.outlets import Outlets, choose

    if len(options.offsets_hz) > 1:
        raise UsageError(f"-F table shows one station, and --offset names {len(options.offsets_hz)}; use -F json")
    with Outlets(choose(["table"], on_terminal=sys.stdout.isatty()).outputs) as outlets:
        for record in decode_records(listening, options):
            if record["type"] != "group":
                outlets.tell(record)


def _with_progress(items: Iterable[Item], listening: Listening) -> Iterator[Item]:
    """The items, and a bar on the terminal where a person waits for a file to fill."""
    samples = listening.stream.samples
    if samples is None or not sys.stderr.isatty() or sys.stdout.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("decoding", total=samples)
        for item in items:
            bar.update(task, completed=listening.samples_done)
            yield item


def _run(arguments: argparse.Namespace) -> None:
    """Runs `run`."""
    # asyncio brings TLS, the store SQLite: a tenth of a second that `decode` need not wait.
    from receiver.outlets import Outlets, choose
    from receiver.run import run_to_end
    from receiver.service import Service

    chosen = choose(arguments.outputs, on_terminal=sys.stdout.isatty())
    config = read_config(arguments.config)
    _warn_of_keys(config.keyring)
    source = arguments.source or config.source
    if source is None:
        raise UsageError(f"{arguments.config} names no source and --source is not given; give one of them")
    options = _decode_options(arguments, patience_s=_RUN_PATIENCE_S, wait=True)
    listening = _hearing(arguments, source, options)
    recording = (
        recording_events(arguments, listening, _note)
        if isinstance(listening, Listening)
        else nullcontext[Callable[[Record], None]](lambda _: None)
    )
    outlets = Outlets([*chosen.outputs, *config.outputs])
    with outlets, _telling(listening.stream.notes), recording as heed:

        def emit(record: Record) -> None:
            heed(record)
            outlets.tell(record)
            if chosen.line_of is not None and record["type"] not in _NOT_PRINTED:
                _tell(chosen.line_of(record))

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
            note=_note,
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


def _fleet(arguments: argparse.Namespace) -> None:
    """Runs `fleet`."""
    from receiver.fleet.command import FleetCommand

    command = FleetCommand(arguments)
    ring = _ring(arguments)
    options = _decode_options(arguments)
    if len(options.offsets_hz) > 1:
        raise UsageError(f"fleet hears one station, and --offset names {len(options.offsets_hz)}; give it once")
    listening = Listening(arguments.input, options.source)
    with _telling(listening.stream.notes):
        groups = (group for _, group in _with_progress(decode_groups(listening), listening))
        study = command.study(groups, ring, options.start or listening.stream.start)
    with _bar("simulating", command.chunks) as advance:
        lines = list(command.report(study, advance))
    for line in lines:
        _tell(line)
    for path in filter(None, (arguments.plot, arguments.csv)):
        _note(f"wrote {path}")


def _batch(arguments: argparse.Namespace) -> None:
    """Runs `batch`."""
    from receiver.research.command import run_batch

    options = replace(_decode_options(arguments), keyring=_ring(arguments))
    _warn_of_keys(options.keyring)
    stations = options.offsets_hz or (options.source.offset_hz or 0.0,)
    for line in run_batch(arguments, partial(decode_file, options=options), stations, partial(_bar, "decoding")):
        _tell(line)


def _report(arguments: argparse.Namespace) -> None:
    """Runs `report`."""
    from receiver.research.command import run_report

    for line in run_report(arguments):
        _tell(line)


def _scan(arguments: argparse.Namespace) -> None:
    """Runs `scan`."""
    from receiver.scan import Scan
    from receiver.scan_cli import scan_source, show

    ring = make_keyring(
        [read_trust_file(path) for path in arguments.trust], aid=arguments.aid, network=arguments.network
    )
    _warn_of_keys(ring)
    options = _decode_options(arguments)
    scan = Scan(ring, start_ms=None if options.start is None else ms_of(options.start), heartbeat_s=arguments.wait)
    try:
        scan_source(scan, arguments.source, options.source, note=_note)
    except (KeyboardInterrupt, DeviceLostError):
        if scan.found():
            _note("interrupted; this is what was found until now")
            show(scan, arguments.output, arguments.save, tell=_tell, note=_note)
        raise
    show(scan, arguments.output, arguments.save, tell=_tell, note=_note)


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """What to call with each bit that is done: a bar on the terminal, where a person waits."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def _parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog=_PROGRAM,
        description="The charger's side: hears signed messages over FM RDS and sets a current limit.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.add_argument(
        "--log-level",
        choices=_LOG_LEVELS,
        default="info",
        help="what is said on standard error at least (default info)",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_decode(commands)
    _add_run(commands)
    add_install_command(commands, exit_codes=EXIT_CODES, tell=_tell)
    add_owner_commands(commands, exit_codes=EXIT_CODES, tell=_tell)
    add_charger_command(commands, exit_codes=EXIT_CODES, tell=_tell)
    add_recording_commands(commands, Edge(_note, _bar, _telling, lambda one: _decode_options(one).source))
    add_scan_command(commands, exit_codes=EXIT_CODES, run=_scan)
    add_doctor_commands(
        commands, exit_codes=EXIT_CODES, tell=_tell, source_of=lambda arguments: _decode_options(arguments).source
    )
    fleet = add_fleet_command(commands, exit_codes=EXIT_CODES, run=_fleet)
    add_source_options(fleet)
    add_trust_options(fleet)
    add_fleet_options(fleet)
    batch = add_batch_command(commands, exit_codes=EXIT_CODES, run=_batch)
    add_source_options(batch)
    add_trust_options(batch)
    add_report_command(commands, exit_codes=EXIT_CODES, run=_report)
    return parser


def _check_installation() -> None:
    """Raises EvrdsError if the packages of evrds do not lie together."""
    specs = {name: find_spec(name) for name in PACKAGES}
    fault = installation_fault({name: spec.origin if spec else None for name, spec in specs.items()})
    if fault is not None:
        raise EvrdsError(fault)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parsed = argparse.Namespace()
    terminated = False

    def terminate(*_: object) -> None:
        """As Ctrl-C: what is open is closed in order."""
        nonlocal terminated
        terminated = True
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # From a shell's job in the background Ctrl-C is kept.
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A radio text has characters that the terminal's own encoding may lack; JSON is UTF-8 wherever it goes.
        sys.stdout.reconfigure(encoding="utf-8")
    _note_logs("info")
    try:
        _check_installation()
        parsed = _parser().parse_args(arguments)
        _note_logs(parsed.log_level)
        # Matrices are small here: a second thread of the linear algebra only spins, and takes another program's core.
        with threadpool_limits(limits=1, user_api="blas"):
            parsed.run(parsed)
    except EvrdsError as error:
        _note(str(error), logging.ERROR)
        return error.exit_code
    except KeyboardInterrupt:
        # A service that is told to stop and does has done all that it should; half a recording is not a whole one.
        return 0 if terminated and "is_service" in parsed else _INTERRUPTED
    except BrokenPipeError:
        _drop_output()
    return 0
