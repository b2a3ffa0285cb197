"""Bulletins off the air, from groups to what is held: a late clock, keys that come and go, junk between envelopes."""

import random
from collections.abc import Iterable
from typing import Final

from rds.oda.bulletin import crc16
from rds.oda.region import Region
from receiver.bulletin_verdict import BulletinVerdict
from receiver.charger_control import Change, ChargerSetup
from receiver.controller import Controller
from receiver.intake import Intake
from receiver.keyring import LAPSE_MS, Keyring
from receiver.received_group import ReceivedGroup
from receiver.store import Store
from receiver.verification_budget import VERIFICATIONS_PER_GROUP, VERIFICATIONS_PER_S
from receiver.verify import Rejection, Verdict
from tests.receiver.broadcast import (
    OWN,
    STRANGER,
    T0_MS,
    TS,
    Broadcast,
    certificate,
    curtail,
    heartbeat,
    settings,
    signed,
)
from tests.receiver.bulletins import (
    TODAY,
    bulletin,
    certificates,
    notice,
    planned,
    prices,
    rooted,
    table,
    tell,
    tiers,
)
from tests.receiver.installation import ROOT as ROOT_KEY

HOUR: Final = 3_600_000
SORTS: Final = (tiers(), prices(), planned(), table(), notice())


def intake(ring: Keyring | None = None, *, start_ms: int | None = T0_MS) -> Intake:
    return Intake(ring or rooted(), [OWN], settings=settings(), start_ms=start_ms)


def hear(one: Intake, groups: Iterable[ReceivedGroup]) -> list[Verdict | BulletinVerdict]:
    return [verdict for group in groups for verdict in one.feed(group)]


def words(verdict: Verdict | BulletinVerdict) -> list[str]:
    """The word on a message, on a whole bulletin, or on each of its records."""
    if isinstance(verdict, BulletinVerdict) and verdict.rejection is None:
        return [one.rejection.word if one.rejection else "accepted" for one in verdict.records]
    return [verdict.rejection.word if verdict.rejection else "accepted"]


def test_a_bulletin_is_taken_once_it_is_whole_and_told_again_at_each_pass() -> None:
    one, envelopes = intake(), bulletin(*SORTS)
    told = hear(one, tell(tell(Broadcast(), envelopes), envelopes).groups)
    assert [words(verdict) for verdict in told] == [["accepted"] * 5, ["repeat"] * 5]
    assert isinstance(told[0], BulletinVerdict)
    assert told[0].heard.envelopes == envelopes
    assert [one.record for one in told[0].records] == list(SORTS)
    assert [event.message.ts for event in one.ledger.events] == [TS + 2]
    assert one.counts == {None: 5, Rejection.REPEAT: 5}
    # Known by then: one signature was verified in all.
    assert one.ledger.holdings.tier_schedules[0].record == tiers()


def test_lost_and_late_envelopes_come_with_the_next_pass() -> None:
    one, envelopes = intake(), bulletin(*SORTS)
    broadcast = tell(Broadcast(), envelopes[:1])
    tell(broadcast.silence(120), envelopes[2:])
    assert hear(one, broadcast.groups) == []
    later = tell(Broadcast().until(400), envelopes[1:2])
    assert [words(verdict) for verdict in hear(one, later.groups)] == [["accepted"] * 5]


def test_two_bulletins_in_turn_keep_apart() -> None:
    one, first, second = intake(), bulletin(tiers(), prices()), bulletin(table(), prices(day=TODAY + 1), ts=TS + 5)
    mixed = Broadcast()
    for pair in zip(first, second, strict=True):
        tell(mixed, pair)
    assert [words(verdict) for verdict in hear(one, mixed.groups)] == [["accepted"] * 2] * 2


def test_a_bulletin_waits_for_the_first_heartbeat() -> None:
    one = intake(start_ms=None)
    broadcast = tell(Broadcast(), bulletin(tiers(), planned()))
    tell(broadcast, bulletin(tiers(), planned()))
    broadcast.say(heartbeat(TS + 5))
    told = hear(one, broadcast.groups)
    assert [words(verdict) for verdict in told] == [["waiting"], ["waiting"], ["accepted"], ["accepted"] * 2]


