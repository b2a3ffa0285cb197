"""The proxy's pure parts: what is overheard of anything that passes, and the page's configurations."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.chargers._ocpp_proxy_dialect import PROTOCOLS, Abilities, Dialect
from receiver.chargers._ocpp_proxy_message import read_message
from receiver.chargers._ocpp_proxy_overheard import Overheard
from receiver.chargers._ocpp_proxy_profile import Supply
from receiver.chargers.ocpp_proxy import Driver

PAGE = Path(__file__).parents[3] / "docs" / "chargers" / "ocpp_proxy.md"
NAMES = [
    "connectorId",
    "evseId",
    "evse",
    "id",
    "meterValue",
    "sampledValue",
    "value",
    "unit",
    "unitOfMeasure",
    "multiplier",
    "measurand",
    "status",
    "connectorStatus",
    "transactionId",
    "meterStart",
    "meterStop",
    "currentTime",
    "requestId",
    "chargingProfile",
    "csChargingProfiles",
    "tbc",
    "chargingProfileId",
    "chargingProfilePurpose",
    "chargingProfileCriteria",
    "stackLevel",
    "chargingSchedule",
    "configurationKey",
    "getVariableResult",
    "variable",
    "name",
    "key",
    "attributeValue",
]
ACTIONS = [
    "BootNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
    "StartTransaction",
    "StopTransaction",
    "TransactionEvent",
    "ReportChargingProfiles",
    "SetChargingProfile",
    "ClearChargingProfile",
    "Odd",
]
scalars = st.none() | st.booleans() | st.integers(-2, 10) | st.floats() | st.sampled_from(
    ["Accepted", "ChargePointMaxProfile", "ChargingStationMaxProfile", "Wh", "Energy.Active.Import.Register", "x"]
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
payloads = st.dictionaries(st.sampled_from(NAMES), values, max_size=5)


@given(st.sampled_from(PROTOCOLS), st.lists(st.tuples(st.sampled_from(ACTIONS), payloads, payloads), max_size=6))
def test_whatever_passes_is_no_fault_of_ours(
    protocol: str, said: list[tuple[str, dict[str, object], dict[str, object]]]
) -> None:
    dialect = Dialect(protocol)
    heard = Overheard(dialect, 7, Supply)
    heard.expect_report(1)
    for action, asked, answer in said:
        heard.claims(action, asked)
        heard.station_calls(action, asked)
        heard.operator_answers(action, asked, answer)
        heard.station_answers(action, asked, {**answer, "status": "Accepted"})
        dialect.read_abilities(answer)
        assert heard.meter.reading is not None


@given(st.text() | st.binary())
def test_any_text_is_a_message_or_none(text: str | bytes) -> None:
    message = read_message(text)
    assert message is None or message.kind in (2, 3, 4)


def test_abilities_by_hand() -> None:
    keys = {"ChargingScheduleAllowedChargingRateUnit": "Power", "ChargeProfileMaxStackLevel": "8"}
    rows = [{"key": key, "readonly": True, "value": value} for key, value in keys.items()]
    assert Dialect("ocpp1.6").read_abilities({"configurationKey": rows}) == Abilities("W", 8, 24)
    results = [
        {"attributeStatus": "Accepted", "attributeValue": value, "variable": {"name": name}, "component": {}}
        for name, value in {"RateUnit": "A,W", "ProfileStackLevel": "5", "PeriodsPerSchedule": "4"}.items()
    ]
    assert Dialect("ocpp2.1").read_abilities({"getVariableResult": results}) == Abilities("A", 5, 4)


def test_configurations_of_the_page_are_accepted() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        for text in (block, re.sub(r"^# (?=\w+ = )", "", block, flags=re.MULTILINE)):
            table = tomllib.loads(text)["charger"]
            assert table.pop("driver") == "ocpp_proxy"
            Driver.from_options(table, lambda: datetime(2026, 1, 15, tzinfo=UTC))


@pytest.mark.parametrize("level", [None, "x", "-1", "9" * 30])
def test_odd_abilities_are_as_if_not_told(level: str | None) -> None:
    row = {"key": "ChargeProfileMaxStackLevel", **({} if level is None else {"value": level})}
    assert Dialect("ocpp1.6").read_abilities({"configurationKey": [row, 5, None]}) == Abilities()
