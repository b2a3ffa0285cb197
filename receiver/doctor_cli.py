"""The installer's commands `config check` and `doctor`: arguments to complaints or findings, a line each."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from rds.errors import UsageError
from receiver.arguments import add_source_options, add_trust_options
from receiver.sources.stream import SourceOptions
from receiver.trust import make_keyring, read_trust_file

if TYPE_CHECKING:
    from receiver.doctor import Finding

Tell = Callable[[str], None]
P = TypeVar("P", bound=argparse.ArgumentParser)
_LONGEST_S: Final = 24 * 3600


def add_doctor_commands(
    commands: "argparse._SubParsersAction[P]",
    *,
    exit_codes: str,
    tell: Tell,
    source_of: Callable[[argparse.Namespace], SourceOptions],
) -> None:
    """The commands, each line of output by `tell`; `source_of` makes what was said of an input."""
    verbs = commands.add_parser(
        "config", help="check a configuration", description="Looks at a configuration's file.", epilog=exit_codes
    ).add_subparsers(title="what to do", metavar="check", required=True)
    check = verbs.add_parser(
        "check",
        help="every complaint, with file and line",
        description="Reads a configuration as run would, opens its keys and tells every complaint with file and line. "
        "Neither radio nor charger is touched.",
        epilog="Example: evrds-receiver config check receiver.toml. " + exit_codes,
    )
    check.add_argument("config", metavar="CONFIG.toml", type=Path, help="the receiver's configuration")
    check.set_defaults(run=lambda arguments: _check(arguments, tell))
    doctor = commands.add_parser(
        "doctor",
        help="what works, and what to do about what does not",
        description="Looks at all that a receiver needs, from its configuration to an authentic heartbeat: "
        "a line each, found or what to do. Ends with the exit code of the first fault.",
        epilog="Example: evrds-receiver doctor receiver.toml; evrds-receiver doctor --source evening.sigmf-meta. "
        + exit_codes,
    )
    doctor.add_argument("config", metavar="CONFIG.toml", type=Path, nargs="?", help="the receiver's configuration")
    doctor.add_argument("--source", metavar="INPUT", help="as of `decode` (default: the configuration's)")
    doctor.add_argument(
        "--seconds", type=_seconds, metavar="N", help="how long to listen for a heartbeat at most (default 100)"
    )
    add_source_options(doctor)
    add_trust_options(doctor)
    doctor.set_defaults(run=lambda arguments: _doctor(arguments, tell, source_of(arguments)))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text!r} seconds; allowed: more than 0, up to {_LONGEST_S}")
    return seconds


def _check(arguments: argparse.Namespace, tell: Tell) -> None:
    from receiver.config_check import check_config

    checked = check_config(arguments.config)
    for line in (*map(str, checked.complaints), *(f"warning: {warning}" for warning in checked.warnings)):
        tell(line)
    if checked.complaints:
        count = len(checked.complaints)
        text = f"{arguments.config}: {count} complaint{'s' * (count > 1)}; mend {'them' if count > 1 else 'it'}"
        raise type(checked.complaints[0])(f"{text} and check again")
    tell(f"{arguments.config}: nothing to complain of")


def _doctor(arguments: argparse.Namespace, tell: Tell, options: SourceOptions) -> None:
    if arguments.config is None and arguments.source is None:
        raise UsageError("doctor has nothing to look at; give a CONFIG.toml, or --source, or both")
    if arguments.config is not None and (arguments.trust or arguments.aid or arguments.network):
        raise UsageError("--trust, --aid and --network stand instead of a CONFIG.toml; give one or the other")
    faults = []
    for finding in _findings(arguments, options):
        tell(finding.line)
        faults += [] if finding.error is None else [finding.error]
    if faults:
        raise faults[0](f"{len(faults)} fault{'s' * (len(faults) > 1)}; begin with the first")


def _findings(arguments: argparse.Namespace, options: SourceOptions) -> "Iterator[Finding]":
    from receiver.doctor import Finding, examine_chargers, examine_config, examine_keys, examine_state
    from receiver.doctor_radio import LISTENS_S, examine_radio

    texts = [read_trust_file(path) for path in arguments.trust]
    ring = make_keyring(texts, aid=arguments.aid, network=arguments.network)
    source = arguments.source
    if arguments.config is not None:
        config, findings = examine_config(arguments.config)
        yield from findings
        if config is None and source is None:
            return
        if config is not None:
            ring, source = config.keyring, source or config.source
            yield examine_keys(ring)
            yield from examine_state(config.state)
            yield from examine_chargers(config.chargers, config.state)
    else:
        yield examine_keys(ring)
    if source is None:
        yield Finding(
            "source", f"{arguments.config} names none; give --source, or add source = there", error=UsageError
        )
        return
    yield from examine_radio(source, options, ring, seconds=arguments.seconds or LISTENS_S)