def test_one_from_the_future_is_refused_by_a_trusted_clock() -> None:
    one = intake()
    told = hear(one, tell(Broadcast(), bulletin(tiers(day=TODAY + 1), ts=TS + 100)).groups)
    assert [words(verdict) for verdict in told] == [["future"]]


def test_of_other_regions_the_clock_learns_nothing() -> None:
    one = intake(start_ms=None)
    told = hear(one, tell(Broadcast(), bulletin(tiers(region="13FFF"), table(region="13FFF"))).groups)
    assert [words(verdict) for verdict in told] == [["other region"] * 2]
    assert one.clock.now_ms(0) is None


def test_nothing_is_planned_while_the_time_is_provisional() -> None:
    """A key dates itself two days ahead: what runs at once holds on its time, what is planned does not."""
    ahead = TS + 2 * 8640
    one = intake(start_ms=None)
    broadcast = Broadcast().say(heartbeat(TS), heartbeat(ahead))
    tell(broadcast, bulletin(tiers(day=TODAY + 2), planned(), planned(start=0), ts=ahead + 3))
    told = hear(one, broadcast.groups)
    assert words(told[-1]) == ["unsure clock", "unsure clock", "accepted"]


def test_a_certificate_off_the_air_makes_a_key_count() -> None:
    one = intake(start_ms=None)
    broadcast = Broadcast().send(signed(heartbeat(TS, key=2), STRANGER)).silence(15)
    tell(broadcast, certificates(certificate(STRANGER, key=2), certificate(epoch=0, key=3)))
    broadcast.send(signed(heartbeat(TS + 1, key=2), STRANGER))
    told = hear(one, broadcast.groups)
    assert [words(verdict) for verdict in told] == [["unknown key"], ["accepted", "accepted"], ["accepted"]]


def test_certificates_signed_by_an_operator_and_schedules_signed_by_a_root_do_not_count() -> None:
    one = intake()
    broadcast = tell(Broadcast(), bulletin(certificate(STRANGER, key=2), tiers()))
    tell(broadcast, certificates(certificate(STRANGER, key=2), certificate(epoch=0)))
    told = hear(one, broadcast.groups)
    assert [words(verdict) for verdict in told] == [["role missing", "accepted"], ["accepted", "accepted"]]
    mixed = bulletin(tiers(stagger=1), certificate(STRANGER, key=4), key=14, private_key=ROOT_KEY, ts=TS + 9)
    assert [words(verdict) for verdict in hear(one, tell(Broadcast().until(200), mixed).groups)] == [
        ["role missing", "accepted"]
    ]


def controller(store: Store, ring: Keyring | None = None, *, start_ms: int | None = T0_MS) -> Controller:
    regions = [Region.parse_code("12345")]
    return Controller(ring or rooted(), regions, chargers=[ChargerSetup(settings())], store=store, start_ms=start_ms)


def told(one: Controller, groups: Iterable[ReceivedGroup]) -> list[Verdict | BulletinVerdict | Change]:
    return [said for group in groups for said in one.feed(group)]


def test_a_revoked_key_is_silent_at_once_and_loses_its_events_ten_minutes_later() -> None:
    """The thief's halt runs; the next epoch is heard; ten minutes on the charger returns at its own draw."""
    epoch = certificates(certificate(STRANGER, key=2, epoch=1), ts=5)
    broadcast = Broadcast().say(heartbeat(TS), curtail(ts=TS + 1))
    tell(broadcast, epoch)
    revoked_s = broadcast.groups[-1].end_s
    broadcast.say(curtail(6, ts=TS + 8))
    with Store(None) as store:
        one = controller(store)
        found = told(one, broadcast.groups)
        assert [words(said) for said in found if not isinstance(said, Change)] == [
            ["accepted"],
            ["accepted"],
            ["accepted"],
            ["unknown key"],
        ]
        assert one.intake.ledger.events[0].ended_ms is None
        assert one.intake.keyring.lapse_at_ms is not None
        assert abs(one.intake.keyring.lapse_at_ms - 1000 * revoked_s - LAPSE_MS) < 15_000
        one.pass_time(one.intake.keyring.lapse_at_ms)
        [event] = one.intake.ledger.events
        assert event.ended_ms == T0_MS + one.at_ms
        # A restart knows the key no more, and its event only to release it.
        again = controller(store, start_ms=event.ended_ms)
        assert again.intake.ledger.events == (event,)
        assert again.intake.keyring.certificates(1) == []
        assert len(again.intake.keyring.certificates(2)) == 1


