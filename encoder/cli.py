"""The command line `evrds-encoder`: arguments to calls of `encoder.app`, errors to one line and an exit code."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NoReturn

from encoder.app import SignalSummary, modulate
from encoder.levels import MpxLevels
from encoder.options import FULL_SCALE_HZ, IQ_RATES_HZ, MPX_RATES_HZ, SignalOptions
from rds.errors import EvrdsError, UsageError
from rds.installation import PACKAGES, installation_fault
from rds.quantity import format_rate, parse_rate

_PROGRAM: Final = "evrds-encoder"
_LICENCE: Final = "To transmit needs a licence. Without one, keep the signal in a cable or a dummy load."
_INTERRUPTED: Final = 130


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(UsageError.exit_code, f"{self.prog}: {message}; see {self.prog} --help\n")


def _rate(text: str) -> int:
    try:
        return parse_rate(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _add_modulate(commands: "argparse._SubParsersAction[_Parser]") -> None:
    """The command `modulate`."""
    parser = commands.add_parser(
        "modulate",
        help="groups in hex to FM multiplex or IQ",
        description="Modulates a list of groups, one a line, `9331 20B6 594C 554D`. " + _LICENCE,
        epilog="Half a group of plain subcarrier stands before the first group and after the last.",
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
    add("--rate", type=_rate, metavar="HZ", help=f"multiplex {mpx_rates} (usual 228k); IQ {iq_rates} (usual 250k)")
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


def _parser() -> _Parser:
    """The whole command line."""
    parser = _Parser(prog=_PROGRAM, description=f"The head-end: groups, multiplex and IQ for RDS. {_LICENCE}")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('evrds')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
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
