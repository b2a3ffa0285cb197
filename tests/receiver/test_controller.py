"""From groups to the limit: what must be shown of regions, refusals, releases and time, at the level of groups."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from rds.oda.draw import draw
from rds.oda.messages.tier_now import TierNow
from rds.oda.region import EVERYONE, Region
from rds.oda.signature import Domain
from receiver.bulletin_verdict import BulletinVerdict
from receiver.charger_control import Change, ChargerSetup
from receiver.controller import Controller
from receiver.holdings import Holdings
from receiver.keyring import Keyring
from receiver.local_state import LocalState
from receiver.policy import Decision, decide
from receiver.power import PowerReturn
from receiver.settings import Profile, Settings
from receiver.store import Store
from receiver.verify import Rejection, Verdict
from tests.receiver.broadcast import (
    DEVICE_ID,
    DOMAIN,
    STRANGER,
    T0_MS,
    TS,
    Broadcast,
    cancel,
    certificate,
    curtail,
    end,
    halt,
    heartbeat,
    keyring,
    settings,
    signed,
)

R_MS = 3_282_512
"""draw(R) E96C5024 of 60 min, the worked example's."""
HOUR = 3_600_000
Told = list[Verdict | BulletinVerdict | Change]


def chain(
    store: Store,
    *,
    region: str = "12345",
    ring: Keyring | None = None,
    start_ms: int | None = T0_MS,
    local: Settings | None = None,
) -> Controller:
    """A receiver whose stream begins at T0, by a start time that it trusts."""
    return Controller(
        ring or keyring(),
        [Region.parse_code(region)],
        chargers=[ChargerSetup(local or settings())],
        store=store,
        start_ms=start_ms,
    )


def hear(controller: Controller, broadcast: Broadcast) -> Told:
    told: Told = [*controller.start()]
    for group in broadcast.groups:
        told += controller.feed(group)
    return told


def reasons(told: Iterable[Verdict | BulletinVerdict | Change]) -> list[Rejection | None]:
    return [one.rejection for one in told if isinstance(one, Verdict)]


def limits(told: Iterable[Verdict | BulletinVerdict | Change]) -> list[int]:
    return [one.decision.limit_ma for one in told if isinstance(one, Change)]


def moments_ms(told: Iterable[Verdict | BulletinVerdict | Change]) -> list[int | None]:
    return [one.now_ms for one in told if isinstance(one, Change)]


@pytest.mark.parametrize(("region", "expected"), [("12345", [32_000, 16_000]), ("13000", [32_000])])
def test_a_curtailment_of_12fff_moves_12345_and_leaves_13000_alone(region: str, expected: list[int]) -> None:
    with Store(None) as store:
        controller = chain(store, region=region)
        told = hear(controller, Broadcast().say(heartbeat(), curtail(ts=TS + 1)))
        assert limits(told) == expected
        if region == "13000":
            assert reasons(told) == [None, Rejection.OTHER_REGION]
            assert list(controller.finish()) == []


def test_the_release_is_drawn_in_its_window_and_every_timer_is_obeyed_at_its_own_moment() -> None:
    with Store(None) as store:
        controller = chain(store)
        told = hear(controller, Broadcast().say(curtail()))
        rest = list(controller.finish())
    assert limits([*told, *rest]) == [32_000, 16_000, 32_000]
    assert rest[0].now_ms == T0_MS + HOUR + R_MS
    assert rest[0].at_ms == HOUR + R_MS
    assert rest[0].decision.reason == "no limit from the network; the signal is lost since 17:05 UTC"


def test_chargers_return_all_over_the_window() -> None:
    back = []
    for number in range(24):
        with Store(None) as store:
            controller = chain(store, local=settings(device_id=bytes([number] * 16)))
            hear(controller, Broadcast().say(curtail()))
            [change] = controller.finish()
            assert change.now_ms is not None
            back.append(change.now_ms - T0_MS - HOUR)
    assert all(0 <= ms < HOUR for ms in back)
    assert min(back) < HOUR / 4
    assert max(back) > HOUR * 3 / 4
    assert len(set(back)) == len(back)


