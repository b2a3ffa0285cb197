"""What a managed-charging broadcast must be able to do: a test for each row, named after it (docs/behaviours.md).

Source of the rows: "Utilities and Electric Vehicles: The Case for Managed Charging" (Smart Electric Power Alliance,
2017) and the standards beside it. T0 is 2026-12-01T17:00Z.
"""

from typing import Any, Final, cast

import numpy as np
import pytest

from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.codes import RELEASE_CODES, Dispatch, Severity
from rds.oda.draw import draw
from rds.oda.messages import UrgentMessage
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.tier_now import TierNow
from rds.oda.records.notice import Notice
from rds.oda.records.table import ITEM_SCALE, Table
from rds.oda.region import EVERYONE, Region
from receiver.event_term import Event, HeldEvent, chargers_of, term_of
from receiver.holdings import Holdings
from receiver.local_calendar import Outage
from receiver.local_state import LocalState, PastEvent
from receiver.override import Override, OverrideKind
from receiver.policy import Decision, Standing, decide
from receiver.policy_arithmetic import Draws
from receiver.reason import OWNER_HAS, OWNER_MAY
from receiver.schedule_term import tier_names, tier_schedule, tier_terms, timetable
from receiver.settings import ChargeBy, CustomerOption, Prices, Profile, Settings
from receiver.verify import Trusted, Verifier
from tests.receiver.broadcast import (
    ALL_AT_ONCE,
    OPERATOR,
    T0_MS,
    TS,
    cancel,
    certificate,
    curtail,
    halt,
    heartbeat,
    keyring,
    settings,
    signed,
)
from tests.receiver.recorded import EURO_CENTS, prices, recorded, tiers
from tests.receiver.trusting import trusted

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
R_MS: Final = 3_282_512
"""draw(R) E96C5024 of 60 min, the worked example's."""
QUICK: Final = {"release_default_s": 0, "release_minimum_s": 0}
"""Where the spread is not the point."""


def held(message: UrgentMessage, **changes: Any) -> HeldEvent:  # Any: fields of many types
    return HeldEvent(cast("Trusted[Event]", trusted(message)), **changes)


def holding(*events: HeldEvent, **rest: Any) -> Holdings:  # Any: fields of many types
    return Holdings(events=events, **rest)


def load_up(level: int = 228, *, ts: int = TS, release: int = 1) -> LoadUp:
    return LoadUp(1, ts, EVERYONE, dispatch=ALL_AT_ONCE, level=level, duration=0xC1, release=release)


def limits(holdings: Holdings, local: Settings, *hours: float, state: LocalState | None = None) -> list[float]:
    """Amperes so many hours after T0."""
    found = (decide(holdings, local, T0_MS + round(hour * HOUR), state=state or LocalState()) for hour in hours)
    return [decision.limit_ma / 1000 for decision in found]


def override(kind: OverrideKind, until_ms: int | None, *events: HeldEvent) -> LocalState:
    return LocalState(override=Override(kind, T0_MS, until_ms, frozenset(event.identity for event in events)))


# Behaviours


def test_turn_charging_up_down_off() -> None:
    waiting = recorded(tiers(3))
    quick = settings(**QUICK)
    assert limits(Holdings(tier_schedules=(waiting,)), quick, 0) == [6]
    assert limits(holding(held(load_up()), tier_schedules=(waiting,)), quick, 0, 0.99, 1) == [32, 32, 6]
    assert limits(holding(held(curtail(16, release=1))), quick, 0, 1) == [16, 32]
    assert limits(holding(held(halt(release=1))), quick, 0, 1) == [0, 32]


