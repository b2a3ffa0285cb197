"""The command line `evrds-encoder`: arguments to calls of `encoder.app`, errors to one line and an exit code."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from encoder.app import SignalSummary, build, modulate
from encoder.key_files import Grant, make_keys, parse_roles, write_keys
from encoder.levels import MpxLevels
from encoder.options import FULL_SCALE_HZ, IQ_RATES_HZ, MPX_RATES_HZ, Outputs, SignalOptions
from rds.errors import EvrdsError, UsageError
from rds.installation import PACKAGES, installation_fault
from rds.moment import parse_moment
from rds.oda.aid import DEFAULT_AID, parse_aid
from rds.oda.certificate import ALL_ROLES
from rds.oda.region import EVERYONE, Region
from rds.oda.signature import Domain
from rds.quantity import format_rate, parse_rate

_PROGRAM: Final = "evrds-encoder"
_LICENCE: Final = "To transmit needs a licence. Without one, keep the signal in a cable or a dummy load."
_EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 internal fault, 2 wrong usage or plan, 3 input missing or bad, 7 keys refuse."
)
_INTERRUPTED: Final = 130

T = TypeVar("T")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(UsageError.exit_code, f"{self.prog}: {message}; see {self.prog} --help\n")


def _argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser of option texts whose ValueError the user sees in full."""

    def parse_argument(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument


def _add_modulate(commands: "argparse._SubParsersAction[_Parser]") -> None:
    """The command `modulate`."""
    parser = commands.add_parser(
        "modulate",
        help="groups in hex to FM multiplex or IQ",
        description="Modulates a list of groups, one a line, `9331 20B6 594C 554D`. " + _LICENCE,
        epilog="Half a group of plain subcarrier stands before the first group and after the last. "
        "Example: evrds-encoder modulate groups.hex mpx.wav --rate 192k. " + _EXIT_CODES,
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
        type=_argument(parse_rate),
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


def _add_keys(commands: "argparse._SubParsersAction[_Parser]") -> None:
    """The command `keys create`."""
    keys = commands.add_parser("keys", help="the keys that messages are signed with", description="Keys of a network.")
    parser = keys.add_subparsers(title="commands", metavar="COMMAND", required=True).add_parser(
        "create",
        help="make a root key, an operator key and its certificate",
        description="Makes a root key, an operator key and the certificate by which the root vouches for the operator, "
        "in PEM. Private files are readable by their owner alone; nothing is ever overwritten.",
        epilog="Example: evrds-encoder keys create keys --network 7 --scope 12FFF. " + _EXIT_CODES,
    )
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="where to; made, for its owner alone, if it is missing"
    )
    add = parser.add_argument
    add("--network", type=int, default=0, metavar="N", help="network id, 0 to 255 (default 0)")
    add(
        "--aid",
        type=_argument(parse_aid),
        default=DEFAULT_AID,
        metavar="HEX",
        help="application (default C0DE, a test value)",
    )
    add("--key-id", type=int, default=1, metavar="N", help="the operator's key id, 0 to 13 (default 1)")
    add(
        "--scope",
        type=_argument(Region.parse),
        default=EVERYONE,
        metavar="REGION",
        help="the operator's region (default FFFFF, all)",
    )
    add(
        "--roles",
        type=_argument(parse_roles),
        default=ALL_ROLES,
        metavar="ROLES",
        help="what the operator may send, such as heartbeat,curtail,load-up (default all)",
    )
    add(
        "--not-before",
        type=_argument(parse_moment),
        metavar="RFC3339",
        help="first moment of the validity (default now)",
    )
    add("--days", type=int, default=395, metavar="N", help="length of the validity, 1 to 400 (default 395)")
    parser.set_defaults(run=_keys_create)


def _keys_create(arguments: argparse.Namespace) -> None:
    """Runs `keys create`."""
    now = datetime.now(UTC)
    if not 0 <= arguments.network <= 0xFF:
        raise UsageError(f"network {arguments.network}; allowed: 0..255")
    grant = Grant(arguments.key_id, arguments.roles, arguments.scope, arguments.not_before or now, arguments.days)
    files = make_keys(Domain(arguments.aid, arguments.network), grant, now=now)
    write_keys(arguments.folder, files)
    for file in files:
        print(f"{arguments.folder / file.name}: {file.purpose}")


def _add_build(commands: "argparse._SubParsersAction[_Parser]") -> None:
    """The command `build`."""
    parser = commands.add_parser(
        "build",
        help="a plan of messages to groups, FM multiplex or IQ",
        description="Builds what a station sends by a plan in TOML (see examples/plan.toml): its own groups and signed "
        "messages. Same plan, same keys, same clock, same bytes. " + _LICENCE,
        epilog="This writes files and keeps no state: time stamps begin anew at every call. A head-end on the air "
        "keeps its newest time stamp, or receivers take its messages for repeats. "
        "Example: evrds-encoder build plan.toml --hex groups.hex --iq evening.sigmf-meta. " + _EXIT_CODES,
    )
    parser.add_argument("plan", metavar="PLAN.toml", type=Path, help="station, keys, and messages with their times")
    add = parser.add_argument_group("outputs, one or more").add_argument
    add("--hex", type=Path, metavar="OUT", help="groups, one a line; - for standard output")
    add("--mpx", type=Path, metavar="OUT.wav", help="FM multiplex")
    add("--iq", type=Path, metavar="OUT", help="FM IQ by its ending: .sigmf-meta, .cf32, .cu8")
    parser.add_argument(
        "--clock",
        type=_argument(parse_moment),
        metavar="RFC3339",
        help="moment of the first bit, for time stamps and 4A (default now)",
    )
    parser.add_argument("--seconds", type=float, metavar="N", help="length (default: to 90 s after the last message)")
    add_signal_options(parser)
    parser.set_defaults(run=_build)


def _build(arguments: argparse.Namespace) -> None:
    """Runs `build`."""
    written = build(
        arguments.plan,
        Outputs(hex_list=arguments.hex, mpx=arguments.mpx, iq=arguments.iq),
        clock=arguments.clock or datetime.now(UTC).replace(microsecond=0),
        duration_s=arguments.seconds,
        options=signal_options(arguments),
    )
    for path, summary in written:
        _tell(path, summary)


def _parser() -> _Parser:
    """The whole command line."""
    parser = _Parser(
        prog=_PROGRAM, description=f"The head-end: groups, multiplex and IQ for RDS. {_LICENCE}", epilog=_EXIT_CODES
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('evrds')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_keys(commands)
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
