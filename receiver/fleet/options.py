"""The words of `evrds-receiver fleet` in, a fleet's model and what befalls it out."""

import argparse
import math
import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from rds.errors import UsageError
from rds.oda.region import Region
from receiver.arguments import argument
from receiver.fleet.daytime import DayTime
from receiver.fleet.population import FleetModel, Normal
from receiver.settings import CustomerOption
from receiver.workers import parse_executor

_MINUTES_AN_HOUR: Final = 60
_MINUTES_A_DAY: Final = 24 * _MINUTES_AN_HOUR
_MOST_CHARGERS: Final = 100_000_000
_LOWEST_A: Final = 6
_HIGHEST_A: Final = 80
_SUM_TOLERANCE: Final = 1e-6
_DEFAULT: Final = FleetModel()
T = TypeVar("T")
AnyParser = TypeVar("AnyParser", bound=argparse.ArgumentParser)


def parse_share(text: str) -> float:
    """A share from 0 to 1."""
    return _number(text, "share", low=0.0, high=1.0)


def parse_daytime(text: str) -> DayTime:
    """Two times of day, such as 19:00-20:00; it may go over midnight."""
    start, dash, stop = text.partition("-")
    try:
        if dash and start.strip() != stop.strip():
            return DayTime(_minute(start), _minute(stop))
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no part of a day; write two times of day, such as 19:00-20:00")


def parse_moments(text: str) -> tuple[int, timedelta]:
    """A time of day and a standard deviation in hours, such as 18:00,1.5."""
    when, comma, hours = text.partition(",")
    try:
        if comma:
            return _minute(when), timedelta(hours=_number(hours, "deviation", low=0.0, high=12.0))
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no mean and deviation; write a time of day and 0..12 hours, such as 18:00,1.5")


def parse_energy(text: str) -> tuple[float, float]:
    """A median in kWh and a sigma of its logarithm, such as 8.5,0.6."""
    median, comma, sigma = text.partition(",")
    try:
        if comma:
            return _number(median, "energy", low=0.01, high=1000.0), _number(sigma, "sigma", low=0.0, high=3.0)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no median and sigma; write 0.01..1000 kWh and 0..3, such as 8.5,0.6")


def parse_options(text: str) -> dict[CustomerOption, float]:
    """Shares of the customers' options, such as medium=0.7,low=0.3."""
    shares = _shares(text, "=")
    unknown = [name for name in shares if name not in list(CustomerOption)]
    if unknown:
        raise ValueError(f"option {unknown[0]!r}; allowed: {', '.join(CustomerOption)}")
    return {CustomerOption(name): share for name, share in shares.items()}


def parse_regions(text: str) -> dict[str, float]:
    """Shares of regions, such as 12345=0.6,12346=0.4."""
    shares = _shares(text, "=")
    for code in shares:
        Region.parse_code(code)
    return shares


def add_fleet_command(
    commands: "argparse._SubParsersAction[AnyParser]", *, exit_codes: str, run: Callable[[argparse.Namespace], None]
) -> AnyParser:
    """The command `fleet`, yet without its options."""
    parser = commands.add_parser(
        "fleet",
        help="what many chargers would do by what is heard",
        description="Simulates a fleet's reaction to a broadcast before it is sent, from noon to noon: load over time, "
        "rebound, steepest ramp, energy missed by departure.",
        epilog="Example: evrds-receiver fleet plan.hex --trust root.public.pem --trust operator.certificate.pem "
        "--chargers 100000 --plot load.png. " + exit_codes,
    )
    parser.add_argument("input", metavar="INPUT", help="anything that decode reads; - for standard input")
    parser.add_argument("-F", dest="output", choices=("text", "json"), default="text", help="default text")
    parser.set_defaults(run=run)
    return parser


