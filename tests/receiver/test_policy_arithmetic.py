"""The rules as array code: worked cases by hand, then many chargers at once against a slow and obvious oracle."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from receiver.daily_caps import CappedEvent, Caps, capped
from receiver.event_term import chargers_of
from receiver.policy_arithmetic import (
    NEVER_MS,
    UNLIMITED_MA,
    Chargers,
    DrawnBy,
    EventRule,
    Ints,
    Stretch,
    Terms,
    charge_by_starts_ms,
    delays_ms,
    event_terms,
    limits_ma,
    power_return_ms,
    price_limits_ma,
    tier_limits_ma,
    timetable_terms,
)
from receiver.settings import CustomerOption
from tests.receiver.broadcast import settings

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
LOCAL: Final = np.array([32_000])
OPTIONS: Final = list(CustomerOption)


def ints(*values: int) -> Ints:
    return np.array(values, dtype=np.int64)


def of_draws(**draws: list[int]) -> DrawnBy:
    return lambda label: np.array(draws[label], dtype=np.uint32)


def rule(**changes: Any) -> EventRule:  # Any: fields of many types
    return replace(EventRule(16, start_ms=0, duration_ms=HOUR, release=10, dispatch=0x80), **changes)


def terms(start_ms: int, end_ms: int, limit_ma: int = 6_000, release_ms: int | None = None) -> Terms:
    back_ms = end_ms if release_ms is None else release_ms
    return Terms(ints(limit_ma), ints(start_ms), ints(end_ms), ints(back_ms), ints(0))


def test_a_delay_is_the_draws_share_of_the_window() -> None:
    # docs/protocol.md's worked example: E96C5024 of 60 min is 3282.512 s.
    drawn = np.array([0xE96C5024, 0, 0xFFFFFFFF], dtype=np.uint32)
    assert delays_ms(drawn, HOUR).tolist() == [3_282_512, 0, HOUR - 1]
    assert delays_ms(drawn, ints(HOUR, 4 * HOUR, 4 * HOUR)).tolist() == [3_282_512, 0, 4 * HOUR - 1]


def test_a_ramp_falls_by_the_minute_and_pauses_only_at_its_end() -> None:
    one = chargers_of(settings())
    ramp = event_terms(rule(ramp_ms=10 * MINUTE), one, of_draws(R=[0]))
    seen = [int(ramp.limits_ma(minute * MINUTE, LOCAL)[0]) for minute in range(12)]
    assert seen == [32_000, 30_400, 28_800, 27_200, 25_600, 24_000, 22_400, 20_800, 19_200, 17_600, 16_000, 16_000]
    assert [int(ramp.next_ms(ms)[0]) for ms in (-1, 0, 1, 9 * MINUTE, 10 * MINUTE)] == [
        0,
        MINUTE,
        MINUTE,
        10 * MINUTE,
        HOUR,
    ]
    pause = event_terms(rule(level=0, ramp_ms=2 * MINUTE), one, of_draws(R=[0]))
    assert [int(pause.limits_ma(minute * MINUTE, LOCAL)[0]) for minute in range(3)] == [32_000, 16_000, 0]
    slow = event_terms(rule(level=0, ramp_ms=10 * MINUTE), one, of_draws(R=[0]))
    assert [int(slow.limits_ma(minute * MINUTE, LOCAL)[0]) for minute in (8, 9, 10)] == [6_400, 6_000, 0]


def test_a_ramp_stops_where_its_event_is_ended() -> None:
    ended = event_terms(rule(ramp_ms=10 * MINUTE, ended_ms=150_000), chargers_of(settings()), of_draws(R=[1 << 31]))
    assert [int(ended.limits_ma(minute * MINUTE, LOCAL)[0]) for minute in (2, 3, 20)] == [28_800, 28_800, 28_800]
    assert int(ended.next_ms(130_000)[0]) == int(ended.release_ms[0]) == 150_000 + HOUR // 2


def test_programmes_mean_whom_they_name() -> None:
    many = chargers_of(settings())
    many = replace(many, programme_bit=ints(0, 1, 2, 1 << 7), subgroup=ints(0, 1, 2, 3))
    named = event_terms(rule(programmes=0b1000_0010), many, of_draws(R=[0] * 4))
    assert (named.start_ms < named.release_ms).tolist() == [False, False, True, True]


def test_tiers_by_option_and_by_the_owners_own_word() -> None:
    full = UNLIMITED_MA
    wanted = [
        (full, full, full, full),
        (full, full, full, full),
        (full, full, 6_000, full),
        (full, 6_000, 0, 12_800),
        (full, 6_000, 0, 6_000),
        (full, full, full, full),
    ]
    for tier, row in enumerate(wanted):
        options = [chargers_of(settings(option=option, fleet_percent=40)) for option in CustomerOption]
        assert tuple(int(tier_limits_ma(tier, one)[0]) for one in options) == row
    own = chargers_of(settings(tiers_ma=(None, None, 10_000, 0, None, 16_000, None, None)))
    assert [int(tier_limits_ma(tier, own)[0]) for tier in range(8)] == [
        full,
        full,
        10_000,
        0,
        6_000,
        16_000,
        full,
        full,
    ]
    assert int(tier_limits_ma(3, own, may_pause=False)[0]) == 6_000


def test_prices_by_thresholds() -> None:
    steps = [(250_000_000, 16_000), (400_000_000, 0)]
    seen = [int(price_limits_ma(price, steps)[0]) for price in (-50_000_000, 249_999_999, 250_000_000, 400_000_000)]
    assert seen == [UNLIMITED_MA, UNLIMITED_MA, 16_000, 0]
    assert int(price_limits_ma(400_000_000, steps, may_pause=False)[0]) == 6_000


def stretch(start_ms: int, limit_ma: int, drawn: int = 0, window_ms: int = HOUR) -> Stretch:
    return Stretch(start_ms, ints(limit_ma), ints(window_ms), lambda: np.array([drawn], dtype=np.uint32))


def limit_at(found: list[Terms], now_ms: int) -> int:
    return int(limits_ma(LOCAL, economic=[one.limits_ma(now_ms, LOCAL) for one in found])[0])


def test_an_edge_that_lets_more_flow_waits_and_one_that_lets_less_does_not() -> None:
    half = 1 << 31
    found = timetable_terms(
        [
            stretch(0, UNLIMITED_MA),
            stretch(HOUR, 6_000, half),
            stretch(2 * HOUR, 16_000, half),
            stretch(3 * HOUR, UNLIMITED_MA),
        ]
    )
    moments = [HOUR - 1, HOUR, 2 * HOUR + HOUR // 2 - 1, 2 * HOUR + HOUR // 2, 3 * HOUR - 1, 3 * HOUR]
    assert [limit_at(found, now_ms) for now_ms in moments] == [32_000, 6_000, 6_000, 16_000, 16_000, 32_000]


def test_who_waits_through_several_edges_keeps_the_lowest() -> None:
    late = 0xFFFFFFFF
    found = timetable_terms(
        [
            stretch(0, 6_000),
            stretch(HOUR, 32_000, late, 4 * HOUR),
            stretch(2 * HOUR, 10_000),
            stretch(3 * HOUR, UNLIMITED_MA),
        ]
    )
    assert [limit_at(found, hour * HOUR) for hour in range(6)] == [6_000, 6_000, 6_000, 6_000, 6_000, 32_000]


def test_a_lift_raises_only_what_is_economic() -> None:
    low, high = ints(6_000), ints(UNLIMITED_MA)
    assert limits_ma(LOCAL, economic=[low], lifts=[high]).tolist() == [32_000]
    assert limits_ma(LOCAL, economic=[ints(0)], lifts=[ints(16_000)]).tolist() == [16_000]
    assert limits_ma(LOCAL, economic=[ints(20_000)], lifts=[ints(16_000)]).tolist() == [20_000]
    assert limits_ma(LOCAL, grid=[low], economic=[ints(0)], lifts=[high]).tolist() == [6_000]
    assert limits_ma(LOCAL, economic=[low], lifts=[ints(0)]).tolist() == [6_000]


def test_power_returns_within_ten_minutes_or_four_times_the_known_outage() -> None:
    drawn = np.array([0, 1 << 31, 0xFFFFFFFF], dtype=np.uint32)
    assert power_return_ms(1000, drawn, 0).tolist() == [1000, 301_000, 600_999]
    assert power_return_ms(0, drawn, 10 * MINUTE).tolist() == [0, 20 * MINUTE, 40 * MINUTE - 1]
    assert power_return_ms(0, drawn, 12 * HOUR).tolist() == [0, HOUR, 2 * HOUR - 1]
    outages = np.array([0, 10 * MINUTE, HOUR])
    assert power_return_ms(0, drawn, outages).tolist() == [0, 20 * MINUTE, 2 * HOUR - 1]


def test_charging_begins_early_enough() -> None:
    drawn = np.array([0, 1 << 31, 0xFFFFFFFF], dtype=np.uint32)
    starts = charge_by_starts_ms(10 * HOUR, 4 * HOUR, chargers_of(settings()), drawn)
    assert starts.tolist() == [6 * HOUR, 5 * HOUR + 30 * MINUTE, 5 * HOUR + 1]


KEY, OTHER = b"k" * 32, b"o" * 32


def capped_ends(*events: tuple[int, int, bool]) -> list[tuple[int, int]]:
    """Starts and ends in hours, and whether grave; all of one key, to 6 A."""
    given = [CappedEvent(terms(round(a * HOUR), round(b * HOUR)), KEY, grave) for a, b, grave in events]
    kept = capped(given, LOCAL, Caps())
    return [(int(one.start_ms[0]) // HOUR, int(one.release_ms[0]) // HOUR) for one in kept]


def test_the_last_two_hours_of_a_day_are_for_halts_and_emergencies() -> None:
    seen = capped_ends((0, 4, False), (5, 9, False), (10, 11, False), (12, 16, True), (17, 18, True), (28, 32, False))
    # Six hours of ordinary events, two more of grave ones; the first four are there again a day later.
    assert seen == [(0, 4), (5, 7), (10, 10), (12, 14), (17, 17), (28, 30)]


def test_what_is_covered_anyway_costs_nothing_and_the_ninth_event_of_a_key_does_not_hold() -> None:
    assert capped_ends((0, 4, False), (1, 4, False), (2, 5, False), (6, 7, False)) == [(0, 4), (1, 4), (2, 5), (6, 7)]
    short = [CappedEvent(terms(n * HOUR, n * HOUR + MINUTE), KEY, True) for n in range(9)]
    kept = capped([*short, CappedEvent(terms(10 * HOUR, 11 * HOUR), OTHER, True)], LOCAL, Caps())
    assert [int((one.release_ms - one.start_ms)[0]) for one in kept] == [MINUTE] * 8 + [0, HOUR]


def test_what_lowers_nothing_counts_for_nothing() -> None:
    idle = [CappedEvent(terms(n * HOUR, (n + 1) * HOUR, 32_000), KEY, False) for n in range(9)]
    kept = capped([*idle, CappedEvent(terms(9 * HOUR, 10 * HOUR), KEY, False)], LOCAL, Caps())
    assert [int((one.release_ms - one.start_ms)[0]) for one in kept] == [HOUR] * 10


def test_a_capped_event_returns_with_its_own_delay() -> None:
    long = CappedEvent(terms(0, 4 * HOUR, release_ms=4 * HOUR + 500), KEY, False)
    [kept] = capped([long], LOCAL, Caps(reduced_ms=3 * HOUR))
    assert (int(kept.end_ms[0]), int(kept.release_ms[0])) == (HOUR, HOUR + 500)


FULL, PERCENT = -1, -2
SEVERITY_MA: Final = {
    240: {"high price": FULL, "medium": FULL, "low": FULL, "fleet": FULL},
    241: {"high price": FULL, "medium": 6_000, "low": 0, "fleet": PERCENT},
    242: {"high price": FULL, "medium": 6_000, "low": 0, "fleet": 6_000},
    243: {"high price": 6_000, "medium": 0, "low": 0, "fleet": 0},
}


@dataclass(frozen=True)
class One:
    """One charger of the oracle's."""

    rating: int = 32_000
    local: int = 32_000
    option: int = 1
    percent: int = 50
    subgroup: int = 0
    programme: int | None = None
    minimum: int = 0
    default: int = HOUR


