"""What all chargers of a receiver have in common at a moment in, a change of one charger's limit out.

Decision, contactor and owner's desk of one charger; several such stand behind one `controller`. No thread, no clock.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from rds.oda.region import Region
from receiver.chargers.driver import Advice, ChargerReading
from receiver.clock import TICK_MS
from receiver.contactor import Contactor
from receiver.event_term import drawn_for
from receiver.holdings import Holdings, ScopedHoldings
from receiver.local_calendar import Outage, zone_of
from receiver.local_state import LocalState
from receiver.owner_desk import OwnerDesk
from receiver.owner_journal import OwnerJournal
from receiver.policy import Decision, decide
from receiver.policy_arithmetic import power_return_ms
from receiver.power import PowerReturn
from receiver.settings import Settings
from receiver.store import Store


@dataclass(frozen=True, slots=True)
class ChargerSetup:
    """One charger as its receiver takes it on.

    Attributes:
        settings: The charger's.
        name: Empty for the only one.
        regions: Its own codes; empty: all that the receiver has.
        reading: What the charger says of itself now.
    """

    settings: Settings
    name: str = ""
    regions: tuple[Region, ...] = ()
    reading: Callable[[], ChargerReading] = ChargerReading


@dataclass(frozen=True, slots=True)
class Situation:
    """What all chargers have in common at a moment."""

    holdings: Holdings
    """The same object as long as nothing in it is new."""
    at_ms: int
    """In the stream."""
    now_ms: int | None
    """The time then, milliseconds since 2024-01-01T00:00Z; None while it is unknown."""
    sample_index: int
    """Of the last group heard."""
    time_is_sure: bool
    time_is_provisional: bool
    outage: Outage | None


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
    charger: str = ""
    """Whose."""
    is_limit: bool = True
    """Whether limit or end are new; else only the advice beside them is."""


class ChargerControl:
    """One charger: what it is told.

    Args:
        setup: The charger.
        store: What was remembered of it.
        journal: Where to remember.
        now_ms: The time at the stream's first sample; None while it is unknown.
        power: That the power has come back.
    """

    def __init__(
        self,
        setup: ChargerSetup,
        store: Store,
        *,
        journal: OwnerJournal,
        now_ms: int | None = None,
        power: PowerReturn | None = None,
    ) -> None:
        self.setup = setup
        self.desk = OwnerDesk(store, setup.settings, reading=setup.reading, journal=journal, charger=setup.name)
        self.decision: Decision | None = None
        self.told: Decision | None = None
        """What the charger is told now, the contactor spared."""
        self._scoped = ScopedHoldings(setup.regions)
        self._decided: tuple[Holdings, LocalState, int | None] | None = None
        self._power = power
        ts = (0 if power is None else power.known_ms or 0) // TICK_MS
        self._power_draw = drawn_for(setup.settings, key=0, ts=ts)("P")
        # Moments that lie ahead, or in a time that is unknown now, count as this one.
        contactor = self.desk.contactor.shifted(-(now_ms or 0))
        # Without power no contactor is closed.
        self._contactor = Contactor(contactor if power is None else replace(contactor, paused=True))

    @property
    def is_pending(self) -> bool:
        """Whether anything that was broadcast has yet to run its course."""
        return (self.decision is not None and self.decision.pending) or self._contactor.due_ms is not None

    def due_moments(self, now: Situation) -> Iterable[int | None]:
        """When the stream's time alone may change the limit."""
        return self._contactor.due_ms, self._turn_at_ms(now)

    def decide(self, now: Situation) -> Change | None:
        """The change since the last decision, if there is one."""
        holdings = self._scoped.part_of(now.holdings)
        self.desk.heed(holdings.events, now.now_ms, zone=zone_of(self.setup.settings, holdings))
        state = LocalState(
            time_is_sure=now.time_is_sure,
            outage=now.outage,
            override=self.desk.override,
            past=self.desk.past,
            waits_until_ms=self._waits_until_ms(now),
        )
        if not self._is_decided(holdings, state, now.now_ms):
            self.decision = decide(holdings, self.setup.settings, now.now_ms, state=state)
            self._decided = holdings, state, now.now_ms
            self.desk.keep_past(self.decision.past)
        assert self.decision is not None
        return self._tell(self.decision, now)

    def _tell(self, decision: Decision, now: Situation) -> Change | None:
        """What the contactor makes of a decision, if that is news."""
        contactor = self._contactor.state
        causes = [term.name for term in decision.terms if term.binds]
        before, self.told = self.told, self._contactor.feed(decision, now.at_ms, now_ms=now.now_ms, causes=causes)
        if self._contactor.state != contactor:
            self.desk.keep_contactor(self._contactor.state.shifted((now.now_ms or 0) - now.at_ms))
        if before is not None and _asks(before) == _asks(self.told):
            return None
        self.desk.note(self.told, now.now_ms)
        is_limit = before is None or _limit(before) != _limit(self.told)
        return Change(self.told, now.at_ms, now.now_ms, now.sample_index, self.setup.name, is_limit=is_limit)

    def _is_decided(self, holdings: Holdings, state: LocalState, now_ms: int | None) -> bool:
        """Whether the last decision holds still, so that a group without news costs nothing."""
        if self._decided is None or self.decision is None:
            return False
        *known, decided_ms = self._decided
        again_ms = self.decision.again_ms
        if now_ms is None or decided_ms is None:
            return now_ms == decided_ms and known == [holdings, state]
        return decided_ms <= now_ms and (again_ms is None or now_ms < again_ms) and known == [holdings, state]

    def _turn_at_ms(self, now: Situation) -> int | None:
        """When this charger's turn comes after a power cut; the same after every restart.

        How long the cut was is unknown until the time is: then the turn may be put off. One that has come stays.
        """
        if self._power is None:
            return None
        ago_ms, outage_ms = self._power.ago_ms, 0
        if now.now_ms is not None and not now.time_is_provisional:
            outage_ms = self._power.outage_ms(now.now_ms - now.at_ms - ago_ms)
        return int(power_return_ms(-ago_ms, self._power_draw, outage_ms)[0])

    def _waits_until_ms(self, now: Situation) -> int | None:
        turn_at_ms = self._turn_at_ms(now)
        if turn_at_ms is None or turn_at_ms <= now.at_ms:
            self._power = None
            return None
        left_ms = turn_at_ms - now.at_ms
        return left_ms if now.now_ms is None else now.now_ms + left_ms


def _asks(decision: Decision) -> tuple[object, Advice]:
    """What a charger must be told anew when it changes."""
    return _limit(decision), decision.advice


def _limit(decision: Decision) -> tuple[int, bool, int | None]:
    """What people are told anew when it changes."""
    return decision.limit_ma, decision.restricted, decision.until_ms
