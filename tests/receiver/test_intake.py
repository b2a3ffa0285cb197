"""Groups to verdicts, for who only looks on: memory is kept clear without a policy beside it."""

from receiver.event_ledger import EVENTS
from receiver.intake import Intake
from receiver.settings import ONLOOKER
from tests.receiver.broadcast import T0_MS, TS, Broadcast, curtail, keyring


def test_a_day_of_events_finds_room() -> None:
    intake = Intake(keyring(), (), settings=ONLOOKER, start_ms=T0_MS)
    broadcast = Broadcast()
    for number in range(EVENTS + 4):
        broadcast.until(300 * number).say(curtail(ts=TS + 30 * number, duration=1, release=1))
    verdicts = [verdict for group in broadcast.groups for verdict in intake.feed(group)]
    assert len(verdicts) == EVENTS + 4
    assert all(verdict.accepted for verdict in verdicts)
    assert len(intake.ledger.events) == 1
