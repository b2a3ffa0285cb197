"""An operator's words to a message's codes: one table [[message]] of a plan in, a `MessageDraft` out.

The fields follow the message's layout: `region`, `dispatch`, `duration_min`, `release_min`, `target`; its level goes by
the name that it has for people: `level = "16 A"`, `tier = "3"`, `price_code = "-12"`. A field of a new message type is
a whole number under its own name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from rds.errors import UsageError
from rds.oda.codes import (
    DISPATCH_ALL,
    MAX_TIER,
    PERCENT_BASE,
    RELEASE_DEFAULT,
    SCHEDULE_LEVEL,
    Dispatch,
    Severity,
    duration_code,
    release_code,
)
from rds.oda.messages import HEADER, UrgentMessage, message_types
from rds.oda.messages.halt import Halt
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.tier_now import TierNow
from rds.oda.region import Region
from rds.oda.target_fields import ALL_TARGETS
from rds.toml_table import TomlTable

ALL_EVENTS: Final = "all"
"""The target that is every older event within the region."""
_HEADER_NAMES: Final = frozenset(field.split(":")[0] for field in HEADER.split())
_SHARES: Final = 64
_LONGEST_MIN: Final = 63 * 60
TIER_NAMES: Final = ("super off-peak", "off-peak", "shoulder", "peak", "critical peak")
"""Tiers 0 to 4; 5 to 7 are what the region's table says (protocol, Records)."""
_LEVEL_WANTED: Final = 'allowed: "1 A" to "80 A", "0 %" to "100 %" of the rating, normal, moderate, high, emergency'
_DISPATCH_WANTED: Final = (
    'allowed: "all", "2 %" to "100 %" of the chargers, "subgroup 0" to "subgroup 63", "spread 10 s" to "spread 630 s"'
)


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """A message without a key, a time stamp and, in an end or cancel, without the event's time stamp."""

    kind: type[UrgentMessage]
    codes: Mapping[str, int]
    target: str | None = None
    """The name of the event that it ends or cancels, or `ALL_EVENTS`."""

    def compose(self, key: int, ts: int, target: int = ALL_TARGETS) -> UrgentMessage:
        """The message under a key id and time stamp; `target` is used where the draft has one.

        Raises:
            ValueError: a code is reserved for this type.
        """
        codes = dict(self.codes) if self.target is None else {**self.codes, "target": target}
        if "region" in codes:
            codes["region"] = Region(codes["region"])
        return self.kind(key=key, ts=ts, **codes)  # type: ignore[call-arg]  # the layout names the fields


def parse_level(text: str) -> int:
    """The level of "16 A", "50 %" or "high".

    Raises:
        ValueError: none of these.
    """
    if text.upper() in Severity.__members__:
        return Severity[text.upper()]
    match = re.fullmatch(r"(\d{1,3})\s*(A|%)", text)
    number = int(match[1]) if match else -1
    if match and match[2] == "A" and 1 <= number <= 80:
        return number
    if match and match[2] == "%" and number <= 100:
        return PERCENT_BASE + number
    raise ValueError(f"{text!r}; {_LEVEL_WANTED}")


def parse_tier(text: str) -> int:
    """The tier 0 to 7 of its number or name.

    Raises:
        ValueError: neither.
    """
    if text in TIER_NAMES:
        return TIER_NAMES.index(text)
    if re.fullmatch(rf"[0-{MAX_TIER}]", text):
        return int(text)
    raise ValueError(f'{text!r}; allowed: "0" to "{MAX_TIER}", {", ".join(TIER_NAMES)}')


def parse_tier_level(text: str) -> int:
    """The level of a tier, or of "schedule".

    Raises:
        ValueError: neither.
    """
    try:
        return SCHEDULE_LEVEL if text == "schedule" else parse_tier(text)
    except ValueError as error:
        raise ValueError(f'{error}, or "schedule" to go back to it') from None


