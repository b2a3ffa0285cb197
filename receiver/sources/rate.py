"""What is said of an input's sample rate, and by whom, to the rate that is taken and what to note about it."""

from collections.abc import Mapping
from typing import Final

from rds.errors import InputError, UsageError
from receiver.sources.stream import SourceOptions

OPTION: Final = "--rate"
NAME: Final = "its name"
MAX_RATE_HZ: Final = 100_000_000
"""More than any receiver of today gives; memory grows with it."""


def settle_rate(name: str, said: Mapping[str, float | None], notes: list[str]) -> float:
    """The rate that the first of `said` tells, who goes before the others; what contradicts it is noted.

    Raises:
        InputError: nobody tells it, or it is no rate.
    """
    known = [(who, rate_hz) for who, rate_hz in said.items() if rate_hz is not None]
    if not known:
        raise InputError(f"{name} does not tell its sample rate; give {OPTION}, such as {OPTION} 250k")
    (taken, rate_hz), *others = known
    if not 0 < rate_hz <= MAX_RATE_HZ:
        raise InputError(
            f"{name}: {taken} says {rate_hz:.10g} S/s; allowed: more than 0, at most {MAX_RATE_HZ:.10g}; {OPTION} says"
            " another"
        )
    notes += [
        f"{name}: {taken} says {rate_hz:.10g} S/s, {who} {other_hz:.10g}; {taken} is taken"
        for who, other_hz in others
        if other_hz != rate_hz
    ]
    return rate_hz


def refuse_rate(name: str, options: SourceOptions) -> None:
    """For an input that has none.

    Raises:
        UsageError: `--rate` is given.
    """
    if options.rate_hz is not None:
        raise UsageError(f"{OPTION} {options.rate_hz}: {name} is text and has no sample rate; leave the option out")