RELEASE_MINUTES: Final = [None, 0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240]


def obvious_limit(now_ms: int, event: EventRule, one: One, drawn: dict[str, int]) -> int:
    """The limit of one event for one charger by docs/protocol.md, read sentence by sentence."""
    form, value = event.dispatch >> 6, event.dispatch & 63
    if form == 0 and drawn["F"] >> 26 > value:
        return one.local
    if form == 1 and one.subgroup != value:
        return one.local
    if event.programmes and (one.programme is None or not event.programmes >> one.programme & 1):
        return one.local
    start = event.start_ms + (drawn["S"] * value * 10_000 // 2**32 if form == 2 else 0)
    end = event.start_ms + min(event.duration_ms, 4 * HOUR)
    release = event.release
    if event.ended_ms is not None:
        end = min(end, event.ended_ms)
        release = event.ended_release or release
    minutes = RELEASE_MINUTES[release]
    window = max(one.minimum, one.default if minutes is None else minutes * MINUTE)
    if start >= end or not start <= now_ms < end + drawn["R"] * window // 2**32:
        return one.local
    if event.level >= 240:
        limit = SEVERITY_MA[event.level][OPTIONS[one.option].value]
        if limit == PERCENT:
            limit = one.rating * one.percent // 100 // 100 * 100
    elif event.level >= 128:
        limit = one.rating * (event.level - 128) // 100 // 100 * 100
    else:
        limit = event.level * 1000
    if limit == FULL:
        return one.local
    if limit < 6_000:
        limit = 0 if event.may_pause else 6_000
    if event.ramp_ms:
        done = (min(now_ms, end) - start) // MINUTE
        steps = event.ramp_ms // MINUTE
        if done < steps:
            limit = max(limit, 6_000, (one.local - max(one.local - limit, 0) * done // steps) // 100 * 100)
    return min(one.local, limit)


AMPERES = st.integers(6, 80).map(lambda amperes: 1000 * amperes)
CHARGER = st.builds(
    One,
    rating=AMPERES,
    local=AMPERES,
    option=st.integers(0, 3),
    percent=st.integers(0, 100),
    subgroup=st.integers(0, 63),
    programme=st.none() | st.integers(0, 7),
    minimum=st.sampled_from([0, MINUTE, 30 * MINUTE]),
    default=st.sampled_from([0, 20 * MINUTE, HOUR]),
)
DRAWN = st.fixed_dictionaries({label: st.integers(0, 2**32 - 1) for label in "FSR"})
RULES = st.builds(
    EventRule,
    level=st.sampled_from([0, 1, 6, 16, 80, 128, 147, 178, 228, 240, 241, 242, 243]),
    start_ms=st.just(0),
    duration_ms=st.sampled_from([MINUTE, HOUR, 5 * HOUR]),
    release=st.integers(0, 14),
    dispatch=st.sampled_from([0, 20, 63, 64, 100, 0x80, 0x81, 0xBF]),
    may_pause=st.booleans(),
    ramp_ms=st.sampled_from([0, 0, MINUTE, 10 * MINUTE, HOUR]),
    programmes=st.sampled_from([0, 0, 1, 0xF0]),
    ended_ms=st.none() | st.integers(0, 2 * HOUR),
    ended_release=st.integers(0, 14),
)


def chargers(ones: list[One]) -> Chargers:
    def column(name: str) -> Ints:
        return ints(*(getattr(one, name) for one in ones))

    return Chargers(
        rating_ma=column("rating"),
        local_ma=column("local"),
        option=column("option"),
        fleet_percent=column("percent"),
        subgroup=column("subgroup"),
        programme_bit=ints(*(0 if one.programme is None else 1 << one.programme for one in ones)),
        release_minimum_ms=column("minimum"),
        release_default_ms=column("default"),
        longest_event_ms=ints(*[4 * HOUR] * len(ones)),
        tier_ma=np.full((8, len(ones)), -1),
    )


@given(
    st.lists(st.tuples(CHARGER, st.lists(DRAWN, min_size=3, max_size=3)), min_size=1, max_size=6),
    st.lists(RULES, min_size=3, max_size=3),
    st.lists(st.integers(-MINUTE, 9 * HOUR), min_size=1, max_size=8),
)
@hypothesis_settings(max_examples=150, deadline=None)
def test_arrays_agree_with_the_slow_and_obvious(
    fleet: list[tuple[One, list[dict[str, int]]]], events: list[EventRule], moments: list[int]
) -> None:
    many = chargers([one for one, _ in fleet])
    found = [
        event_terms(event, many, of_draws(**{label: [drawn[k][label] for _, drawn in fleet] for label in "FSR"}))
        for k, event in enumerate(events)
    ]
    for now_ms in moments:
        limit_ma = limits_ma(many.local_ma, grid=[one.limits_ma(now_ms, many.local_ma) for one in found])
        for place, (one, drawn) in enumerate(fleet):
            wanted = min(obvious_limit(now_ms, event, one, drawn[k]) for k, event in enumerate(events))
            assert limit_ma[place] == wanted
            assert wanted <= one.local
            assert wanted == 0 or wanted >= 6_000
        after = np.min([one.next_ms(now_ms) for one in found], axis=0)
        assert (after > now_ms).all()
        for place in range(len(fleet)):
            if after[place] < NEVER_MS:
                just_before = limits_ma(
                    many.local_ma, grid=[one.limits_ma(int(after[place]) - 1, many.local_ma) for one in found]
                )
                assert just_before[place] == limit_ma[place]


@pytest.mark.parametrize("count", [1, 7])
def test_one_charger_or_many_take_the_same_shape(count: int) -> None:
    many = chargers([One()] * count)
    found = event_terms(rule(), many, of_draws(R=[0] * count))
    assert {array.shape for array in (found.limit_ma, found.start_ms, found.end_ms, found.release_ms)} == {(count,)}
