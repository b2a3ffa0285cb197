"""The one-byte codes of an urgent message to amperes, seconds and shares (protocol, Urgent envelope)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MAX_AMPERES: Final = 80
PERCENT_BASE: Final = 128
"""Level 128 is 0 %, 228 is 100 % of the charger's rating."""
SCHEDULE_LEVEL: Final = 128
"""Tier now and price now: back to the schedule."""
MAX_TIER: Final = 7
_UNIT_MINUTES: Final = (1, 5, 15, 60)
_DEFAULT_DURATION_S: Final = 3600
_RELEASE_MINUTES: Final = (0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240)
_RAMP_MINUTES: Final = (0, 1, 2, 5, 10, 15, 30, 60)
RELEASE_DEFAULT: Final = 0
"""The receiver's own default; in an end or cancel the event's own."""
RELEASE_CODES: Final = range(len(_RELEASE_MINUTES) + 1)
DISPATCH_ALL: Final = 0x80
"""`10ssssss` with s = 0: every charger, at once."""


class Severity(IntEnum):
    """Levels 240 to 243 of a curtailment: what they mean is the customer's option (docs/protocol.md)."""

    NORMAL = 240
    MODERATE = 241
    HIGH = 242
    EMERGENCY = 243


def level_percent(level: int) -> int | None:
    """The share of the rating, 0 to 100, or None if the level is none."""
    percent = level - PERCENT_BASE
    return percent if 0 <= percent <= 100 else None


def level_text(level: int) -> str:
    """A curtailment's level in words: "16 A", "50 %", "high"."""
    percent = level_percent(level)
    if percent is not None:
        return f"{percent} % of the rating"
    return f"{level} A" if level <= MAX_AMPERES else Severity(level).name.lower()


def is_curtail_level(level: int) -> bool:
    """Whether a level is one that a curtailment may carry."""
    return 1 <= level <= MAX_AMPERES or level_percent(level) is not None or level in Severity.__members__.values()


def duration_s(code: int) -> int:
    """The seconds of a duration code: unit 2 bits, n 6 bits; n = 0 is 60 min in every unit."""
    unit, n = _UNIT_MINUTES[code >> 6], code & 0x3F
    return unit * n * 60 if n else _DEFAULT_DURATION_S


def duration_code(minutes: int) -> int:
    """The code of a duration in whole minutes, by the coarsest unit that holds it.

    Raises:
        ValueError: no code has this duration.
    """
    for unit, length in reversed(list(enumerate(_UNIT_MINUTES))):
        n, rest = divmod(minutes, length)
        if rest == 0 and 1 <= n <= 0x3F:
            return unit << 6 | n
    raise ValueError(f"duration of {minutes} min; allowed: 1..63, multiples of 5 to 315, of 15 to 945, of 60 to 3780")


def release_s(code: int) -> int | None:
    """The seconds of a release code, or None for 0: the receiver's default, or the event's own.

    Raises:
        ValueError: the code is reserved.
    """
    if code not in RELEASE_CODES:
        raise ValueError(f"release code {code}; allowed: 0..14")
    return None if code == RELEASE_DEFAULT else 60 * _RELEASE_MINUTES[code - 1]


def release_code(minutes: int) -> int:
    """The code of a release window in minutes.

    Raises:
        ValueError: no code has this window.
    """
    if minutes not in _RELEASE_MINUTES:
        raise ValueError(f"release of {minutes} min; allowed: {', '.join(map(str, _RELEASE_MINUTES))}")
    return 1 + _RELEASE_MINUTES.index(minutes)


def ramp_s(code: int) -> int:
    """The seconds of a ramp code 0..7: over how long a planned event's limit goes down to its level.

    Raises:
        ValueError: there is no such code.
    """
    if not 0 <= code < len(_RAMP_MINUTES):
        raise ValueError(f"ramp code {code}; allowed: 0..{len(_RAMP_MINUTES) - 1}")
    return 60 * _RAMP_MINUTES[code]


def ramp_code(minutes: int) -> int:
    """The code of a ramp in minutes.

    Raises:
        ValueError: no code has this length.
    """
    if minutes not in _RAMP_MINUTES:
        raise ValueError(f"ramp of {minutes} min; allowed: {', '.join(map(str, _RAMP_MINUTES))}")
    return _RAMP_MINUTES.index(minutes)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Which chargers act, and over what time they start: exactly one of the three is set.

    Raises:
        ValueError: none or several are set, or a value has no code.
    """

    fraction: int | None = None
    """0..63: chargers with draw(F) >> 26 <= fraction."""
    subgroup: int | None = None
    """0..63: one subgroup of 64."""
    spread_s: int | None = None
    """All, each delayed by its share of this window (0, 10 .. 630 s)."""

    def __post_init__(self) -> None:
        values = (self.fraction, self.subgroup, self.spread_s)
        allowed = (range(64), range(64), range(0, 640, 10))
        if [value in codes for value, codes in zip(values, allowed, strict=True) if value is not None] != [True]:
            raise ValueError(f"{self}; allowed: one of fraction 0..63, subgroup 0..63, spread 0, 10 .. 630 s")

    @classmethod
    def of(cls, code: int) -> "Dispatch":
        """The meaning of a dispatch code.

        Raises:
            ValueError: the code is reserved (11......).
        """
        form, value = code >> 6, code & 0x3F
        if form == 0:
            return cls(fraction=value)
        if form == 1:
            return cls(subgroup=value)
        if form == 2:
            return cls(spread_s=10 * value)
        raise ValueError(f"dispatch code {code:#04x}; codes from 0xC0 are reserved")

    @property
    def code(self) -> int:
        """The byte that is sent."""
        if self.fraction is not None:
            return self.fraction
        if self.subgroup is not None:
            return 1 << 6 | self.subgroup
        assert self.spread_s is not None
        return 2 << 6 | self.spread_s // 10
