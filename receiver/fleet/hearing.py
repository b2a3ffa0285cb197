"""Groups in, what a receiver holds from when on out: the receiver's own intake, and a memory of what it held.

All chargers that hear the same share one hearing. A hearing has no charger of its own, so it keeps what an event asked
after it would have been dropped for one: others may still wait for their turn. Milliseconds since 2024-01-01T00:00Z.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

import numpy as np

from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.region import Region
from receiver.clock import datetime_of
from receiver.event_term import HeldEvent, over_ms
from receiver.fleet.daytime import DayTime
from receiver.holdings import Holdings
from receiver.intake import Intake
from receiver.keyring import Keyring
from receiver.local_state import LocalState
from receiver.override import EventIdentity
from receiver.received_group import ReceivedGroup
from receiver.settings import ONLOOKER
from receiver.signal_watch import SignalWatch
from receiver.verify import Verdict

_MINUTE_MS: Final = 60_000
_MINUTES_A_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Heard:
    """What is held from a moment on."""

    from_ms: int
    holdings: Holdings
    state: LocalState


class Hearing:
    """One way of hearing a broadcast.

    Args:
        keyring: Whom to believe.
        regions: The receiver's own codes; none: every region counts.
        start_ms: The time at the stream's first sample, if something trusted says so.
        deaf: When nothing is heard, by the clock of `zone`.
        zone: The owners'.
        lost: The share of the groups that is lost, each for itself.
        seed: Of what is lost.
    """

    def __init__(
        self,
        keyring: Keyring,
        regions: Iterable[Region],
        *,
        start_ms: int | None,
        deaf: Sequence[DayTime],
        zone: tzinfo,
        lost: float,
        seed: np.random.SeedSequence,
    ) -> None:
        self._intake = Intake(keyring, regions, settings=ONLOOKER, start_ms=start_ms)
        self._watch = SignalWatch()
        self._deaf = deaf
        self._zone = zone
        self._lost = lost
        self._rng = np.random.default_rng(seed)
        self._events: dict[EventIdentity, HeldEvent] = {}
        self._at_ms = 0
        self.timeline: list[Heard] = []
        self.first_ms: int | None = None
        """The first time that was known."""

    @property
    def now_ms(self) -> int | None:
        """The time, as far as it is known."""
        return self._intake.clock.now_ms(self._at_ms)

    def feed(self, group: ReceivedGroup) -> None:
        """Hear a group, or lose it."""
        self._pass_time(int(group.end_s * 1000))
        is_lost = self._lost > 0 and self._rng.random() < self._lost
        if is_lost or self._is_deaf():
            return
        verdicts = self._intake.feed(group)
        if any(_is_heartbeat(one) for one in verdicts if isinstance(one, Verdict)):
            self._watch.hear(self._at_ms, self.now_ms)
        if verdicts:
            self._pass_time(self._at_ms)
            self._note()

    def finish(self, until_ms: int) -> None:
        """After the last group the station goes on with heartbeats: minute by minute, to a moment."""
        while (now_ms := self.now_ms) is not None and now_ms < until_ms:
            self._pass_time(self._at_ms + _MINUTE_MS)
            if not self._is_deaf():
                self._watch.hear(self._at_ms, self.now_ms)
            self._note()

    def _pass_time(self, at_ms: int) -> None:
        self._at_ms = at_ms
        if self.first_ms is None:
            self.first_ms = self.now_ms
        if self._intake.expire(at_ms):
            self._note()
        clock = self._intake.clock
        self._watch.pass_time(at_ms, self.now_ms, time_is_sure=not (clock.cold or clock.provisional))

    def _is_deaf(self) -> bool:
        now_ms = self.now_ms
        if now_ms is None or not self._deaf:
            return False
        local = datetime_of(now_ms).astimezone(self._zone)
        return any(one.holds(local.hour * 60 + local.minute) for one in self._deaf)

    def _note(self) -> None:
        """Remember what is held now, if it is other than before."""
        now_ms, clock = self.now_ms, self._intake.clock
        if now_ms is None:
            return
        held = self._intake.ledger.holdings
        over = {
            identity: event
            for identity, event in self._events.items()
            if over_ms(event, ONLOOKER) <= now_ms and now_ms - event.start_ms < _MINUTES_A_DAY * _MINUTE_MS * 2
        }
        self._events = over | {event.identity: event for event in held.events}
        # A heartbeat, a test and a notice limit nobody.
        holdings = replace(held, events=tuple(self._events.values()), heartbeat=None, test=None, notices=())
        state = LocalState(time_is_sure=not (clock.cold or clock.provisional), outage=self._watch.outage)
        if not self.timeline or (self.timeline[-1].holdings, self.timeline[-1].state) != (holdings, state):
            self.timeline.append(Heard(now_ms, holdings, state))


def _is_heartbeat(verdict: Verdict) -> bool:
    return verdict.accepted and isinstance(verdict.message, Heartbeat)
