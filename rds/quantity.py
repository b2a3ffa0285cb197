"""A rate as people write it, `228000`, `228k` or `1.024M`, to a whole number of samples a second."""

import re
from decimal import Decimal
from typing import Final

_RATE: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)([kKM]?)")
_UNITS: Final = {"": 1, "k": 1_000, "K": 1_000, "M": 1_000_000}


def parse_rate(text: str) -> int:
    """Samples a second of a number with an optional k or M.

    Raises:
        ValueError: the text is no such number, or not a whole positive number of samples a second.
    """
    match = _RATE.fullmatch(text.strip())
    value = Decimal(match[1]) * _UNITS[match[2]] if match else Decimal(0)
    if value <= 0 or value != int(value):
        raise ValueError(f"rate {text!r} is no whole number of samples a second; write 228000, 228k or 1.024M")
    return int(value)


def format_rate(rate_hz: int) -> str:
    """The shortest text that `parse_rate` reads back as `rate_hz`."""
    for unit in "Mk":
        if rate_hz >= _UNITS[unit]:
            return f"{Decimal(rate_hz) / _UNITS[unit]:f}{unit}"
    return str(rate_hz)