def test_a_timer_between_two_groups_is_obeyed_between_them() -> None:
    with Store(None) as store:
        broadcast = Broadcast().say(curtail(duration=1, release=2))
        told = hear(chain(store), broadcast.until(300).words((0x1234, 0x0400, 0, 0)))
    assert limits(told) == [32_000, 16_000, 32_000]
    assert moments_ms(told)[-1] == T0_MS + 60_000 + (0xE96C5024 * 60_000 >> 32)


def test_end_and_cancel_release_from_their_receipt() -> None:
    for message in (end(TS, ts=TS + 2, release=2), cancel(TS, ts=TS + 2, release=2)):
        with Store(None) as store:
            controller = chain(store)
            broadcast = Broadcast().say(curtail(), message)
            told = hear(controller, broadcast)
            ended = [one.now_ms for one in told if isinstance(one, Change)][-1]
            rest = list(controller.finish())
        # Told twice: curtailed until then; and, when the end was heard, until sooner.
        assert limits(told) == [32_000, 16_000, 16_000]
        assert rest[0].now_ms == (ended or 0) + (0xE96C5024 * 60_000 >> 32)


def test_what_is_refused_is_counted_visible_and_without_effect() -> None:
    south = certificate(STRANGER, key=2, scope=Region.parse("13FFF"))
    broadcast = Broadcast().say(heartbeat(TS + 1), curtail(20, ts=TS + 2))
    for envelope in (
        signed(heartbeat(TS + 1)),
        signed(halt(ts=TS + 3, key=2), STRANGER),
        signed(halt(ts=TS + 3), domain=Domain(DOMAIN.aid, 8)),
        signed(halt(ts=TS + 3), domain=Domain(0xC0DF, DOMAIN.network)),
        signed(halt(ts=TS + 3), STRANGER),
        signed(halt(ts=TS + 3, key=5)),
        signed(halt(ts=TS - 400)),
        signed(halt(ts=TS + 300)),
        signed(halt(ts=TS + 2)),
        signed(curtail(20, ts=TS + 2)),
    ):
        broadcast.send(envelope).silence(15)
    with Store(None) as store:
        controller = chain(store, ring=keyring(certificate(), south))
        told = hear(controller, broadcast)
    assert reasons(told) == [
        None,
        None,
        Rejection.REPLAY,
        Rejection.OUT_OF_SCOPE,
        Rejection.BAD_SIGNATURE,
        Rejection.BAD_SIGNATURE,
        Rejection.BAD_SIGNATURE,
        Rejection.UNKNOWN_KEY,
        Rejection.EXPIRED,
        Rejection.FUTURE,
        Rejection.KEY_ALARM,
        Rejection.REPEAT,
    ]
    assert controller.intake.counts[Rejection.BAD_SIGNATURE] == 3
    assert controller.intake.counts[None] == 2
    assert limits(told) == [32_000, 20_000]
    forged = [one for one in told if isinstance(one, Verdict)][4]
    assert forged.message == halt(ts=TS + 3)
    assert forged.candidate.sample_index > 0


def test_another_application_is_not_even_listened_to() -> None:
    with Store(None) as store:
        controller = chain(store)
        assert limits(hear(controller, Broadcast(aid=0xC0DF).say(halt()))) == [32_000]
        assert not controller.intake.counts


def test_cold_events_wait_for_a_heartbeat_and_then_act() -> None:
    with Store(None) as store:
        told = hear(chain(store, start_ms=None), Broadcast().say(curtail(), heartbeat(TS + 3)))
    assert reasons(told) == [Rejection.WAITING, None, None]
    assert limits(told) == [32_000, 16_000]
    assert moments_ms(told)[0] is None


