"""What holds of every decision, whatever is held: hypothesis over events, schedules, profile, owner and clock."""

from dataclasses import replace
from typing import Final, cast

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rds.oda.codes import release_s
from rds.oda.draw import delay_ms, draw
from rds.oda.messages import UrgentMessage
from rds.oda.messages.load_up import LoadUp
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import EVERYONE, Region
from receiver.event_term import Event, HeldEvent
from receiver.holdings import Holdings
from receiver.local_calendar import Outage
from receiver.local_state import LocalState
from receiver.override import Override, OverrideKind
from receiver.policy import decide
from receiver.settings import ChargeBy, CustomerOption, Prices, Profile, Settings
from receiver.verify import Trusted, TrustedRecord
from tests.receiver.broadcast import DEVICE_ID, T0_MS, TS, curtail, halt
from tests.receiver.recorded import day_and_start, prices, recorded
from tests.receiver.trusting import trusted

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DISPATCHES: Final = st.sampled_from([0x80, 0x80, 0xBF, 31, 30])
TIMES: Final = st.integers(TS - 720, TS + 720)
DURATIONS: Final = st.sampled_from([1, 30, 0xC1, 0xC3])
MESSAGES: Final = st.one_of(
    st.builds(
        curtail,
        st.sampled_from([1, 6, 16, 31, 40, 128, 178, 240, 241, 242, 243]),
        ts=TIMES,
        duration=DURATIONS,
        release=st.integers(0, 14),
        dispatch=DISPATCHES,
    ),
    st.builds(halt, ts=TIMES, duration=DURATIONS, release=st.integers(0, 14), dispatch=DISPATCHES),
    st.builds(
        LoadUp,
        st.just(1),
        TIMES,
        st.just(EVERYONE),
        dispatch=DISPATCHES,
        level=st.integers(129, 228),
        duration=DURATIONS,
        release=st.integers(0, 14),
    ),
)


def hold(message: UrgentMessage, start_after_ms: int, ramp_s: int) -> HeldEvent:
    event = cast("Trusted[Event]", trusted(message))
    return HeldEvent(event, start_after_ms=start_after_ms, ramp_s=0 if isinstance(message, LoadUp) else ramp_s)


EVENTS: Final = st.lists(
    st.builds(hold, MESSAGES, st.sampled_from([0, 0, 30 * MINUTE, 3 * HOUR]), st.sampled_from([0, 0, 60, 600, 3600])),
    max_size=4,
    unique_by=lambda event: event.identity,
)


def tier_record(
    quarter: int, slot: int, stagger: int, tiers: list[int], region: str, ts: int
) -> TrustedRecord[TierSchedule]:
    day, start = day_and_start(TS + 90 * quarter)
    return recorded(TierSchedule(Region.parse(region), day, start, slot, stagger, tuple(tiers)), ts=ts)


TIER_SCHEDULES: Final = st.lists(
    st.builds(
        tier_record,
        st.integers(-120, 40),
        st.integers(0, 2),
        st.integers(0, 14),
        st.lists(st.integers(0, 7), min_size=24, max_size=24),
        st.sampled_from(["FFFFF", "12FFF", "12345"]),
        st.integers(TS - 100, TS),
    ),
    max_size=3,
)
PRICE_SCHEDULES: Final = st.lists(
    st.builds(lambda codes: recorded(prices(*codes)), st.lists(st.integers(-10, 60), min_size=24, max_size=24)),
    max_size=1,
)
LOCAL: Final = st.builds(
    Settings,
    st.just(DEVICE_ID),
    rating_ma=st.sampled_from([16_000, 32_000, 63_000]),
    installer_ma=st.sampled_from([6_000, 20_000, 32_000]),
    option=st.sampled_from(list(CustomerOption)),
    release_minimum_s=st.sampled_from([0, 60]),
    release_default_s=st.sampled_from([0, 3600]),
    prices=st.sampled_from([None, Prices(978, ((200_000_000, 10_000), (400_000_000, 0)))]),
    profile=st.sampled_from([None, Profile(((0, 32_000), (17 * 60, 0), (21 * 60, 10_000)), 8_000)]),
    charge_by=st.sampled_from([None, ChargeBy(20 * 60, 2 * HOUR)]),
)
STATES: Final = st.builds(
    LocalState,
    time_is_sure=st.sampled_from([True, True, True, False]),
    outage=st.sampled_from([None, Outage(T0_MS - HOUR), Outage(T0_MS - HOUR, T0_MS + HOUR)]),
    waits_until_ms=st.sampled_from([None, None, T0_MS + 5 * MINUTE]),
)
HOLDINGS: Final = st.builds(
    Holdings,
    events=EVENTS.map(tuple),
    tier_schedules=TIER_SCHEDULES.map(tuple),
    price_schedules=PRICE_SCHEDULES.map(tuple),
)
NOW: Final = st.integers(-3 * 60, 9 * 60).map(lambda minutes: T0_MS + minutes * MINUTE)


