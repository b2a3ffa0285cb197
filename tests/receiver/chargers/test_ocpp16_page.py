"""The page of `ocpp16` in docs/chargers: each configuration on it is accepted, each option is named."""

import re
import tomllib
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.chargers._ocpp16_profile import Options
from receiver.chargers.ocpp16 import Driver

PAGE = Path(__file__).parents[3].joinpath("docs/chargers/ocpp16.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_configuration_is_accepted(block: str) -> None:
    table = tomllib.loads(block)["charger"]
    assert table.pop("driver") == "ocpp16"
    Driver.from_options(table, lambda: datetime(2026, 1, 15, tzinfo=UTC))


def test_every_option_is_named() -> None:
    assert len(BLOCKS) == 4
    assert [field.name for field in fields(Options) if f"`{field.name}`" not in PAGE] == []
