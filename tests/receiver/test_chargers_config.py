"""Several chargers and their site in a configuration: what each has of its own, and each mistake as one line."""

import re

import pytest

from rds.errors import UsageError
from rds.oda.region import Region
from rds.toml_table import parse_toml
from receiver.chargers_config import LINES, ChargerConfig, SiteConfig, read_charger_tables, read_site
from receiver.settings import CustomerOption, Settings

SETTINGS = Settings(bytes(16), rating_ma=32_000, installer_ma=25_000)
REGIONS = (Region.parse_code("12345"), Region.parse_code("12346"))
TWO = """[[charger]]
name = "left"
driver = "ocpp16"
port = 9001

[[charger]]
name = "right"
rating_a = 16
option = "low"
regions = ["12346"]
lines = ["L2"]
allow_high_fallback = true

[site]
limit_a = 40
"""


def read(text: str) -> tuple[tuple[ChargerConfig, ...], SiteConfig | None]:
    table = parse_toml(text, source="charger.toml")
    chargers = read_charger_tables(table, SETTINGS, REGIONS)
    site = read_site(table.table("site"), chargers) if "site" in table else None
    table.close()
    return chargers, site


def test_each_charger_has_its_own_and_else_what_the_top_says() -> None:
    (left, right), site = read(TWO)
    assert (left.name, left.driver, left.options) == ("left", "ocpp16", {"port": 9001})
    assert (left.settings, left.regions, left.lines, left.allow_high_fallback) == (SETTINGS, REGIONS, LINES, False)
    assert (right.name, right.driver, right.options) == ("right", "simulated", {})
    assert (right.settings.rating_ma, right.settings.installer_ma) == (16_000, 16_000)
    assert right.settings.option is CustomerOption.LOW
    assert (right.regions, right.lines, right.allow_high_fallback) == (REGIONS[1:], ("L2",), True)
    assert site == SiteConfig(40_000, 1000)


def test_one_charger_needs_no_name_and_none_no_table() -> None:
    (one,), site = read('[charger]\ndriver = "ocpp16"\nport = 1\ninstaller_a = 10\n')
    assert (one.name, one.driver, one.options, one.settings.local_ma, site) == ("", "ocpp16", {"port": 1}, 10_000, None)
    (none,), _ = read("")
    assert (none.name, none.driver, none.options, none.settings) == ("", "simulated", {}, SETTINGS)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "left"', "", r":1: no field 'name' in \[charger\]"),
        ('name = "left"', 'name = "right"', ":7: name = 'right'; allowed: a name of its own"),
        ('name = "left"', 'name = "a b"', ":2: name: name 'a b'; allowed: 1 to 40 letters"),
        ("rating_a = 16", "rating_a = 5", ":8: rating_a = 5; allowed: 6..80"),
        ("rating_a = 16", "installer_a = 81", ":8: installer_a = 81; allowed: 6..80"),
        ('["12346"]', '["12347"]', ":10: regions = .*; allowed: some of the receiver's own, 12345, 12346"),
        ('["12346"]', "[]", ":10: regions = .*; allowed: an array of 1 or more"),
        ('["L2"]', '["L4"]', ":11: lines = .*; allowed: each of L1, L2, L3 at most once"),
        ('["L2"]', '["L2", "L2"]', ":11: lines = .*; allowed: each of"),
        ("allow_high_fallback = true", "allow_high_fallback = 1", ":12: allow_high_fallback = 1; allowed: true or"),
        ("limit_a = 40", "limit_a = 5", ":15: limit_a = 5; allowed: 6..10000"),
        ("limit_a = 40", "limit_a = 40\nstep = 1", r":16: unknown field 'step' in \[site\]; allowed: limit_a, step_a"),
    ],
)
def test_each_mistake_is_one_line(old: str, new: str, message: str) -> None:
    assert TWO.count(old) == 1
    with pytest.raises(UsageError) as caught:
        read(TWO.replace(old, new))
    assert "\n" not in str(caught.value)
    assert re.search(message, str(caught.value)), str(caught.value)


def test_a_site_is_for_chargers_that_have_names() -> None:
    with pytest.raises(UsageError, match="the limit of one charger is installer_a"):
        read("[site]\nlimit_a = 20\n")
    with pytest.raises(UsageError, match=r"charger = \[\]; allowed: 1..1000 tables"):
        read("charger = []\n")