def uncapped(local: Settings) -> Settings:
    return replace(local, events_a_day=1000, reduced_a_day_s=10**7, grave_a_day_s=0)


@given(HOLDINGS, LOCAL, STATES, NOW)
@hypothesis_settings(max_examples=60, deadline=None)
def test_the_limit_never_exceeds_the_local_one_and_can_be_driven(
    holdings: Holdings, local: Settings, state: LocalState, now_ms: int
) -> None:
    decision = decide(holdings, local, now_ms, state=state)
    assert decision.limit_ma <= local.local_ma
    assert decision.limit_ma == 0 or decision.limit_ma >= 6_000
    assert decision.restricted == (decision.limit_ma < local.local_ma)
    assert "\n" not in decision.reason
    assert decision.restricted == any(term.binds for term in decision.terms)
    assert all(limit is None or limit > now_ms for limit in (decision.until_ms, decision.next_ms, decision.again_ms))


@given(HOLDINGS, LOCAL, STATES, NOW)
@hypothesis_settings(max_examples=40, deadline=None)
def test_what_is_expected_comes_if_nothing_more_is_heard(
    holdings: Holdings, local: Settings, state: LocalState, now_ms: int
) -> None:
    decision = decide(holdings, local, now_ms, state=state)
    if decision.next_ms is None:
        return
    assert decide(holdings, local, decision.next_ms - 1, state=state).limit_ma == decision.limit_ma
    assert decide(holdings, local, decision.next_ms, state=state).limit_ma == decision.next_ma
    if decision.until_ms is not None:
        assert decide(holdings, local, decision.until_ms - 1, state=state).limit_ma <= decision.limit_ma
        assert decide(holdings, local, decision.until_ms, state=state).limit_ma > decision.limit_ma


@given(HOLDINGS, LOCAL, STATES, NOW)
@hypothesis_settings(max_examples=40, deadline=None)
def test_an_override_removes_the_broadcasts_term_and_nothing_else(
    holdings: Holdings, local: Settings, state: LocalState, now_ms: int
) -> None:
    local = uncapped(local)
    always = replace(state, override=Override(OverrideKind.ALWAYS, T0_MS))
    waits = state.waits_until_ms is not None and now_ms < state.waits_until_ms
    assert decide(holdings, local, now_ms, state=always).limit_ma == (0 if waits else local.local_ma)
    over = replace(state, override=Override(OverrideKind.TODAY, T0_MS, until_ms=now_ms))
    assert decide(holdings, local, now_ms, state=over).limit_ma == decide(holdings, local, now_ms, state=state).limit_ma
    curtailments = [event for event in holdings.events if not isinstance(event.message, LoadUp)]
    if curtailments:
        named = curtailments[0]
        one = replace(state, override=Override(OverrideKind.EVENT, T0_MS, None, frozenset([named.identity])))
        without = replace(holdings, events=tuple(event for event in holdings.events if event != named))
        expected = decide(without, local, now_ms, state=state).limit_ma
        assert decide(holdings, local, now_ms, state=one).limit_ma == expected


