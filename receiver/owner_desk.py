"""The owner's requests in, the override and what is kept for the owner out: override, log, status, contactor, power.

Beside the controller, as the ledger is for the broadcast. What cannot be written is acted on all the same, and said:
an owner's word must count while a disk is full. No clock; milliseconds since 2024-01-01T00:00Z.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

from receiver.chargers.driver import ChargerReading
from receiver.clock import datetime_of, ms_of
from receiver.contactor import ContactorState
from receiver.event_term import HeldEvent, over_ms
from receiver.local_state import PastEvent
from receiver.override import Override, OverrideKind
from receiver.owner_journal import OwnerJournal
from receiver.owner_store import OwnerStore, Request
from receiver.participation_log import ParticipationLog
from receiver.policy import Decision
from receiver.settings import Settings
from receiver.store import StateUnusableError, Store

CLEARED: Final = "cleared by the owner"
REPLACED: Final = "replaced by the owner"
OVER: Final = "its time is over"
UNPLUGGED: Final = "the car was unplugged"


class OwnerDesk:
    """What one charger's owner asked for, and what is kept for him.

    Args:
        store: Where.
        settings: The charger's.
        reading: What the charger says of itself now.
        journal: What writes for all chargers of a receiver; None: its own.
        charger: The charger's name.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        reading: Callable[[], ChargerReading],
        journal: OwnerJournal | None = None,
        charger: str = "",
    ) -> None:
        self._tables = OwnerStore(store, charger)
        self._journal = journal or OwnerJournal(store)
        self._settings = settings
        self._reading = reading
        self._stamp: int | None = None
        self._request: Request | None = None
        self._heeded = ""
        self._plugged: bool | None = None
        self._status: dict[str, object] | None = self._tables.status()
        self._log = ParticipationLog(self._tables, settings)
        self.contactor = self._tables.contactor()
        """What the contactor last did, in milliseconds since the protocol's epoch."""
        self.override = self._tables.override()
        self.past = self._tables.past_events()
        """The events of the last day."""

    @property
    def fault(self) -> str | None:
        """Why nothing can be written, if so."""
        return self._journal.fault

    def heed(self, events: Iterable[HeldEvent], now_ms: int | None, *, zone: tzinfo) -> bool:
        """Obey the owner, the end of his override, and the car that leaves. True if the override changed.

        Args:
            events: What is held.
            now_ms: The time; while it is unknown nothing restricts, and a request waits.
            zone: The owner's, for his midnight.
        """
        self._look()
        unplugged = self._plugged is True and self._reading().plugged is False
        self._plugged = self._reading().plugged
        if now_ms is None:
            return False
        before, held = self.override, list(events)
        if before is not None and not before.holds(now_ms):
            self._replace(None, now_ms, why=OVER)
        elif before is not None and before.kind is OverrideKind.EVENT and unplugged:
            self._replace(None, now_ms, why=UNPLUGGED)
        if self._request is not None:
            request, self._request = self._request, None
            override = make_override(request.kind, held, self._settings, now_ms=now_ms, zone=zone)
            self._journal.add(self._tables.drop_request(request))
            self._replace(override, now_ms, why=CLEARED if override is None else REPLACED)
        self._journal.add(*self._log.asked(held, self.override))
        self._log.sample(now_ms, self._reading())
        self._journal.write(now_ms)
        return self.override != before

    def note(self, told: Decision, now_ms: int | None) -> None:
        """Log what the charger is told from now on, before it is told."""
        if now_ms is not None:
            self._journal.add(*self._log.done(told, now_ms, self._reading()))
        self._journal.write(now_ms)

    def keep_contactor(self, state: ContactorState) -> None:
        """Keep what the contactor does, with the next entry: one goes with the other."""
        self.contactor = state
        self._journal.add(self._tables.keep_contactor(state))

    def keep_past(self, past: tuple[PastEvent, ...]) -> None:
        """Keep the events of the last day, with the next entry."""
        if past != self.past:
            self.past = past
            self._journal.add(*self._tables.keep_past_events(past))

    def keep_status(self, status: dict[str, object], now_ms: int | None) -> None:
        """Keep what holds, if more than its `time` is new."""
        if self._status is None or status | {"time": None} != self._status | {"time": None}:
            self._status = dict(status)
            self._journal.add(self._tables.keep_status(status))
            self._journal.write(now_ms)

    def _look(self) -> None:
        """Read a request, if anyone has written since."""
        try:
            stamp = self._journal.stamp()
            if stamp == self._stamp:
                return
            self._stamp, request = stamp, self._tables.request()
        except StateUnusableError as error:
            self._journal.fault = str(error)
            return
        if request is not None and request.token != self._heeded:
            self._request, self._heeded = request, request.token

    def _replace(self, override: Override | None, now_ms: int, *, why: str) -> None:
        self._journal.add(*self._log.overridden(self.override, override, now_ms, why=why))
        self._journal.add(self._tables.keep_override(override))
        self.override = override


def make_override(
    kind: OverrideKind | None, events: Iterable[HeldEvent], settings: Settings, *, now_ms: int, zone: tzinfo
) -> Override | None:
    """The override that the owner asked for; None to clear it.

    For the event: those that run, else those that will, to the last one's release; none where there is no event.
    """
    if kind is None or kind is OverrideKind.ALWAYS:
        return None if kind is None else Override(kind, now_ms)
    if kind is OverrideKind.TODAY:
        return Override(kind, now_ms, next_midnight_ms(now_ms, zone))
    coming = [event for event in events if now_ms < over_ms(event, settings)]
    running = [event for event in coming if event.start_ms <= now_ms]
    covered = running or coming
    if not covered:
        return None
    until_ms = max(over_ms(event, settings) for event in covered)
    return Override(kind, now_ms, until_ms, frozenset(event.identity for event in covered))


def next_midnight_ms(now_ms: int, zone: tzinfo) -> int:
    """When the owner's day ends."""
    tomorrow = datetime_of(now_ms).astimezone(zone).date() + timedelta(days=1)
    return ms_of(datetime.combine(tomorrow, time(), zone))
