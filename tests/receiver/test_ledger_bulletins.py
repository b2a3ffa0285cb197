"""What bulletins leave in the ledger: planned events as events, the newest of each schedule, table and notice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.messages import UrgentMessage
from rds.oda.messages.tier_now import TierNow
from rds.oda.records import BulletinRecord
from rds.oda.region import EVERYONE
from rds.oda.schedule_fields import TICKS_A_DAY
from rds.oda.target_fields import ALL_TARGETS
from receiver.clock import TICK_MS
from receiver.event_ledger import EVENTS, TOMBSTONES
from receiver.keyring import Keyring
from receiver.ledger import Ledger
from receiver.schedule_ledger import NOTICES, SCHEDULES, TABLES
from receiver.snapshot import Snapshot
from receiver.verify import Rejection, Trusted, TrustedBulletin, Verifier
from tests.receiver.broadcast import (
    ALL_AT_ONCE,
    OWN,
    STRANGER,
    T0_MS,
    TS,
    cancel,
    certificate,
    curtail,
    end,
    heartbeat,
    settings,
)
from tests.receiver.bulletins import (
    TODAY,
    bulletin,
    notice,
    planned,
    prices,
    rooted,
    table,
    tiers,
    trusted_bulletin,
)
from tests.receiver.trusting import trusted

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOW = T0_MS + MINUTE
TWO = rooted(certificate(), certificate(STRANGER, key=2, roles=ALL_ROLES & ~Role.OTHERS))


def apply(
    ledger: Ledger,
    *records: BulletinRecord,
    now_ms: int = NOW,
    sure: bool = True,
    **changes: Any,  # Any: arguments of `bulletin`
) -> list[Rejection | None] | Rejection:
    return ledger.apply_bulletin(trusted_bulletin(*records, **changes), now_ms, sure=sure)


def restored(snapshot: Snapshot, ring: Keyring | None = None) -> Ledger:
    ledger, verifier = Ledger(settings()), Verifier(ring or rooted(), [OWN])
    messages = [(one, verifier.examine_envelope(one.envelope)) for one in snapshot.messages]
    bulletins = [(one, verifier.examine_bulletin(one.envelopes)) for one in snapshot.records]
    ledger.restore(
        snapshot,
        [(one, found) for one, found in messages if isinstance(found, Trusted)],
        [(one, found.records[one.number]) for one, found in bulletins if isinstance(found, TrustedBulletin)],
    )
    return ledger


def test_a_planned_event_starts_after_its_bulletin() -> None:
    ledger = Ledger(settings())
    records = planned(16, start=60, ramp=3, programmes=5), planned(10, start=0)
    assert apply(ledger, *records, now_ms=T0_MS + 5000) == [None, None]
    first, second = ledger.holdings.events
    assert (first.start_ms, first.ramp_s, first.programmes) == (T0_MS + HOUR, 300, 5)
    assert first.end_ms(settings()) == T0_MS + 2 * HOUR
    # Record 1 with start 0 is as an urgent one: its time stamp is 10 s later, and it acts from its receipt.
    assert (second.message.ts, second.start_ms) == (TS + 1, T0_MS + 5000)
    assert second.end_ms(settings()) == T0_MS + 10_000 + HOUR
    assert not second.is_planned
    assert apply(ledger, *records) == [Rejection.REPEAT] * 2


def test_a_planned_event_that_is_over_is_refused() -> None:
    assert apply(Ledger(settings()), planned(), now_ms=T0_MS + 2 * HOUR - 1) == [None]
    assert apply(Ledger(settings()), planned(), now_ms=T0_MS + 2 * HOUR) == [Rejection.EXPIRED]


def test_an_end_leaves_a_planned_event_until_it_runs_and_a_cancel_does_not() -> None:
    ledger = Ledger(settings())
    apply(ledger, tiers(), planned(16), planned(10))
    assert ledger.apply(trusted(end(TS + 1, ts=TS + 5)), NOW) is Rejection.REPEAT
    assert len(ledger.events) == 2
    assert ledger.apply(trusted(cancel(TS + 2, ts=TS + 6)), NOW) is None
    assert [event.message.ts for event in ledger.events] == [TS + 1]
    # It never comes back, and the one that runs can be ended.
    assert apply(ledger, tiers(), planned(16), planned(10)) == [Rejection.REPEAT, Rejection.REPEAT, Rejection.VOID]
    assert ledger.apply(trusted(end(TS + 1, ts=TS + 7)), T0_MS + HOUR) is None
    assert ledger.events[0].ended_ms == T0_MS + HOUR


def test_a_cancel_of_all_reaches_planned_events_in_its_region() -> None:
    ledger = Ledger(settings())
    apply(ledger, planned(16, region="123FF"), planned(10, region="12FFF"))
    assert ledger.apply(trusted(cancel(ALL_TARGETS, ts=TS + 9, region="123FF")), NOW) is None
    assert [event.message.level for event in ledger.events] == [10]


def test_a_cancel_that_was_heard_first_voids_the_planned_event() -> None:
    ledger = Ledger(settings())
    assert ledger.apply(trusted(cancel(TS + 1, ts=TS + 9)), NOW) is None
    assert apply(ledger, planned(), planned()) == [None, Rejection.VOID]


def test_a_horizon_voids_planned_events_and_needs_no_tombstone() -> None:
    ledger = Ledger(settings())
    apply(ledger, *[planned() for _ in range(6)])
    assert ledger.apply(trusted(heartbeat(TS + 8, horizon=5)), NOW) is None
    assert [event.message.ts for event in ledger.events] == [TS + 3, TS + 4, TS + 5]
    assert ledger.snapshot().tombstones == ()
    assert apply(ledger, *[planned() for _ in range(6)])[:3] == [Rejection.VOID] * 3  # type: ignore[index]  # a list


def test_urgent_and_planned_events_share_sixteen_places() -> None:
    ledger = Ledger(settings())
    assert apply(ledger, *[planned(20) for _ in range(EVENTS)]) == [None] * EVENTS
    assert ledger.apply(trusted(curtail(ts=TS + 20)), NOW) is None
    assert len(ledger.events) == EVENTS == len(ledger.snapshot().records) + 1
    assert apply(ledger, planned(25), ts=TS + 30) == [Rejection.FULL]


def test_nothing_is_planned_on_a_clock_that_is_not_sure() -> None:
    ledger = Ledger(settings())
    found = apply(ledger, tiers(), planned(start=60), planned(start=0), table(), notice(), sure=False)
    assert found == [Rejection.UNSURE, Rejection.UNSURE, None, Rejection.UNSURE, Rejection.UNSURE]
    assert [event.message.ts for event in ledger.events] == [TS + 2]
    # The bulletin comes again when the clock is sure.
    again = apply(ledger, tiers(), planned(start=60), planned(start=0), table(), notice())
    assert again == [None, None, Rejection.REPEAT, None, None]


def test_two_contents_under_one_time_stamp_raise_the_key_alarm() -> None:
    """Two head-ends with one key: bulletin against bulletin, urgent against bulletin, urgent against planned."""
    ledger = Ledger(settings())
    assert apply(ledger, tiers(), planned()) == [None, None]
    assert apply(ledger, tiers(stagger=1)) is Rejection.KEY_ALARM
    assert ledger.apply(trusted(heartbeat(TS)), NOW) is Rejection.KEY_ALARM
    assert ledger.apply(trusted(curtail(ts=TS + 1)), NOW) is Rejection.KEY_ALARM
    assert apply(ledger, tiers(day=TODAY + 1), ts=TS + 1) is Rejection.KEY_ALARM
    assert list(ledger.key_alarms.values()) == [4]
    assert [one.record for one in ledger.holdings.tier_schedules] == [tiers()]
    other = Ledger(settings())
    other.apply(trusted(curtail(ts=TS + 1)), NOW)
    assert apply(other, tiers(), planned()) == [None, Rejection.KEY_ALARM]
    # Another key has its own time stamps.
    assert apply(other, tiers(stagger=1), ts=TS + 1, key=2, private_key=STRANGER, ring=TWO) == [None]


def test_of_a_region_and_start_the_higher_time_stamp_counts() -> None:
    ledger = Ledger(settings())
    assert apply(ledger, tiers(), prices(), ts=TS) == [None, None]
    assert apply(ledger, tiers(stagger=1), ts=TS - 1) == [Rejection.REPLAY]
    assert apply(ledger, tiers(stagger=1), tiers(stagger=2), ts=TS + 1) == [None, Rejection.REPLAY]
    assert apply(ledger, tiers(start=8), tiers(region="FFFFF"), ts=TS + 2) == [None, None]
    assert [one.record for one in ledger.holdings.tier_schedules] == [
        tiers(stagger=1),
        tiers(start=8),
        tiers(region="FFFFF"),
    ]
    assert [one.ts for one in ledger.holdings.price_schedules] == [TS]
    # Whichever key signs it.
    second: dict[str, Any] = {"key": 2, "private_key": STRANGER, "ring": TWO}  # Any: arguments
    assert apply(ledger, tiers(), ts=TS + 1, **second) == [Rejection.REPLAY]
    assert apply(ledger, tiers(), ts=TS + 3, **second) == [None]


@pytest.mark.parametrize(
    ("start_tick", "expected"),
    [
        (-TICKS_A_DAY, None),
        (-TICKS_A_DAY - 90, Rejection.OUT_OF_REACH),
        (8 * TICKS_A_DAY, None),
        (8 * TICKS_A_DAY + 90, Rejection.OUT_OF_REACH),
    ],
)
def test_starts_over_a_day_before_or_eight_days_after_are_refused(start_tick: int, expected: Rejection | None) -> None:
    """A bulletin of midnight; a quarter hour more is too much."""
    midnight = TODAY * TICKS_A_DAY
    day, ticks = divmod(midnight + start_tick, TICKS_A_DAY)
    schedule = tiers(day=day, start=ticks // 90)
    assert apply(Ledger(settings()), schedule, ts=midnight, now_ms=midnight * TICK_MS) == [expected]


def test_a_schedule_lives_an_hour_beyond_its_last_slot() -> None:
    over_ms = (TODAY + 1) * DAY + HOUR
    ledger = Ledger(settings())
    assert apply(ledger, tiers(), now_ms=over_ms - 1) == [None]
    assert apply(Ledger(settings()), tiers(), now_ms=over_ms) == [Rejection.EXPIRED]
    # Nor does it go while a charger may wait for its way back from the last slot, four hours at most.
    assert not ledger.expire(over_ms + 4 * HOUR - 1)
    assert ledger.expire(over_ms + 4 * HOUR)
    assert ledger.holdings.tier_schedules == ()


def test_a_full_shelf_keeps_what_begins_first() -> None:
    ledger = Ledger(settings())
    early = [tiers(start=start) for start in range(SCHEDULES - 1)]
    assert apply(ledger, *early[:8]) == [None] * 8
    assert apply(ledger, *early[8:], ts=TS + 1) == [None] * 7
    assert apply(ledger, prices(start=90), ts=TS + 2) == [None]
    assert apply(ledger, tiers(start=95), ts=TS + 3) == [Rejection.FULL]
    assert apply(ledger, tiers(start=50), ts=TS + 4) == [None]
    assert ledger.holdings.price_schedules == ()
    assert len(ledger.holdings.tier_schedules) == SCHEDULES


def test_tables_and_notices_the_oldest_makes_room() -> None:
    ledger = Ledger(settings())
    for number, region in enumerate(("FFFFF", "1FFFF", "12FFF", "123FF", "1234F")):
        items = [table(item, f"name {item}", region=region) for item in (0, *range(8, 16))]
        assert apply(ledger, *items, ts=TS + number) == [None] * 9
    kept = ledger.holdings.tables
    assert len(kept) == TABLES
    assert {one.ts for one in kept} == {TS + 1, TS + 2, TS + 3, TS + 4}
    assert apply(ledger, table(0, "old", region="FFFFF"), ts=TS - 1) == [Rejection.FULL]
    texts = [notice(f"notice {number}") for number in range(NOTICES + 1)]
    for number, one in enumerate(texts):
        assert apply(ledger, one, ts=TS + 10 + number) == [None]
    assert [one.record for one in ledger.holdings.notices] == texts[1:]


def test_a_table_is_replaced_and_a_notice_ends() -> None:
    ledger = Ledger(settings())
    assert apply(ledger, table(9, "cheap"), notice(duration=5)) == [None, None]
    assert apply(ledger, table(9, "cheaper"), table(8, "night"), ts=TS + 1) == [None, None]
    assert apply(ledger, table(9, "cheap"), notice(duration=5)) == [Rejection.REPLAY, Rejection.REPEAT]
    assert [one.record.text for one in ledger.holdings.tables] == ["cheaper", "night"]
    assert ledger.expire(T0_MS + 5 * MINUTE)
    assert ledger.holdings.notices == ()
    late = apply(ledger, table(9, "cheap"), notice(duration=5), now_ms=T0_MS + 5 * MINUTE)
    assert late == [Rejection.REPLAY, Rejection.EXPIRED]


def test_of_now_messages_the_highest_that_lives_is_held() -> None:
    ledger, first, second = Ledger(settings()), TierNow(1, TS, EVERYONE, ALL_AT_ONCE, 3, 0xC1, 0), None
    second = TierNow(2, TS + 1, EVERYONE, ALL_AT_ONCE, 5, 5, 0)
    ledger.apply(trusted(first), NOW)
    ledger.apply(trusted(second, TWO, STRANGER), NOW)
    assert ledger.holdings.tier_now is not None
    assert ledger.holdings.tier_now.message == second
    assert ledger.expire(T0_MS + 6 * MINUTE)
    assert ledger.holdings.tier_now is not None
    assert ledger.holdings.tier_now.message == first
    # What is over stays until all are back from it, but gives way to what lives.
    assert ledger.expire(T0_MS + HOUR)
    assert ledger.holdings.tier_now is not None
    assert ledger.expire(T0_MS + 5 * HOUR)
    assert ledger.holdings.tier_now is None


def test_a_key_that_lost_its_certificate_loses_what_it_said() -> None:
    ledger = Ledger(settings())
    ledger.apply(trusted(curtail(ts=TS - 1)), NOW)
    ledger.apply(trusted(TierNow(1, TS - 2, EVERYONE, ALL_AT_ONCE, 3, 0xC1, 0)), NOW)
    apply(ledger, tiers(), planned(), table(), notice())
    apply(ledger, prices(), planned(10), key=2, private_key=STRANGER, ring=TWO)
    ledger.forget(certificate().public_key, NOW)
    holdings = ledger.holdings
    # What runs is released as if ended now; what was planned is gone.
    assert [(event.message.ts, event.ended_ms) for event in holdings.events] == [(TS - 1, NOW), (TS + 1, None)]
    assert (holdings.tier_now, holdings.tier_schedules, holdings.tables, holdings.notices) == (None, (), (), ())
    assert len(holdings.price_schedules) == 1
    # What it said cannot be said again by a recording, should it be certified again.
    assert ledger.apply(trusted(TierNow(1, TS - 2, EVERYONE, ALL_AT_ONCE, 3, 0xC1, 0)), NOW) is Rejection.REPEAT
    assert apply(ledger, tiers(), planned(), table(), notice()) == [None, Rejection.VOID, None, None]
    unknown = Ledger(settings())
    unknown.apply(trusted(curtail()), NOW)
    unknown.forget(certificate().public_key, None)
    assert unknown.events == ()


def test_a_snapshot_brings_everything_back_and_forgets_what_no_longer_verifies() -> None:
    ledger = Ledger(settings())
    apply(ledger, tiers(), planned(), table(), notice(), planned(10, start=0), prices())
    ledger.apply(trusted(end(TS + 4, ts=TS + 9, release=4)), NOW)
    ledger.apply(trusted(curtail(ts=TS + 10)), NOW)
    snapshot = ledger.snapshot()
    again = restored(snapshot)
    assert again.snapshot() == snapshot
    assert set(again.events) == set(ledger.events)
    assert again.holdings.tables == ledger.holdings.tables
    assert again.holdings.price_schedules == ledger.holdings.price_schedules
    assert apply(again, tiers(stagger=1)) is Rejection.KEY_ALARM
    assert restored(snapshot, rooted(certificate(STRANGER))).snapshot().records == ()


RECORDS = st.one_of(
    st.builds(tiers, start=st.integers(0, 95), day=st.integers(TODAY - 1, TODAY + 1), slot=st.integers(0, 2)),
    st.builds(prices, region=st.sampled_from(["FFFFF", "12FFF"]), day=st.integers(TODAY, TODAY + 1)),
    st.builds(planned, st.sampled_from([0, 6, 20]), start=st.integers(0, 90), duration=st.integers(1, 90)),
    st.builds(table, st.integers(8, 15), st.sampled_from(["a", "b"]), region=st.sampled_from(["1FFFF", "12345"])),
    st.builds(notice, st.sampled_from("abcdefghijk"), duration=st.integers(1, 70)),
)
URGENT = st.one_of(
    st.builds(cancel, st.integers(TS, TS + 40), ts=st.integers(TS, TS + 60)),
    st.builds(end, st.sampled_from([TS, TS + 9, ALL_TARGETS]), ts=st.integers(TS, TS + 60)),
    st.builds(heartbeat, st.integers(TS, TS + 60), horizon=st.integers(0, 80)),
)
BULLETINS = st.tuples(st.lists(RECORDS, min_size=1, max_size=6), st.integers(TS, TS + 60))


@given(st.lists(st.tuples(st.one_of(URGENT, BULLETINS), st.integers(0, 30)), max_size=25))
@hypothesis_settings(max_examples=25, deadline=None)
def test_memory_stays_bounded_and_a_restart_between_any_two_changes_nothing(
    heard: list[tuple[UrgentMessage | tuple[list[BulletinRecord], int], int]],
) -> None:
    ledger, restarted, now_ms = Ledger(settings()), Ledger(settings()), NOW
    for said, minutes in heard:
        now_ms += minutes * MINUTE
        found: list[object] = []
        for one in (ledger, restarted):
            one.expire(now_ms)
            if isinstance(said, tuple):
                found.append(apply(one, *said[0], ts=said[1], now_ms=now_ms))
            else:
                found.append(one.apply(trusted(said), now_ms))
        # Which contents were seen is forgotten at a restart: the alarm is raised at the latest by the next pair.
        if any(Rejection.KEY_ALARM in (one if isinstance(one, list) else [one]) for one in found):
            return
        assert found[0] == found[1]
        restarted = restored(restarted.snapshot())
        assert set(restarted.events) == set(ledger.events)
        holdings, again = ledger.holdings, restarted.holdings
        assert set(again.tier_schedules) == set(holdings.tier_schedules)
        assert (set(again.tables), set(again.notices)) == (set(holdings.tables), set(holdings.notices))
        assert len(ledger.events) <= EVENTS
        assert len(ledger.snapshot().tombstones) <= TOMBSTONES
        assert len(holdings.tier_schedules) + len(holdings.price_schedules) <= SCHEDULES
        assert len(holdings.tables) <= TABLES
        assert len(holdings.notices) <= NOTICES


def test_a_bulletin_is_stored_whole_and_once_for_each_record() -> None:
    ledger = Ledger(settings())
    apply(ledger, tiers(), planned())
    assert {one.envelopes for one in ledger.snapshot().records} == {bulletin(tiers(), planned())}
    assert sorted(one.number for one in ledger.snapshot().records) == [0, 1]