def add_fleet_options(parser: argparse.ArgumentParser) -> None:
    """What can be said of a fleet; `fleet_model` reads it back."""
    add = parser.add_argument_group("fleet").add_argument
    add("--chargers", type=int, default=_DEFAULT.chargers, metavar="N", help="how many (default %(default)s)")
    add("--seed", type=int, default=_DEFAULT.seed, metavar="N", help="the same seed, the same fleet (default 1)")
    add("--rating", type=int, default=_DEFAULT.rating_ma // 1000, metavar="A", help="of a charger (default 32 A)")
    add("--volts", type=int, default=_DEFAULT.volts, metavar="V", help="of its one phase (default 225: 7.2 kW)")
    add("--arrivals", type=argument(parse_moments), metavar="HH:MM,H", help="mean, deviation (default 18:00,1.5)")
    add("--departures", type=argument(parse_moments), metavar="HH:MM,H", help="on the next day (default 07:30,1)")
    add("--energy", type=argument(parse_energy), metavar="KWH,S", help="lognormal: median, sigma (default 8.5,0.6)")
    add("--options", type=argument(parse_options), metavar="NAME=S,..", help="customers' options (default medium=1)")
    add("--regions", type=argument(parse_regions), metavar="CODE=S,..", help="shares (default: any region counts)")
    add("--hearing", type=argument(parse_share), default=1.0, metavar="S", help="share that hears at all (default 1)")
    add("--lost", type=argument(parse_share), default=0.0, metavar="S", help="share of groups lost (default 0)")
    add("--opt-out", type=argument(parse_share), default=0.0, metavar="S", help="share that opts out (default 0)")
    add = parser.add_argument_group("day").add_argument
    add("--timezone", default="UTC", metavar="NAME", help="of all times of day, such as Europe/Berlin (default UTC)")
    add("--day", type=argument(_day), metavar="DATE", help="from noon of (default: the input's first time)")
    add("--power-cut", type=argument(parse_daytime), metavar="HH:MM-HH:MM", help="no power, and nothing heard")
    add("--signal-loss", type=argument(parse_daytime), metavar="HH:MM-HH:MM", help="nothing heard")
    add("--profile", type=int, metavar="A", help="each charger's limit while the signal is lost (default: none)")
    add = parser.add_argument_group("work and results").add_argument
    add("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (default: one a core)")
    add("--executor", type=argument(parse_executor), metavar="dask://HOST:PORT", help="a Dask cluster does the work")
    add("--recommend-release", action="store_true", help="try every release window and name the shortest that does")
    add("--plot", type=Path, metavar="OUT.png", help="draw the load")
    add("--csv", type=Path, metavar="OUT.csv", help="the load minute by minute")


def fleet_model(arguments: argparse.Namespace, *, ways: int) -> FleetModel:
    """The model that the options describe.

    Raises:
        UsageError: a number is out of range.
    """
    _within("--chargers", arguments.chargers, 1, _MOST_CHARGERS)
    _within("--seed", arguments.seed, 0, (1 << 63) - 1)
    _within("--rating", arguments.rating, _LOWEST_A, _HIGHEST_A)
    _within("--volts", arguments.volts, 100, 1000)
    _within("--jobs", arguments.jobs, 1, 1024)
    if arguments.profile is not None and arguments.profile:
        _within("--profile", arguments.profile, _LOWEST_A, _HIGHEST_A)
    arrivals, departures, energy = arguments.arrivals, arguments.departures, arguments.energy
    return FleetModel(
        chargers=arguments.chargers,
        seed=arguments.seed,
        rating_ma=1000 * arguments.rating,
        volts=arguments.volts,
        arrivals=_DEFAULT.arrivals if arrivals is None else Normal(*arrivals),
        departures=_DEFAULT.departures if departures is None else Normal(departures[0] + _MINUTES_A_DAY, departures[1]),
        energy_median_kwh=_DEFAULT.energy_median_kwh if energy is None else energy[0],
        energy_sigma=_DEFAULT.energy_sigma if energy is None else energy[1],
        options=arguments.options or _DEFAULT.options,
        regions=arguments.regions or _DEFAULT.regions,
        hearing=arguments.hearing,
        opt_out=arguments.opt_out,
        ways=ways,
    )


def parse_zone(name: str) -> ZoneInfo:
    """A time zone.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UsageError(
            f"--timezone {name!r}; allowed: a name of the time zone database, such as Europe/Berlin"
        ) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no day; write such as 2026-12-01") from None


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UsageError(f"{name} {value}; allowed: {low}..{high}")


def _shares(text: str, sign: str) -> dict[str, float]:
    shares = {}
    for item in text.split(","):
        name, _, share = item.partition(sign)
        shares[name.strip()] = parse_share(share)
    if abs(sum(shares.values()) - 1) > _SUM_TOLERANCE:
        raise ValueError(f"shares {text!r} make {sum(shares.values()):g}; they must make 1 together")
    return shares


def _number(text: str, what: str, *, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise ValueError(f"{what} {text!r}; allowed: {low:g}..{high:g}")
    return number


def _minute(text: str) -> int:
    hour, _, minute = text.strip().partition(":")
    if not (hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < _MINUTES_AN_HOUR):
        raise ValueError(f"{text!r} is no time of day")
    return int(hour) * _MINUTES_AN_HOUR + int(minute)
