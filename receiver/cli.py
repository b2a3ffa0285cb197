"""The command line `evrds-receiver`: arguments to calls of `receiver.app`, records to stdout, errors to one line."""

import argparse
import io
import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Final, NoReturn

from threadpoolctl import threadpool_limits

from rds.errors import DeviceLostError, EvrdsError, UsageError
from rds.installation import PACKAGES, installation_fault
from receiver.app import decode_file, decode_groups
from receiver.arguments import EXIT_CODES, Parser, add_source_options, add_trust_options
from receiver.charger_cli import add_charger_command
from receiver.clock import ms_of
from receiver.decode_cli import add_decode_command, decode_options, ring_of, warn_of_keys
from receiver.doctor_cli import add_doctor_commands
from receiver.fleet.options import add_fleet_command, add_fleet_options
from receiver.install_cli import add_install_command
from receiver.listening import Listening
from receiver.owner_cli import add_owner_commands
from receiver.recording_cli import Edge, add_recording_commands
from receiver.research.options import add_batch_command, add_report_command
from receiver.run_cli import add_run_command
from receiver.scan_cli import add_scan_command
from receiver.terminal import PROGRAM, bar, drop_output, note, note_logs, tell, telling, with_progress

_INTERRUPTED: Final = 130
_LOG_LEVELS: Final = ("error", "warning", "info")


class _Version(argparse.Action):
    """Tells the version; looked up when it is asked for only."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"{PROGRAM} {version('evrds')}")
        parser.exit()


def _fleet(arguments: argparse.Namespace) -> None:
    """Runs `fleet`."""
    from receiver.fleet.command import FleetCommand

    command = FleetCommand(arguments)
    ring = ring_of(arguments)
    options = decode_options(arguments)
    if len(options.offsets_hz) > 1:
        raise UsageError(f"fleet hears one station, and --offset names {len(options.offsets_hz)}; give it once")
    listening = Listening(arguments.input, options.source)
    with telling(listening.stream.notes):
        groups = (group for _, group in with_progress(decode_groups(listening), listening))
        study = command.study(groups, ring, options.start or listening.stream.start)
    with bar("simulating", command.chunks) as advance:
        lines = list(command.report(study, advance))
    for line in lines:
        tell(line)
    for path in filter(None, (arguments.plot, arguments.csv)):
        note(f"wrote {path}")


def _batch(arguments: argparse.Namespace) -> None:
    """Runs `batch`."""
    from receiver.research.command import run_batch

    options = replace(decode_options(arguments), keyring=ring_of(arguments))
    warn_of_keys(options.keyring)
    stations = options.offsets_hz or (options.source.offset_hz or 0.0,)
    for line in run_batch(arguments, partial(decode_file, options=options), stations, partial(bar, "decoding")):
        tell(line)


def _report(arguments: argparse.Namespace) -> None:
    """Runs `report`."""
    from receiver.research.command import run_report

    for line in run_report(arguments):
        tell(line)


def _scan(arguments: argparse.Namespace) -> None:
    """Runs `scan`."""
    from receiver.scan import Scan
    from receiver.scan_cli import scan_source, show

    ring = ring_of(arguments)
    warn_of_keys(ring)
    options = decode_options(arguments)
    scan = Scan(ring, start_ms=None if options.start is None else ms_of(options.start), heartbeat_s=arguments.wait)
    try:
        scan_source(scan, arguments.source, options.source, note=note)
    except (KeyboardInterrupt, DeviceLostError):
        if scan.found():
            note("interrupted; this is what was found until now")
            show(scan, arguments.output, arguments.save, tell=tell, note=note)
        raise
    show(scan, arguments.output, arguments.save, tell=tell, note=note)


def _parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog=PROGRAM,
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
    add_decode_command(commands)
    add_run_command(commands)
    add_install_command(commands, exit_codes=EXIT_CODES, tell=tell)
    add_owner_commands(commands, exit_codes=EXIT_CODES, tell=tell)
    add_charger_command(commands, exit_codes=EXIT_CODES, tell=tell)
    add_recording_commands(commands, Edge(note, bar, telling, lambda one: decode_options(one).source))
    add_scan_command(commands, exit_codes=EXIT_CODES, run=_scan)
    add_doctor_commands(
        commands, exit_codes=EXIT_CODES, tell=tell, source_of=lambda arguments: decode_options(arguments).source
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
    note_logs("info")
    try:
        _check_installation()
        parsed = _parser().parse_args(arguments)
        note_logs(parsed.log_level)
        # Matrices are small here: a second thread of the linear algebra only spins, and takes another program's core.
        with threadpool_limits(limits=1, user_api="blas"):
            parsed.run(parsed)
    except EvrdsError as error:
        note(str(error), logging.ERROR)
        return error.exit_code
    except KeyboardInterrupt:
        # A service that is told to stop and does has done all that it should; half a recording is not a whole one.
        return 0 if terminated and "is_service" in parsed else _INTERRUPTED
    except BrokenPipeError:
        drop_output()
    return 0
