"""An operator's times of day to moments, and a day's tiers or prices to the 24 slots of a schedule.

    "18:00"  "tomorrow 07:30"  "90 min"  "2026-12-01T17:00:00Z"     a moment, seen from a bulletin's own
    ["00:00 off-peak", "17:00 peak", "21:00 off-peak"]              each from its time of day to the next one's
    ["1", "1", "2", ... ]                                           24 values, a slot each

Times of day are the station's own (`utc_offset`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final, TypeVar

from rds.moment import parse_moment
from rds.oda.schedule_fields import SLOTS
from rds.toml_table import TomlTable

T = TypeVar("T")
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_DAY_MIN: Final = 24 * 60
_CLOCK_TIME: Final = r"([01]\d|2[0-3]):([0-5]\d)"
_TIME_OF_DAY: Final = re.compile(rf"(tomorrow )?{_CLOCK_TIME}")
_MINUTES_ON: Final = re.compile(r"(\d{1,4}) min")
_ENTRY: Final = re.compile(rf"{_CLOCK_TIME} +(.+)")
_MOMENT_WANTED: Final = 'allowed: "18:00", "tomorrow 07:30" (station time), "90 min", "2026-12-01T17:00:00Z"'


@dataclass(frozen=True, slots=True)
class Calendar:
    """What times of day mean in a bulletin: its moment, and local time minus UTC."""

    moment: datetime
    utc_offset: timedelta

    def parse(self, text: str) -> datetime:
        """The moment of a time of day on the bulletin's day or the next, of minutes after it, or of RFC 3339 text.

        Raises:
            ValueError: none of these.
        """
        if match := _TIME_OF_DAY.fullmatch(text):
            tomorrow, hours, minutes = match.groups()
            local = self.moment.astimezone(timezone(self.utc_offset))
            day = local.replace(hour=0, minute=0, second=0, microsecond=0) + (_DAY if tomorrow else timedelta())
            return day + timedelta(hours=int(hours), minutes=int(minutes))
        if match := _MINUTES_ON.fullmatch(text):
            return self.moment + int(match[1]) * _MINUTE
        try:
            return parse_moment(text)
        except ValueError:
            raise ValueError(f"{text!r}; {_MOMENT_WANTED}") from None

    def minute_of_day(self, moment: datetime) -> int:
        """Minutes since the station's midnight."""
        local = moment.astimezone(timezone(self.utc_offset))
        return 60 * local.hour + local.minute


def read_slots(
    table: TomlTable, name: str, parse: Callable[[str], T], *, first_min: int, slot_min: int
) -> tuple[T, ...]:
    """The 24 values of a schedule whose first slot begins at the minute `first_min` of the day.

    Raises:
        UsageError: values with and without times, not 24 without, a time twice or at no slot's beginning.
    """

    def parse_entry(text: str) -> tuple[int | None, T]:
        match = _ENTRY.fullmatch(text)
        return (60 * int(match[1]) + int(match[2]), parse(match[3])) if match else (None, parse(text))

    entries = table.parsed_list(name, parse_entry, low=1, high=_DAY_MIN // 15)
    begins = [begin for begin, _ in entries if begin is not None]
    if not begins and len(entries) == SLOTS:
        return tuple(value for _, value in entries)
    if len(begins) != len(entries) or len(set(begins)) != len(begins):
        raise table.refusal(name, f'allowed: {SLOTS} values, or values from different times on, "17:00 ..."')
    for begin in begins:
        if (begin - first_min) % slot_min:
            raise table.refusal(
                name, f"{_clock(begin)} begins no slot; allowed: every {slot_min} min from {_clock(first_min)}"
            )
    return tuple(_value_at(begins, entries, (first_min + slot_min * index) % _DAY_MIN) for index in range(SLOTS))


def _value_at(begins: Sequence[int], entries: Sequence[tuple[int | None, T]], minute: int) -> T:
    """The value that began last before a minute of the day, or else the day's last: it goes on over midnight."""
    begun = [begin for begin in begins if begin <= minute]
    return entries[begins.index(max(begun or begins))][1]


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
