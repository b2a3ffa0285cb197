"""What the command lines of the charger's side share: one-line errors, the words of an input and of trust."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from rds.errors import UsageError
from rds.moment import parse_moment
from rds.oda.aid import DEFAULT_AID, parse_aid
from rds.quantity import parse_rate
from receiver.sources import formats

EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 internal fault, 2 wrong usage or configuration, 3 input missing or bad, "
    "4 device absent, 5 device lost, 6 ended without any synchronisation, 7 keys or policy refuse."
)
_LAST_NETWORK: Final = 255

T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Leaves with the line."""
        self.exit(UsageError.exit_code, f"{self.prog}: {message}; see {self.prog} --help\n")


def argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser of option texts whose ValueError the user sees in full."""

    def parse_argument(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """What can be said of an input; `source_options` reads it back."""
    add = parser.add_argument_group("input").add_argument
    add("--format", choices=formats(), help="where the name does not tell")
    add(
        "-s",
        "--rate",
        type=argument(parse_rate),
        metavar="HZ",
        help="sample rate, such as 250k or 1.024M, where nothing else tells (a live source: 1.024M)",
    )
    add(
        "-f",
        "--frequency",
        type=argument(parse_rate),
        metavar="HZ",
        help="the station, such as 98.1M, where the input tells its centre; a live source's, with --offset its centre",
    )
    add("-g", "--gain", type=argument(_parse_gain), metavar="auto|DB", help="a live source's (default auto: by level)")
    add("-p", "--ppm", type=argument(_parse_ppm), default=0, metavar="N", help="by how much a stick's crystal is fast")
    add("--bias-tee", action="store_true", help="feed an amplifier at the antenna by a stick's cable")
    add(
        "--patience",
        type=argument(_parse_minutes),
        metavar="MINUTES",
        help="how long a live source may be away before it is lost (default: run 10, else 0)",
    )
    add(
        "--offset",
        type=argument(_parse_offset),
        action="append",
        default=[],
        metavar="HZ",
        help="the station's distance from the recording's centre, such as 200k or -200000; `decode` takes it several"
        " times, for as many stations of a wide recording",
    )
    add(
        "--start-time",
        type=argument(parse_moment),
        metavar="RFC3339",
        help="the moment of the first sample, trusted (default: what SigMF metadata say)",
    )


def add_trust_options(parser: argparse.ArgumentParser) -> None:
    """Whom `decode` believes; `run` has it from its configuration."""
    add = parser.add_argument_group("trust").add_argument
    add(
        "--trust",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a bundle, a root's public key or an operator's certificate; without, messages are shown unverified",
    )
    add(
        "--aid",
        type=argument(parse_aid),
        metavar="HEX",
        help=f"the application (default: the certificate's, or {DEFAULT_AID:04X})",
    )
    add(
        "--network",
        type=argument(_parse_network),
        metavar="N",
        help="the network id 0..255 (default: the certificate's)",
    )


def _parse_network(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_NETWORK:
        raise ValueError(f"network {text!r}; allowed: 0..{_LAST_NETWORK}")
    return int(text)


def _parse_gain(text: str) -> float | None:
    if text == "auto":
        return None
    if not re.fullmatch(r"-?[0-9]{1,2}(\.[0-9])?", text):
        raise ValueError(f"gain {text!r}; allowed: auto, or dB such as 28 or 19.7")
    return float(text)


def _parse_ppm(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,3}", text):
        raise ValueError(f"ppm {text!r}; allowed: whole numbers from -999 to 999")
    return int(text)


def _parse_minutes(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text):
        raise ValueError(f"{text!r} are no minutes; write 0, 0.5 or 10")
    return float(text)


def _parse_offset(text: str) -> float:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    try:
        return sign * (parse_rate(digits) if digits.strip("0.") else 0)
    except ValueError:
        raise ValueError(f"offset {text!r} is no whole number of Hz; write 200000, 200k or -200000") from None
