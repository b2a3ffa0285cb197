"""RFC 3339 text to a UTC datetime, for options and plans; pure."""

import re
from datetime import UTC, datetime
from typing import Final

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,12})?([Zz]|[+-]\d\d:\d\d)")
_YEARS: Final = range(1970, 2200)
"""What lies beyond is a slip of the pen, and far from where a datetime ends."""
_WANTED: Final = "RFC 3339 with an offset, such as 2026-12-01T17:00:00Z"


def parse_moment(text: str) -> datetime:
    """The UTC datetime of RFC 3339 text, to the microsecond; finer digits are dropped.

    Raises:
        ValueError: another form, no offset, or no such moment.
    """
    if not _RFC_3339.fullmatch(text):
        raise ValueError(f"{text!r} is no date and time; allowed: {_WANTED}")
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} names no moment; allowed: {_WANTED}") from None
    if moment.year not in _YEARS:
        raise ValueError(f"{text!r} is out of reach; allowed: {_WANTED}, from {_YEARS[0]} to {_YEARS[-1]}")
    return moment
