"""The decision: the lowest limit, down at once, up at this charger's own moment, and the reason in words."""

from collections.abc import Iterable
from typing import Any, cast

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rds.oda.messages import UrgentMessage
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.test import Test as Exercise
from rds.oda.messages.tier_now import TierNow
from rds.oda.region import EVERYONE
from receiver.event_term import Event, HeldEvent, term_of
from receiver.holdings import Holdings
from receiver.policy import Decision, Standing
from receiver.policy import decide as decide_held
from receiver.reason import OWNER_MAY
from receiver.settings import Settings
from receiver.verify import Trusted
from tests.receiver.broadcast import ALL_AT_ONCE, T0_MS, TS, curtail, halt, heartbeat, settings
from tests.receiver.trusting import trusted

MINUTE = 60_000
HOUR = 60 * MINUTE
BACK = T0_MS + HOUR + 3_282_512


def held(message: UrgentMessage, **changes: Any) -> HeldEvent:  # Any: fields of many types
    return HeldEvent(cast("Trusted[Event]", trusted(message)), **changes)


def decide(
    events: Iterable[HeldEvent], local: Settings, now_ms: int | None, **newest: Any
) -> Decision:  # Any: messages
    return decide_held(Holdings(events=tuple(events), **newest), local, now_ms)


def asks(decision: Decision) -> tuple[int, bool, str, int | None, int | None]:
    return decision.limit_ma, decision.restricted, decision.reason, decision.until_ms, decision.next_ms


def test_nothing_held_is_the_local_limit() -> None:
    local = (25_000, False, "no limit from the network", None, None)
    assert asks(decide([], settings(installer_ma=25_000), T0_MS)) == local
    assert asks(decide([], settings(rating_ma=25_000), T0_MS)) == local
    assert decide([], settings(), None).reason == "no limit from the network; the time is not known yet"


def test_a_curtailment_from_start_to_release() -> None:
    events = [held(curtail())]
    before = decide(events, settings(), T0_MS - 1)
    assert asks(before) == (32_000, False, "no limit from the network", None, T0_MS)
    assert (before.next_ma, before.may_override, before.terms[0].standing) == (16_000, None, Standing.TO_COME)
    running = decide(events, settings(), T0_MS)
    text = "curtailed to 16 A by the network until 18:00 UTC, then back within 60 min"
    assert asks(running) == (16_000, True, text, BACK, BACK)
    assert (running.next_ma, running.may_override, running.again_ms) == (32_000, OWNER_MAY, T0_MS + HOUR)
    [term] = running.terms
    assert (term.name, term.says, term.binds, term.lifts) == ("event 03a107bf/9207720", "16 A", True, False)
    assert (term.start_ms, term.end_ms, term.back_ms) == (T0_MS, T0_MS + HOUR, BACK)
    over = decide(events, settings(), T0_MS + HOUR)
    assert over.limit_ma == 16_000
    assert over.reason == "curtailed to 16 A by the network; the event is over and this charger is back at 18:54:42 UTC"
    assert over.terms[0].standing is Standing.RETURNING
    assert asks(decide(events, settings(), BACK)) == (32_000, False, "no limit from the network", None, None)


def test_a_halt_is_a_pause_and_times_are_local_where_a_heartbeat_tells_the_offset() -> None:
    decision = decide([held(halt())], settings(), T0_MS, heartbeat=trusted(heartbeat(utc_offset=4)))
    assert decision.limit_ma == 0
    assert decision.reason == "paused by the network until 19:00, then back within 60 min"


def test_the_lowest_limit_wins_and_returns_step_by_step() -> None:
    events = [held(curtail(10, release=1)), held(curtail(20, ts=TS + 1, duration=0xC2))]
    lowest = decide(events, settings(), T0_MS + MINUTE)
    assert lowest.limit_ma == 10_000
    assert lowest.until_ms == lowest.next_ms
    assert lowest.next_ms is not None
    after = decide(events, settings(), lowest.next_ms)
    assert (after.limit_ma, after.restricted) == (20_000, True)