def test_a_replayed_heartbeat_does_not_warm_a_cold_receiver() -> None:
    with Store(None) as store:
        hear(chain(store), Broadcast().say(heartbeat(TS)))
        told = hear(chain(store, start_ms=None), Broadcast().say(heartbeat(TS), curtail(ts=TS + 1)))
    assert reasons(told) == [Rejection.REPLAY, Rejection.WAITING]
    assert limits(told) == [32_000]


def test_without_a_clock_the_heartbeats_carry_the_event_to_its_end() -> None:
    with Store(None) as store:
        controller = chain(store, start_ms=None)
        broadcast = Broadcast().say(heartbeat(TS - 1), curtail(duration=2, release=2))
        told = hear(controller, broadcast)
        assert limits(told) == [32_000, 16_000]
        # Two minutes and a release later by the head-end's clock.
        told = [one for group in Broadcast().until(60).say(heartbeat(TS + 60)).groups for one in controller.feed(group)]
    assert limits(told) == [32_000]


def test_signal_lost_the_event_runs_to_its_own_end() -> None:
    with Store(None) as store:
        controller = chain(store, start_ms=None)
        hear(controller, Broadcast().say(heartbeat(TS - 1), curtail()))
        [change] = controller.finish()
    assert change.now_ms == T0_MS + HOUR + R_MS


def test_the_release_is_the_same_after_a_restart_in_between() -> None:
    with Store(None) as store:
        hear(chain(store), Broadcast().say(curtail()))
        later_ms = T0_MS + HOUR // 2
        restarted = chain(store, start_ms=later_ms)
        first = restarted.start()
        assert limits(first) == [16_000]
        assert first[0].decision.until_ms == T0_MS + HOUR + R_MS
        [change] = restarted.finish()
    assert change.now_ms == T0_MS + HOUR + R_MS
    assert change.at_ms == HOUR // 2 + R_MS


def test_after_a_restart_without_a_clock_what_was_held_holds_at_once() -> None:
    with Store(None) as store:
        hear(chain(store), Broadcast().say(curtail()))
        restarted = chain(store, start_ms=None)
        assert limits(restarted.start()) == [16_000]
        [change] = restarted.finish()
    assert change.now_ms == T0_MS + HOUR + R_MS


def test_after_its_release_an_event_is_not_taken_again_by_a_restarted_receiver() -> None:
    with Store(None) as store:
        controller = chain(store)
        hear(controller, Broadcast().say(curtail()))
        list(controller.finish())
        told = hear(chain(store, start_ms=None), Broadcast().say(heartbeat(TS + 1), curtail()))
    assert limits(told) == [32_000]
    assert Rejection.EXPIRED in reasons(told)


def test_a_heartbeat_alone_is_written_every_30_min_and_an_event_at_once() -> None:
    class Counted(Store):
        saves = 0

        def save(self, *arguments: object) -> None:
            self.saves += 1
            super().save(*arguments)  # type: ignore[arg-type]  # handed through

    with Counted(None) as store:
        controller = chain(store)
        hear(controller, Broadcast().say(*(heartbeat(TS + 3 * number, horizon=2) for number in range(20))))
        assert store.saves == 1
        for group in Broadcast().until(400).say(curtail(ts=TS + 60)).groups:
            controller.feed(group)
        assert store.saves == 2
        for group in Broadcast().until(2300).say(heartbeat(TS + 230)).groups:
            controller.feed(group)
        assert store.saves == 3


def test_no_key_shows_messages_and_does_nothing() -> None:
    with Store(None) as store:
        told = hear(chain(store, ring=Keyring(DOMAIN)), Broadcast().say(halt()))
    verdicts = [one for one in told if isinstance(one, Verdict)]
    assert [(one.rejection, one.message) for one in verdicts] == [(Rejection.NO_KEY, halt())]
    assert limits(told) == [32_000]


