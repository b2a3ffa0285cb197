"""Pages of drivers in docs/chargers in; out: each configuration in them is taken, and every option is told."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.chargers import load_driver

FOLDER = Path(__file__).parents[3] / "docs" / "chargers"
PAGES = {
    "openevse": {"openevse", "openevse_wifi"},
    "gpio": {"gpio"},
    "j1772": {"j1772"},
    "command": {"command"},
    "ocpp201": {"ocpp201"},
}


def configurations(page: str) -> list[dict[str, object]]:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    return [tomllib.loads(block)["charger"] for block in re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)]


@pytest.mark.parametrize("page", PAGES)
def test_each_configuration_of_a_page_is_taken(page: str) -> None:
    drivers = set()
    for options in configurations(page):
        name = str(options.pop("driver"))
        load_driver(name).from_options(options, lambda: datetime(2026, 1, 15, tzinfo=UTC))
        drivers.add(name)
    assert drivers == PAGES[page]


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, names in PAGES.items() for name in sorted(names)])
def test_each_option_of_a_driver_stands_in_a_configuration(page: str, name: str) -> None:
    options = load_driver(name).__init__.__annotations__["options"]
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    told = {option for table in configurations(page) for option in table if table["driver"] == name}
    told |= set(re.findall(r"^# (\w+) = ", text, flags=re.MULTILINE))
    assert set(options.__dataclass_fields__) <= told