def parse_price_code(text: str) -> int:
    """The level of "-127" to "127", or of "schedule".

    Raises:
        ValueError: none of these.
    """
    if text == "schedule":
        return SCHEDULE_LEVEL
    if re.fullmatch(r"[+-]?\d{1,3}", text) and abs(int(text)) <= 127:
        return int(text) & 0xFF
    raise ValueError(f'{text!r}; allowed: "-127" to "127" in steps of the region\'s scale, or "schedule"')


def parse_dispatch(text: str) -> int:
    """The code of "all", of a share of the chargers to the nearest 1/64, a subgroup, or a spread of the starts.

    Raises:
        ValueError: none of these.
    """
    if text == "all":
        return DISPATCH_ALL
    match = re.fullmatch(r"(?:(\d{1,3})\s*%|subgroup (\d{1,2})|spread (\d{1,3})\s*s)", text)
    if match is None:
        raise ValueError(f"{text!r}; {_DISPATCH_WANTED}")
    share, subgroup, spread_s = (None if found is None else int(found) for found in match.groups())
    if share is not None and 2 <= share <= 100:
        return Dispatch(fraction=round(share * _SHARES / 100) - 1).code
    if subgroup is not None and subgroup < _SHARES:
        return Dispatch(subgroup=subgroup).code
    if spread_s is not None and spread_s % 10 == 0 and 10 <= spread_s <= 630:
        return Dispatch(spread_s=spread_s).code
    raise ValueError(f"{text!r}; {_DISPATCH_WANTED}, in steps of 10 s")


def read_message(table: TomlTable, events: Mapping[str, Region]) -> MessageDraft:
    """The message of a table. `events` are those sent before it, by name: an end takes its event's region over.

    Raises:
        UsageError: a field is missing, unknown or not allowed.
    """
    names = {kind.NAME: kind for kind in message_types().values() if kind is not Heartbeat}
    kind = names[table.choice("type", sorted(names))]
    target = table.choice("target", (ALL_EVENTS, *events)) if "target" in kind.LAYOUT.names else None
    codes = {}
    for name in kind.LAYOUT.names:
        if name == "region":
            default = None if target is None else events.get(target)
            codes[name] = int(table.parsed(name, Region.parse, default=default))
        elif name not in _HEADER_NAMES and name not in ("target", "reserved"):
            codes[name] = read_code(table, name, kind)
    draft = MessageDraft(kind, codes, target)
    try:
        draft.compose(0, 0)
    except ValueError as error:
        raise UsageError(f"{table.place()}: {kind.NAME}: {error}; give what this type takes") from None
    return draft


def read_name(table: TomlTable, events: Mapping[str, Region]) -> str | None:
    """The name that an end or cancel may reach an event by, if it has one.

    Raises:
        UsageError: it is the name of another event.
    """
    name = table.string("name") if "name" in table else None
    if name == ALL_EVENTS or name in events:
        raise table.refusal("name", f"allowed: a name of its own, not {ALL_EVENTS}")
    return name


def read_code(table: TomlTable, name: str, kind: type[UrgentMessage]) -> int:
    """The code of one field of the layout.

    Raises:
        UsageError: it is missing or not allowed.
    """
    if name == "dispatch":
        return table.parsed("dispatch", parse_dispatch, default=DISPATCH_ALL)
    if name == "duration":
        return coded_minutes(table, "duration_min", duration_code)
    if name == "release":
        return coded_minutes(table, "release_min", release_code) if "release_min" in table else RELEASE_DEFAULT
    if name != "level":
        return table.integer(name, low=0, high=(1 << kind.LAYOUT.bits) - 1)
    if kind is Halt:
        return 0
    if kind is TierNow:
        return table.parsed("tier", parse_tier_level)
    if kind is PriceNow:
        return table.parsed("price_code", parse_price_code)
    return table.parsed("level", parse_level)


def coded_minutes(table: TomlTable, name: str, code: Callable[[int], int]) -> int:
    """The code of a field in whole minutes.

    Raises:
        UsageError: it is missing, or no code has this length.
    """
    minutes = table.integer(name, low=0, high=_LONGEST_MIN)
    try:
        return code(minutes)
    except ValueError as error:
        raise UsageError(f"{table.place(name)}: {name}: {error}") from None