def test_time_of_use_tiers_super_off_peak_at_midnight_and_at_midday() -> None:
    # From 17:00 UTC: peak to 21:00, shoulder to midnight, super off-peak to 6:00, off-peak, at midday super off-peak.
    day = (3, 3, 3, 3, 2, 2, 2, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1)
    held_tiers = Holdings(tier_schedules=(recorded(tiers(*day)),))
    local = settings(option=CustomerOption.LOW, **QUICK)
    assert limits(held_tiers, local, 0, 3.99, 4, 6.99, 7, 12, 19, 23) == [0, 0, 6, 6, 32, 32, 32, 32]
    decision = decide(held_tiers, local, T0_MS)
    assert decision.reason == "paused in tier 3 (peak) until 21:00 UTC"
    assert (decision.next_ms, decision.next_ma) == (T0_MS + 4 * HOUR, 6_000)
    assert decide(held_tiers, local, T0_MS + 8 * HOUR).reason == (
        "no limit from the network; tier 0 (super off-peak) until 06:00 UTC"
    )
    assert limits(held_tiers, settings(option=CustomerOption.HIGH_PRICE), 0) == [32]
    assert limits(held_tiers, settings(tiers_ma=(None, None, None, 10_000, None, None, None, None)), 0) == [10]


def test_tier_now_beats_the_schedule_and_goes_back_to_it() -> None:
    def now(level: int, ts: int = TS, duration: int = 30) -> Trusted[UrgentMessage]:
        return trusted(TierNow(1, ts, EVERYONE, ALL_AT_ONCE, level, duration, 0))

    schedule = (recorded(tiers(1)),)
    local = settings(**QUICK)
    critical = Holdings(tier_schedules=schedule, tier_now=cast("Any", now(4)))  # Any: trusting gives any message
    assert limits(critical, local, 0, 0.49, 0.5) == [6, 6, 32]
    assert decide(critical, local, T0_MS).reason == "held to 6 A in tier 4 (critical peak) until 17:30 UTC"
    back = Holdings(tier_schedules=(recorded(tiers(3)),), tier_now=cast("Any", now(128)))  # Any: as above
    assert limits(back, local, 0) == [6]
    # Half of the chargers only: draw(F) 7D1FE0FA >> 26 is 31.
    for fraction, wanted in ((30, 32.0), (31, 6.0)):
        message = TierNow(1, TS, EVERYONE, Dispatch(fraction=fraction).code, 4, 30, 0)
        some = Holdings(tier_schedules=schedule, tier_now=cast("Any", trusted(message)))  # Any: as above
        assert limits(some, local, 0) == [wanted]


