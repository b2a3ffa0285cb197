"""Events, decisions and meter readings in, entries of the participation log out: asked, done, overridden, deferred.

Nothing is written here: each method gives the statements that the caller commits with what else has changed. An event
has one entry, a limit below the local one another, an override a third. Milliseconds since 2024-01-01T00:00Z.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from rds.oda.codes import level_text
from rds.oda.messages.halt import Halt
from receiver.chargers.driver import ChargerReading
from receiver.event_term import HeldEvent
from receiver.override import EventIdentity, Override
from receiver.owner_store import Entry, EntryKind, OwnerStore, Statement
from receiver.policy import Decision
from receiver.settings import Settings

SAMPLE_MS: Final = 60_000
"""Between the readings by which a charger's power is known."""
SAMPLES: Final = 16
BY_THE_NETWORK: Final = "ended early by the network"
BY_THE_OWNER: Final = "overridden by the owner"


class ParticipationLog:
    """What is to be written of one charger's part in the programme.

    Args:
        tables: Where the entries lie.
        settings: The charger's.
    """

    def __init__(self, tables: OwnerStore, settings: Settings) -> None:
        self._tables = tables
        self._settings = settings
        self._asked: dict[EventIdentity, tuple[int | None, bool]] = {}
        self._done = tables.open_entry(EntryKind.DONE)
        self._energy = _Energy()

    def asked(self, events: Iterable[HeldEvent], override: Override | None) -> list[Statement]:
        """What is new of the events that are held, or of how they end."""
        statements: list[Statement] = []
        held = list(events)
        self._asked = {event.identity: self._asked[event.identity] for event in held if event.identity in self._asked}
        for event in held:
            end_ms = event.end_ms(self._settings)
            ended_ms = None if event.ended_ms is None else min(event.ended_ms, end_ms)
            is_overridden = override is not None and override.covers(event.identity)
            state, before = (ended_ms, is_overridden), self._asked.get(event.identity)
            if before == state:
                continue
            public_key, ts = event.identity
            if before is None and not self._tables.is_asked(public_key, ts):
                statements += self._tables.add(self._entry(event, end_ms))
            if ended_ms is not None:
                why = BY_THE_OWNER if is_overridden else BY_THE_NETWORK
                statements.append(self._tables.change_asked(public_key, ts, to_ms=ended_ms, why=why))
            elif is_overridden:
                statements.append(self._tables.change_asked(public_key, ts, why=BY_THE_OWNER))
            self._asked[event.identity] = state
        return statements

    def done(self, told: Decision, now_ms: int, reading: ChargerReading) -> list[Statement]:
        """What is new of what the charger is told."""
        limit_ma = told.limit_ma if told.restricted else None
        before_ma = None if self._done is None else self._done.limit_ma
        if limit_ma == before_ma:
            return []
        statements: list[Statement] = []
        if self._done is not None:
            energy_wh, deferred_wh = self._energy.end(now_ms, reading)
            changes = {"energy_wh": energy_wh, "deferred_wh": deferred_wh}
            statements.append(self._tables.close_entry(EntryKind.DONE, now_ms, **changes))
        self._done = None
        if limit_ma is not None:
            self._energy.begin(now_ms, reading)
            self._done = Entry(EntryKind.DONE, now_ms, limit_ma=limit_ma, why=told.reason)
            statements += self._tables.add(self._done)
        else:
            self._energy.forget()
        return statements

    def overridden(self, before: Override | None, after: Override | None, now_ms: int, *, why: str) -> list[Statement]:
        """What is new of the owner's override."""
        statements: list[Statement] = []
        if before is not None:
            statements.append(self._tables.close_entry(EntryKind.OVERRIDDEN, now_ms, why=why))
        if after is not None:
            statements += self._tables.add(Entry(EntryKind.OVERRIDDEN, now_ms, asks=after.kind.value))
        return statements

    def sample(self, now_ms: int, reading: ChargerReading) -> None:
        """Watch the meter while nothing is restricted: what is deferred counts from the power there was before."""
        if self._done is None:
            self._energy.sample(now_ms, reading)

    def _entry(self, event: HeldEvent, end_ms: int) -> Entry:
        message = event.message
        public_key, ts = event.identity
        return Entry(
            EntryKind.ASKED,
            event.start_ms,
            end_ms,
            public_key,
            key=message.key,
            ts=ts,
            region=str(message.region),
            asks=message.NAME if isinstance(message, Halt) else f"{message.NAME} {level_text(message.level)}",
        )


class _Energy:
    """What a meter counts while a limit holds, and what it would have counted at the power there was before."""

    def __init__(self) -> None:
        self._free: deque[tuple[int, int]] = deque(maxlen=SAMPLES)
        self._began: tuple[int, int] | None = None

    def sample(self, now_ms: int, reading: ChargerReading) -> None:
        """Without a limit: the meter now and then. A car that comes, a meter that falls begin anew."""
        if reading.energy_wh is None or reading.plugged is False:
            self._free.clear()
            return
        if self._free and (reading.energy_wh < self._free[-1][1] or now_ms < self._free[-1][0]):
            self._free.clear()
        if not self._free or now_ms - self._free[-1][0] >= SAMPLE_MS:
            self._free.append((now_ms, reading.energy_wh))

    def begin(self, now_ms: int, reading: ChargerReading) -> None:
        """A limit begins, after none or after another."""
        self._began = None if reading.energy_wh is None else (now_ms, reading.energy_wh)

    def end(self, now_ms: int, reading: ChargerReading) -> tuple[int | None, int | None]:
        """It ends: the energy meanwhile and what was deferred, in Wh, as far as the meter tells."""
        if self._began is None or reading.energy_wh is None or reading.energy_wh < self._began[1]:
            return None, None
        energy_wh = reading.energy_wh - self._began[1]
        if len(self._free) < 2:
            return energy_wh, None
        (first_ms, first_wh), (last_ms, last_wh) = self._free[0], self._free[-1]
        expected_wh = (last_wh - first_wh) * (now_ms - self._began[0]) // (last_ms - first_ms)
        return energy_wh, max(0, expected_wh - energy_wh)

    def forget(self) -> None:
        """Nothing is restricted any more: the power before the next limit is watched anew."""
        self._free.clear()
        self._began = None
