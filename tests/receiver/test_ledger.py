"""What is held: replays, ends, horizons, tombstones, room for sixteen, and that a snapshot brings it all back."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.messages import UrgentMessage
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.test import Test as Exercise
from rds.oda.messages.tier_now import TierNow
from rds.oda.region import EVERYONE
from rds.oda.target_fields import ALL_TARGETS
from receiver.clock import TICK_MS
from receiver.event_ledger import EVENTS, TOMBSTONES
from receiver.event_term import term_of
from receiver.ledger import HEADS, Ledger
from receiver.snapshot import Snapshot
from receiver.verify import Rejection, Trusted, Verifier
from tests.receiver.broadcast import (
    ALL_AT_ONCE,
    STRANGER,
    T0_MS,
    TS,
    cancel,
    certificate,
    curtail,
    end,
    halt,
    heartbeat,
    keyring,
    settings,
)
from tests.receiver.bulletins import planned, trusted_bulletin
from tests.receiver.trusting import trusted

MINUTE = 60_000
HOUR = 60 * MINUTE
NOW = T0_MS + MINUTE
TWO = keyring(certificate(), certificate(STRANGER, key=2, roles=ALL_ROLES & ~Role.OTHERS))


def own(ring_roles: Role = ALL_ROLES & ~Role.OTHERS) -> Any:  # Any: a keyring for key 1 without role 04
    return keyring(certificate(roles=ring_roles))


def limits(ledger: Ledger) -> list[int]:
    return [event.message.level for event in ledger.events]


def restored(snapshot: Snapshot, ring: Any = None) -> Ledger:  # Any: a keyring or none
    ledger, verifier = Ledger(settings()), Verifier(ring or keyring())
    examined = [(one, verifier.examine_envelope(one.envelope)) for one in snapshot.messages]
    ledger.restore(snapshot, [(one, found) for one, found in examined if isinstance(found, Trusted)])
    return ledger


def test_an_event_is_taken_once() -> None:
    ledger = Ledger(settings())
    assert ledger.apply(trusted(curtail()), NOW) is None
    assert ledger.apply(trusted(curtail()), NOW) is Rejection.REPEAT
    assert limits(ledger) == [16]


def test_a_late_joiner_takes_a_running_event_and_not_one_that_is_over() -> None:
    assert Ledger(settings()).apply(trusted(curtail()), T0_MS + HOUR - 1) is None
    assert Ledger(settings()).apply(trusted(curtail()), T0_MS + HOUR) is Rejection.EXPIRED
    # Four hours are the most that an event lasts.
    assert Ledger(settings()).apply(trusted(curtail(duration=0xC0 | 10)), T0_MS + 4 * HOUR) is Rejection.EXPIRED


def test_heartbeats_and_now_messages_must_be_newer_than_the_last_of_their_type() -> None:
    ledger = Ledger(settings())
    assert ledger.apply(trusted(heartbeat(TS + 2)), NOW) is None
    assert ledger.apply(trusted(heartbeat(TS + 2)), NOW) is Rejection.REPLAY
    assert ledger.apply(trusted(heartbeat(TS + 1)), NOW) is Rejection.REPLAY
    tier = TierNow(1, TS, EVERYONE, dispatch=ALL_AT_ONCE, level=3, duration=0xC1, release=0)
    assert ledger.apply(trusted(tier), NOW) is None
    assert ledger.apply(trusted(tier), NOW) is Rejection.REPEAT
    assert ledger.apply(trusted(replace(tier, ts=TS - 1)), NOW) is Rejection.REPLAY
    assert ledger.apply(trusted(replace(tier, ts=TS + 3)), NOW + HOUR) is Rejection.EXPIRED
    # Each key has its own row of time stamps.
    assert ledger.apply(trusted(heartbeat(TS, key=2), TWO, STRANGER), NOW) is None


def test_a_time_that_is_not_firm_raises_no_floor() -> None:
    ledger = Ledger(settings())
    assert ledger.apply(trusted(heartbeat(TS + 9, horizon=0)), NOW, firm=False) is None
    assert ledger.apply(trusted(heartbeat(TS + 2)), NOW) is None
    assert ledger.apply(trusted(curtail()), NOW) is None


def test_two_contents_under_one_time_stamp_raise_the_key_alarm() -> None:
    ledger = Ledger(settings())
    assert ledger.apply(trusted(curtail(16)), NOW) is None
    assert ledger.apply(trusted(curtail(10)), NOW) is Rejection.KEY_ALARM
    assert ledger.apply(trusted(heartbeat(TS)), NOW) is Rejection.KEY_ALARM
    assert limits(ledger) == [16]
    assert list(ledger.key_alarms.values()) == [2]
    assert ledger.apply(trusted(heartbeat(TS, key=2), TWO, STRANGER), NOW) is None


def test_an_end_reaches_the_named_event_of_its_key_only() -> None:
    ledger = Ledger(settings())
    ledger.apply(trusted(curtail(16), own()), NOW)
    ledger.apply(trusted(curtail(10, ts=TS + 1), own()), NOW)
    assert ledger.apply(trusted(end(TS, ts=TS + 2, release=3), own()), NOW) is None
    first, second = ledger.events
    assert (first.ended_ms, first.ended_release) == (NOW, 3)
    assert second.ended_ms is None
    # Once ended it stays so, and the end's repetition changes nothing.
    assert ledger.apply(trusted(end(TS, ts=TS + 2, release=3), own()), NOW + 1) is Rejection.REPEAT
    assert ledger.events[0].ended_ms == NOW
    # Another key's end buries only what that key might have sent.
    assert ledger.apply(trusted(end(TS + 1, ts=TS + 3, key=2), TWO, STRANGER), NOW) is None
    assert ledger.events[1].ended_ms is None


def test_role_04_reaches_other_keys_events() -> None:
    ring = keyring(certificate(), certificate(STRANGER, key=2))
    ledger = Ledger(settings())
    ledger.apply(trusted(curtail(16)), NOW)
    assert ledger.apply(trusted(end(TS, ts=TS + 1, key=2), ring, STRANGER), NOW) is None
    assert ledger.events[0].ended_ms == NOW
    assert ledger.apply(trusted(cancel(TS + 7, ts=TS + 8, key=2), ring, STRANGER), NOW) is None
    assert ledger.apply(trusted(curtail(ts=TS + 7)), NOW) is Rejection.VOID


def test_a_limit_received_before_its_time_stamp_acts_at_once_and_ends_as_said() -> None:
    early = T0_MS - MINUTE
    for message in (curtail(), halt(ts=TS)):
        ledger = Ledger(settings())
        ledger.apply(trusted(message), early)
        (event,) = restored(ledger.snapshot()).events
        assert (event.start_ms, event.end_ms(settings())) == (early, T0_MS + HOUR)
        term = term_of(event, settings())
        assert term is not None
        assert (term.start_ms, term.end_ms) == (early, T0_MS + HOUR)
    longest = Ledger(settings())
    longest.apply(trusted(curtail(duration=0xC4)), early)
    assert longest.events[0].end_ms(settings()) == early + 4 * HOUR, "and no event acts for more than four hours"


def test_load_up_waits_for_its_time_stamp() -> None:
    ledger = Ledger(settings())
    ledger.apply(
        trusted(LoadUp(1, TS, EVERYONE, dispatch=ALL_AT_ONCE, level=228, duration=0xC1, release=8)), NOW - HOUR
    )
    assert ledger.events[0].start_ms == T0_MS


def test_all_targets_reach_older_events_within_the_region() -> None:
    ledger = Ledger(settings())
    for number, region in enumerate(("12345", "123FF", "FFFFF")):
        ledger.apply(trusted(curtail(ts=TS + number, region=region)), NOW)
    ledger.apply(trusted(curtail(ts=TS + 9, region="12345")), NOW + 2 * MINUTE)
    assert ledger.apply(trusted(cancel(ALL_TARGETS, ts=TS + 5, region="123FF")), NOW + 2 * MINUTE) is None
    assert [event.ended_ms is not None for event in ledger.events] == [True, True, False, False]
    assert ledger.apply(trusted(cancel(ALL_TARGETS, ts=TS + 6, region="123FF")), NOW) is Rejection.REPEAT


def test_an_unheard_event_that_was_ended_never_runs_for_seven_days() -> None:
    ledger = Ledger(settings())
    assert ledger.apply(trusted(cancel(TS, ts=TS + 1)), NOW) is None
    assert ledger.apply(trusted(cancel(TS, ts=TS + 1)), NOW) is Rejection.REPEAT
    assert ledger.apply(trusted(curtail()), NOW) is Rejection.VOID
    ledger.expire(NOW + 7 * 24 * HOUR - 1)
    assert ledger.snapshot().tombstones
    ledger.expire(NOW + 7 * 24 * HOUR)
    assert not ledger.snapshot().tombstones


def test_a_target_is_the_newest_time_stamp_with_its_low_bits() -> None:
    high = 0x1000000 + 5  # the 24 low bits have turned over since TS 0xFFFFF0
    ledger = Ledger(settings())
    ring = keyring(certificate(not_before=0xFFFF00, not_after=0x1000100))
    ledger.apply(trusted(curtail(ts=0xFFFFF0), ring), 0xFFFFF0 * TICK_MS)
    assert ledger.apply(trusted(end(0xFFFFF0, ts=high), ring), high * TICK_MS) is None
    assert ledger.events[0].ended_ms == high * TICK_MS


def test_a_horizon_voids_older_events_for_ever() -> None:
    ledger = Ledger(settings())
    ledger.apply(trusted(curtail(ts=TS)), NOW)
    ledger.apply(trusted(curtail(10, ts=TS + 3)), NOW)
    assert ledger.apply(trusted(heartbeat(TS + 8, horizon=5)), NOW) is None
    assert [event.ended_ms for event in ledger.events] == [NOW, None]
    assert ledger.apply(trusted(curtail(ts=TS + 2)), NOW) is Rejection.VOID
    assert ledger.apply(trusted(curtail(ts=TS + 4)), NOW) is None
    # A later heartbeat with a longer memory does not bring it back.
    ledger.apply(trusted(heartbeat(TS + 9, horizon=0xFFFF)), NOW)
    assert ledger.apply(trusted(curtail(ts=TS + 2)), NOW) is Rejection.VOID


def test_events_go_when_their_release_is_over_and_stay_buried_to_their_own_end() -> None:
    ledger = Ledger(settings())
    ledger.apply(trusted(curtail(release=1)), NOW)
    ledger.apply(trusted(end(TS, ts=TS + 1)), NOW)
    assert not ledger.expire(NOW + 1000)
    assert ledger.expire(NOW + MINUTE)
    assert ledger.events == ()
    assert ledger.apply(trusted(curtail(release=1)), NOW + MINUTE) is Rejection.VOID
    ledger.expire(T0_MS + HOUR)
    assert ledger.snapshot().tombstones == ()


def test_a_full_ledger_takes_only_lower_limits() -> None:
    ledger = Ledger(settings())
    for number in range(EVENTS):
        assert ledger.apply(trusted(curtail(10 + number % 4, ts=TS - number)), NOW) is None
    assert ledger.apply(trusted(curtail(13, ts=TS + 1)), NOW) is Rejection.FULL
    assert ledger.apply(trusted(halt(ts=TS + 2)), NOW) is None
    assert len(ledger.events) == EVENTS
    assert sorted(limits(ledger)).count(13) == 3
    load_up = LoadUp(1, TS + 3, EVERYONE, dispatch=ALL_AT_ONCE, level=228, duration=0xC1, release=8)
    assert ledger.apply(trusted(load_up), NOW) is Rejection.FULL


def test_a_lower_limit_takes_the_place_of_what_starts_last() -> None:
    ledger = Ledger(settings())
    for number in range(EVENTS - 1):
        ledger.apply(trusted(curtail(20, ts=TS - number)), NOW)
    ledger.apply_bulletin(trusted_bulletin(planned(17), ts=TS - EVENTS), NOW)
    assert 17 in limits(ledger)
    assert ledger.apply(trusted(curtail(16, ts=TS + 1)), NOW) is None
    assert 17 not in limits(ledger)


def test_the_oldest_tombstone_becomes_the_keys_floor() -> None:
    ledger = Ledger(settings())
    for number in range(TOMBSTONES + 1):
        ledger.apply(trusted(cancel(TS + number, ts=TS + 100 + number), own()), NOW)
    snapshot = ledger.snapshot()
    assert len(snapshot.tombstones) == TOMBSTONES
    assert [ts for _, ts in snapshot.floors] == [TS + 1]
    assert ledger.apply(trusted(curtail(), own()), NOW) is Rejection.VOID


def test_a_test_is_shown_and_not_held() -> None:
    ledger = Ledger(settings())
    message = Exercise(1, TS, EVERYONE, dispatch=ALL_AT_ONCE, level=16, duration=0xC1, release=8)
    assert ledger.apply(trusted(message), NOW) is None
    assert ledger.events == ()
    assert ledger.holdings.test is not None
    assert ledger.holdings.test.message == message


def test_a_snapshot_brings_everything_back_and_forgets_what_no_longer_verifies() -> None:
    ledger = Ledger(settings())
    ledger.apply(trusted(curtail()), NOW)
    ledger.apply(trusted(end(TS, ts=TS + 1, release=4)), NOW)
    ledger.apply(trusted(halt(ts=TS + 2)), NOW)
    ledger.apply(trusted(cancel(TS + 3, ts=TS + 4)), NOW)
    ledger.apply(trusted(heartbeat(TS + 5, horizon=100)), NOW)
    ledger.apply(trusted(TierNow(1, TS + 6, EVERYONE, ALL_AT_ONCE, 3, 0xC1, 0)), NOW)
    again = restored(ledger.snapshot())
    assert again.snapshot() == ledger.snapshot()
    assert again.events == ledger.events
    assert again.apply(trusted(heartbeat(TS + 5)), NOW) is Rejection.REPLAY
    assert again.apply(trusted(curtail(ts=TS + 3)), NOW) is Rejection.VOID
    assert again.apply(trusted(curtail(11, ts=TS + 2)), NOW) is Rejection.KEY_ALARM
    stranger = keyring(certificate(STRANGER))
    assert restored(ledger.snapshot(), stranger).events == ()


MESSAGES = st.one_of(
    st.builds(curtail, st.integers(1, 80), ts=st.integers(TS, TS + 40), release=st.integers(0, 14)),
    st.builds(halt, ts=st.integers(TS, TS + 40)),
    st.builds(end, st.integers(TS, TS + 40), ts=st.integers(TS, TS + 60)),
    st.builds(cancel, st.sampled_from([TS, TS + 9, ALL_TARGETS]), ts=st.integers(TS, TS + 60)),
    st.builds(heartbeat, st.integers(TS, TS + 60), horizon=st.integers(0, 80)),
)


@given(st.lists(st.tuples(MESSAGES, st.integers(0, 20)), max_size=40))
@hypothesis_settings(max_examples=30, deadline=None)
def test_memory_stays_bounded_and_a_restart_between_any_two_messages_changes_nothing(
    heard: list[tuple[UrgentMessage, int]],
) -> None:
    ledger, restarted, now_ms = Ledger(settings()), Ledger(settings()), NOW
    for message, minutes in heard:
        now_ms += minutes * MINUTE
        for one in (ledger, restarted):
            one.expire(now_ms)
        reason = ledger.apply(trusted(message), now_ms)
        again = restarted.apply(trusted(message), now_ms)
        # Which contents were seen is forgotten at a restart: the alarm is raised at the latest by the next pair.
        assert again is reason or Rejection.KEY_ALARM in (again, reason)
        if again is not reason:
            return
        restarted = restored(restarted.snapshot())
        assert restarted.events == ledger.events
        assert len(ledger.events) <= EVENTS
        assert len(ledger.snapshot().tombstones) <= TOMBSTONES
        assert len(ledger._heads) <= HEADS