def test_a_start_time_that_was_wrong_once_does_not_deafen_the_receiver_for_ever(tmp_path: Path) -> None:
    with Store(tmp_path / "state") as store:
        year_ms = 365 * 24 * HOUR
        told = hear(chain(store, start_ms=T0_MS + year_ms), Broadcast().say(heartbeat(), curtail(ts=TS + 1)))
        assert reasons(told) == [Rejection.STALE, Rejection.EXPIRED]
        again = hear(chain(store, start_ms=T0_MS + 60_000), Broadcast().say(heartbeat(TS + 6), curtail(ts=TS + 7)))
    assert reasons(again) == [None, None]
    assert limits(again) == [32_000, 16_000]


def test_an_event_ends_although_the_power_fails_every_ten_minutes_and_nothing_more_is_heard(tmp_path: Path) -> None:
    with Store(tmp_path / "state") as store:
        broadcast = Broadcast().say(heartbeat(), curtail(ts=TS + 1, duration=20, release=5))
        assert limits(hear(chain(store, start_ms=None), broadcast))[-1] == 16_000
    seen = []
    for _ in range(6):
        with Store(tmp_path / "state") as store:
            controller = chain(store, start_ms=None)
            told = controller.start()
            for second in range(600):
                told += controller.pass_time(1000 * second)
            seen.append(limits(told)[-1])
    # Each start loses less than five minutes; 20 min and a return within 10 are over in the sixth at the latest.
    assert seen[0] == 16_000
    assert seen[-1] == 32_000


def test_one_time_stamp_far_ahead_voids_nothing_for_good() -> None:
    with Store(None) as store:
        controller = chain(store, start_ms=None)
        ended, held = curtail(10, ts=TS + 1), curtail(ts=TS + 2)
        broadcast = Broadcast().say(heartbeat(), ended, held, cancel(TS + 1, ts=TS + 4, release=1))
        broadcast.say(heartbeat(TS + 200 * 8640))
        for minute in range(3, 14):
            broadcast.until(60 * minute).say(heartbeat(TS + 6 * minute))
        told = hear(controller, broadcast.until(900).say(curtail(12, ts=TS + 90), ended))
    # Away while the time says so, back when it is found wrong; then events count again, and the cancelled one does not.
    assert limits(told) == [32_000, 10_000, 10_000, 16_000, 32_000, 16_000, 12_000]
    assert reasons(told)[-2:] == [None, Rejection.VOID]


def test_after_a_power_cut_a_charger_waits_its_turn_the_same_one_after_a_restart(tmp_path: Path) -> None:
    turns = []
    for _ in range(2):
        with Store(tmp_path / "state") as store:
            controller = Controller(
                keyring(),
                [Region.parse_code("12345")],
                chargers=[ChargerSetup(settings())],
                store=store,
                power=PowerReturn(ago_ms=0, known_ms=None),
            )
            [waiting] = controller.start()
            assert (waiting.decision.limit_ma, waiting.now_ms) == (0, None)
            [free] = controller.pass_time(600_000)
            turns.append(free.at_ms)
            assert free.decision.limit_ma == 32_000
    assert turns == [draw("P", DEVICE_ID, key=0, ts=0) * 600_000 >> 32] * 2


def after_a_cut(power: PowerReturn) -> Change:
    """When the charger is free, where the station says the time soon after the power has come back."""
    with Store(None) as store:
        own, setup = [Region.parse_code("12345")], ChargerSetup(settings())
        controller = Controller(keyring(), own, chargers=[setup], store=store, power=power)
        told = [*controller.start(), *hear(controller, Broadcast().say(heartbeat())), *controller.pass_time(7_300_000)]
    return next(one for one in told if isinstance(one, Change) and one.decision.limit_ma)


