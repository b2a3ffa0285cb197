"""A configuration's chargers and what they share, to typed values: [charger] for one, [[charger]] for several, [site].

[[charger]]
name = "left"                       # 1 to 40 letters, digits, - _ and .; of several chargers each has its own
driver = "ocpp16"
rating_a = 16                       # this and the next three: the configuration's own where they are left out
installer_a = 16
option = "low"
regions = ["12345"]                 # of the configuration's
lines = ["L2"]                      # the site's phases that it draws from; all three if left out
allow_high_fallback = true          # it may take more than its limit when nobody talks to it
port = 9001                         # every other field is an option of the driver

[site]
limit_a = 63                        # what all chargers together may draw from each phase
step_a = 1                          # it is shared in whole steps of so many amperes
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from rds.oda.region import Region
from rds.toml_table import TomlTable
from receiver.settings import CustomerOption, Settings

LOWEST_A: Final = 6
HIGHEST_A: Final = 80
LINES: Final = ("L1", "L2", "L3")
CHARGERS: Final = 1000
OWN_FIELDS: Final = (
    "name", "driver", "rating_a", "installer_a", "option", "regions", "lines", "allow_high_fallback",
)  # fmt: skip
"""What no driver may call an option of its own."""
_NAME: Final = re.compile(r"[\w.-]{1,40}")
_SITE_HIGHEST_A: Final = 10_000


@dataclass(frozen=True, slots=True)
class ChargerConfig:
    """One charger.

    Attributes:
        name: Empty for the only one, under [charger].
        driver: Which driver.
        options: What only the driver understands.
        settings: The configuration's with what this charger has of its own.
        regions: Its own codes, some or all of the configuration's.
        lines: The site's phases that it draws from.
        allow_high_fallback: Whether it may take more than its limit when nobody talks to it.
    """

    name: str
    driver: str
    options: Mapping[str, object]
    settings: Settings
    regions: tuple[Region, ...]
    lines: tuple[str, ...] = LINES
    allow_high_fallback: bool = False


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """What all chargers together may draw from each phase."""

    limit_ma: int
    step_ma: int


def read_charger_tables(table: TomlTable, settings: Settings, regions: tuple[Region, ...]) -> tuple[ChargerConfig, ...]:
    """The chargers of a configuration's root table.

    Raises:
        UsageError: a field is missing, of a wrong type or value, or two chargers have one name.
    """
    if not table.has_tables("charger"):
        return (_read_charger(table.table("charger"), "", settings, regions),)
    tables = table.tables("charger")
    if not 0 < len(tables) <= CHARGERS:
        raise table.refusal("charger", f"allowed: 1..{CHARGERS} tables [[charger]]")
    found: dict[str, ChargerConfig] = {}
    for one in tables:
        name = one.parsed("name", _parse_name)
        if name in found:
            raise one.refusal("name", f"allowed: a name of its own; {name} is taken")
        found[name] = _read_charger(one, name, settings, regions)
    return tuple(found.values())


def read_site(table: TomlTable, chargers: tuple[ChargerConfig, ...]) -> SiteConfig:
    """The table [site], for chargers that have names.

    Raises:
        UsageError: a field is missing, of a wrong type or value, or there is nothing to share.
    """
    limit_a = table.integer("limit_a", low=LOWEST_A, high=_SITE_HIGHEST_A)
    step_a = table.integer("step_a", low=1, high=HIGHEST_A, default=1)
    if not all(charger.name for charger in chargers):
        raise table.refusal("limit_a", "allowed: with tables [[charger]]; the limit of one charger is installer_a")
    return SiteConfig(1000 * limit_a, 1000 * step_a)


def read_option(table: TomlTable, *, default: CustomerOption = CustomerOption.MEDIUM) -> CustomerOption:
    """What the customer chose that a severity shall mean."""
    return CustomerOption(table.choice("option", list(CustomerOption), default=default))


def _read_charger(table: TomlTable, name: str, settings: Settings, regions: tuple[Region, ...]) -> ChargerConfig:
    rating_ma = _amperes(table, "rating_a", settings.rating_ma)
    # The top's own limit is that of the same cable; a charger of a lower rating needs not repeat it.
    installer_ma = _amperes(table, "installer_a", min(settings.installer_ma, rating_ma))
    return ChargerConfig(
        name=name,
        driver=table.string("driver", default="simulated"),
        settings=replace(
            settings,
            rating_ma=rating_ma,
            installer_ma=installer_ma,
            option=read_option(table, default=settings.option),
        ),
        regions=_read_regions(table, regions),
        lines=_read_lines(table),
        allow_high_fallback=table.boolean("allow_high_fallback", default=False),
        options=table.rest(),
    )


def _amperes(table: TomlTable, name: str, default_ma: int) -> int:
    return 1000 * table.integer(name, low=LOWEST_A, high=HIGHEST_A, default=default_ma // 1000)


def _read_regions(table: TomlTable, regions: tuple[Region, ...]) -> tuple[Region, ...]:
    if "regions" not in table:
        return regions
    own = tuple(table.parsed_list("regions", Region.parse_code, low=1))
    if not set(own) <= set(regions):
        raise table.refusal("regions", f"allowed: some of the receiver's own, {', '.join(map(str, regions))}")
    return own


def _read_lines(table: TomlTable) -> tuple[str, ...]:
    if "lines" not in table:
        return LINES
    lines = tuple(table.parsed_list("lines", str, low=1, high=len(LINES)))
    if len(set(lines)) < len(lines) or not set(lines) <= set(LINES):
        raise table.refusal("lines", f"allowed: each of {', '.join(LINES)} at most once")
    return lines


def _parse_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"name {text!r}; allowed: 1 to 40 letters, digits, - _ and .")
    return text
