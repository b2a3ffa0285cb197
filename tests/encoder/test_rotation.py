"""Bulletins on the carousel (docs/protocol.md, Carousel), a rule a test, at even slots of 1, 2 and 4 groups/s."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.carousel import Carousel
from encoder.rotation import Posted, post_certificates
from rds.errors import TrustError
from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.certificate_pem import CERTIFICATE_BULLETIN, sign_certificates
from rds.oda.messages.cancel import Cancel
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.end import End
from rds.oda.messages.halt import Halt
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.records import BulletinRecord, pack_record
from rds.oda.records.notice import Notice
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import EVERYONE, Region
from rds.oda.target_fields import ALL_TARGETS, target_of
from rds.oda.ticks import tick_of
from tests.encoder.carousel_driver import RATES, Driver, Run, curtail, end, halt
from tests.encoder.networks import CLOCK, DOMAIN, PASS, ROOT, certificate, operator_key
from tests.rds.oda.protocol_document import BLOCKS, Example

NOW: Final = tick_of(CLOCK)
R12: Final = Region.parse("12FFF")
TODAY: Final = TierSchedule(R12, day=1065, start=0, slot=0, stagger=0, tiers=(1,) * 24)
NOTICE: Final = Notice(EVERYONE, severity=0, duration=0xC4, text="four hours")
EVENING: Final = PlannedEvent(3, R12, dispatch=0x80, level=16, duration=0x0A, release=0, start=20)
"""In 20 min, for 10."""
AT_ONCE: Final = replace(EVENING, start=0)


def certificates() -> Posted:
    file = sign_certificates([certificate()], ROOT, DOMAIN, root_id=14, ts=NOW)
    return post_certificates(file.envelopes, [certificate()])


def label(run: Run) -> str:
    """H for a heartbeat, U for another urgent envelope, else the bulletin's number and the envelope's index."""
    envelope = run.envelope
    if run.urgent:
        return "H" if isinstance(run.message, Heartbeat) else "U"
    return f"{envelope[0] & 0xF}.{envelope[1] >> 4}"


def labels(driver: Driver) -> list[str]:
    return [label(run) if run.whole else "cut" for run in driver.runs[:-1]]


def heartbeats(driver: Driver) -> list[Heartbeat]:
    return [message for message in driver.messages() if isinstance(message, Heartbeat)]


@pytest.mark.parametrize("rate", RATES)
def test_idle_is_heartbeat_schedule_heartbeat_certificates_heartbeat_the_rest(rate: int) -> None:
    driver = Driver(rate, carousel=Carousel(operator_key(), certificates=[certificates()]))
    driver.publish(NOTICE)
    driver.publish(TODAY)
    driver.go(24 * PASS / rate + 1)
    new = ["H", "0.0", "0.1", "H", "1.0", "1.1"]
    assert labels(driver)[: len(new)] == new, "what is new goes first"
    turn = ["H", "1.0", "1.1", "H", "5.0", "5.1", "H", "0.0", "0.1"]
    assert labels(driver)[len(new) :] == [*turn, *turn][: 24 - len(new)]
    assert not driver.silent_s
    assert {len(run.symbols) for run in driver.runs[:-1]} == {PASS}
    first, second, root = sorted(driver.bulletins(), key=lambda bulletin: bulletin.number)
    assert (first.records, second.records) == ((pack_record(NOTICE),), (pack_record(TODAY),))
    assert (root.number, root.key, root.records) == (CERTIFICATE_BULLETIN, 14, (pack_record(certificate()),))


def test_the_example_of_the_protocol() -> None:
    """An `x` stands before what is cut short, told by the run that sends it anew."""
    example = Example.parse(BLOCKS["carousel"])
    driver = Driver(2, carousel=Carousel(operator_key(), certificates=[certificates()]))
    driver.publish(TODAY)
    driver.publish(NOTICE)
    driver.go(20)
    driver.order(halt)
    driver.go(300)
    names = [
        label(run) if run.whole else f"x{label(driver.runs[index + 3])}" for index, run in enumerate(driver.runs[:12])
    ]
    cut, again = (driver.runs[index].symbols[0].value for index in (1, 4))
    assert cut == again
    assert names == example.values["new"].split()
    calm = Driver(2, carousel=Carousel(operator_key(), certificates=[certificates()]))
    calm.publish(TODAY)
    calm.publish(NOTICE)
    calm.go(24 * PASS / 2)
    idle = example.values["idle"].split()
    assert labels(calm)[6:15] == idle
    assert labels(calm)[15:23] == idle[:8]


def test_a_late_joiner_waits_a_turn_at_most() -> None:
    """At 2 groups/s a pass is 15 s: a heartbeat begins every 45 s, a whole turn takes 135 s."""
    driver = Driver(2, carousel=Carousel(operator_key(), certificates=[certificates()]))
    for record in (TODAY, NOTICE):
        driver.publish(record)
    driver.go(1200)
    beats_s = [run.starts_s[0] for run in driver.runs if label(run) == "H"]
    assert {later - earlier for earlier, later in itertools.pairwise(beats_s)} == {45}
    for number in ("0.0", "5.0", "1.0"):
        starts_s = [run.starts_s[0] for run in driver.runs[9:] if label(run) == number]
        assert {later - earlier for earlier, later in itertools.pairwise(starts_s)} == {135}


def test_a_bulletin_of_many_envelopes_goes_on_where_its_turn_stopped() -> None:
    driver = Driver(4)
    driver.publish(*[replace(TODAY, region=Region(0x12000 + 0x100 * region)) for region in range(6)])
    driver.publish(NOTICE)
    driver.go(20 * PASS / 4)
    assert labels(driver)[:5] == ["H", "0.0", "0.1", "H", "0.2"]
    assert labels(driver)[5:18] == ["1.0", "H", "1.1", "0.0", "H", "0.1", "1.0", "H", "1.1", "0.2", "H", "0.0", "1.0"]


def test_an_urgent_envelope_pre_empts_a_bulletin_which_is_sent_again_as_a_new_run() -> None:
    driver = Driver(4)
    driver.publish(TODAY)
    driver.go(PASS / 4 + 2)
    driver.order(halt)
    driver.go(6 * PASS / 4)
    assert labels(driver)[:6] == ["H", "cut", "U", "H", "0.0", "0.1"]
    cut, urgent, _, again = driver.runs[1:5]
    assert len(cut.symbols) == 8
    assert len(urgent.symbols) == 2 * PASS
    assert [symbol.value for symbol in again.symbols[:8]] == [symbol.value for symbol in cut.symbols]
    assert again.symbols[0].tag != cut.symbols[0].tag


@pytest.mark.parametrize("rate", RATES)
def test_an_event_s_repeats_leave_room_for_bulletins(rate: int) -> None:
    driver = Driver(rate, carousel=Carousel(operator_key(), certificates=[certificates()]))
    driver.publish(TODAY)
    driver.order(curtail(minutes=15))
    driver.go(900)
    starts_s = [run.starts_s[0] for run in driver.of(Curtail)]
    gaps_s = [later - earlier for earlier, later in itertools.pairwise(starts_s)]
    assert min(gaps_s) >= 60
    assert max(gaps_s) <= 120
    assert {"0.0", "0.1", "5.0", "5.1"} <= set(labels(driver)[-12:])


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from(RATES),
    orders=st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from(["halt", "curtail", "notice", "now", "many"])), max_size=8
    ),
)
def test_at_most_two_other_runs_stand_between_heartbeats(rate: int, orders: list[tuple[int, str]]) -> None:
    """Urgent envelopes apart, which go before everything; no slot is lost and no tag comes back early."""
    driver = Driver(rate, carousel=Carousel(operator_key(), certificates=[certificates()]))
    for moment_s, what in sorted(orders):
        driver.go(max(0.0, moment_s - driver.slot / rate))
        if what in ("halt", "curtail"):
            driver.order(halt if what == "halt" else curtail(minutes=5))
        else:
            records: dict[str, list[BulletinRecord]] = {"notice": [NOTICE], "now": [AT_ONCE], "many": [TODAY] * 12}
            driver.publish(*records[what])
    driver.go(20 * PASS / rate)
    assert not driver.silent_s
    between = 0
    for run in driver.runs[:-1]:
        if run.whole and len(run.symbols) == PASS and label(run) != "H":
            between += 1
        elif not run.whole or len(run.symbols) > PASS or label(run) == "H":
            between = 0
        assert between <= 2 or any(what == "now" for _, what in orders) or label(run) == "U"
    last_s: dict[int, float] = {}
    for run in driver.runs:
        tag = run.symbols[0].tag
        assert run.starts_s[0] - last_s.get(tag, -15) >= 15
        last_s[tag] = run.starts_s[-1]


def test_planned_events_take_the_time_stamps_after_their_bulletin_s() -> None:
    driver = Driver(4)
    ts = driver.publish(EVENING, AT_ONCE, EVENING, NOTICE)
    assert ts == NOW
    assert driver.carousel.order(halt, driver.now).ts == NOW + 3
    driver.go(120)
    [bulletin] = driver.bulletins()
    assert bulletin.ts == NOW
    stamps = [message.ts for message in driver.messages() if isinstance(message, Heartbeat)]
    assert stamps[0] > NOW + 3
    assert stamps == sorted(set(stamps))


def test_no_planned_event_has_the_time_stamp_that_means_all() -> None:
    key = operator_key(replace(certificate(), not_before=0xFFFFFF - 100, not_after=0xFFFFFF + 100))
    moment = CLOCK + timedelta(seconds=10 * (0xFFFFFF - 2 - NOW))
    assert key.next_ts(moment, 2) == 0xFFFFFF - 2
    assert key.next_ts(moment, 3) == 0x1000000
    assert key.stamp(moment, 31 - 3) == 0x1000000
    assert key.last_ts == 0x1000000 + 27


def test_more_time_stamps_than_30_ticks_hold_are_refused() -> None:
    driver = Driver(4)
    with pytest.raises(TrustError, match="more than 300 s ahead"):
        driver.publish(*[EVENING] * 32)
    assert driver.publish(*[EVENING] * 31) == NOW


def test_while_time_stamps_are_too_far_ahead_bulletins_go_on_without_heartbeats() -> None:
    driver = Driver(4)
    driver.publish(*[EVENING] * 31)
    driver.go(60)
    assert labels(driver)[0] == "0.0"
    assert not driver.silent_s
    beats = heartbeats(driver)
    assert [beat.ts for beat in beats] == sorted({beat.ts for beat in beats})
    assert beats[0].ts == NOW + 31


def test_the_horizon_spares_planned_events_until_their_end() -> None:
    """Voiding what came before would void an event that has not begun: 20 min to its start, 10 of it."""
    driver = Driver(2)
    ts = driver.publish(AT_ONCE, EVENING)
    driver.go(2000)
    horizons = [(beat.ts, beat.void_below, beat.live_events) for beat in heartbeats(driver)]
    assert all(void_below == ts for tick, void_below, _ in horizons if tick < ts + 60)
    assert all(void_below == ts + 1 for tick, void_below, _ in horizons if ts + 60 < tick < ts + 180)
    assert all(void_below == tick for tick, void_below, _ in horizons if tick > ts + 180)
    assert {live for tick, _, live in horizons if ts + 10 < tick < ts + 60} == {1}
    assert {live for tick, _, live in horizons if ts + 60 < tick < ts + 120} == {0}
    assert {live for tick, _, live in horizons if ts + 120 < tick < ts + 180} == {1}


def test_a_cancel_reaches_a_planned_event_and_an_end_only_once_it_runs() -> None:
    driver = Driver(4)
    target = target_of(driver.publish(EVENING))
    driver.go(60)
    driver.order(end(target))
    driver.go(100)
    assert heartbeats(driver)[-1].void_below == NOW, "an end leaves alone what has not begun"
    assert [run.starts_s[0] for run in driver.of(End)] == [60], "nor is it repeated until it would reach it"
    driver.order(end(target, kind=Cancel))
    driver.go(60)
    late = heartbeats(driver)[-1]
    assert late.void_below == late.ts
    driver.go(1800)
    assert not [run for run in driver.runs if run.starts_s[0] > 250 and not run.urgent], "nothing of it lies ahead"
    assert driver.of(Cancel)[-1].starts_s[0] == pytest.approx(30 * 60, abs=120)


def test_an_end_of_all_reaches_a_planned_event_that_runs() -> None:
    driver = Driver(4)
    driver.publish(EVENING)
    driver.go(21 * 60)
    driver.order(end(ALL_TARGETS))
    driver.go(120)
    late = heartbeats(driver)[-1]
    assert (late.live_events, late.void_below) == (0, late.ts)


def test_an_event_that_begins_at_once_makes_its_bulletin_urgent() -> None:
    driver = Driver(4, carousel=Carousel(operator_key(), certificates=[certificates()]))
    driver.go(3)
    driver.publish(*[AT_ONCE] * 5)
    assert driver.carousel.urgent
    driver.go(15 * PASS / 4)
    assert labels(driver)[:5] == ["cut", "0.0", "0.1", "H", "5.0"]
    assert [len(run.symbols) for run in driver.runs[1:3]] == [PASS, 2 * PASS]
    assert labels(driver)[5:11] == ["5.1", "H", "0.0", "0.1", "H", "5.0"]


def test_a_bulletin_leaves_when_nothing_of_it_lies_ahead() -> None:
    """A notice for 10 min, an event over in 30, a schedule that ends in 7 h and may hold for an hour more."""

    def on_air(driver: Driver, seconds: float) -> set[str]:
        before = len(driver.runs)
        driver.go(seconds)
        return {label(run)[0] for run in driver.runs[before:-1] if run.whole}

    driver = Driver(1)
    driver.publish(replace(NOTICE, duration=0x0A))
    driver.publish(EVENING)
    driver.publish(TODAY)
    assert on_air(driver, 590) == {"H", "0", "1", "2"}
    driver.go(30)
    assert on_air(driver, 1150) == {"H", "1", "2"}
    driver.go(60)
    assert on_air(driver, 600) == {"H", "2"}
    driver.slot = round((8 * 3600 - 400) * driver.rate)
    driver.go(100)
    assert on_air(driver, 250) == {"H", "2"}
    driver.go(60)
    assert on_air(driver, 300) == {"H"}


def test_a_newer_record_overtakes_the_older_of_its_region() -> None:
    name = Table(R12, 0, b"south")
    driver = Driver(4)
    driver.publish(TODAY, name)
    driver.publish(replace(TODAY, tiers=(2,) * 24))
    driver.go(12 * PASS / 4)
    assert {label(run)[0] for run in driver.runs[:-1]} == {"H", "0", "1"}, "the name is still the first one's"
    driver.publish(replace(name, content=b"South"), replace(name, region=EVERYONE))
    driver.go(20 * PASS / 4)
    assert {label(run)[0] for run in driver.runs[-8:-1]} == {"H", "1", "2"}


def test_a_heartbeat_names_the_newest_schedule() -> None:
    driver = Driver(4)
    driver.publish(NOTICE)
    driver.go(30)
    assert {beat.schedule for beat in heartbeats(driver)} == {0}
    ts = driver.publish(TODAY)
    driver.go(60)
    assert heartbeats(driver)[-1].schedule == ts & 0xFF


def test_bulletins_on_the_air_have_numbers_of_their_own() -> None:
    driver = Driver(4)
    for minute in range(15):
        driver.publish(replace(NOTICE, text=f"{minute}"))
        driver.go(10)
    driver.go(60 * PASS / 4)
    numbers = [bulletin.number for bulletin in driver.bulletins()]
    assert numbers == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    driver.publish(NOTICE)
    driver.go(60 * PASS / 4)
    assert [bulletin.number for bulletin in driver.bulletins()][-1] == 0, "none is free: the next in turn"


@pytest.mark.parametrize(
    ("record", "roles", "scope", "said"),
    [
        (TODAY, ALL_ROLES & ~Role.TARIFF, "FFFFF", "tier schedule needs the role 'tariff'; key 1 has: heartbeat, "),
        (EVENING, ALL_ROLES & ~Role.CURTAIL, "FFFFF", "planned event needs the role 'curtail'"),
        (replace(EVENING, type=4, level=0), ALL_ROLES & ~Role.HALT, "FFFFF", "planned event needs the role 'halt'"),
        (NOTICE, ALL_ROLES, "12FFF", "region FFFFF is outside key 1's scope; allowed: within 12FFF"),
        (certificate(), ALL_ROLES, "FFFFF", "certificate needs the role 'root'"),
    ],
)
def test_what_the_certificate_does_not_allow_is_not_sent(
    record: BulletinRecord, roles: Role, scope: str, said: str
) -> None:
    driver = Driver(4, carousel=Carousel(operator_key(certificate(roles=roles, scope=Region.parse(scope)))))
    with pytest.raises(TrustError, match=said):
        driver.publish(record)
    driver.go(30)
    assert {type(message) for message in driver.messages()} == {Heartbeat}


def test_a_bulletin_whose_last_event_is_past_the_certificate_is_refused() -> None:
    key = operator_key(replace(certificate(), not_after=NOW + 1))
    with pytest.raises(TrustError, match="outside key 1's validity"):
        Driver(4, carousel=Carousel(key)).publish(EVENING, EVENING, EVENING)


def test_halts_for_many_regions_are_one_bulletin() -> None:
    driver = Driver(2)
    everywhere = [replace(AT_ONCE, type=4, level=0, region=Region(0x10FFF + (digit << 12))) for digit in range(15)]
    driver.publish(*everywhere)
    driver.go(6 * PASS / 2)
    [bulletin] = driver.bulletins()
    assert len(bulletin.records) == 15
    assert driver.runs[0].starts_s[0] == 0
    assert not driver.of(Halt)
