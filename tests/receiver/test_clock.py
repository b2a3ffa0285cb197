"""The lower-bound clock: what it knows, when it is trusted, what it refuses, and how it heals (protocol, 4 and 5)."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from receiver.clock import TICK_MS, Clock, datetime_of, ms_of
from receiver.verify import Rejection
from tests.receiver.broadcast import STRANGER, T0_MS, TS, certificate, curtail, heartbeat, keyring
from tests.receiver.trusting import trusted

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
DAY_TICKS = DAY // TICK_MS


def test_moments_and_milliseconds() -> None:
    assert datetime_of(T0_MS) == datetime(2026, 12, 1, 17, tzinfo=UTC)
    assert ms_of(datetime(2026, 12, 1, 18, tzinfo=UTC) + timedelta(milliseconds=7)) == T0_MS + 60 * MINUTE + 7


def test_nothing_heard_is_no_time() -> None:
    clock = Clock()
    assert (clock.now_ms(0), clock.at_ms(T0_MS), clock.firm_ms(0)) == (None, None, None)
    assert clock.cold
    assert clock.refusal(curtail(), 0) is Rejection.WAITING
    assert clock.refusal(heartbeat(), 0) is None


def test_a_lower_bound_from_what_was_heard_and_the_time_since() -> None:
    clock = Clock()
    assert clock.hear(trusted(heartbeat()), 5000)
    clock.warm()
    assert clock.now_ms(5000) == T0_MS
    assert clock.now_ms(65_000) == T0_MS + MINUTE
    assert clock.at_ms(T0_MS + MINUTE) == 65_000
    assert clock.refusal(curtail(), 5000) is None
    # A bound can only be low: the message took time to arrive.
    clock.hear(trusted(heartbeat(TS + 6)), 66_000)
    assert clock.now_ms(66_000) == T0_MS + 61_000


def test_the_time_never_goes_back_but_stands_still() -> None:
    clock = Clock()
    clock.hear(trusted(heartbeat(TS + 30)), 0)  # a head-end may run 30 ticks ahead
    clock.hear(trusted(heartbeat(TS + 31)), 40_000)
    assert clock.now_ms(40_000) == T0_MS + 340_000
    assert clock.now_ms(60_000) == T0_MS + 340_000
    assert clock.now_ms(80_000) == T0_MS + 350_000


def test_the_highest_key_counts_and_an_old_time_stamp_does_not() -> None:
    ring = keyring(certificate(), certificate(STRANGER, key=2))
    clock = Clock()
    clock.hear(trusted(heartbeat(TS + 60)), 0)
    clock.hear(trusted(heartbeat(TS, key=2), ring, STRANGER), 0)
    clock.hear(trusted(heartbeat(TS + 1)), 0)
    assert clock.now_ms(0) == T0_MS + 10 * MINUTE


def test_a_trusted_start_time_is_the_time_and_refuses_what_is_far_from_it() -> None:
    clock = Clock(start_ms=T0_MS)
    assert clock.trusted
    assert not clock.cold
    assert clock.now_ms(1234) == T0_MS + 1234
    assert clock.refusal(curtail(ts=TS + 60), 0) is None
    assert clock.refusal(curtail(ts=TS + 61), 0) is Rejection.FUTURE
    assert clock.refusal(heartbeat(TS - 60), 0) is None
    assert clock.refusal(heartbeat(TS - 61), 0) is Rejection.STALE
    # Events are old by nature: a late joiner hears them an hour after their TS.
    assert clock.refusal(curtail(ts=TS - 300), 0) is None
    clock.hear(trusted(heartbeat(TS + 60)), 0)
    assert clock.now_ms(0) == T0_MS


def test_a_start_time_behind_what_is_known_is_not_trusted() -> None:
    assert Clock(start_ms=T0_MS, bound_ms=T0_MS + 10 * MINUTE).trusted
    late = Clock(start_ms=T0_MS, bound_ms=T0_MS + 10 * MINUTE + 1)
    assert not late.trusted
    assert late.cold
    assert late.now_ms(0) == T0_MS + 10 * MINUTE + 1


def test_a_trusted_start_time_is_remembered_only_as_far_as_keys_bear_it_out() -> None:
    clock = Clock(start_ms=T0_MS)
    assert clock.firm_ms(0) is None
    clock.hear(trusted(heartbeat(TS - 6)), 0)
    assert clock.firm_ms(500) == T0_MS + 500
    # Two hours ahead of all that was ever signed, by a wrong setting: the next start, set right, is trusted again.
    wrong = Clock(start_ms=T0_MS + 120 * MINUTE)
    wrong.hear(trusted(curtail()), 0)
    assert wrong.now_ms(0) == T0_MS + 120 * MINUTE
    assert wrong.firm_ms(0) == T0_MS + 10 * MINUTE
    assert Clock(start_ms=T0_MS, bound_ms=wrong.firm_ms(0)).trusted


def test_what_an_earlier_run_knew_is_a_bound() -> None:
    clock = Clock(bound_ms=T0_MS)
    assert clock.now_ms(7) == T0_MS + 7
    assert clock.cold
    clock.hear(trusted(heartbeat(TS - 6)), 0)
    assert clock.now_ms(0) == T0_MS


def test_a_leap_of_over_a_day_is_provisional_until_confirmed() -> None:
    clock = Clock(bound_ms=T0_MS)
    far = TS + DAY_TICKS + 1
    firm = [clock.hear(trusted(heartbeat(far)), 0)]
    assert clock.now_ms(0) == far * TICK_MS
    assert clock.firm_ms(0) == T0_MS
    # Nine minutes later is too early; ten, but three minutes off, starts anew; ten and one minute off confirms.
    provisional = [clock.provisional]
    for minutes, ticks in ((9, 54), (10, 80), (20, 146)):
        firm.append(clock.hear(trusted(heartbeat(far + ticks)), minutes * MINUTE))
        provisional.append(clock.provisional)
    assert firm == [False, False, False, True]
    assert provisional == [True, True, True, False]
    assert clock.now_ms(20 * MINUTE) == clock.firm_ms(20 * MINUTE) == (far + 146) * TICK_MS


def test_a_leap_that_nobody_confirms_leaves_the_bound_alone() -> None:
    clock = Clock(bound_ms=T0_MS)
    assert not clock.hear(trusted(heartbeat(TS + 10 * DAY_TICKS)), 0)
    assert clock.hear(trusted(heartbeat(TS + 6)), MINUTE)
    assert clock.firm_ms(MINUTE) == T0_MS + MINUTE
    assert clock.provisional
    # Ten minutes later the old time is confirmed, but not by what is old, nor by what is three minutes off.
    for minutes, ticks, is_provisional in ((10, 6, True), (10, 80, True), (20, 140, False)):
        clock.hear(trusted(heartbeat(TS + ticks)), minutes * MINUTE)
        assert clock.provisional is is_provisional
    assert clock.now_ms(20 * MINUTE) == (TS + 140) * TICK_MS
    # A day exactly is no leap.
    assert Clock(bound_ms=T0_MS).hear(trusted(heartbeat(TS + DAY_TICKS)), 0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-40, 40)), max_size=12))
def test_time_and_its_inverse_agree_and_no_timer_is_lost(heard: list[tuple[int, int]]) -> None:
    clock, at_ms, before = Clock(bound_ms=T0_MS), 0, T0_MS
    for minutes, ticks in heard:
        at_ms += minutes * MINUTE
        clock.hear(trusted(heartbeat(TS + at_ms // TICK_MS + ticks)), at_ms)
        now_ms = clock.now_ms(at_ms)
        assert now_ms is not None
        assert now_ms >= before
        before = now_ms
        for later_ms in (1, 1000, MINUTE):
            due = clock.at_ms(now_ms + later_ms)
            assert due is not None
            assert clock.now_ms(due) == now_ms + later_ms