def test_of_two_equal_limits_the_longer_one_says_until_when() -> None:
    events = [held(curtail(16, duration=1, release=1)), held(curtail(16, ts=TS + 1))]
    decision = decide(events, settings(), T0_MS + 30_000)
    longer = term_of(events[1], settings())
    assert longer is not None
    assert decision.until_ms == longer.release_ms
    assert "until 18:00:10 UTC" in decision.reason


def test_the_broadcast_never_raises() -> None:
    decision = decide([held(curtail(40))], settings(installer_ma=16_000), T0_MS)
    assert (decision.limit_ma, decision.restricted, decision.next_ms) == (16_000, False, None)
    assert decision.reason.endswith("the network allows 40 A until 18:00 UTC, more than the local limit")
    decision = decide([held(curtail(241))], settings(), T0_MS)
    assert decision.limit_ma == 6_000
    decision = decide([held(curtail(240))], settings(), T0_MS)
    assert decision.reason.endswith("the network says normal until 18:00 UTC: nothing by your option")


def test_load_up_tier_and_test_are_in_the_reason_and_change_nothing() -> None:
    load_up = held(LoadUp(1, TS, EVERYONE, dispatch=ALL_AT_ONCE, level=228, duration=0xC1, release=8))
    exercise = trusted(Exercise(1, TS, EVERYONE, dispatch=ALL_AT_ONCE, level=16, duration=0xC1, release=8))
    tier = trusted(TierNow(1, TS, EVERYONE, dispatch=ALL_AT_ONCE, level=1, duration=0xC1, release=0))
    decision = decide([load_up], settings(), T0_MS, tier_now=tier, test=exercise)
    assert (decision.limit_ma, decision.restricted, decision.next_ms) == (32_000, False, None)
    assert decision.reason == (
        "no limit from the network; the network asks to charge now, until 18:00 UTC; "
        "tier 1 (off-peak) until 18:00 UTC; a test of 16 A until 18:00 UTC, not acted on"
    )
    assert (
        decide([load_up], settings(), T0_MS + HOUR, tier_now=tier, test=exercise).reason == "no limit from the network"
    )
    # Load up loses to any reduction.
    assert decide([load_up, held(halt(ts=TS + 1))], settings(), T0_MS + MINUTE).limit_ma == 0


EVENTS = st.lists(
    st.builds(
        curtail,
        st.sampled_from([1, 6, 16, 31, 40, 128, 178, 240, 241, 243]),
        ts=st.integers(TS, TS + 200),
        duration=st.sampled_from([1, 30, 0xC1, 0xC9]),
        release=st.integers(0, 14),
        dispatch=st.sampled_from([0, 31, 63, 0x80, 0xBF]),
    ),
    max_size=6,
)


@given(EVENTS, st.integers(0, 6 * 60))
@hypothesis_settings(max_examples=60, deadline=None)
def test_the_limit_is_the_plain_minimum_and_changes_at_the_next_moment_alone(
    messages: list[UrgentMessage], minutes: int
) -> None:
    events, local = [held(message) for message in messages], settings()
    now_ms = T0_MS + minutes * MINUTE
    decision = decide(events, local, now_ms)
    terms = [term for event in events if (term := term_of(event, local))]
    wanted = min([32_000, *(term.limit_ma for term in terms if term.start_ms <= now_ms < term.release_ms)])
    assert decision.limit_ma == wanted
    assert decision.limit_ma == 0 or decision.limit_ma >= 6_000
    assert decision.restricted == (wanted < 32_000)
    if decision.next_ms is None:
        assert not decision.restricted
        assert decide(events, local, now_ms + 100 * HOUR).limit_ma == 32_000
    else:
        assert decision.next_ms > now_ms
        assert decide(events, local, decision.next_ms - 1).limit_ma == wanted
    assert "\n" not in decision.reason
