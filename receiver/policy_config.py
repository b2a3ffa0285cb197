"""The policy's tables of a receiver's configuration to typed settings; complaints name line, value and what is allowed.

[tiers]
tier_3_a = 6                        # the owner's own limit in a tariff tier; left out: by the option

[prices]
currency = "EUR"
steps = ["0.30 16", "0.45 0"]       # from this price per kWh no more than so many amperes

[profile]                           # when neither the network nor a schedule of it has been heard for long
limits = ["00:00 32", "17:00 6"]    # from this time of day
unsure_a = 16                       # while the time is not known

[charge_by]
time = "07:00"
hours = 4                           # at the local limit; or energy_kwh, with phases and volts

[caps]
event_h = 4
events = 8
reduced_h = 8
grave_h = 2
"""

import re
from datetime import timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rds.errors import UsageError
from rds.oda.codes import MAX_AMPERES, MAX_TIER
from rds.oda.price_scale import currency_number
from rds.toml_table import TomlTable
from receiver.settings import ChargeBy, Prices, Profile

_LOWEST_A: Final = 6
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_OFFSET: Final = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)")
_NANO: Final = 10**9
_HIGHEST_PRICE: Final = 10**6
_STEPS: Final = 24
_HOUR_S: Final = 3600
_DAY_H: Final = 24
_MAX_KWH: Final = 500
_AMPERES_WANTED: Final = f"0 (a pause), {_LOWEST_A}..{MAX_AMPERES} A"


def read_tiers(table: TomlTable) -> tuple[int | None, ...]:
    """The owner's own limit in each tier, mA."""
    names = [f"tier_{tier}_a" for tier in range(MAX_TIER + 1)]
    return tuple(_limit_ma(table, name) if name in table else None for name in names)


def read_prices(table: TomlTable) -> Prices:
    """What the owner does at which price."""
    currency = table.parsed("currency", currency_number)
    steps = table.parsed_list("steps", _price_step, low=1, high=_STEPS)
    return Prices(currency, tuple(steps))


def read_profile(table: TomlTable) -> Profile:
    """What holds without the network."""
    slots = table.parsed_list("limits", _profile_slot, low=1, high=_STEPS)
    if [minute for minute, _ in slots] != sorted({minute for minute, _ in slots}):
        raise table.refusal("limits", "allowed: times that rise, each once")
    return Profile(tuple(slots), _limit_ma(table, "unsure_a", default=max(limit_ma for _, limit_ma in slots)))


def read_charge_by(table: TomlTable, *, local_ma: int) -> ChargeBy:
    """When the car is needed, and how long it charges at the local limit until then."""
    minute = table.parsed("time", _minute)
    given = [name for name in ("hours", "energy_kwh") if name in table]
    if len(given) != 1:
        named = " and ".join(given) or "none of them"
        raise UsageError(f"{table.place('time')}: [charge_by] has {named}; allowed: one of hours, energy_kwh")
    phases = table.integer("phases", low=1, high=3, default=1)
    volts = table.integer("volts", low=100, high=250, default=230)
    if given == ["hours"]:
        hours = table.number("hours", low=0, high=_DAY_H)
    else:
        kilowatts = phases * volts * local_ma / 10**6
        hours = min(table.number("energy_kwh", low=0, high=_MAX_KWH) / kilowatts, _DAY_H)
    return ChargeBy(minute, round(1000 * _HOUR_S * hours))


def read_timezone(text: str) -> tzinfo:
    """An IANA name, or an offset from UTC.

    Raises:
        ValueError: neither.
    """
    offset = _OFFSET.fullmatch(text)
    if offset:
        sign = -1 if offset[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        wanted = "an IANA name that this computer knows, such as Europe/Berlin, or an offset, such as +01:00"
        raise ValueError(f"time zone {text!r}; allowed: {wanted}") from None


def read_caps(table: TomlTable) -> dict[str, int]:
    """How much of a day the broadcast may take, as the fields of `Settings`."""
    hours = {
        name: round(_HOUR_S * table.number(field, low=0, high=_DAY_H, default=default))
        for name, field, default in (
            ("longest_event_s", "event_h", 4),
            ("reduced_a_day_s", "reduced_h", 8),
            ("grave_a_day_s", "grave_h", 2),
        )
    }
    if hours["grave_a_day_s"] > hours["reduced_a_day_s"]:
        raise table.refusal("grave_h", "allowed: no more than reduced_h, of which it is a part")
    return hours | {"events_a_day": table.integer("events", low=0, high=1000, default=8)}


def _limit_ma(table: TomlTable, name: str, *, default: int | None = None) -> int:
    if default is not None and name not in table:
        return default
    amperes = table.integer(name, low=0, high=MAX_AMPERES)
    if 0 < amperes < _LOWEST_A:
        raise table.refusal(name, f"allowed: {_AMPERES_WANTED}")
    return 1000 * amperes


def _amperes_ma(text: str, line: str) -> int:
    if not re.fullmatch("[0-9]{1,2}", text) or not (int(text) == 0 or _LOWEST_A <= int(text) <= MAX_AMPERES):
        raise ValueError(f"{text!r} in {line!r}; allowed: {_AMPERES_WANTED}")
    return 1000 * int(text)


def _price_step(text: str) -> tuple[int, int]:
    price, _, amperes = text.strip().partition(" ")
    try:
        amount = Decimal(price)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) > _HIGHEST_PRICE:
        raise ValueError(f"{text!r}; allowed: a price per kWh and amperes, such as '0.30 16'")
    return int(amount * _NANO), _amperes_ma(amperes.strip(), text)


def _profile_slot(text: str) -> tuple[int, int]:
    clock, _, amperes = text.strip().partition(" ")
    return _minute(clock), _amperes_ma(amperes.strip(), text)


def _minute(text: str) -> int:
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        raise ValueError(f"{text!r} is no time of day; allowed: 00:00 to 23:59")
    return 60 * int(clock[1]) + int(clock[2])
