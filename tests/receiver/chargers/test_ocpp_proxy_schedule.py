"""The minimum of our limit and the operator's profiles: vectors worked by hand, properties, nonsense."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.chargers._ocpp_proxy_profile import (
    Bound,
    OperatorProfile,
    Period,
    Supply,
    read_composite,
    read_profile,
)
from receiver.chargers._ocpp_proxy_schedule import Schedule, composite, minimum_schedule

NOW = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
AMPS = Supply()


def words(*limits: tuple[int, float], level: int = 0, unit: str = "A", **more: object) -> dict[str, Any]:  # Any: JSON
    """An Absolute profile of 1.6 from 18:00 on, with (second, limit) pairs; `more` goes to where its name belongs."""
    periods = [{"startPeriod": start_s, "limit": limit} for start_s, limit in limits]
    schedule: dict[str, object] = {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": periods,
        "startSchedule": "2026-01-15T18:00:00Z",
    }
    profile = {
        "chargingProfileId": level + 1,
        "stackLevel": level,
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
    }
    for name, value in more.items():
        place = schedule if name in ("duration", "startSchedule", "useLocalTime") else profile
        place[name] = value
    return profile


def made(limit: int, *profiles: dict[str, Any], most: int = 24, **more: Any) -> Schedule:  # Any: passed through
    stack = [read_profile(profile, AMPS) for profile in profiles]
    return minimum_schedule(limit, [stack], NOW, until=NOW + HOUR, most_periods=most, **more)


def steps(schedule: Schedule) -> list[tuple[int, int | None]]:
    return [(period.start_s, period.bound.limit) for period in schedule.periods]


def test_alone_ours_begins_a_minute_ago_and_ends_with_us() -> None:
    schedule = made(160)
    assert (schedule.start, steps(schedule), schedule.duration_s) == (NOW - timedelta(minutes=1), [(0, 160)], 3660)


def test_the_operators_lower_hours_are_carried() -> None:
    # Worked by hand: 18:00 32 A, 18:30 10 A, 18:45 20 A; the schedule begins at 17:59, so 60 s are added.
    schedule = made(160, words((0, 32), (1800, 10), (2700, 20)))
    assert steps(schedule) == [(0, 160), (1860, 100), (2760, 160)]


def test_the_highest_level_decides_and_the_lower_ones_come_back_after_it() -> None:
    high = words((0, 12), level=5, duration=600)
    assert steps(made(160, words((0, 8)), high)) == [(0, 120), (660, 80)]
    assert steps(made(160, words((0, 8)), words((0, 32), level=5))) == [(0, 160)]


def test_validity_bounds_a_profile() -> None:
    bounded = words((0, 8), validFrom="2026-01-15T18:10:00Z", validTo="2026-01-15T18:20:00+00:00")
    assert steps(made(160, bounded)) == [(0, 160), (660, 80), (1260, 160)]


def test_a_daily_profile_is_carried_where_it_falls() -> None:
    daily = words(
        (0, 6),
        startSchedule="2026-01-01T18:30:00Z",
        duration=900,
        chargingProfileKind="Recurring",
        recurrencyKind="Daily",
    )
    assert steps(made(160, daily)) == [(0, 160), (1860, 60), (2760, 160)]


@pytest.mark.parametrize(
    "more",
    [
        {"chargingProfileKind": "Relative"},
        {"startSchedule": None},
        {"useLocalTime": True},
        {"chargingProfileKind": "Dynamic"},
        {"chargingProfileKind": "Recurring", "recurrencyKind": "Weekly", "startSchedule": "2026-02-01T00:00:00Z"},
    ],
)
def test_what_cannot_be_placed_in_time_counts_with_its_lowest_and_hides_nothing(more: dict[str, Any]) -> None:
    assert steps(made(160, words((0, 32), (10, 9), level=1, **more))) == [(0, 90)]
    assert steps(made(160, words((0, 32), level=1, **more), words((0, 7)))) == [(0, 70)]


def test_a_change_within_a_second_goes_down_early_and_up_late() -> None:
    moving = words((0, 10), (10, 20), startSchedule="2026-01-15T18:00:00.500Z")
    assert steps(made(160, moving)) == [(0, 160), (60, 100), (71, 160)]


def test_more_periods_than_fit_become_their_lowest() -> None:
    many = words(*[(60 * n, 8 + n % 5) for n in range(40)])
    schedule = made(160, many, most=3)
    assert steps(schedule) == [(0, 80), (120, 90), (180, 80)]
    assert steps(made(160, many, most=1)) == [(0, 80)]


def test_watts_become_amperes_never_more() -> None:
    # 11040 W on three phases of 230 V are 16 A; on what is not configured 11040 / 3 / 253 = 14.54 A.
    watts = words((0, 11040), unit="W")
    assert read_profile(watts, Supply("A", 3, 230)).lowest.limit == 160
    assert read_profile(watts, AMPS).lowest.limit == 145
    assert read_profile(watts, Supply("W")).lowest.limit == 110400
    assert read_profile(words((0, 16)), Supply("W", 3, 230)).lowest.limit == 110400


def test_phases_of_the_operator_are_carried() -> None:
    single = words((0, 32))
    single["chargingSchedule"]["chargingSchedulePeriod"][0]["numberPhases"] = 1
    assert made(160, single).periods == (Period(0, Bound(160, 1)),)


def test_a_displaced_profile_goes_on_after_our_end() -> None:
    lasting = words((0, 10), (7200, 20))
    profile = read_profile(lasting, AMPS)
    schedule = made(60, lasting, displaced=profile)
    assert schedule.duration_s is None
    assert steps(schedule) == [(0, 60), (3660, 100), (7260, 200), (3660 + 86400, 100)]
    ending = words((0, 10), duration=7200)
    schedule = made(60, ending, displaced=read_profile(ending, AMPS))
    assert (steps(schedule), schedule.duration_s) == ([(0, 60), (3660, 100)], 7260)


def test_the_profile_of_2_x_is_read_too() -> None:
    profile = words((0, 16))
    profile["id"] = profile.pop("chargingProfileId")
    profile["chargingSchedule"] = [profile["chargingSchedule"]]
    assert read_profile(profile, AMPS) == read_profile(words((0, 16)), AMPS)
    profile["chargingSchedule"] *= 2
    assert read_profile(profile, AMPS).start is None


def test_a_composite_goes_on_with_its_last_limit() -> None:
    answer = {
        "chargingRateUnit": "A",
        "duration": 600,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}, {"startPeriod": 300, "limit": 12}],
    }
    base = read_composite(answer, "2026-01-15T18:00:00Z", AMPS)
    schedule = minimum_schedule(160, [[], [base]], NOW, until=NOW + HOUR, most_periods=9)
    assert steps(schedule) == [(0, 80), (360, 120)]


moments = st.integers(-3 * 86400, 3 * 86400).map(lambda s: NOW + timedelta(seconds=s, milliseconds=s % 1000))
maybe_moments = st.none() | moments


@st.composite
def operator_profiles(draw: st.DrawFn) -> OperatorProfile:
    starts = sorted(draw(st.sets(st.integers(0, 90000), max_size=4)) | {draw(st.sampled_from([0, 0, 100]))})
    bounds = st.builds(Bound, st.none() | st.integers(0, 400), st.sampled_from([None, 1, 3]))
    return OperatorProfile(
        number=draw(st.integers(1, 9)),
        level=draw(st.integers(0, 3)),
        start=draw(maybe_moments),
        recurrence_s=draw(st.sampled_from([None, None, 86400, 604800])),
        duration_s=draw(st.none() | st.integers(0, 90000)),
        valid_from=draw(maybe_moments),
        valid_to=draw(maybe_moments),
        periods=tuple(Period(start_s, draw(bounds)) for start_s in starts),
    )


def held(schedule: Schedule, moment: datetime) -> Bound | None:
    since_s = (moment - schedule.start).total_seconds()
    if since_s < 0 or (schedule.duration_s is not None and since_s >= schedule.duration_s):
        return None
    return [period.bound for period in schedule.periods if period.start_s <= since_s][-1]


def is_above(one: int | None, other: int | None) -> bool:
    return other is not None and (one is None or one > other)


@settings(max_examples=60)
@given(
    limit=st.integers(0, 400),
    stack=st.lists(operator_profiles(), max_size=4),
    base=st.lists(operator_profiles(), max_size=1),
    length_s=st.integers(1, 86400),
    most=st.integers(1, 8),
    places=st.lists(st.floats(0, 0.999), max_size=9),
)
def test_never_above_ours_nor_the_operators(
    limit: int,
    stack: list[OperatorProfile],
    base: list[OperatorProfile],
    length_s: int,
    most: int,
    places: list[float],
) -> None:
    until = NOW + timedelta(seconds=length_s)
    schedule = minimum_schedule(limit, [stack, base], NOW, until=until, most_periods=most)
    assert len(schedule.periods) <= most
    edges = [edge for one in (*stack, *base) for edge in one.changes(NOW, until)]
    moments = [NOW, *edges, *(NOW + timedelta(seconds=length_s * place) for place in places)]
    for moment in [*moments, *(edge - timedelta(microseconds=1) for edge in edges)]:
        bound = held(schedule, moment)
        assert bound is not None
        assert not is_above(bound.limit, limit)
        for one in (stack, base):
            theirs = composite(one, moment)
            assert not is_above(bound.limit, theirs.limit)
            assert not is_above(bound.phases, theirs.phases)


@settings(max_examples=40)
@given(stack=st.lists(operator_profiles(), max_size=3), limit=st.integers(0, 400))
def test_with_periods_enough_it_is_the_minimum_itself_but_beside_a_change(
    stack: list[OperatorProfile], limit: int
) -> None:
    schedule = minimum_schedule(limit, [stack], NOW, until=NOW + 24 * HOUR, most_periods=1000)
    edges = [edge for one in stack for edge in one.changes(NOW - HOUR, NOW + 25 * HOUR)]
    for minutes in range(0, 24 * 60, 29):
        moment = NOW + timedelta(minutes=minutes, seconds=1)
        if all(abs(edge - moment) > timedelta(seconds=1) for edge in edges):
            assert held(schedule, moment) == Bound(limit).lower(composite(stack, moment))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    values=st.dictionaries(
        st.sampled_from([*words((0, 1)), "id", "recurrencyKind", "validFrom", "validTo"]), json_values, max_size=3
    ),
    schedule=st.dictionaries(
        st.sampled_from(["chargingRateUnit", "chargingSchedulePeriod", "startSchedule", "duration"]), json_values
    ),
    period=st.dictionaries(st.sampled_from(["startPeriod", "limit", "numberPhases"]), json_values),
)
def test_nonsense_is_a_value_error_or_a_profile_that_can_be_used(
    values: dict[str, object], schedule: dict[str, object], period: dict[str, object]
) -> None:
    profile = words((0, 16))
    profile["chargingSchedule"]["chargingSchedulePeriod"][0] |= period
    profile["chargingSchedule"] |= schedule
    try:
        read = read_profile(profile | values, AMPS)
    except ValueError:
        return
    minimum_schedule(160, [[read]], NOW, until=NOW + HOUR, most_periods=9)
