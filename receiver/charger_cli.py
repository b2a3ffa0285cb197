"""The installer's command `charger`: list, probe, set and watch; arguments to calls of `charger_trial`, lines out."""

import argparse
import asyncio
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from rds.errors import EvrdsError, UsageError
from receiver.chargers_config import HIGHEST_A, LOWEST_A, ChargerConfig
from receiver.config import read_chargers
from receiver.owner_cli import DEFAULT_CONFIG
from receiver.records import format_json, format_kv
from receiver.settings import Settings

if TYPE_CHECKING:
    from receiver.chargers.driver import ChargerReading

Tell = Callable[[str], None]
AnyParser = TypeVar("AnyParser", bound=argparse.ArgumentParser)
_LONGEST_MIN: Final = 24 * 60
_FORMATS: Final = {"json": format_json, "kv": format_kv}


def add_charger_command(commands: "argparse._SubParsersAction[AnyParser]", *, exit_codes: str, tell: Tell) -> None:
    """The command, each line of output by `tell`."""
    charger = commands.add_parser(
        "charger",
        help="try a charger without any radio",
        description="Lists the drivers, says what is at the other end of the wire, sets a limit, watches a charger.",
        epilog=f"Example: evrds-receiver charger probe --config charger.toml. {exit_codes}",
    )
    verbs = charger.add_subparsers(title="what to do", metavar="list | probe | set | watch", required=True)

    def add(name: str, run: Callable[[argparse.Namespace, Tell], None], text: str, *, more: str = "") -> AnyParser:
        parser = verbs.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}. {more}", epilog=exit_codes
        )
        parser.set_defaults(run=lambda arguments: run(arguments, tell))
        return parser

    add("list", _list, "the drivers that there are, and what some of them lack")
    probe = add("probe", _probe, "what was found, what it can do and what it does when nobody talks to it")
    limit = add("set", _set, "set a limit, and show what the charger says of it", more="Ctrl-C takes it back and ends.")
    limit.add_argument("amperes", type=float, metavar="AMPS", help="per phase: 0 (a pause), or 6 and more")
    limit.add_argument("--minutes", type=_minutes, metavar="N", help="take it back after so long (default: on Ctrl-C)")
    limit.add_argument("--keep", action="store_true", help="leave the limit there and end")
    watch = add("watch", _watch, "what the charger says of itself, a line whenever it is new", more="Ctrl-C ends it.")
    for parser in (probe, limit, watch):
        _add_which(parser)


def _add_which(parser: argparse.ArgumentParser) -> None:
    """Which charger, and how it is shown."""
    add = parser.add_argument
    add("--config", type=Path, metavar="CONFIG.toml", help=f"where the charger stands (default {DEFAULT_CONFIG})")
    add("--charger", metavar="NAME", help="which, if the configuration has several")
    add("--driver", metavar="NAME", help="a driver, instead of a configuration")
    add(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="with --driver: an option as the configuration would have it; may be repeated",
    )
    add(
        "--installer-a",
        type=int,
        metavar="N",
        help=f"with --driver: what cable and breaker allow, {LOWEST_A}..{HIGHEST_A} A; a limit needs it",
    )
    add("-F", dest="output", choices=("text", "json", "kv"), default="text", help="default text")


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= _LONGEST_MIN:
        raise argparse.ArgumentTypeError(f"{text!r} minutes; allowed: more than 0, up to {_LONGEST_MIN}")
    return minutes


def _which(arguments: argparse.Namespace, *, needs_limit: bool = False) -> ChargerConfig:
    """The charger that is meant."""
    if arguments.driver is not None:
        if arguments.config is not None or arguments.charger is not None:
            raise UsageError("--driver stands instead of --config and --charger; give one or the other")
        return _of_options(arguments, needs_limit=needs_limit)
    if arguments.option or arguments.installer_a is not None:
        raise UsageError("--option and --installer-a go with --driver; a configuration has its own")
    chargers = read_chargers(arguments.config or DEFAULT_CONFIG)
    return chosen(chargers, arguments.charger)


