"""The carousel's rules (docs/protocol.md, Carousel), a test each, at even slots of 1, 2 and 4 groups/s."""

import itertools
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.carousel import TAG_PAUSE, Carousel
from rds.errors import TrustError
from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.codes import DISPATCH_ALL, duration_code
from rds.oda.messages.cancel import Cancel
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.end import End
from rds.oda.messages.halt import Halt
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.messages.tier_now import TierNow
from rds.oda.region import Region
from rds.oda.target_fields import ALL_TARGETS, target_of
from rds.oda.ticks import moment_of, tick_of
from tests.encoder.carousel_driver import RATES, Driver, Run, curtail, end, halt, tier
from tests.encoder.networks import CLOCK, PASS, certificate, operator_key


@pytest.mark.parametrize("rate", RATES)
def test_idle_is_heartbeats_with_rising_time_stamps_that_never_run_ahead(rate: int) -> None:
    driver = Driver(rate).go(900)
    assert not driver.silent_s
    heartbeats = driver.messages()
    assert all(isinstance(heartbeat, Heartbeat) for heartbeat in heartbeats)
    stamps = [heartbeat.ts for heartbeat in heartbeats]
    assert stamps == sorted(set(stamps))
    for run in driver.runs[:-1]:
        assert run.message.ts == tick_of(CLOCK + timedelta(seconds=run.starts_s[0]))
        assert [symbol.esi for symbol in run.symbols] == list(range(PASS)) * (len(run.symbols) // PASS)
    starts_s = [run.starts_s[0] for run in driver.runs]
    assert max(later - earlier for earlier, later in itertools.pairwise(starts_s)) <= max(15, PASS / rate)


@pytest.mark.parametrize("rate", RATES)
def test_the_run_counter_rises_by_one_and_the_tag_is_its_low_bits(rate: int) -> None:
    driver = Driver(rate).go(40)
    driver.order(halt)
    driver.go(200)
    assert [run.symbols[0].tag for run in driver.runs] == [(1 + count) % 4 for count in range(len(driver.runs))]
    assert driver.carousel.announcement.run == len(driver.runs)


def test_an_urgent_envelope_pre_empts_runs_twice_and_a_heartbeat_follows() -> None:
    driver = Driver(2).go(5)
    target = driver.order(curtail())
    driver.go(60)
    cut, urgent, after = driver.runs[:3]
    assert len(cut.symbols) == 10
    assert [symbol.esi for symbol in urgent.symbols] == [*range(PASS), *range(PASS)]
    assert urgent.starts_s[0] == 5
    assert urgent.message == Curtail(
        1,
        target_of(target) + (tick_of(CLOCK) >> 24 << 24),
        Region.parse("12FFF"),
        DISPATCH_ALL,
        16,
        duration_code(60),
        0,
    )
    heartbeat = after.message
    assert isinstance(heartbeat, Heartbeat)
    assert (heartbeat.live_events, heartbeat.void_below) == (1, urgent.message.ts)


def test_3a_says_urgent_while_an_urgent_envelope_waits_or_is_in_its_own_run() -> None:
    driver = Driver(4).go(1)
    assert driver.carousel.announcement.urgent == 0
    driver.order(halt)
    assert driver.carousel.announcement.urgent == 1
    driver.go(14)
    assert driver.carousel.announcement.urgent == 1
    driver.go(2)
    assert driver.carousel.announcement.urgent == 0
    assert driver.carousel.announcement.network == 7


@pytest.mark.parametrize("rate", RATES)
def test_a_second_urgent_envelope_takes_the_first_one_s_second_pass(rate: int) -> None:
    driver = Driver(rate).go(3)
    driver.order(curtail())
    driver.go(PASS / rate / 2)
    driver.order(halt)
    driver.go(4 * PASS / rate)
    first, second, third = driver.runs[1:4]
    assert (len(first.symbols), len(second.symbols)) == (PASS, 2 * PASS)
    assert isinstance(first.message, Curtail)
    assert isinstance(second.message, Halt)
    assert isinstance(third.message if third.whole else driver.carousel, Heartbeat | Carousel)


def test_a_second_pass_is_cut_for_an_urgent_envelope_that_arrives_in_it() -> None:
    driver = Driver(4)
    driver.order(curtail())
    driver.go(10)
    driver.order(halt)
    driver.go(15)
    assert [len(run.symbols) for run in driver.runs] == [40, 60]


@pytest.mark.parametrize("rate", RATES)
def test_an_event_is_repeated_every_60_to_120_s_with_the_same_bits_until_its_end(rate: int) -> None:
    driver = Driver(rate)
    driver.order(curtail(minutes=15))
    driver.go(1200)
    events = driver.of(Curtail)
    starts_s = [run.starts_s[0] for run in events]
    gaps_s = [later - earlier for earlier, later in itertools.pairwise(starts_s)]
    assert min(gaps_s) >= 60
    assert max(gaps_s) <= 120
    assert 900 - 120 <= starts_s[-1] < 900
    assert {len(run.symbols) for run in events[1:]} == {PASS}
    assert {tuple(symbol.value for symbol in run.symbols[:PASS]) for run in events} == {
        tuple(symbol.value for symbol in events[0].symbols[:PASS])
    }


@pytest.mark.parametrize("rate", RATES)
def test_at_most_every_second_run_is_a_repeat_and_all_get_their_turn(rate: int) -> None:
    driver = Driver(rate)
    for digit in "012345":
        driver.order(curtail(f"{digit}FFFF", minutes=60))
    driver.go(6 * PASS / rate + PASS / rate)
    calm = len(driver.runs)
    driver.go(900)
    kinds = [isinstance(run.message, Heartbeat) for run in driver.runs[calm:-1]]
    assert all(one or other for one, other in itertools.pairwise(kinds))
    heard = [run.message.ts for run in driver.of(Curtail)[6:]]
    assert len(set(heard[:6])) == 6


def test_an_end_silences_its_event_and_is_itself_sent_until_the_event_s_end() -> None:
    driver = Driver(4)
    target = driver.order(curtail(minutes=10))
    driver.go(120)
    before = len(driver.runs)
    driver.order(end(target))
    driver.go(800)
    later = driver.runs[before:-1]
    assert isinstance(later[0].message, End)
    assert len(later[0].symbols) == 2 * PASS
    assert not any(isinstance(run.message, Curtail) for run in later if run.whole)
    ends_s = [run.starts_s[0] for run in later if run.whole and isinstance(run.message, End)]
    assert max(b - a for a, b in itertools.pairwise(ends_s)) <= 120
    assert 600 - 120 <= ends_s[-1] < 600
    heartbeats = [run.message for run in later if run.whole and isinstance(run.message, Heartbeat)]
    # Nothing lives any more, so a heartbeat voids what came before it: it heals a lost end.
    assert all(heartbeat.live_events == 0 and heartbeat.void_below == heartbeat.ts for heartbeat in heartbeats)


def test_an_end_for_a_part_of_the_region_leaves_the_event_on_the_air() -> None:
    driver = Driver(4)
    target = driver.order(curtail("12FFF"))
    driver.go(30)
    driver.order(end(target, "123FF"))
    driver.go(300)
    late = [run.message for run in driver.runs if run.whole and run.starts_s[0] > 60]
    assert {type(message) for message in late} == {Heartbeat, Curtail, End}
    assert {message.live_events for message in late if isinstance(message, Heartbeat)} == {1}


def test_a_cancel_of_all_reaches_the_events_within_its_region() -> None:
    driver = Driver(4)
    for region in ("121FF", "122FF", "13FFF"):
        driver.order(curtail(region, minutes=10))
    driver.go(60)
    driver.order(end(ALL_TARGETS, "12FFF", Cancel))
    driver.go(300)
    late = [run.message for run in driver.runs if run.whole and run.starts_s[0] > 62]
    assert {str(message.region) for message in late if isinstance(message, Curtail)} == {"13FFF"}
    assert any(isinstance(message, Cancel) for message in late[2:])


def test_a_cancel_of_all_is_repeated_no_longer_than_the_events_that_it_reaches() -> None:
    driver = Driver(4)
    driver.order(curtail("121FF", minutes=5))
    driver.order(curtail("13FFF", minutes=60))
    driver.go(60)
    driver.order(end(ALL_TARGETS, "12FFF", Cancel))
    driver.go(600)
    cancels_s = [run.starts_s[0] for run in driver.of(Cancel)]
    assert 300 - 120 <= cancels_s[-1] < 300


def test_a_new_tier_overtakes_the_old_one_of_its_region() -> None:
    driver = Driver(4)
    driver.order(tier(1, "FFFFF"))
    driver.order(tier(2, "12FFF"))
    driver.go(30)
    driver.order(tier(3, "1FFFF"))
    driver.go(300)
    late = {message.level for message in driver.messages()[-12:] if isinstance(message, TierNow)}
    assert late == {1, 3}


def test_an_interrupted_repeat_is_sent_as_a_new_run() -> None:
    driver = Driver(4)
    driver.order(curtail())
    driver.go(60)
    calm = len(driver.runs)
    while len(driver.runs) == calm:
        driver.go(0.25)
    driver.go(2.5)
    driver.order(halt)
    driver.go(60)
    cut, urgent, heartbeat, again = driver.runs[calm : calm + 4]
    assert len(cut.symbols) == 11
    assert [symbol.value for symbol in cut.symbols] == [symbol.value for symbol in again.symbols[: len(cut.symbols)]]
    assert isinstance(urgent.message, Halt)
    assert isinstance(heartbeat.message, Heartbeat)
    assert isinstance(again.message, Curtail)
    assert again.starts_s[0] - cut.starts_s[-1] <= 2 * PASS / 4 + 15 + 0.25
    assert cut.symbols[0].tag != again.symbols[0].tag


def test_time_stamps_rise_within_a_tick_and_stop_30_ticks_ahead() -> None:
    carousel = Carousel(operator_key())
    stamps = [carousel.order(halt, CLOCK).ts for _ in range(31)]
    assert stamps == list(range(tick_of(CLOCK), tick_of(CLOCK) + 31))
    with pytest.raises(TrustError, match="more than 300 s ahead"):
        carousel.order(halt, CLOCK)
    assert carousel.order(halt, CLOCK + timedelta(seconds=10)).ts == tick_of(CLOCK) + 31


def test_the_time_stamp_that_means_all_events_is_passed_over() -> None:
    moment = moment_of(0xFFFFFF)
    assert operator_key().next_ts(moment) == 0x1000000


def test_a_heartbeat_that_would_be_too_far_ahead_leaves_its_slots_empty() -> None:
    key = operator_key()
    key.last_ts = tick_of(CLOCK) + 30
    driver = Driver(4, carousel=Carousel(key)).go(20)
    assert driver.silent_s == [slot / 4 for slot in range(40)]
    assert driver.runs[0].message.ts == tick_of(CLOCK) + 31


@pytest.mark.parametrize(
    ("roles", "scope", "said"),
    [
        (ALL_ROLES & ~Role.HALT, "FFFFF", r"halt needs the role 'halt'; key 1 has: heartbeat, .*"),
        (ALL_ROLES, "12FFF", "region 13FFF is outside key 1's scope; allowed: within 12FFF"),
    ],
)
def test_what_the_certificate_does_not_allow_is_not_sent(roles: Role, scope: str, said: str) -> None:
    carousel = Carousel(operator_key(certificate(roles=roles, scope=Region.parse(scope))))
    with pytest.raises(TrustError, match=said):
        carousel.order(halt, CLOCK)
    assert carousel.announcement.urgent == 0


def test_a_key_without_heartbeats_or_out_of_its_time_is_refused() -> None:
    with pytest.raises(TrustError, match="heartbeat needs the role 'heartbeat'"):
        Carousel(operator_key(certificate(roles=ALL_ROLES & ~Role.HEARTBEAT)))
    early = Carousel(operator_key(certificate(not_before=CLOCK + timedelta(days=1))))
    with pytest.raises(TrustError, match="outside key 1's validity; allowed: 2026-12-02T17"):
        early.next_symbol(CLOCK)


def _tag_gaps_s(runs: Sequence[Run]) -> list[float]:
    """From a tag's last group to the first of its next run."""
    last_s: dict[int, float] = {}
    gaps_s = []
    for run in runs:
        tag = run.symbols[0].tag
        if tag in last_s:
            gaps_s.append(run.starts_s[0] - last_s[tag])
        last_s[tag] = run.starts_s[-1]
    return gaps_s


MOMENTS = st.lists(st.integers(0, 120 * 4), max_size=12).map(sorted)


@settings(max_examples=60, deadline=None)
@given(rate=st.sampled_from(RATES), moments=MOMENTS)
def test_tags_come_back_after_15_s_and_at_the_usual_rates_no_slot_is_lost(rate: int, moments: list[int]) -> None:
    driver = Driver(rate)
    for moment in moments:
        driver.go(max(0.0, moment / 4 - driver.slot / rate))
        driver.order(halt)
    driver.go(60)
    assert not driver.silent_s
    assert min(_tag_gaps_s(driver.runs), default=15) >= TAG_PAUSE.total_seconds()


@settings(max_examples=30, deadline=None)
@given(rate=st.floats(0.5, 11.4), moments=MOMENTS)
def test_no_caller_is_so_fast_that_a_tag_comes_back_early_or_a_run_is_mixed(rate: float, moments: list[int]) -> None:
    driver = Driver(rate)
    for moment in moments:
        driver.go(max(0.0, moment / 4 - driver.slot / rate))
        driver.order(halt)
    driver.go(60)
    assert min(_tag_gaps_s(driver.runs), default=15) >= TAG_PAUSE.total_seconds() - 1e-5
    for run in driver.runs:
        assert [symbol.esi for symbol in run.symbols] == [slot % PASS for slot in range(len(run.symbols))]
