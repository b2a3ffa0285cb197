"""Commands to OCPP 1.6 charging profiles: vectors worked by hand, every limit, odd answers of charge points."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp.charge_point import remove_nones, serialize_as_dict, snake_to_camel_case
from ocpp.v16.datatypes import ChargingProfile
from ocpp.v16.enums import ChargingProfilePurposeType, ChargingRateUnitType

from rds.errors import ChargerRefusedError
from receiver.chargers._ocpp16_profile import (
    PURPOSES,
    Options,
    Share,
    Way,
    make_profile,
    profile_end,
    split,
    ways,
)
from receiver.chargers._ocpp16_settings import Abilities
from receiver.chargers._ocpp_time import format_time
from receiver.chargers.driver import ChargerCommand

NOW = datetime(2026, 1, 15, 18, 0, 0, 250000, tzinfo=UTC)
AMPS, WATTS = ChargingRateUnitType.amps, ChargingRateUnitType.watts
WHOLE, DEFAULT, TX = (ChargingProfilePurposeType(purpose) for purpose in PURPOSES)
WAY = Way(WHOLE, 8)


def command(limit_ma: int, until: datetime | None = NOW + timedelta(hours=1)) -> ChargerCommand:
    return ChargerCommand(limit_ma, moment=NOW, until=until, restricted=True, reason="test")


def profile_of(
    limit_ma: int, options: Options, unit: ChargingRateUnitType, share: Share | None = None, way: Way = WAY
) -> ChargingProfile:
    end = profile_end(command(limit_ma), NOW, options)
    return make_profile(share or Share(0, limit_ma), way, now=NOW, end=end, options=options, unit=unit)


def test_sixteen_amperes_for_an_hour() -> None:
    # Worked by hand: from 17:59:00 to 19:00:00.25 are 3660.25 s, so 3661 whole ones. Names as in OCPP 1.6, 7.8.
    profile = profile_of(16000, Options(), AMPS)
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
    profile = profile_of(limit_ma, Options(phases=phases, voltage_v=voltage_v), WATTS)
    period = profile.charging_schedule.charging_schedule_period[0]
    assert (period.limit, period.number_phases) == (watts, phases)


@pytest.mark.parametrize("options", [Options(), Options(phases=3), Options(voltage_v=230.0)])
def test_watts_are_never_guessed(options: Options) -> None:
    with pytest.raises(ChargerRefusedError, match="set phases"):
        profile_of(16000, options, WATTS)


@given(st.integers(6000, 80000))
def test_amperes_have_one_decimal_and_are_never_rounded_up(limit_ma: int) -> None:
    profile = profile_of(limit_ma, Options(), AMPS)
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


def test_a_share_of_a_transaction() -> None:
    profile = profile_of(8000, Options(), AMPS, Share(2, 8000, transaction=77), Way(TX, 0))
    assert (profile.charging_profile_id, profile.transaction_id, profile.stack_level) == (7103, 77, 0)


def shares(
    purpose: ChargingProfilePurposeType, limit_ma: int, connectors: int, **more: object
) -> list[tuple[int, int]]:
    found = split(purpose, limit_ma, connectors=connectors, **{"transactions": {}, **more})  # type: ignore[arg-type]
    return [(share.connector, share.limit_ma) for share in found]


def test_shares_worked_by_hand() -> None:
    assert shares(WHOLE, 12399, 3) == [(0, 12300)]
    assert shares(DEFAULT, 16000, 1) == [(1, 16000)]
    assert shares(DEFAULT, 25000, 2) == [(1, 12500), (2, 12500)]
    assert shares(DEFAULT, 20000, 3) == [(1, 6600), (2, 6600), (3, 6600)]
    assert shares(DEFAULT, 13000, 3, plugged={3}) == [(3, 6500), (1, 6500), (2, 0)], "who has a car comes first"
    assert shares(DEFAULT, 0, 2) == [(1, 0), (2, 0)]
    assert shares(TX, 16000, 2) == []
    assert shares(TX, 16000, 2, transactions={2: 9}) == [(2, 16000)]


@given(
    st.sampled_from([WHOLE, DEFAULT, TX]),
    st.just(0) | st.integers(6000, 80000),
    st.integers(1, 15),
    st.sets(st.integers(1, 15)),
    st.dictionaries(st.integers(1, 15), st.integers(0, 9)),
)
def test_shares_never_sum_to_more_and_each_is_a_pause_or_six_amperes(
    purpose: ChargingProfilePurposeType, limit_ma: int, connectors: int, plugged: set[int], transactions: dict[int, int]
) -> None:
    found = split(purpose, limit_ma, connectors=connectors, plugged=plugged, transactions=transactions)
    assert sum(share.limit_ma for share in found) <= limit_ma
    assert all(share.limit_ma == 0 or share.limit_ma >= 6000 for share in found)
    assert len({share.connector for share in found}) == len(found)
    if purpose is DEFAULT:
        assert {share.connector for share in found} == set(range(1, connectors + 1)), "none is left without"


def test_the_ways_to_say_a_limit_in_order() -> None:
    eight = Abilities(AMPS, 8)
    assert ways(Options(), eight) == [Way(purpose, level) for purpose in (WHOLE, DEFAULT, TX) for level in (8, 0)]
    assert ways(Options(), Abilities(AMPS, 0)) == [Way(WHOLE, 0), Way(DEFAULT, 0), Way(TX, 0)]
    assert ways(Options(purpose="TxProfile", stack_level=3), eight) == [Way(TX, 3)]