def chosen(chargers: tuple[ChargerConfig, ...], name: str | None) -> ChargerConfig:
    """The charger with a name, or the only one.

    Raises:
        UsageError: there is none with that name, or there are several and none is named.
    """
    names = ", ".join(charger.name for charger in chargers if charger.name) or "none: there is one, without a name"
    if name is None and len(chargers) == 1:
        return chargers[0]
    for charger in chargers:
        if charger.name and charger.name == name:
            return charger
    seen = "there are several chargers and --charger is not given" if name is None else f"--charger {name}"
    raise UsageError(f"{seen}; allowed: {names}")


def _of_options(arguments: argparse.Namespace, *, needs_limit: bool) -> ChargerConfig:
    limit_a = arguments.installer_a
    if needs_limit and limit_a is None:
        raise UsageError("--driver without --installer-a; say what cable and breaker allow, in amperes per phase")
    if limit_a is not None and not LOWEST_A <= limit_a <= HIGHEST_A:
        raise UsageError(f"--installer-a {limit_a}; allowed: {LOWEST_A}..{HIGHEST_A}")
    limit_ma = 1000 * (HIGHEST_A if limit_a is None else limit_a)
    settings = Settings(b"", rating_ma=limit_ma, installer_ma=limit_ma)
    # Without a limit there is none that a fallback could be above of.
    return ChargerConfig(
        "", arguments.driver, dict(map(_option, arguments.option)), settings, (), allow_high_fallback=limit_a is None
    )


def _option(text: str) -> tuple[str, object]:
    """An option's name and value: as TOML has it, or else a text."""
    name, sign, value = text.partition("=")
    name = name.strip()
    if not sign or not name:
        raise UsageError(f"--option {text!r}; allowed: NAME=VALUE, such as port=9000")
    try:
        return name, tomllib.loads(f"_ = {value}")["_"]
    except tomllib.TOMLDecodeError:
        return name, value


def _list(arguments: argparse.Namespace, tell: Tell) -> None:
    del arguments
    from receiver.chargers import driver_names, driver_summary, load_driver

    for name in driver_names():
        tell(f"{name:12} {driver_summary(name)}")
        try:
            load_driver(name)
        except EvrdsError as error:
            tell(f"{'':12} {error}")


def _probe(arguments: argparse.Namespace, tell: Tell) -> None:
    from receiver.charger_records import probe_lines, trial_record
    from receiver.charger_trial import computer_time, probe
    from receiver.chargers.driver import ChargerReading, ProbeReport

    charger = _which(arguments)

    def seen(report: ProbeReport, reading: ChargerReading) -> None:
        if arguments.output == "text":
            for line in probe_lines(charger, reading, report):
                tell(line)
        else:
            tell(_FORMATS[arguments.output](trial_record(charger, reading, computer_time(), report=report)))

    asyncio.run(probe(charger, seen))


def _set(arguments: argparse.Namespace, tell: Tell) -> None:
    from receiver.charger_trial import hold

    charger = _which(arguments, needs_limit=True)
    amperes = arguments.amperes
    limit_ma = int(1000 * amperes) if 0 <= amperes <= HIGHEST_A else -1
    if limit_ma < 0:
        raise UsageError(f"{amperes:g} A; allowed: 0 (a pause), or {LOWEST_A}..{HIGHEST_A}")
    seen = _teller(charger, arguments.output, tell)
    asyncio.run(hold(charger, limit_ma, minutes=arguments.minutes, keep=arguments.keep, seen=seen))


def _watch(arguments: argparse.Namespace, tell: Tell) -> None:
    from receiver.charger_trial import watch

    charger = _which(arguments)
    asyncio.run(watch(charger, _teller(charger, arguments.output, tell)))


def _teller(charger: ChargerConfig, output: str, tell: Tell) -> "Callable[[ChargerReading], None]":
    """What tells a reading."""
    from receiver.charger_records import reading_line, trial_record
    from receiver.charger_trial import computer_time

    if output == "text":
        return lambda reading: tell(reading_line(charger, reading, computer_time()))
    return lambda reading: tell(_FORMATS[output](trial_record(charger, reading, computer_time())))
