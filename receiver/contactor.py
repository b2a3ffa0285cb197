"""Decisions and the stream's time in, what the charger is told and when out: contactor and car are spared.

    a pause        6 A for SOFT_STOP_MS first, so that nothing is switched under load (program, The limit)
    a way back     no earlier than CHANGE_SPACING_MS after the pause began
    a pause anew   of a cause whose last change is younger than CHANGE_SPACING_MS: 6 A until it is that old

The first step down of a cause is never delayed (protocol, What a receiver must do, 10): a halt acts, however lately
another event let the contactor close. Only the soft stop and the third line tell more than was decided, and both 6 A.
Milliseconds; `at_ms` is the stream's own time, so that no clock that is set can hold a charger up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from receiver.policy import Decision
from receiver.policy_arithmetic import LOWEST_MA, PAUSE_MA

SOFT_STOP_MS: Final = 7_500
"""Between 5 and 10 s, and longer than a pilot must stand still (5 s, IEC 61851-1)."""
CHANGE_SPACING_MS: Final = 5 * 60_000
STOPPING: Final = "stopping softly at 6 A"
CLOSING: Final = "still paused for up to 5 min, to spare the contactor"
HOLDING: Final = "at 6 A for up to 5 min, to spare the contactor"


@dataclass(frozen=True, slots=True)
class ContactorState:
    """What must outlive a restart. Moments in the stream's time; before its first sample they are negative."""

    paused: bool = False
    changes: Mapping[str, int] = field(default_factory=dict)
    """By cause: when the contactor last changed for it."""

    def shifted(self, ms: int) -> "ContactorState":
        """The same in a time that reads `ms` more."""
        return replace(self, changes={cause: at_ms + ms for cause, at_ms in self.changes.items()})


class Contactor:
    """One charger's contactor, as far as commands move it.

    Args:
        state: What an earlier run had left, in the time of this one; moments to come count as now.
    """

    def __init__(self, state: ContactorState | None = None) -> None:
        state = state or ContactorState()
        self._paused = state.paused
        self._changes = {cause: min(at_ms, 0) for cause, at_ms in state.changes.items()}
        self._paused_by = set(state.changes) if state.paused else set[str]()
        self._told_ma: int | None = None
        self._told_since_ms = 0
        self._due_ms: int | None = None

    @property
    def state(self) -> ContactorState:
        """What to keep; it changes when the contactor does."""
        return ContactorState(self._paused, dict(self._changes))

    @property
    def due_ms(self) -> int | None:
        """When to feed the decision again though it has not changed; None: no need."""
        return self._due_ms

    def feed(self, decision: Decision, at_ms: int, *, now_ms: int | None, causes: Iterable[str] = ()) -> Decision:
        """What the charger is told now.

        Args:
            decision: What was decided.
            at_ms: The stream's time, never less than before.
            now_ms: The time of day then; None while it is unknown.
            causes: What asks for a pause, if the decision is one: events by their identity, a tier, a price.
        """
        asking = frozenset(causes) if decision.limit_ma == PAUSE_MA else frozenset()
        wait_ms, limit_ma, words = self._obstacle(decision.limit_ma, at_ms, asking)
        self._due_ms = at_ms + wait_ms if wait_ms > 0 else None
        if self._due_ms is not None:
            decision = _held(decision, limit_ma, words, over_ms=(at_ms if now_ms is None else now_ms) + wait_ms)
        self._note(decision.limit_ma, at_ms, asking)
        return decision

    def _obstacle(self, limit_ma: int, at_ms: int, causes: frozenset[str]) -> tuple[int, int, str]:
        """For how long a limit must wait (0 and less: it need not), and what holds until then, in figures and words."""
        if limit_ma != PAUSE_MA:
            changed_ms = [self._changes[cause] for cause in self._paused_by if cause in self._changes]
            if self._paused and changed_ms:
                return max(changed_ms) + CHANGE_SPACING_MS - at_ms, PAUSE_MA, CLOSING
            return 0, limit_ma, ""
        if self._paused:
            return 0, limit_ma, ""
        if causes and causes <= self._changes.keys():
            wait_ms = min(self._changes[cause] for cause in causes) + CHANGE_SPACING_MS - at_ms
            if wait_ms > 0:
                return wait_ms, LOWEST_MA, HOLDING
        stopping_since_ms = self._told_since_ms if self._told_ma == LOWEST_MA else at_ms
        return stopping_since_ms + SOFT_STOP_MS - at_ms, LOWEST_MA, STOPPING

    def _note(self, limit_ma: int, at_ms: int, causes: frozenset[str]) -> None:
        """Remember what the charger is told, and whether the contactor changes by it."""
        if limit_ma != self._told_ma:
            self._told_ma, self._told_since_ms = limit_ma, at_ms
        is_change = (limit_ma == PAUSE_MA) != self._paused
        self._paused = limit_ma == PAUSE_MA
        if self._paused:
            self._paused_by |= causes
        if is_change:
            young = {cause: ms for cause, ms in self._changes.items() if at_ms - ms < CHANGE_SPACING_MS}
            self._changes = young | dict.fromkeys(self._paused_by, at_ms)
        if not self._paused:
            self._paused_by.clear()


def _held(decision: Decision, limit_ma: int, words: str, *, over_ms: int) -> Decision:
    """A decision that waits. The charger forgets the limit no earlier than the wait is over, nor than it would have."""
    until_ms = decision.until_ms if decision.restricted else None
    if limit_ma == PAUSE_MA:
        until_ms = max(over_ms, until_ms or 0)
    next_ms = over_ms if decision.next_ms is None else min(over_ms, decision.next_ms)
    reason = f"{words}; {decision.reason}"
    return replace(decision, limit_ma=limit_ma, restricted=True, reason=reason, until_ms=until_ms, next_ms=next_ms)
