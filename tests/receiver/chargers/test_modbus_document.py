"""docs/chargers/modbus.md against the data files: its table, its traps, and its configurations as they are taken."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.chargers import load_driver
from receiver.chargers._modbus_register import Register
from receiver.chargers._modbus_table import FOLDER, Table, load_table, table_names

PAGE = (Path(__file__).parents[3] / "docs" / "chargers" / "modbus.md").read_text(encoding="utf-8")
TABLES = [load_table(FOLDER / f"{name}.toml") for name in table_names()]


def place(register: Register, table: Table) -> str:
    offset = f"n x {table.top.connector_step} + " if table.top.connector_step else ""
    kind = "" if register.kind == "holding" else f" {register.kind}"
    return f"{offset}{register.address}{kind}"


def row(table: Table) -> str:
    limit, pause, failsafe, watchdog = table.limit, table.pause, table.failsafe, table.watchdog
    form = f"{limit.type}, {limit.scale:g} mA, function {limit.write}"
    fallback = "no register"
    if failsafe is not None:
        fallback = f"{place(failsafe, table)}, {'set' if failsafe.write else 'read'}"
    timer = "none"
    if watchdog is not None:
        way = "set" if watchdog.write else "read" if watchdog.readable else "taken as it is"
        timer = f"{place(watchdog, table)}, {watchdog.default_s:g} s, {way}"
    stop = "0" if pause is None else f"{place(pause, table)} = {pause.pause}"
    unit = f"{table.top.unit}, {table.top.transport.upper()}"
    cells = (f"`{table.name}`", table.top.charger, unit, f"{place(limit, table)}: {form}", stop, fallback, timer)
    return f"| {' | '.join(cells)} |"


def test_the_page_has_a_row_for_every_data_file_and_no_other() -> None:
    told = re.findall(r"^\| `\w+` \|.*\|$", PAGE, flags=re.MULTILINE)
    assert told == [row(table) for table in TABLES]


def test_the_page_says_how_each_is_set_up_and_what_its_trap_is() -> None:
    told = re.findall(r"^- \*\*`\w+`\*\*: .*$", PAGE, flags=re.MULTILINE)
    assert told == [
        f"- **`{table.name}`**: {table.top.setup}. Without us: {table.top.without_us}. Trap: {table.top.trap}."
        for table in TABLES
    ]


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL))
def test_each_configuration_of_the_page_is_taken(block: str) -> None:
    options = tomllib.loads(block)["charger"]
    driver = load_driver(options.pop("driver"))
    driver.from_options(options, lambda: datetime(2026, 1, 15, tzinfo=UTC))


def test_there_are_three_configurations() -> None:
    assert PAGE.count("```toml") == 3