@given(HOLDINGS, LOCAL, STATES, NOW)
@hypothesis_settings(max_examples=40, deadline=None)
def test_the_broadcast_only_lowers_but_for_load_up_which_lifts_no_event(
    holdings: Holdings, local: Settings, state: LocalState, now_ms: int
) -> None:
    local = uncapped(local)
    events = [event for event in holdings.events if not isinstance(event.message, LoadUp)]
    limit_ma = decide(holdings, local, now_ms, state=state).limit_ma
    alone = Holdings(events=tuple(events))
    assert limit_ma <= decide(alone, local, now_ms, state=LocalState(time_is_sure=state.time_is_sure)).limit_ma
    for event in events:
        fewer = replace(holdings, events=tuple(one for one in holdings.events if one != event))
        assert limit_ma <= decide(fewer, local, now_ms, state=state).limit_ma


FULL, PERCENT = 10**6, -1
TIER_MA: Final = {
    CustomerOption.HIGH_PRICE: [FULL] * 8,
    CustomerOption.MEDIUM: [FULL, FULL, FULL, 6_000, 6_000, FULL, FULL, FULL],
    CustomerOption.LOW: [FULL, FULL, 6_000, 0, 0, FULL, FULL, FULL],
    CustomerOption.FLEET: [FULL, FULL, FULL, PERCENT, 6_000, FULL, FULL, FULL],
}


def obvious_tier_limit(schedules: list[TrustedRecord[TierSchedule]], local: Settings, now_ms: int) -> int:
    """A charger that lives through every quarter of an hour, by docs/protocol.md's clause on schedules."""

    def in_force(tick: int) -> tuple[int, TrustedRecord[TierSchedule]] | None:
        best: tuple[tuple[int, int, int, int], int, TrustedRecord[TierSchedule]] | None = None
        for one in schedules:
            record = one.record
            slot, named = record.slot_at(tick), sum(digit != 0xF for digit in record.region.digits)
            if slot is None and not record.holds_on_at(tick):
                continue
            rank = (int(slot is not None), named, record.start_tick, one.ts)
            if best is None or rank > best[0]:
                best = (rank, record.tiers[23 if slot is None else slot], one)
        return None if best is None else best[1:]

    def limit_of(tier: int) -> int:
        own_ma = TIER_MA[local.option][tier]
        if own_ma == PERCENT:
            own_ma = local.rating_ma * local.fleet_percent // 100 // 100 * 100
        return own_ma if own_ma >= 6_000 else 0

    holds: list[tuple[int, int]] = []
    present, source = FULL, None
    for tick in range(TS - 130 * 90, now_ms // 10_000 + 1, 90):
        found = in_force(tick)
        source = source if found is None else found[1]
        coming = FULL if found is None else limit_of(found[0])
        if coming > present and source is not None:
            window = release_s(source.record.stagger)
            window = max(local.release_default_s if window is None else window, local.release_minimum_s)
            delay = delay_ms(draw("E", local.device_id, key=1, ts=tick), window)
            holds.append((tick * 10_000 + delay, present))
        present = coming
    return min([local.local_ma, present, *(limit for until, limit in holds if now_ms < until)])


@given(TIER_SCHEDULES, LOCAL, NOW)
@hypothesis_settings(max_examples=40, deadline=None)
def test_tiers_agree_with_the_slow_and_obvious(
    schedules: list[TrustedRecord[TierSchedule]], local: Settings, now_ms: int
) -> None:
    # Two schedules with one start, region and time stamp are one record, sent by one key.
    identities = {(one.record.region, one.record.start_tick, one.ts) for one in schedules}
    if len(identities) < len(schedules):
        return
    local = replace(local, prices=None, profile=None, charge_by=None)
    decision = decide(Holdings(tier_schedules=tuple(schedules)), local, now_ms)
    assert decision.limit_ma == obvious_tier_limit(schedules, local, now_ms)