def test_a_long_cut_is_followed_by_a_long_spread_once_the_time_is_known() -> None:
    known_ms = T0_MS - 3 * 3_600_000
    drawn = draw("P", DEVICE_ID, key=0, ts=known_ms // 10_000)
    assert after_a_cut(PowerReturn(20_000, known_ms)).at_ms == (drawn * 7_200_000 >> 32) - 20_000
    assert after_a_cut(PowerReturn(20_000, T0_MS - 60_000)).at_ms < 600_000


def test_a_turn_that_came_before_the_time_was_known_stays() -> None:
    known_ms = T0_MS - 3 * 3_600_000
    ago_ms = draw("P", DEVICE_ID, key=0, ts=known_ms // 10_000) * 600_000 >> 32
    assert after_a_cut(PowerReturn(ago_ms, known_ms)).at_ms == 0


def test_five_minutes_without_a_heartbeat_the_profile_holds_until_one_is_heard(tmp_path: Path) -> None:
    profile = Profile(((0, 10_000),), unsure_ma=8_000)
    local = settings(profile=profile, release_default_s=60, release_minimum_s=0)
    with Store(tmp_path / "state") as store:
        controller = chain(store, local=local)
        broadcast = Broadcast().say(heartbeat()).until(400).say(heartbeat(TS + 40)).until(500)
        told = hear(controller, broadcast.words((0x1234, 0x0400, 0, 0)))
    heard_ms = next(one.candidate.end_s for one in told if isinstance(one, Verdict)) * 1000
    # Told anew when the heartbeat is heard, for the end is known then.
    assert limits(told) == [32_000, 10_000, 10_000, 32_000]
    assert moments_ms(told)[1] == T0_MS + int(heard_ms) + 300_000
    back_ms = moments_ms(told)[3]
    assert back_ms is not None
    assert 400_000 < back_ms - T0_MS < 480_000
    # With no time at all, the profile's limit for that.
    with Store(None) as store:
        controller = chain(store, start_ms=None, local=local)
        assert limits([*controller.start(), *controller.pass_time(300_000)]) == [32_000, 8_000]


def test_the_day_so_far_outlives_a_power_cut(tmp_path: Path) -> None:
    local = settings(events_a_day=1, release_minimum_s=0)
    with Store(tmp_path / "state") as store:
        controller = chain(store, local=local)
        hear(controller, Broadcast().say(heartbeat(), curtail(ts=TS + 1, duration=1, release=1)))
        list(controller.finish())
    with Store(tmp_path / "state") as store:
        controller = chain(store, start_ms=T0_MS + HOUR, local=local)
        told = hear(controller, Broadcast().say(heartbeat(TS + 360), curtail(ts=TS + 361)))
        assert reasons(told) == [None, None]
        assert limits(told) == [32_000]


def test_a_group_without_news_is_not_decided_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int | None] = []

    def counted(holdings: Holdings, local: Settings, now_ms: int | None, *, state: LocalState) -> Decision:
        calls.append(now_ms)
        return decide(holdings, local, now_ms, state=state)

    monkeypatch.setattr("receiver.charger_control.decide", counted)
    with Store(None) as store:
        controller = chain(store)
        hear(controller, Broadcast().say(heartbeat(), curtail(ts=TS + 1)))
    # At the start, for the heartbeat, for the event, and for the past of the day that it makes.
    assert len(calls) <= 5


def test_after_a_tier_now_each_charger_returns_at_its_own_moment() -> None:
    now = TierNow(1, TS + 1, EVERYONE, dispatch=0x80, level=4, duration=30, release=0)
    back_ms = T0_MS + 10_000 + HOUR // 2
    with Store(None) as store:
        controller = chain(store)
        told = [*hear(controller, Broadcast().say(heartbeat(), now)), *controller.finish()]
    assert limits(told)[1:] == [6_000, 32_000]
    drawn = draw("E", DEVICE_ID, key=1, ts=back_ms // 10_000)
    assert moments_ms(told)[-1] == back_ms + (drawn * HOUR >> 32)
