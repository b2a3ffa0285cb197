"""Configuration keys of charge points: what profiles may be, what an installer should know, odd answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp.v16.enums import ChargingRateUnitType

from receiver.chargers._ocpp16_settings import (
    Abilities,
    currents_without_us,
    installer_warnings,
    random_delays,
    read_abilities,
    read_settings,
)


@pytest.mark.parametrize(
    ("units", "unit"),
    [
        ("Current", "A"),
        ("Power", "W"),
        ("Current,Power", "A"),
        (" power , current ", "A"),
        ("W", "W"),
        ("A,W", "A"),
        ("", "A"),
        ("Volt", "A"),
    ],
)
def test_the_unit_that_a_charge_point_takes(units: str, unit: str) -> None:
    assert read_abilities({"ChargingScheduleAllowedChargingRateUnit": units}).unit == unit


@pytest.mark.parametrize(
    ("said", "level"), [("8", 8), (" 0 ", 0), ("-1", 0), ("many", 0), ("9" * 5000, 0), ("²", 0), ("", 0)]
)
def test_the_highest_stack_level(said: str, level: int) -> None:
    assert read_abilities({"ChargeProfileMaxStackLevel": said}).stack_level == level


def test_a_charge_point_that_says_nothing_of_itself() -> None:
    assert read_abilities({}) == Abilities(unit=ChargingRateUnitType.amps, stack_level=0)


@pytest.mark.parametrize(("said", "connectors"), [("2", 2), ("0", 1), ("99", 15), ("two", 1), ("", 1)])
def test_how_many_connectors(said: str, connectors: int) -> None:
    assert read_abilities({"NumberOfConnectors": said}).connectors == connectors


def test_a_random_delay_that_is_on_is_named_with_its_value() -> None:
    # Hypervolt and others call it RandomisedDelayDuration; the rest are made up.
    settings = {"RandomisedDelayDuration": "600", "random_delay_max": "0", "RandomDelayEnabled": "FALSE", "Delay": "5"}
    assert random_delays(settings) == ["RandomisedDelayDuration = 600"]
    [line] = installer_warnings(settings)
    assert line.startswith("its own random delay is on: RandomisedDelayDuration = 600; switch it off")


def test_what_a_charge_point_takes_without_us_as_its_keys_say() -> None:
    settings = {"FailsafeCurrent": "6", "OfflineChargingCurrent": "10\n", "MaxCurrent": "32", "DefaultLanguage": "en"}
    assert currents_without_us(settings) == ["FailsafeCurrent = 6", "OfflineChargingCurrent = 10\\n"]


def test_missing_smart_charging_and_a_silent_meter_are_warned_of() -> None:
    assert installer_warnings({"SupportedFeatureProfiles": "Core, Smart Charging"}) == []
    lines = installer_warnings({"SupportedFeatureProfiles": "Core,Reservation", "MeterValueSampleInterval": "0"})
    assert [line.split(" ", 1)[0] for line in lines] == ["no", "MeterValueSampleInterval"]


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["key", "value", "readonly"]), inner, max_size=3)
    ),
    max_leaves=9,
)


@given(NONSENSE)
def test_any_answer_is_read_without_harm(answer: object) -> None:
    settings = read_settings(answer)
    assert read_abilities(settings).connectors >= 1
    assert all(line.isprintable() for line in [*installer_warnings(settings), *currents_without_us(settings)])


def test_a_very_long_answer_is_cut() -> None:
    answer = [{"key": f"FallbackCurrent{n}", "value": "x" * 5000} for n in range(5000)]
    settings = read_settings(answer)
    assert len(settings) == 1000
    assert len(", ".join(currents_without_us(settings))) < 600
