"""The command line `evrds-encoder`: arguments to calls of `encoder.app`, errors to one line and an exit code."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from encoder.app import SignalSummary, build, key_notes, modulate
from encoder.arguments import EXIT_CODES, Parser, argument
from encoder.keys_cli import add_keys
from encoder.levels import MpxLevels
from encoder.options import FULL_SCALE_HZ, IQ_RATES_HZ, MPX_RATES_HZ, Outputs, SignalOptions
from rds.errors import EvrdsError
from rds.installation import PACKAGES, installation_fault
from rds.moment import parse_moment
from rds.quantity import format_rate, parse_rate

_PROGRAM: Final = "evrds-encoder"
_LICENCE: Final = "To transmit needs a licence. Without one, keep the signal in a cable or a dummy load."
_INTERRUPTED: Final = 130


def _add_modulate(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The command `modulate`."""
    parser = commands.add_parser(
        "modulate",
        help="groups in hex to FM multiplex or IQ",
        description="Modulates a list of groups, one a line, `9331 20B6 594C 554D`. " + _LICENCE,
        epilog="Half a group of plain subcarrier stands before the first group and after the last. "
        "Example: evrds-encoder modulate groups.hex mpx.wav --rate 192k. " + EXIT_CODES,
    )
    parser.add_argument("groups", metavar="GROUPS.hex", type=Path, help="the groups; - for standard input")
    parser.add_argument(
        "output",
        metavar="OUT",
        type=Path,
        help="by its ending: .wav multiplex; .sigmf-meta, .cf32 or .cu8 IQ of amplitude 0.5",
    )
    add_signal_options(parser)
    parser.set_defaults(run=_modulate)


def add_signal_options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of a signal; `signal_options` reads it back."""
    mpx_rates, iq_rates = (", ".join(map(format_rate, rates)) for rates in (MPX_RATES_HZ, IQ_RATES_HZ))
    levels = MpxLevels()
    add = parser.add_argument_group("signal").add_argument
    add(
        "--rate",
        type=argument(parse_rate),
        metavar="HZ",
        help=f"multiplex {mpx_rates} (usual 228k); IQ {iq_rates} (usual 250k)",
    )
    add("--programme", type=Path, metavar="FILE.wav", help="audio, mono or stereo, repeated if short (default: none)")
    add("--preemphasis", type=int, choices=(50, 75), default=50, help="of the programme, microseconds (default 50)")
    add(
        "--rds-deviation-hz",
        type=float,
        default=levels.rds_deviation_hz,
        metavar="HZ",
        help="peak, 1000 to 7500 (default 2000)",
    )
    add("--rds-phase", type=int, choices=(0, 90), default=0, help="to the pilot's third harmonic, degrees (default 0)")
    add("--no-pilot", action="store_true", help="leave the pilot out; a programme is then mono")
    add(
        "--full-scale-hz",
        type=int,
        default=FULL_SCALE_HZ,
        metavar="HZ",
        help="deviation of a WAV file's full scale (default 100000)",
    )
    add = parser.add_argument_group("impairments, for tests").add_argument
    add("--cn-db", type=float, metavar="DB", help="noise: carrier over noise in 200 kHz (IQ)")
    add("--offset-hz", type=float, default=0.0, metavar="HZ", help="carrier off the middle (IQ)")
    add("--clock-ppm", type=float, default=0.0, metavar="PPM", help="sample clock too fast by this")
    add("--seed", type=int, default=0, metavar="N", help="of the noise (default 0)")


def signal_options(arguments: argparse.Namespace) -> SignalOptions:
    """The options that `add_signal_options` asked for."""
    levels = MpxLevels(
        rds_deviation_hz=arguments.rds_deviation_hz,
        rds_phase_deg=arguments.rds_phase,
        pilot=not arguments.no_pilot,
        preemphasis_s=arguments.preemphasis / 1e6,
    )
    return SignalOptions(
        rate_hz=arguments.rate,
        levels=levels,
        programme=arguments.programme,
        full_scale_hz=arguments.full_scale_hz,
        cn_db=arguments.cn_db,
        offset_hz=arguments.offset_hz,
        clock_ppm=arguments.clock_ppm,
        seed=arguments.seed,
    )


def _tell(output: Path, summary: SignalSummary) -> None:
    """Says what was written: raw files cannot say their rate themselves."""
    kind = "multiplex" if summary.kind == "mpx" else "IQ"
    what = f"{kind} at {summary.rate_hz} samples/s, {summary.duration_s:.3f} s, {summary.groups} groups"
    print(f"{_PROGRAM}: wrote {output}: {what}", file=sys.stderr)


def _modulate(arguments: argparse.Namespace) -> None:
    """Runs `modulate`."""
    _tell(arguments.output, modulate(arguments.groups, arguments.output, options=signal_options(arguments)))


def _add_build(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The command `build`."""
    parser = commands.add_parser(
        "build",
        help="a plan of messages to groups, FM multiplex or IQ",
        description="Builds what a station sends by a plan in TOML (see examples/plan.toml): its own groups and signed "
        "messages. Same plan, same keys, same clock, same bytes. " + _LICENCE,
        epilog="This writes files and keeps no state: time stamps begin anew at every call. A head-end on the air "
        "keeps its newest time stamp, or receivers take its messages for repeats. "
        "Example: evrds-encoder build plan.toml --hex groups.hex --iq evening.sigmf-meta. " + EXIT_CODES,
    )
    parser.add_argument("plan", metavar="PLAN.toml", type=Path, help="station, keys, and messages with their times")
    add = parser.add_argument_group("outputs, one or more").add_argument
    add("--hex", type=Path, metavar="OUT", help="groups, one a line; - for standard output")
    add("--mpx", type=Path, metavar="OUT.wav", help="FM multiplex")
    add("--iq", type=Path, metavar="OUT", help="FM IQ by its ending: .sigmf-meta, .cf32, .cu8")
    parser.add_argument(
        "--clock",
        type=argument(parse_moment),
        metavar="RFC3339",
        help="moment of the first bit, for time stamps and 4A (default now)",
    )
    parser.add_argument("--seconds", type=float, metavar="N", help="length (default: to 90 s after the last message)")
    add_signal_options(parser)
    parser.set_defaults(run=_build)


def _build(arguments: argparse.Namespace) -> None:
    """Runs `build`."""
    clock = arguments.clock or datetime.now(UTC).replace(microsecond=0)
    written = build(
        arguments.plan,
        Outputs(hex_list=arguments.hex, mpx=arguments.mpx, iq=arguments.iq),
        clock=clock,
        duration_s=arguments.seconds,
        options=signal_options(arguments),
    )
    for path, summary in written:
        _tell(path, summary)
    for line in key_notes(arguments.plan, clock=clock):
        print(f"{_PROGRAM}: warning: {line}", file=sys.stderr)


def _parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog=_PROGRAM, description=f"The head-end: groups, multiplex and IQ for RDS. {_LICENCE}", epilog=EXIT_CODES
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('evrds')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_keys(commands)
    _add_build(commands)
    _add_modulate(commands)
    return parser


def _check_installation() -> None:
    """Raises EvrdsError if the packages of evrds do not lie together."""
    specs = {name: find_spec(name) for name in PACKAGES}
    fault = installation_fault({name: spec.origin if spec else None for name, spec in specs.items()})
    if fault is not None:
        raise EvrdsError(fault)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    # As Ctrl-C: what is half-written is taken away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _check_installation()
        parsed = _parser().parse_args(arguments)
        parsed.run(parsed)
    except EvrdsError as error:
        print(f"{_PROGRAM}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Who read us has left; the interpreter must not fail again when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