def test_within_the_ten_minutes_a_restart_keeps_the_event() -> None:
    broadcast = tell(Broadcast().say(heartbeat(TS), curtail(ts=TS + 1)), certificates(certificate(STRANGER, epoch=1)))
    with Store(None) as store:
        told(controller(store), broadcast.groups)
        again = controller(store, start_ms=T0_MS + 60_000)
        assert [change.decision.limit_ma for change in again.start()] == [16_000]
        # The second bulletin of the epoch certifies the key again: nothing was lost.
        told(again, tell(Broadcast(), certificates(certificate(epoch=1, key=3), ts=TS + 1)).groups)
        assert again.intake.keyring.lapse_at_ms is None


def test_a_stolen_key_that_dated_itself_ahead_loses_the_clock() -> None:
    """Twenty hours ahead, by steps that no leap rule sees; revoked, and the time is the other key's again."""
    ring = rooted(certificate(), certificate(STRANGER, key=2))
    broadcast = Broadcast().say(heartbeat(TS)).send(signed(heartbeat(TS + 7200, key=2), STRANGER)).silence(15)
    tell(broadcast, certificates(certificate(epoch=1)))
    with Store(None) as store:
        one = controller(store, ring, start_ms=None)
        told(one, broadcast.groups)
        ahead_ms = one.now_ms
        assert ahead_ms is not None
        assert ahead_ms > T0_MS + 19 * HOUR
        assert one.intake.keyring.lapse_at_ms is not None
        one.pass_time(one.intake.keyring.lapse_at_ms)
        assert one.now_ms is not None
        assert abs(one.now_ms - T0_MS - one.at_ms) < 5_000
        # It is forgotten by the store too, whose bound was the thief's.
        again = controller(store, ring, start_ms=None)
        assert again.now_ms is not None
        assert again.now_ms < T0_MS + HOUR


def test_a_bound_that_was_the_thiefs_word_goes_with_him_after_a_restart() -> None:
    ring = rooted(certificate(), certificate(STRANGER, key=2))
    with Store(None) as store:
        told(
            controller(store, ring, start_ms=None),
            Broadcast().say(heartbeat(TS)).send(signed(heartbeat(TS + 7200, key=2), STRANGER)).groups,
        )
        again = controller(store, ring, start_ms=None)
        assert again.now_ms is None or again.now_ms >= T0_MS
        broadcast = tell(Broadcast(), certificates(certificate(epoch=1))).say(heartbeat(TS + 12))
        told(again, broadcast.groups)
        assert again.intake.keyring.lapse_at_ms is not None
        again.pass_time(again.intake.keyring.lapse_at_ms)
        assert again.now_ms is not None
        assert again.now_ms < T0_MS + HOUR


def test_certificates_are_kept_though_the_time_is_unknown() -> None:
    with Store(None) as store:
        told(controller(store, start_ms=None), tell(Broadcast(), certificates(certificate(STRANGER, key=2))).groups)
        assert len(controller(store).intake.keyring.certificates(2)) == 1


def test_an_injector_who_owns_a_third_of_the_groups_delays_and_no_more() -> None:
    """He sends bulletins' envelopes with good CRCs under the schedule's own name."""
    chance = random.Random(4711)
    envelopes = bulletin(*SORTS)
    broadcast = Broadcast()
    for _ in range(4):
        for number, envelope in enumerate(envelopes):
            broadcast.send(envelope)
            index = chance.randrange(len(envelopes))
            junk = bytes([*envelopes[index][:3], *chance.randbytes(70)])
            broadcast.send(junk + crc16(junk).to_bytes(2, "big"), esis=range(20), tag=3 - number % 2).silence(13)
    one = intake()
    at_s: list[float] = []
    verified = 0
    found: list[Verdict | BulletinVerdict] = []
    for group in broadcast.groups:
        before = verified
        found += one.feed(group)
        verified = one.tracker_counts["verifications"]
        assert verified - before <= VERIFICATIONS_PER_GROUP
        at_s += [group.end_s] * (verified - before)
        assert sum(group.end_s - moment < 1 for moment in at_s) <= VERIFICATIONS_PER_S
    assert words(found[0]) == ["accepted"] * 5
    assert {word for verdict in found[1:] for word in words(verdict)} <= {"repeat"}
