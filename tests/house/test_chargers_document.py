"""`docs/chargers.md` in; out: every driver has its row, every page is linked, and its configuration is taken."""

import re
from pathlib import Path
from typing import Final

import pytest

from rds.errors import UsageError
from rds.oda.region import Region
from rds.toml_table import parse_toml
from receiver.chargers import driver_names, load_driver
from receiver.chargers_config import OWN_FIELDS, read_charger_tables, read_site
from receiver.clock import datetime_of
from receiver.settings import Settings

FOLDER: Final = Path(__file__).parents[2] / "docs"
DOCUMENT: Final = (FOLDER / "chargers.md").read_text(encoding="utf-8")


def test_every_driver_has_a_row() -> None:
    rows = re.findall(r"^\| (?:\[`|`)(\w+)`", DOCUMENT, re.MULTILINE)
    assert set(driver_names()) <= set(rows)


def test_every_page_is_linked() -> None:
    linked = set(re.findall(r"\]\((chargers/\w+\.md)\)", DOCUMENT))
    assert {f"chargers/{page.name}" for page in (FOLDER / "chargers").glob("*.md")} <= linked


def test_the_configuration_is_taken() -> None:
    [text] = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    table = parse_toml(text, source="chargers.md")
    regions = tuple(table.parsed_list("regions", Region.parse_code))
    chargers = read_charger_tables(table, Settings(b"", rating_ma=32_000, installer_ma=32_000), regions)
    assert read_site(table.table("site"), chargers).limit_ma == 40_000
    for charger in chargers:
        load_driver(charger.driver).from_options(charger.options, lambda: datetime_of(0))


@pytest.mark.parametrize("name", driver_names())
def test_no_driver_has_an_option_that_is_the_tables_own(name: str) -> None:
    with pytest.raises(UsageError) as refusal:
        load_driver(name).from_options({"colour": "red"}, lambda: datetime_of(0))
    allowed = str(refusal.value).partition("allowed: ")[2].split(", ")
    assert not set(OWN_FIELDS) & set(allowed)