def test_timer_peak_everyone_starts_when_off_peak_begins() -> None:
    # Peak until midnight; the edge is spread over 120 min (release code 12).
    schedule = tier_schedule(recorded(tiers(3, 3, 3, 3, 3, 3, 3, 0, stagger=12)), tier_names(()))
    count = 4000
    one = chargers_of(settings())

    def draw_of(label: str, key: int, ts: int) -> Draws:
        ids = (number.to_bytes(16, "big") for number in range(count))
        return np.array([draw(label, device, key=key, ts=ts) for device in ids], dtype=np.uint32)

    [peak, *_] = tier_terms(timetable([schedule], None), one, draw_of)
    midnight_ms = T0_MS + 7 * HOUR
    starts_ms = np.sort(peak.release_ms - midnight_ms)
    assert 0 <= starts_ms[0] < 2 * MINUTE
    assert 118 * MINUTE < starts_ms[-1] < 120 * MINUTE
    # No minute has more than three times its share, and half have started after half the window.
    a_minute = np.bincount(starts_ms // MINUTE, minlength=120)
    assert a_minute.max() < 3 * count / 120
    assert abs(np.median(starts_ms) / HOUR - 1) < 0.05
    # The one charger of a receiver draws the same.
    decision = decide(
        Holdings(tier_schedules=(recorded(tiers(3, 3, 3, 3, 3, 3, 3, 0, stagger=12)),)), settings(), T0_MS
    )
    drawn = draw("E", settings().device_id, key=1, ts=TS + 7 * 360)
    assert decision.until_ms == midnight_ms + (drawn * 120 * MINUTE >> 32)
    assert decision.reason == "held to 6 A in tier 3 (peak) until 00:00 UTC, then back within 120 min"


def test_day_ahead_hourly_price_that_reflects_circuit_and_system() -> None:
    local = settings(prices=Prices(978, ((300_000_000, 16_000), (450_000_000, 0))), **QUICK)
    system = recorded(prices(20, 31, 45, 20), ts=TS + 1)
    circuit = recorded(prices(9, 20, 20, 50, 50, 20, start_tick=TS - 360, region="1234F"), ts=TS)
    assert limits(Holdings(price_schedules=(system,)), local, 0, 1, 2, 3) == [32, 16, 0, 32]
    # The more specific region is in force, though the other starts later and is newer.
    assert limits(Holdings(price_schedules=(system, circuit)), local, 0, 1, 2, 3, 4) == [32, 32, 0, 0, 32]
    decision = decide(Holdings(price_schedules=(system,)), local, T0_MS + HOUR)
    assert decision.reason == "held to 16 A at 0.31 EUR/kWh until 19:00 UTC"
    assert decide(Holdings(price_schedules=(system,)), settings(), T0_MS + HOUR).reason == (
        "no limit from the network; 0.31 EUR/kWh until 19:00 UTC"
    )
    dollars = settings(prices=Prices(840, ((0, 0),)))
    assert limits(Holdings(price_schedules=(system,)), dollars, 1) == [32]


def test_price_now_beats_the_schedule_in_the_scale_of_the_table() -> None:
    local = settings(prices=Prices(978, ((300_000_000, 16_000),)), **QUICK)
    now = trusted(PriceNow(1, TS, EVERYONE, ALL_AT_ONCE, 45, 30, 0))
    scale = recorded(Table(EVERYONE, ITEM_SCALE, EURO_CENTS.code.to_bytes(3, "big")))
    cheap = (recorded(prices(20)),)
    known = Holdings(price_schedules=cheap, price_now=cast("Any", now), tables=(scale,))  # Any: as trusting gives it
    assert limits(known, local, 0, 0.5) == [16, 32]
    unknown = Holdings(price_schedules=cheap, price_now=cast("Any", now))  # Any: as above
    assert limits(unknown, local, 0) == [32]


CELLS: Final = {
    Severity.NORMAL: (32, 32, 32, 32),
    Severity.MODERATE: (32, 6, 0, 12.8),
    Severity.HIGH: (32, 6, 0, 6),
    Severity.EMERGENCY: (6, 0, 0, 0),
}


@pytest.mark.parametrize("severity", list(Severity))
def test_three_options_high_price_undisturbed_medium_level_1_low_halted(severity: Severity) -> None:
    event = held(curtail(severity))
    for option, amperes in zip(CustomerOption, CELLS[severity], strict=True):
        local = settings(option=option, fleet_percent=40)
        assert limits(holding(event), local, 0) == [amperes]
        # The owner's override is possible in every cell.
        for kind in OverrideKind:
            state = override(kind, None, event)
            assert limits(holding(event), local, 0, state=state) == [32]
    shown = decide(holding(event), settings(option=CustomerOption.HIGH_PRICE), T0_MS).reason
    assert severity.name.lower() in shown or severity is Severity.EMERGENCY


@pytest.mark.parametrize("option", list(CustomerOption))
def test_load_up_starts_for_all_up_to_the_local_cap(option: CustomerOption) -> None:
    local = settings(option=option, installer_ma=20_000, **QUICK)
    waiting = {"tier_schedules": (recorded(tiers(4)),)}
    assert limits(holding(held(load_up()), **waiting), local, 0) == [20]
    assert limits(holding(held(load_up(128 + 25)), **waiting), settings(option=CustomerOption.LOW, **QUICK), 0) == [8]
    # It loses to any reduction.
    assert limits(holding(held(load_up()), held(curtail(10, ts=TS + 1)), **waiting), local, 0.01) == [10]


def test_level_2_to_level_1_for_one_hour_opt_out() -> None:
    event = held(curtail(6))
    assert limits(holding(event), settings(), 0, 0.99) == [6, 6]
    assert 6 * 240 == 1440  # W: Level 1
    decision = decide(holding(event), settings(), T0_MS)
    assert decision.reason == "curtailed to 6 A by the network until 18:00 UTC, then back within 60 min"
    assert decision.until_ms == T0_MS + HOUR + R_MS
    assert decision.may_override == OWNER_MAY
    opted_out = decide(holding(event), settings(), T0_MS, state=override(OverrideKind.EVENT, None, event))
    assert (opted_out.limit_ma, opted_out.may_override) == (32_000, OWNER_HAS)
    assert opted_out.reason == "no limit from the network; 6 A until 18:00 UTC is set aside by the owner"
    assert opted_out.terms[0].standing is Standing.OVERRIDDEN
    # Another event is not covered by it.
    another = held(curtail(10, ts=TS + 1))
    assert limits(holding(event, another), settings(), 0.01, state=override(OverrideKind.EVENT, None, event)) == [10]


def test_disconnect_for_the_event_without_notice() -> None:
    decision = decide(holding(held(halt())), settings(), T0_MS)
    assert (decision.limit_ma, decision.restricted) == (0, True)
    assert decision.reason == "paused by the network until 18:00 UTC, then back within 60 min"
    assert (decision.next_ms, decision.next_ma) == (T0_MS + HOUR + R_MS, 32_000)


def test_delay_up_to_an_hour_opt_out_for_the_day() -> None:
    planned = held(halt(release=1), start_after_ms=3 * HOUR)
    quick = settings(**QUICK)
    assert limits(holding(planned), quick, 0, 2.99, 3, 3.99, 4) == [32, 32, 0, 0, 32]
    ahead = decide(holding(planned), quick, T0_MS)
    assert (ahead.next_ms, ahead.next_ma, ahead.terms[0].standing) == (T0_MS + 3 * HOUR, 0, Standing.TO_COME)
    # 5400 s to midnight would be 18:30: the override ends there, and what still runs holds again.
    today = override(OverrideKind.TODAY, T0_MS + round(3.5 * HOUR))
    assert limits(holding(planned), quick, 3, 3.49, 3.5, state=today) == [32, 32, 0]
    with_tier = holding(planned, tier_schedules=(recorded(tiers(4)),))
    assert limits(with_tier, quick, 0, state=today) == [32]


def test_departure_time_randomised_start() -> None:
    # Needed at 07:00, 4 h of charging; critical peak all night.
    night = Holdings(tier_schedules=(recorded(tiers(4)),))
    local = settings(option=CustomerOption.LOW, charge_by=ChargeBy(7 * 60, 4 * HOUR))
    latest_ms = T0_MS + 10 * HOUR
    decision = decide(night, local, T0_MS)
    assert (decision.limit_ma, decision.next_ma) == (0, 32_000)
    assert decision.next_ms is not None
    assert latest_ms - HOUR < decision.next_ms <= latest_ms
    # To the owner's time, as the network's offset or his own zone says.
    assert decide(night, local, latest_ms).reason == (
        "no limit from the network; tier 4 (critical peak) is not waited for: the car is needed at 07:00 UTC; "
        "tier 4 (critical peak) until 18:00 UTC"
    )
    assert limits(night, local, 13.99, 14) == [32, 0]
    starts = set()
    for number in range(20):
        other = settings(option=CustomerOption.LOW, charge_by=local.charge_by, device_id=bytes([number] * 16))
        starts.add(decide(night, other, T0_MS).next_ms)
    assert len(starts) == 20
    assert all(start is not None and latest_ms - HOUR < start <= latest_ms for start in starts)
    # Only what is economic is not waited for.
    assert limits(holding(held(halt(ts=TS + 10 * 360))), local, 10.1) == [0]


def test_absorb_midday_solar_and_night_wind() -> None:
    local = settings(option=CustomerOption.LOW, prices=Prices(978, ((10_000_000, 6_000),)), **QUICK)
    negative = Holdings(price_schedules=(recorded(prices(30, -5, 30)),))
    assert limits(negative, local, 0.5, 1, 1.99, 2) == [6, 32, 32, 6]
    assert "-0.05 EUR/kWh" in decide(negative, local, T0_MS + HOUR).reason
    peak = (recorded(tiers(3)),)
    decision = decide(holding(held(load_up()), tier_schedules=peak), local, T0_MS)
    assert decision.limit_ma == 32_000
    assert decision.reason.startswith("no limit from the network; the network asks to charge now, until 18:00 UTC; ")
    # Its start is spread by its release, its end is not.
    spread = holding(held(load_up(release=10)), tier_schedules=peak)
    assert limits(spread, local, 0, (R_MS - 1) / HOUR, R_MS / HOUR, 0.999, 1) == [0, 0, 32, 32, 0]


def test_ramp_and_transformer_protection() -> None:
    # A region down to the feeder: this one's and its neighbour's.
    verifier = Verifier(keyring(), [Region.parse_code("12345")])
    heard = [verifier.examine_envelope(signed(halt(region=region))) for region in ("12345", "12344", "1234F", "1235F")]
    assert [isinstance(one, Trusted) for one in heard] == [True, False, True, False]
    # A planned event goes down by the minute; its end is released over its own window.
    ramped = held(curtail(12), start_after_ms=HOUR, ramp_s=600)
    minutes = [decide(holding(ramped), settings(), T0_MS + HOUR + m * MINUTE).limit_ma for m in range(11)]
    assert minutes == list(range(32_000, 11_999, -2_000))
    falling = decide(holding(ramped), settings(), T0_MS + HOUR + 3 * MINUTE)
    assert falling.reason == (
        "curtailed to 26 A by the network, falling to 12 A by 18:10 UTC, until 19:00 UTC, then back within 60 min"
    )
    assert (falling.next_ms, falling.next_ma) == (T0_MS + HOUR + 4 * MINUTE, 24_000)
    backs = []
    for number in range(40):
        term = term_of(ramped, settings(device_id=bytes([number] * 16)))
        assert term is not None
        backs.append(term.release_ms - term.end_ms)
    assert min(backs) < HOUR / 8
    assert max(backs) > HOUR * 7 / 8


def test_drivers_may_always_opt_out_and_are_alerted() -> None:
    emergency = held(curtail(Severity.EMERGENCY))
    notice = recorded(Notice(EVERYONE, 3, 60, "Storm: please charge tomorrow"))
    decision = decide(holding(emergency, notices=(notice,)), settings(), T0_MS)
    assert decision.reason.endswith("; the network writes: Storm: please charge tomorrow")
    assert decision.may_override == OWNER_MAY
    always = override(OverrideKind.ALWAYS, None)
    assert limits(holding(emergency, held(halt(ts=TS + 1))), settings(), 0.1, state=always) == [32]
    # Nothing on the air clears it: it is no part of what is held.
    assert decide(holding(emergency), settings(), T0_MS + HOUR, state=always).limit_ma == 32_000
    assert "Storm" not in decide(holding(notices=(notice,)), settings(), T0_MS + HOUR).reason


def test_site_prioritisation_the_local_cap_always_wins() -> None:
    site = settings(installer_ma=10_000, **QUICK)
    assert limits(holding(held(curtail(16))), site, 0) == [10]
    assert limits(holding(held(load_up())), site, 0) == [10]
    for kind in OverrideKind:
        event = held(halt())
        assert limits(holding(event), site, 0, state=override(kind, None, event)) == [10]
    decision = decide(holding(held(curtail(16))), site, T0_MS)
    assert (decision.restricted, decision.until_ms) == (False, None)


# Semantics that trip people


def test_only_non_negative_windows() -> None:
    for release in RELEASE_CODES:
        term = term_of(held(curtail(release=release)), settings())
        assert term is not None
        assert term.start_ms == T0_MS
        assert 0 <= term.release_ms - term.end_ms < term.window_ms


def test_cancelled_with_randomisation() -> None:
    # The cancel's own window, 120 min, from its receipt on.
    ended = held(halt(), ended_ms=T0_MS + 10 * MINUTE, ended_release=cancel(TS, ts=TS + 60, release=12).release)
    decision = decide(holding(ended), settings(), T0_MS + 10 * MINUTE)
    assert decision.until_ms == T0_MS + 10 * MINUTE + (0xE96C5024 * 120 * MINUTE >> 32)


# The limit


def test_overlapping_events_take_the_lowest_limit_and_price_notice_and_tier_coexist() -> None:
    local = settings(prices=Prices(978, ((300_000_000, 20_000),)), **QUICK)
    notice = recorded(Notice(EVERYONE, 0, 60, "hello"))
    everything = holding(
        held(curtail(16, release=1)),
        held(curtail(10, ts=TS + 1, duration=30, release=1)),
        tier_schedules=(recorded(tiers(3, 1)),),
        price_schedules=(recorded(prices(31)),),
        notices=(notice,),
    )
    assert limits(everything, local, 0.01, 1, 1.2) == [6, 20, 20]
    high = settings(prices=local.prices, option=CustomerOption.HIGH_PRICE, **QUICK)
    assert limits(everything, high, 0, 0.01, 0.6, 1.1) == [16, 10, 16, 20]
    assert decide(everything, high, T0_MS + MINUTE).reason == (
        "curtailed to 10 A by the network until 17:30:10 UTC; "
        "tier 3 (peak) until 18:00 UTC; 0.31 EUR/kWh until 2026-12-02 18:00 UTC; the network writes: hello"
    )


def test_repeat_has_no_effect_and_the_draw_survives_a_reboot() -> None:
    first = decide(holding(held(curtail())), settings(), T0_MS)
    assert decide(holding(held(curtail())), settings(), T0_MS) == first


def test_signal_lost_before_the_start_a_stored_event_runs_on_a_valid_clock() -> None:
    planned = holding(held(halt(release=1), start_after_ms=HOUR))
    lost = Outage(T0_MS)
    assert limits(planned, settings(**QUICK), 0, 1, 2, state=LocalState(outage=lost)) == [32, 0, 32]
    assert limits(planned, settings(), 1, state=LocalState(outage=lost, time_is_sure=False)) == [32]


def test_signal_lost_in_an_event_it_runs_to_its_stated_end_and_is_released_over_its_window() -> None:
    state = LocalState(outage=Outage(T0_MS + 10 * MINUTE))
    decision = decide(holding(held(curtail())), settings(), T0_MS + 30 * MINUTE, state=state)
    assert (decision.limit_ma, decision.until_ms) == (16_000, T0_MS + HOUR + R_MS)
    assert decision.reason.endswith("; the signal is lost since 17:10 UTC")


PROFILE: Final = Profile(((0, 32_000), (17 * 60, 10_000), (21 * 60, 20_000)), unsure_ma=8_000)


def test_signal_lost_long_the_stored_schedule_then_the_local_profile() -> None:
    # Off-peak by the last schedule, which ends at 18:00 the next day with its hour of grace.
    schedule = (recorded(tiers(1, start_tick=TS - 8640 + 360)),)
    local = settings(profile=PROFILE, **QUICK)
    lost = LocalState(outage=Outage(T0_MS - HOUR))
    stored = Holdings(tier_schedules=schedule)
    assert limits(stored, local, 0, 1, 1.99, 2, 3.99, 4, 6.99, 7, state=lost) == [32, 32, 32, 10, 10, 20, 20, 32]
    decision = decide(stored, local, T0_MS + 2 * HOUR, state=lost)
    assert decision.reason == "held to 10 A by the local profile until 21:00 UTC; the signal is lost since 16:00 UTC"
    # Not while the signal is there, and never a block: a heartbeat ends it, over the receiver's window.
    assert limits(stored, local, 2) == [32]
    back = LocalState(outage=Outage(T0_MS - HOUR, T0_MS + 3 * HOUR))
    assert limits(stored, local, 2.99, 3, state=back) == [10, 32]
    ends = set()
    for number in range(12):
        other = settings(profile=PROFILE, device_id=bytes([number] * 16))
        ends.add(decide(stored, other, T0_MS + 3 * HOUR - 1, state=back).until_ms)
    assert len(ends) == 12
    assert all(end is not None and 3 * HOUR <= end - T0_MS < 4 * HOUR for end in ends)


def test_clock_invalid_nothing_scheduled_only_live_events() -> None:
    unsure = LocalState(time_is_sure=False)
    everything = holding(
        held(curtail(20)), held(halt(ts=TS - 360), start_after_ms=HOUR), tier_schedules=(recorded(tiers(4)),)
    )
    assert limits(everything, settings(), 0.1, state=unsure) == [20]
    assert decide(everything, settings(), T0_MS, state=unsure).reason.endswith(
        "the time is not sure, so nothing planned is done"
    )
    local = settings(profile=PROFILE)
    lost = LocalState(time_is_sure=False, outage=Outage(T0_MS, time_is_sure=False))
    assert limits(Holdings(), local, 0.1, state=lost) == [8]
    assert decide(Holdings(), local, None, state=LocalState(outage=Outage(None, time_is_sure=False))).limit_ma == 8_000
    assert decide(Holdings(), local, None).limit_ma == 32_000


def test_power_returns_up_to_ten_minutes_before_charging() -> None:
    waiting = LocalState(waits_until_ms=T0_MS + 5 * MINUTE)
    decision = decide(Holdings(), settings(), T0_MS, state=waiting)
    assert (decision.limit_ma, decision.until_ms) == (0, T0_MS + 5 * MINUTE)
    assert decision.reason == "waits until 17:05:00 UTC: the power is back, and not for all at once"
    # Overrides are kept, and do not jump the queue.
    both = LocalState(waits_until_ms=waiting.waits_until_ms, override=Override(OverrideKind.ALWAYS, T0_MS))
    assert decide(Holdings(), settings(), T0_MS, state=both).limit_ma == 0
    assert decide(Holdings(), settings(), None, state=LocalState(waits_until_ms=1)).limit_ma == 0


def test_override_to_the_end_of_the_event_today_or_always_even_in_an_emergency() -> None:
    event = held(curtail(Severity.EMERGENCY, release=1))
    quick = settings(**QUICK)
    for kind, until_ms in (
        (OverrideKind.EVENT, T0_MS + HOUR),
        (OverrideKind.TODAY, T0_MS + 7 * HOUR),
        (OverrideKind.ALWAYS, None),
    ):
        assert limits(holding(event), quick, 0, 0.99, 1, state=override(kind, until_ms, event)) == [32, 32, 32]


def past(*hours: tuple[float, float], grave: bool = False) -> tuple[PastEvent, ...]:
    key = OPERATOR.public_key().public_bytes_raw()
    spans = [(T0_MS + round(a * HOUR), T0_MS + round(b * HOUR)) for a, b in hours]
    return tuple(PastEvent(key, number, start, end, grave) for number, (start, end) in enumerate(spans))


def test_daily_cap_hours_of_halt_a_day() -> None:
    quick = settings(**QUICK)
    six_hours = past((-13, -9), (-8, -6))
    # Six hours are used: what is left is for halts and emergencies.
    state = LocalState(past=six_hours)
    assert limits(holding(held(curtail(16))), quick, 0.5, state=state) == [32]
    assert decide(holding(held(curtail(16))), quick, T0_MS, state=state).reason.endswith(
        "the network asks for 16 A: more than a day may hold"
    )
    assert limits(holding(held(halt(duration=0xC3, release=1))), quick, 0, 1.99, 2, state=state) == [0, 0, 32]
    assert limits(holding(held(curtail(Severity.EMERGENCY, release=1))), quick, 0.5, state=state) == [0]
    # Unless the owner says otherwise; and a day later it is there again.
    generous = settings(reduced_a_day_s=24 * 3600, grave_a_day_s=0, **QUICK)
    assert limits(holding(held(curtail(16))), generous, 0.5, state=state) == [16]
    assert limits(holding(held(curtail(16))), quick, 0.5, state=LocalState(past=past((-30, -26), (-8, -6)))) == [16]
    # Eight events of a key.
    eight = LocalState(past=past(*[(-9 + n, -8.99 + n) for n in range(8)]))
    assert limits(holding(held(curtail(16))), quick, 0.5, state=eight) == [32]
    assert limits(holding(held(curtail(16))), settings(events_a_day=9), 0.5, state=eight) == [16]


def test_what_has_lowered_the_limit_is_remembered_for_a_day() -> None:
    event = held(curtail(16, release=1))
    running = decide(holding(event), settings(), T0_MS + MINUTE)
    assert [(one.ts, one.start_ms, one.end_ms, one.is_grave) for one in running.past] == [
        (TS, T0_MS, T0_MS + HOUR, False)
    ]
    later = decide(Holdings(), settings(), T0_MS + HOUR + DAY - 1, state=LocalState(past=running.past))
    assert later.past == running.past
    assert decide(Holdings(), settings(), T0_MS + HOUR + DAY, state=LocalState(past=running.past)).past == ()
    assert decide(holding(held(curtail(40))), settings(), T0_MS).past == ()
    assert decide(holding(event), settings(), T0_MS, state=override(OverrideKind.ALWAYS, None)).past == ()


def test_a_stolen_tariff_key_cannot_pause() -> None:
    tariff = certificate(roles=ALL_ROLES & ~Role.HALT)
    local = settings(option=CustomerOption.LOW, prices=Prices(978, ((0, 0),)), **QUICK)
    assert limits(Holdings(tier_schedules=(recorded(tiers(4), by=tariff),)), local, 0) == [6]
    assert limits(Holdings(price_schedules=(recorded(prices(50), by=tariff),)), local, 0) == [6]


def test_times_are_the_owners_where_he_says_his_zone() -> None:
    from zoneinfo import ZoneInfo

    local = settings(timezone=ZoneInfo("Europe/Berlin"), profile=PROFILE, **QUICK)
    lost = LocalState(outage=Outage(T0_MS - HOUR))
    # 18:00 in Berlin; 21:00 there is 20:00 UTC.
    assert limits(Holdings(), local, 0, 2.99, 3, state=lost) == [10, 10, 20]
    assert "until 21:00;" in decide(Holdings(), local, T0_MS, state=lost).reason
    told = Holdings(heartbeat=cast("Any", trusted(heartbeat(utc_offset=-20))))  # Any: as trusting gives it
    assert limits(told, settings(profile=PROFILE, **QUICK), 0, state=lost) == [32]


def test_a_status_tells_limit_reason_next_change_and_who_may_override() -> None:
    decision = decide(holding(held(curtail(16, release=7))), settings(), T0_MS)
    assert isinstance(decision, Decision)
    assert decision.reason == "curtailed to 16 A by the network until 18:00 UTC, then back within 20 min"
    assert (decision.next_ma, decision.may_override) == (32_000, OWNER_MAY)
