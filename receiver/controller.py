"""Received groups in, verdicts and changes of the limit out: the receiver behind the radio, for one charger.

Order is all there is here: time passes to a group's end (and every timer due on the way is obeyed at its own moment),
the group is heard, what it changed is on the disk, and only then is the change told. No thread, no clock.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.region import Region
from receiver.bulletin_verdict import BulletinVerdict
from receiver.chargers.driver import ChargerReading
from receiver.clock import TICK_MS
from receiver.contactor import Contactor
from receiver.event_term import drawn_for
from receiver.holdings import Holdings
from receiver.intake import Intake
from receiver.keyring import Keyring
from receiver.local_calendar import zone_of
from receiver.local_state import LocalState, PastEvent
from receiver.owner_desk import RETRY_MS, OwnerDesk
from receiver.policy import Decision, decide
from receiver.policy_arithmetic import power_return_ms
from receiver.power import HEARTBEATS_KEPT_EVERY_MS, PowerReturn
from receiver.received_group import ReceivedGroup
from receiver.settings import Settings
from receiver.signal_watch import SignalWatch
from receiver.snapshot import Snapshot
from receiver.store import StateUnusableError, Store
from receiver.verify import Verdict

TIME_KEPT_EVERY_MS: Final = 5 * 60_000
"""While an event is held. A receiver that hears nothing and starts again and again would hold it for ever else."""


@dataclass(frozen=True, slots=True)
class Change:
    """A new limit, or a new end of the same limit."""

    decision: Decision
    at_ms: int
    """In the stream."""
    now_ms: int | None
    """The time then, milliseconds since 2024-01-01T00:00Z; None while it is unknown."""
    sample_index: int
    """Of the last group heard."""


class Controller:
    """Groups to changes of one charger's limit.

    Args:
        keyring: Whom to believe.
        regions: The receiver's own codes.
        settings: The charger's.
        store: What was remembered, and where to remember.
        start_ms: The time at the stream's first sample, if something trusted says so.
        power: That the power has come back.
        reading: What the charger says of itself now.
    """

    def __init__(
        self,
        keyring: Keyring,
        regions: Iterable[Region],
        *,
        settings: Settings,
        store: Store,
        start_ms: int | None = None,
        power: PowerReturn | None = None,
        reading: Callable[[], ChargerReading] = ChargerReading,
    ) -> None:
        self._settings = settings
        self._store = store
        self._saved, self._saved_bound_ms = store.load()
        self.intake = Intake(
            keyring,
            regions,
            settings=settings,
            start_ms=start_ms,
            saved=self._saved,
            bound_ms=self._saved_bound_ms,
        )
        self._at_ms = 0
        self._look_at_ms = HEARTBEATS_KEPT_EVERY_MS
        self._sample_index = 0
        self._decision: Decision | None = None
        self._decided: tuple[Holdings, LocalState, int | None] | None = None
        self._watch = SignalWatch()
        self._past = store.past_events()
        self._power = power
        self.desk = OwnerDesk(store, settings, reading=reading)
        # Moments that lie ahead, or in a time that is unknown now, count as this one.
        contactor = self.desk.contactor.shifted(-(self.now_ms or 0))
        # Without power no contactor is closed.
        self._contactor = Contactor(contactor if power is None else replace(contactor, paused=True))
        self._told: Decision | None = None
        self._fault: str | None = None
        self._refused_at_ms = 0

    @property
    def at_ms(self) -> int:
        """How far the stream has come."""
        return self._at_ms

    @property
    def now_ms(self) -> int | None:
        """The time, as far as it is known."""
        return self.intake.clock.now_ms(self._at_ms)

    @property
    def sample_index(self) -> int:
        """Of the last group heard."""
        return self._sample_index

    @property
    def told(self) -> Decision | None:
        """What the charger is told now, the contactor spared."""
        return self._told

    @property
    def fault(self) -> str | None:
        """Why nothing can be remembered now, if so. It is acted on all the same, and written when the disk lets us."""
        return self._fault or self.desk.fault

    def start(self) -> list[Change]:
        """The first decision: what was remembered holds at once."""
        return self.heed_owner()

    def heed_owner(self) -> list[Change]:
        """Obey what was asked at the command line, also while nothing is heard."""
        return list(self._decide())

    def feed(self, group: ReceivedGroup) -> list[Verdict | BulletinVerdict | Change]:
        """What a group led to, in order."""
        changes = self.pass_time(int(group.end_s * 1000))
        self._sample_index = group.sample_index
        verdicts = self.intake.feed(group)
        if any(isinstance(one, Verdict) and one.accepted and isinstance(one.message, Heartbeat) for one in verdicts):
            self._watch.hear(self._at_ms, self.now_ms)
        if verdicts:
            self._save()
        return [*changes, *verdicts, *self._decide()]

    def pass_time(self, at_ms: int) -> list[Change]:
        """Obey the timers up to a moment of the stream."""
        changes: list[Change] = []
        while (due := self._due_at_ms()) is not None and due <= at_ms:
            self._at_ms = due
            changes += self._tick()
        self._at_ms = max(self._at_ms, at_ms)
        if self.intake.ledger.events or self._at_ms >= self._look_at_ms:
            self._look_at_ms = self._at_ms + HEARTBEATS_KEPT_EVERY_MS  # the time counts although nothing is heard
            self._save()
        return changes

    def finish(self) -> Iterator[Change]:
        """After the last group: go on in simulated time until nothing that was broadcast is pending."""
        while self._is_pending() and (due := self._due_at_ms()) is not None:
            yield from self.pass_time(due)

    def _is_pending(self) -> bool:
        return (self._decision is not None and self._decision.pending) or self._contactor.due_ms is not None

    def _due_at_ms(self) -> int | None:
        """When a limit or its reason may change next, or a key lapses."""
        if self._decision is None:
            return None
        moments = [
            self._watch.due_at_ms,
            self.intake.keyring.lapse_at_ms,
            self._contactor.due_ms,
            self._turn_at_ms(),
        ]
        if self._decision.again_ms is not None:
            moments.append(self.intake.clock.at_ms(self._decision.again_ms))
        return min((max(ms, self._at_ms) for ms in moments if ms is not None), default=None)

    def _tick(self) -> Iterator[Change]:
        if self.intake.expire(self._at_ms):
            self._save()
        yield from self._decide()

    def _decide(self) -> Iterator[Change]:
        """The change since the last decision, if there is one."""
        now_ms, holdings = self.now_ms, self.intake.ledger.holdings
        self.desk.heed(holdings.events, now_ms, zone=zone_of(self._settings, holdings))
        clock = self.intake.clock
        is_sure = not (clock.cold or clock.provisional)
        self._watch.pass_time(self._at_ms, now_ms, time_is_sure=is_sure)
        state = LocalState(
            time_is_sure=is_sure,
            outage=self._watch.outage,
            override=self.desk.override,
            past=self._past,
            waits_until_ms=self._waits_until_ms(now_ms),
        )
        if not self._is_decided(holdings, state, now_ms):
            self._decision = decide(holdings, self._settings, now_ms, state=state)
            self._decided = holdings, state, now_ms
            self._keep_past(self._decision.past)
        assert self._decision is not None
        yield from self._tell(self._decision, now_ms)

    def _tell(self, decision: Decision, now_ms: int | None) -> Iterator[Change]:
        """What the contactor makes of a decision, if that is news."""
        contactor = self._contactor.state
        causes = [term.name for term in decision.terms if term.binds]
        before, self._told = self._told, self._contactor.feed(decision, self._at_ms, now_ms=now_ms, causes=causes)
        if self._contactor.state != contactor:
            self.desk.keep_contactor(self._contactor.state.shifted((now_ms or 0) - self._at_ms))
        if before is None or _asks(before) != _asks(self._told):
            self.desk.note(self._told, now_ms)
            yield Change(self._told, self._at_ms, now_ms, self._sample_index)

    def _is_decided(self, holdings: Holdings, state: LocalState, now_ms: int | None) -> bool:
        """Whether the last decision holds still, so that a group without news costs nothing."""
        if self._decided is None or self._decision is None:
            return False
        *known, decided_ms = self._decided
        again_ms = self._decision.again_ms
        if now_ms is None or decided_ms is None:
            return now_ms == decided_ms and known == [holdings, state]
        return decided_ms <= now_ms and (again_ms is None or now_ms < again_ms) and known == [holdings, state]

    def _turn_at_ms(self) -> int | None:
        """When this charger's turn comes after a power cut; the same after every restart.

        How long the cut was is unknown until the time is: then the turn may be put off. One that has come stays.
        """
        if self._power is None:
            return None
        now_ms, ago_ms = self.now_ms, self._power.ago_ms
        known = now_ms is not None and not self.intake.clock.provisional
        outage_ms = self._power.outage_ms(now_ms - self._at_ms - ago_ms) if known and now_ms is not None else 0
        drawn = drawn_for(self._settings, key=0, ts=(self._power.known_ms or 0) // TICK_MS)("P")
        return int(power_return_ms(-ago_ms, drawn, outage_ms)[0])

    def _waits_until_ms(self, now_ms: int | None) -> int | None:
        turn_at_ms = self._turn_at_ms()
        if turn_at_ms is None or turn_at_ms <= self._at_ms:
            self._power = None
            return None
        left_ms = turn_at_ms - self._at_ms
        return left_ms if now_ms is None else now_ms + left_ms

    def _save(self) -> None:
        """Write what changed; heartbeats alone, and the time alone, only now and then."""
        snapshot = self.intake.snapshot()
        bound_ms = self.intake.clock.firm_ms(self._at_ms)
        every_ms = TIME_KEPT_EVERY_MS if self.intake.ledger.events else HEARTBEATS_KEPT_EVERY_MS
        if bound_ms is None or self._saved_bound_ms is None:
            aged = bound_ms is not self._saved_bound_ms
        else:
            aged = abs(bound_ms - self._saved_bound_ms) >= every_ms  # back, where a key that said so has lapsed
        is_news = aged or _must_last(snapshot) != _must_last(self._saved)
        if is_news and self._keep(lambda: self._store.save(snapshot, bound_ms)):
            self._saved, self._saved_bound_ms = snapshot, bound_ms

    def _keep_past(self, past: tuple[PastEvent, ...]) -> None:
        if past != self._past:
            self._past = past
            self._keep(lambda: self._store.keep_past_events(past))

    def _keep(self, write: Callable[[], None]) -> bool:
        """Whether something was written. A disk that refuses is asked again now and then, and stops nothing else."""
        if self._fault is not None and self._at_ms - self._refused_at_ms < RETRY_MS:
            return False
        try:
            write()
        except StateUnusableError as error:
            self._fault, self._refused_at_ms = str(error), self._at_ms
            return False
        self._fault = None
        return True


def _asks(decision: Decision) -> tuple[int, bool, int | None]:
    """What a charger must be told anew when it changes."""
    return decision.limit_ma, decision.restricted, decision.until_ms


def _must_last(snapshot: Snapshot) -> tuple[object, ...]:
    """What must be on the disk before anything acts on it; the rest may lag with the heartbeats that repeat it.

    A horizon is among the rest: after a power cut no event counts before a heartbeat, which says it again.
    """
    last_ts = tuple(one for one in snapshot.last_ts if one[1] != Heartbeat.TYPE)
    return snapshot.messages, snapshot.tombstones, last_ts, snapshot.records, snapshot.certificates
