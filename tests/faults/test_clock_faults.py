"""The clock is wrong: set back, set forward, or a key dates itself ahead. What was wrong once does no harm later."""

import ast
from pathlib import Path
from typing import Final

import pytest

import receiver
from rds.oda.messages.tier_now import TierNow
from receiver.bulletin_verdict import BulletinVerdict
from receiver.charger_control import Change, ChargerSetup
from receiver.clock import TICK_MS
from receiver.controller import Controller
from receiver.keyring import LAPSE_MS, Keyring
from receiver.store import Store
from receiver.verify import Rejection, Verdict
from tests.receiver.broadcast import (
    ALL_AT_ONCE,
    OWN,
    STRANGER,
    T0_MS,
    TS,
    Broadcast,
    cancel,
    certificate,
    curtail,
    halt,
    heartbeat,
    keyring,
    settings,
    signed,
)
from tests.receiver.bulletins import certificates, rooted, tell

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
DAY_TICKS: Final = 8640
FAR: Final = TS + 150 * DAY_TICKS
"""Half a year ahead, while the key is valid."""
CLOCK_READERS: Final = {
    "charger_trial.py", "config_check.py", "doctor.py", "doctor_radio.py", "install_cli.py", "recording_cli.py",
}  # fmt: skip
"""Who tries, checks, installs and records: nothing in them sets the receiver's time."""


def chain(store: Store, *, start_ms: int | None, ring: Keyring | None = None) -> Controller:
    return Controller(ring or keyring(), [OWN], chargers=[ChargerSetup(settings())], store=store, start_ms=start_ms)


def hear(controller: Controller, broadcast: Broadcast) -> list[Verdict | BulletinVerdict | Change]:
    told: list[Verdict | BulletinVerdict | Change] = [*controller.start()]
    for group in broadcast.groups:
        told += controller.feed(group)
    return told


def reasons(told: list[Verdict | BulletinVerdict | Change]) -> list[Rejection | None]:
    return [one.rejection for one in told if isinstance(one, Verdict)]


def limits(told: list[Verdict | BulletinVerdict | Change]) -> list[int]:
    return [one.decision.limit_ma for one in told if isinstance(one, Change)]


def tier(level: int, *, ts: int, key: int = 1) -> TierNow:
    return TierNow(key, ts, OWN, dispatch=ALL_AT_ONCE, level=level, duration=0xC1, release=0)


@pytest.mark.parametrize("wrong_ms", [-365 * DAY, -DAY, -HOUR, HOUR, 5 * HOUR, 365 * DAY])
def test_a_start_that_is_trusted_and_wrong_limits_nothing_and_is_forgotten(tmp_path: Path, wrong_ms: int) -> None:
    asked = Broadcast().say(heartbeat(TS), curtail(ts=TS + 1), heartbeat(TS + 3))
    with Store(tmp_path / "state") as store:
        told = hear(chain(store, start_ms=T0_MS + wrong_ms), asked)
        # An hour ahead an event of an hour is over; half an hour of it would be obeyed.
        assert set(limits(told)) == {32_000}
        assert None not in reasons(told)
    with Store(tmp_path / "state") as store:
        told = hear(chain(store, start_ms=T0_MS), asked)
        assert reasons(told) == [None, None, None]
        assert limits(told) == [32_000, 16_000]


def test_a_clock_set_back_in_a_restart_is_not_trusted_and_the_event_ends_when_it_should(tmp_path: Path) -> None:
    with Store(tmp_path / "state") as store:
        hear(chain(store, start_ms=T0_MS), Broadcast().say(heartbeat(TS), curtail(ts=TS + 1)))
    with Store(tmp_path / "state") as store:
        again = chain(store, start_ms=T0_MS - DAY)
        assert not again.intake.clock.trusted
        told = hear(again, Broadcast().say(heartbeat(TS + 30), halt(ts=TS + 31, region="13FFF"), heartbeat(TS + 34)))
        assert reasons(told) == [None, Rejection.OTHER_REGION, None]
        changes = [*[one for one in told if isinstance(one, Change)], *again.finish()]
        assert [one.decision.limit_ma for one in changes] == [16_000, 32_000]
        assert T0_MS + HOUR <= (changes[-1].now_ms or 0) <= T0_MS + 2 * HOUR + TICK_MS


def test_a_clock_set_forward_in_a_restart_ends_an_event_and_the_right_one_takes_it_again(tmp_path: Path) -> None:
    event = curtail(ts=TS + 1)
    with Store(tmp_path / "state") as store:
        hear(chain(store, start_ms=T0_MS), Broadcast().say(heartbeat(TS), event))
    with Store(tmp_path / "state") as store:
        assert limits(hear(chain(store, start_ms=T0_MS + DAY), Broadcast().say(heartbeat(TS + 6))))[-1:] == [32_000]
    with Store(tmp_path / "state") as store:
        told = hear(chain(store, start_ms=T0_MS + 120_000), Broadcast().say(heartbeat(TS + 12), event))
        assert limits(told)[-1] == 16_000


def test_a_step_of_the_systems_clock_while_it_runs_is_not_even_seen() -> None:
    """Time is the stream's own from its start on; how long something was silent, a clock says that never steps."""
    guilty = set()
    for path in Path(receiver.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                name = f"{node.value.id}.{node.attr}"
                if name in {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow"}:
                    guilty.add(path.name)
    assert guilty <= CLOCK_READERS


def test_one_tier_dated_half_a_year_ahead_does_not_stand_above_all_that_follow() -> None:
    controller = chain(Store(None), start_ms=None)
    broadcast = Broadcast().say(heartbeat(TS), tier(4, ts=FAR)).until(700)
    told = hear(controller, broadcast.say(heartbeat(TS + 70), tier(1, ts=TS + 74)))
    assert reasons(told) == [None] * 4
    assert not controller.intake.clock.provisional
    assert controller.intake.ledger.holdings.tier_now is not None
    assert controller.intake.ledger.holdings.tier_now.message.level == 1


def test_an_event_dated_half_a_year_ahead_keeps_no_place() -> None:
    controller = chain(Store(None), start_ms=None)
    told = hear(controller, Broadcast().say(heartbeat(TS), curtail(ts=FAR)).until(700).say(heartbeat(TS + 70)))
    assert limits(told) == [32_000, 16_000, 32_000]
    assert controller.intake.ledger.events == ()


@pytest.mark.parametrize("steps", [1, 200], ids=["at once", "by and by"])
def test_a_stolen_key_that_dates_itself_ahead_voids_no_other_keys_events_once_it_is_revoked(steps: int) -> None:
    """With role 04, and no trusted clock: it cancels what nobody heard until the oldest becomes a floor for all."""
    ring = rooted(certificate(), certificate(STRANGER, key=2))
    controller = chain(Store(None), ring=ring, start_ms=None)
    broadcast = Broadcast().say(heartbeat(TS))
    for number in range(steps):
        ts = TS + (FAR - TS) * (number + 1) // steps
        broadcast.send(signed(heartbeat(ts, key=2), STRANGER)).silence(2)
    for number in range(18):
        broadcast.send(signed(cancel(FAR - 100 - number, ts=FAR + 1 + number, key=2), STRANGER)).silence(2)
    tell(broadcast, certificates(certificate(epoch=1)))
    at_s = broadcast.groups[-1].end_s + LAPSE_MS / 1000 + 60
    ticks = TS + int(at_s / 10)
    told = hear(controller, broadcast.until(at_s).say(heartbeat(ticks), curtail(ts=ticks + 1)))
    assert reasons(told)[-2:] == [None, None]
    assert limits(told)[-1] == 16_000
