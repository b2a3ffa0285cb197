"""Received groups in, verdicts and changes of limits out: the receiver behind the radio, for its charger or chargers.

All is heard and verified once, and decided for each (`charger_control`). Order is all there is here: time passes to a
group's end (and every timer due on the way is obeyed at its own moment), the group is heard, what it changed is on the
disk, and only then are the changes told. No thread, no clock.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.region import Region
from receiver.bulletin_verdict import BulletinVerdict
from receiver.charger_control import Change, ChargerControl, ChargerSetup, Situation
from receiver.holdings import Holdings
from receiver.intake import Intake
from receiver.keyring import Keyring
from receiver.owner_journal import RETRY_MS, OwnerJournal
from receiver.power import HEARTBEATS_KEPT_EVERY_MS, PowerReturn
from receiver.received_group import ReceivedGroup
from receiver.signal_watch import SignalWatch
from receiver.snapshot import Snapshot
from receiver.store import StateUnusableError, Store
from receiver.verify import Verdict

TIME_KEPT_EVERY_MS: Final = 5 * 60_000
"""While an event is held. A receiver that hears nothing and starts again and again would hold it for ever else."""
HEED_MS: Final = 1000
"""How long the owner's word and a car that leaves may wait for the groups between which nothing else is new."""


class Controller:
    """Groups to changes of the chargers' limits.

    Args:
        keyring: Whom to believe.
        regions: The receiver's own codes.
        chargers: One or more.
        store: What was remembered, and where to remember.
        start_ms: The time at the stream's first sample, if something trusted says so.
        power: That the power has come back.
    """

    def __init__(
        self,
        keyring: Keyring,
        regions: Iterable[Region],
        *,
        chargers: Sequence[ChargerSetup],
        store: Store,
        start_ms: int | None = None,
        power: PowerReturn | None = None,
    ) -> None:
        self._store = store
        self._saved, self._saved_bound_ms = store.load()
        first, *others = (charger.settings for charger in chargers)
        self.intake = Intake(
            keyring,
            regions,
            settings=first,
            others=others,
            start_ms=start_ms,
            saved=self._saved,
            bound_ms=self._saved_bound_ms,
        )
        self._at_ms = 0
        self._look_at_ms = HEARTBEATS_KEPT_EVERY_MS
        self._sample_index = 0
        self._holdings = Holdings()
        self._decided: Situation | None = None
        self._watch = SignalWatch()
        self._journal = OwnerJournal(store, chargers=len(chargers))
        self.chargers = tuple(
            ChargerControl(one, store, journal=self._journal, now_ms=self.now_ms, power=power) for one in chargers
        )
        """In the order given."""
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
    def fault(self) -> str | None:
        """Why nothing can be remembered now, if so. It is acted on all the same, and written when the disk lets us."""
        return self._fault or self._journal.fault

    @property
    def heartbeat_age_s(self) -> float | None:
        """Since the last verified heartbeat; None: none was heard."""
        heard_ms = self._watch.heartbeat_at_ms
        return None if heard_ms is None else (self._at_ms - heard_ms) / 1000

    @property
    def signal_lost(self) -> bool:
        """Whether there was none for so long that what was heard before, or the local profile, must do."""
        return self._watch.lost

    def start(self) -> list[Change]:
        """The first decision: what was remembered holds at once."""
        return self.heed_owner()

    def heed_owner(self) -> list[Change]:
        """Obey what was asked at the command line, also while nothing is heard."""
        return self._decide()

    def keep_status(self, status_of: Callable[[ChargerControl], dict[str, object]], chargers: Sequence[str]) -> None:
        """Keep how things stand with some chargers, for their owners."""
        with self._journal.together(self.now_ms):
            for control in self.chargers:
                if control.setup.name in chargers:
                    control.desk.keep_status(status_of(control), self.now_ms)

    def feed(self, group: ReceivedGroup, *, station: int = 0) -> list[Verdict | BulletinVerdict | Change]:
        """What a group led to, in order. `station` says whose it is, by any number."""
        changes = self.pass_time(int(group.end_s * 1000))
        self._sample_index = group.sample_index
        verdicts = self.intake.feed(group, station=station)
        if any(isinstance(one, Verdict) and one.accepted and isinstance(one.message, Heartbeat) for one in verdicts):
            self._watch.hear(self._at_ms, self.now_ms)
        if verdicts:
            self._save()
        return [*changes, *verdicts, *self._decide(if_news=True)]

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
        return any(charger.is_pending for charger in self.chargers)

    def _due_at_ms(self) -> int | None:
        """When a limit or its reason may change next, or a key lapses."""
        decisions = [charger.decision for charger in self.chargers if charger.decision is not None]
        if not decisions:
            return None
        moments = [self._watch.due_at_ms, self.intake.keyring.lapse_at_ms]
        now = self._situation()
        for charger in self.chargers:
            moments += charger.due_moments(now)
        again_ms = min((one.again_ms for one in decisions if one.again_ms is not None), default=None)
        if again_ms is not None:
            moments.append(self.intake.clock.at_ms(again_ms))
        return min((max(ms, self._at_ms) for ms in moments if ms is not None), default=None)

    def _tick(self) -> list[Change]:
        if self.intake.expire(self._at_ms):
            self._save()
        return self._decide()

    def _decide(self, *, if_news: bool = False) -> list[Change]:
        """The changes since the last decisions, once they are on the disk.

        Args:
            if_news: Only if something is new for all: with 200 chargers, each group would cost 200 decisions else.
        """
        holdings = self.intake.ledger.holdings
        if holdings != self._holdings:
            self._holdings = holdings
        now = self._situation()
        self._watch.pass_time(now.at_ms, now.now_ms, time_is_sure=now.time_is_sure)
        now = replace(now, outage=self._watch.outage)
        if if_news and not self._is_news(now):
            return []
        self._decided = now
        with self._journal.together(now.now_ms):
            changes = [charger.decide(now) for charger in self.chargers]
        return [change for change in changes if change is not None]

    def _is_news(self, now: Situation) -> bool:
        """Whether more than a little time has passed since the last decisions."""
        before = self._decided
        if before is None or now.at_ms - before.at_ms >= HEED_MS:
            return True
        now_ms = None if before.now_ms is None else before.now_ms + now.at_ms - before.at_ms
        return replace(before, at_ms=now.at_ms, now_ms=now_ms, sample_index=now.sample_index) != now

    def _situation(self) -> Situation:
        clock = self.intake.clock
        return Situation(
            self._holdings,
            self._at_ms,
            self.now_ms,
            self._sample_index,
            time_is_sure=not (clock.cold or clock.provisional),
            time_is_provisional=clock.provisional,
            outage=self._watch.outage,
        )

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


def _must_last(snapshot: Snapshot) -> tuple[object, ...]:
    """What must be on the disk before anything acts on it; the rest may lag with the heartbeats that repeat it.

    A horizon is among the rest: after a power cut no event counts before a heartbeat, which says it again.
    """
    last_ts = tuple(one for one in snapshot.last_ts if one[1] != Heartbeat.TYPE)
    return snapshot.messages, snapshot.tombstones, last_ts, snapshot.records, snapshot.certificates
