"""Commands to OCPP 2.0.1 and 2.1 charging profiles and back: vectors worked by hand, every limit, odd answers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp.charge_point import remove_nones, serialize_as_dict, snake_to_camel_case

from rds.errors import ChargerRefusedError
from receiver.chargers._ocpp201_profile import Abilities, Options, make_profiles, read_abilities, scheduled_ma
from receiver.chargers.driver import ChargerCommand

NOW = datetime(2026, 1, 15, 18, 0, 0, 250000, tzinfo=UTC)
PLAIN = Abilities(unit="A", stack_level=8)
WATCHED = Abilities(unit="A", stack_level=8, watchdog=True)
WATTS = Abilities(unit="W", stack_level=0)
SHARED = Options(purpose="TxDefaultProfile", evses=2)

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def command(limit_ma: int, until: datetime | None = NOW + timedelta(hours=1)) -> ChargerCommand:
    return ChargerCommand(limit_ma, moment=NOW, until=until, restricted=True, reason="test")


def limits(limit_ma: int, options: Options, abilities: Abilities) -> list[tuple[int, float, int, int | None]]:
    """Id, limit, stack level and watchdog of each profile."""
    return [
        (
            profile.content.id,
            profile.content.charging_schedule[0].charging_schedule_period[0].limit,
            profile.content.stack_level,
            profile.content.max_offline_duration,
        )
        for profile in make_profiles(command(limit_ma), NOW, options, abilities)
    ]


def test_sixteen_amperes_for_an_hour() -> None:
    # Worked by hand: from 17:59:00 to 19:00:00.25 are 3660.25 s, so 3661 whole ones. Names as in the 2.0.1 schemas.
    [profile] = make_profiles(command(16000), NOW, Options(), PLAIN)
    assert (profile.evse, profile.limit_ma) == (0, 16000)
    assert remove_nones(snake_to_camel_case(serialize_as_dict(profile.content))) == {
        "id": 7101,
        "stackLevel": 8,
        "chargingProfilePurpose": "ChargingStationMaxProfile",
        "chargingProfileKind": "Absolute",
        "validTo": "2026-01-15T19:00:00Z",
        "chargingSchedule": [
            {
                "id": 7101,
                "duration": 3661,
                "startSchedule": "2026-01-15T17:59:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
            }
        ],
    }


def test_the_fallback_lies_below_the_limit_and_never_above_it() -> None:
    assert limits(16000, Options(), WATCHED) == [(7201, 6.0, 7, None), (7101, 16.0, 8, 300)]
    assert limits(0, Options(watchdog_s=60), WATCHED) == [(7201, 0.0, 7, None), (7101, 0.0, 8, 60)]
    assert limits(8000, Options(fallback_a=10), WATCHED)[0][1] == 8.0
    assert limits(16000, Options(fallback_a=5), WATCHED)[0][1] == 0.0, "below 6 A is a pause"
    for options, abilities in (
        (Options(watchdog_s=0), WATCHED),
        (Options(), PLAIN),
        (Options(), Abilities(watchdog=True)),  # no stack level below
    ):
        assert len(limits(16000, options, abilities)) == 1


def test_shares_of_evses() -> None:
    assert limits(25050, SHARED, PLAIN) == [(7102, 12.5, 8, None), (7103, 12.5, 8, None)]
    assert limits(11000, SHARED, PLAIN) == [(7102, 0.0, 8, None), (7103, 0.0, 8, None)]


@pytest.mark.parametrize(
    ("limit_ma", "phases", "voltage_v", "watts", "held_ma"),
    [
        (16000, 3, 230.0, 11040.0, 16000),  # 16 x 3 x 230
        (6000, 1, 240.0, 1440.0, 6000),
        (6001, 1, 120.0, 720.0, 6000),  # 720.12
        (6999, 3, 230.0, 4829.0, 6999),  # 4829.31; 4829 / 690 = 6.99855
        (0, 3, 230.0, 0.0, 0),
    ],
)
def test_watts_of_all_phases(limit_ma: int, phases: int, voltage_v: float, watts: float, held_ma: int) -> None:
    options = Options(phases=phases, voltage_v=voltage_v)
    [profile] = make_profiles(command(limit_ma), NOW, options, WATTS)
    period = profile.content.charging_schedule[0].charging_schedule_period[0]
    assert (period.limit, period.number_phases, profile.limit_ma) == (watts, phases, held_ma)
    schedule = {"charging_rate_unit": "W", "charging_schedule_period": [{"start_period": 0, "limit": watts}]}
    assert scheduled_ma(schedule, options) == held_ma


@pytest.mark.parametrize("options", [Options(), Options(phases=3), Options(voltage_v=230.0)])
def test_watts_are_never_guessed(options: Options) -> None:
    with pytest.raises(ChargerRefusedError, match="set phases"):
        make_profiles(command(16000), NOW, options, WATTS)
    with pytest.raises(ValueError, match="phases and voltage_v"):
        scheduled_ma({"charging_rate_unit": "W", "charging_schedule_period": [{"limit": 1.0}]}, options)


@given(st.just(0) | st.integers(6000, 80000), st.sampled_from([Options(), SHARED]), st.sampled_from([PLAIN, WATCHED]))
def test_no_limit_is_ever_rounded_up(limit_ma: int, options: Options, abilities: Abilities) -> None:
    profiles = make_profiles(command(limit_ma), NOW, options, abilities)
    kept = [profile for profile in profiles if profile.content.id < 7200]
    assert limit_ma - 12000 < sum(profile.limit_ma for profile in kept) <= limit_ma
    for profile in profiles:
        [schedule] = profile.content.charging_schedule
        [period] = schedule.charging_schedule_period
        assert round(1000 * period.limit) == profile.limit_ma
        assert period.limit == 0 or period.limit >= 6


def test_a_profile_always_ends() -> None:
    [profile] = make_profiles(command(16000, until=None), NOW, Options(profile_s=3600), PLAIN)
    assert profile.content.valid_to == "2026-01-15T19:00:00Z"
    assert profile.content.charging_schedule[0].duration == 3661


def test_abilities_as_stations_tell_them() -> None:
    told = {
        "SmartChargingCtrlr.RateUnit": "W",
        "SmartChargingCtrlr.ProfileStackLevel": "5",
        "SmartChargingCtrlr.SupportsMaxOfflineDuration": "True",
        "SmartChargingCtrlr.Enabled": "false",
        "TxCtrlr.EnergyTransferResumptionRandomRange": "600",
        "ChargingStation.VendorName": "Maker",
        "ChargingStation.Model": "Model 1",
    }
    assert read_abilities(told) == Abilities(
        "W", 5, watchdog=True, charges_smartly=False, resumption_s=600, name="Maker Model 1"
    )
    assert read_abilities({"SmartChargingCtrlr.RateUnit": "A,W"}) == Abilities()
    assert read_abilities({"SmartChargingCtrlr.ProfileStackLevel": "9" * 400}) == Abilities()


@given(
    st.dictionaries(st.sampled_from(["SmartChargingCtrlr.RateUnit", "SmartChargingCtrlr.ProfileStackLevel"]), st.text())
)
def test_odd_variables_are_passed_over(values: dict[str, str]) -> None:
    abilities = read_abilities(values)
    assert abilities.unit in ("A", "W")
    assert 0 <= abilities.stack_level <= 1_000_000


@pytest.mark.parametrize("limit", [-1, -0.1, float("nan"), float("inf"), 1e300, 10**400, 10_001, True, "16", None])
def test_impossible_limits_are_refused(limit: object) -> None:
    with pytest.raises(ValueError, match="limit"):
        scheduled_ma({"charging_rate_unit": "A", "charging_schedule_period": [{"limit": limit}]}, Options())


@given(json_like, json_like, json_like)
def test_nonsense_is_no_schedule(schedule: object, periods: object, limit: object) -> None:
    for odd in (schedule, {"charging_rate_unit": "A", "charging_schedule_period": periods}):
        with pytest.raises(ValueError, match="limit"):
            scheduled_ma(odd, Options())
    try:
        limit_ma = scheduled_ma({"charging_rate_unit": "A", "charging_schedule_period": [{"limit": limit}]}, Options())
    except ValueError:
        return
    assert 0 <= limit_ma <= 10_000_000
