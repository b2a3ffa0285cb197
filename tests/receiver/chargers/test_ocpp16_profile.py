"""Commands to OCPP 1.6 charging profiles: vectors worked by hand, every limit, odd answers of charge points."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp.charge_point import remove_nones, serialize_as_dict, snake_to_camel_case
from ocpp.v16.enums import ChargingRateUnitType

from rds.errors import ChargerRefusedError
from receiver.chargers._ocpp16_profile import Abilities, Options, format_time, make_profile, profile_end, read_abilities
from receiver.chargers.driver import ChargerCommand

NOW = datetime(2026, 1, 15, 18, 0, 0, 250000, tzinfo=UTC)
AMPS = Abilities(unit=ChargingRateUnitType.amps, stack_level=8)
WATTS = Abilities(unit=ChargingRateUnitType.watts, stack_level=0)


def command(limit_ma: int, until: datetime | None = NOW + timedelta(hours=1)) -> ChargerCommand:
    return ChargerCommand(limit_ma, moment=NOW, until=until, restricted=True, reason="test")


def test_sixteen_amperes_for_an_hour() -> None:
    # Worked by hand: from 17:59:00 to 19:00:00.25 are 3660.25 s, so 3661 whole ones. Names as in OCPP 1.6, 7.8.
    profile = make_profile(command(16000), NOW, Options(), AMPS)
    assert remove_nones(snake_to_camel_case(serialize_as_dict(profile))) == {
        "chargingProfileId": 7101,
        "stackLevel": 8,
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Absolute",
        "validTo": "2026-01-15T19:00:00Z",
        "chargingSchedule": {
            "duration": 3661,
            "startSchedule": "2026-01-15T17:59:00Z",
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
        },
    }


@pytest.mark.parametrize(
    ("limit_ma", "phases", "voltage_v", "watts"),
    [
        (16000, 3, 230.0, 11040.0),  # 16 x 3 x 230
        (6000, 1, 240.0, 1440.0),  # Level 1 in North America
        (6001, 1, 120.0, 720.0),  # 720.12
        (0, 3, 230.0, 0.0),
    ],
)
def test_watts_of_all_phases(limit_ma: int, phases: int, voltage_v: float, watts: float) -> None:
    profile = make_profile(command(limit_ma), NOW, Options(phases=phases, voltage_v=voltage_v), WATTS)
    period = profile.charging_schedule.charging_schedule_period[0]
    assert (period.limit, period.number_phases) == (watts, phases)


@pytest.mark.parametrize("options", [Options(), Options(phases=3), Options(voltage_v=230.0)])
def test_watts_are_never_guessed(options: Options) -> None:
    with pytest.raises(ChargerRefusedError, match="set phases"):
        make_profile(command(16000), NOW, options, WATTS)


@given(st.integers(6000, 80000))
def test_amperes_have_one_decimal_and_are_never_rounded_up(limit_ma: int) -> None:
    profile = make_profile(command(limit_ma), NOW, Options(), AMPS)
    limit_a = profile.charging_schedule.charging_schedule_period[0].limit
    assert limit_a == round(limit_a, 1)
    assert 0 <= limit_ma - round(limit_a * 1000) < 100


def test_every_profile_ends() -> None:
    options = Options(profile_s=3600)
    assert profile_end(command(0, until=None), NOW, options) == NOW + timedelta(hours=1)
    assert profile_end(command(0, until=NOW + timedelta(days=9)), NOW, options) == NOW + timedelta(hours=1)
    assert profile_end(command(0, until=NOW + timedelta(minutes=5)), NOW, options) == NOW + timedelta(minutes=5)


def test_times_are_utc() -> None:
    assert format_time(datetime(2026, 7, 1, 20, 0, tzinfo=timezone(timedelta(hours=2)))) == "2026-07-01T18:00:00Z"


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
