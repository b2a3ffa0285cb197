"""A charger's tables of the state file: requests, override, contactor, past events, status and log, typed.

The owner's commands write requests and read the rest; the receiver that runs does the opposite. Milliseconds since
2024-01-01T00:00Z.
"""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from typing import Any, Final

from receiver.contactor import ContactorState
from receiver.local_state import PastEvent
from receiver.override import Override, OverrideKind
from receiver.store import StateDamagedError, Store

ENTRIES: Final = 10_000
"""Of the log; the oldest go."""
CLEAR: Final = "clear"
_OF: Final = "/"
"""Between a value's name and its charger's, which has none in it."""
_ASKED: Final = "charger = ? AND kind = 'asked' AND public_key = ? AND ts = ?"
Statement = tuple[str, Sequence[object]]


class EntryKind(StrEnum):
    """What an entry of the log tells of."""

    ASKED = "asked"
    """By the network: an event."""
    DONE = "done"
    """By the charger: a limit below the local one."""
    OVERRIDDEN = "overridden"
    """By the owner."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the participation log. Fields that a kind has no use for are None."""

    kind: EntryKind
    from_ms: int
    to_ms: int | None = None
    """None: not over yet."""
    public_key: bytes | None = None
    key: int | None = None
    ts: int | None = None
    region: str | None = None
    asks: str | None = None
    limit_ma: int | None = None
    why: str = ""
    energy_wh: int | None = None
    """What the charger's meter counted meanwhile."""
    deferred_wh: int | None = None
    """What it would have counted beyond that, at the power it had before."""


_NAMES: Final = tuple(field.name for field in fields(Entry))
_COLUMNS: Final = ", ".join(_NAMES)
_INSERT: Final = f"INSERT INTO participation ({_COLUMNS}, charger) VALUES ({', '.join('?' * len(_NAMES))}, ?)"
_OLDEST: Final = "SELECT number FROM participation WHERE charger = ? ORDER BY number DESC LIMIT 1 OFFSET ?"


@dataclass(frozen=True, slots=True)
class Request:
    """What the owner asked for at the command line."""

    kind: OverrideKind | None
    """None: to clear the override."""
    token: str
    """Tells two requests of one kind apart."""


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of the machine."""

    name: str
    returned: bool
    """Whether a receiver had run before it, so that it ended a time without power."""
    known_ms: int | None = None
    """The latest time known before that, milliseconds since 2024-01-01T00:00Z."""


class OwnerStore:
    """The tables of one charger, in a store that is open.

    Args:
        store: Where.
        charger: The charger's name; empty for the only one, which has none, and for what is the receiver's.
    """

    def __init__(self, store: Store, charger: str = "") -> None:
        self._store = store
        self._charger = charger

    def stamp(self) -> int:
        """A number that differs when another process has written since."""
        return self._store.stamp()

    def commit(self, statements: Iterable[Statement]) -> None:
        """Execute statements that the methods below gave, all or none."""
        self._store.write(*statements)

    def check(self) -> None:
        """Read all that a receiver begins with.

        Raises:
            StateDamagedError: something in it was never written so.
        """
        names = {str(name).partition(_OF)[2] for (name,) in self._store.read("SELECT name FROM kept")}
        for one in (OwnerStore(self._store, name) for name in {"", *names}):
            one.override(), one.contactor(), one.status(), one.boot(), one.open_entry(EntryKind.DONE)

    def ask(self, kind: OverrideKind | None) -> None:
        """Leave a request for the receiver; it takes the place of one that no receiver has read."""
        value = {"kind": CLEAR if kind is None else kind, "token": secrets.token_hex(8)}
        self._store.write(self._keep("request", value))

    def request(self) -> Request | None:
        """What the owner left."""
        found = self._kept("request")
        if found is None:
            return None
        with _reading("request"):
            kind = None if found["kind"] == CLEAR else OverrideKind(found["kind"])
            return Request(kind, str(found["token"]))

    def drop_request(self, request: Request) -> Statement:
        """Unless another has taken its place."""
        return "DELETE FROM kept WHERE name = ? AND instr(value, ?)", (self._name("request"), request.token)

    def override(self) -> Override | None:
        """What holds."""
        found = self._kept("override")
        if found is None:
            return None
        with _reading("override"):
            events = frozenset((bytes.fromhex(key), int(ts)) for key, ts in found["events"])
            until_ms = None if found["until_ms"] is None else int(found["until_ms"])
            return Override(OverrideKind(found["kind"]), int(found["set_ms"]), until_ms, events)

    def keep_override(self, override: Override | None) -> Statement:
        """Remember what holds."""
        if override is None:
            return "DELETE FROM kept WHERE name = ?", (self._name("override"),)
        events = sorted((key.hex(), ts) for key, ts in override.events)
        value = {"kind": override.kind, "set_ms": override.set_ms, "until_ms": override.until_ms, "events": events}
        return self._keep("override", value)

    def contactor(self) -> ContactorState:
        """What the contactor last did; its moments in milliseconds since the protocol's epoch."""
        found = self._kept("contactor") or {"paused": False, "changes": {}}
        with _reading("contactor"):
            changes = {str(cause): int(ms) for cause, ms in found["changes"].items()}
            return ContactorState(bool(found["paused"]), changes)

    def keep_contactor(self, state: ContactorState) -> Statement:
        """Remember it, its moments as `contactor` gives them."""
        return self._keep("contactor", {"paused": state.paused, "changes": dict(state.changes)})

    def past_events(self) -> tuple[PastEvent, ...]:
        """The events of the last day, for its caps; what was never saved so is left out."""
        query = "SELECT public_key, ts, start_ms, end_ms, is_grave FROM past_event WHERE charger = ? ORDER BY rowid"
        kinds = (bytes, int, int, int, int)
        rows = self._store.read(query, (self._charger,))
        sound = (row for row in rows if all(isinstance(one, kind) for one, kind in zip(row, kinds, strict=True)))
        return tuple(PastEvent(key, ts, start_ms, end_ms, bool(grave)) for key, ts, start_ms, end_ms, grave in sound)

    def keep_past_events(self, past: Iterable[PastEvent]) -> list[Statement]:
        """Replace the events of the last day."""
        rows = [(one.public_key, one.ts, one.start_ms, one.end_ms, int(one.is_grave), self._charger) for one in past]
        insert = "INSERT INTO past_event VALUES (?, ?, ?, ?, ?, ?)"
        return [("DELETE FROM past_event WHERE charger = ?", (self._charger,)), *((insert, row) for row in rows)]

    def status(self) -> dict[str, object] | None:
        """What the receiver last said of itself."""
        return self._kept("status")

    def keep_status(self, status: Mapping[str, object]) -> Statement:
        """Remember it."""
        return self._keep("status", status)

    def boot(self) -> Boot | None:
        """The boot of the machine in which a receiver last ran."""
        found = self._kept("boot")
        if found is None:
            return None
        with _reading("boot"):
            known_ms = found.get("known_ms")
            return Boot(
                str(found["name"]),
                returned=bool(found["returned"]),
                known_ms=None if known_ms is None else int(known_ms),
            )

    def keep_boot(self, boot: Boot) -> Statement:
        """Remember it."""
        return self._keep("boot", {"name": boot.name, "returned": boot.returned, "known_ms": boot.known_ms})

    def add(self, entry: Entry) -> list[Statement]:
        """A new entry; the oldest make room."""
        values = [str(one) if isinstance(one, EntryKind) else one for one in astuple(entry)]
        too_old = f"DELETE FROM participation WHERE charger = ? AND number <= ({_OLDEST})"
        return [(_INSERT, [*values, self._charger]), (too_old, (self._charger, self._charger, ENTRIES))]

    def close_entry(self, kind: EntryKind, to_ms: int, **changes: object) -> Statement:
        """End the entries of a kind that are not over, and change more of them."""
        named = "".join(f", {name} = ?" for name in changes)
        of_it = "charger = ? AND kind = ? AND to_ms IS NULL"
        statement = f"UPDATE participation SET to_ms = max(from_ms, ?){named} WHERE {of_it}"
        return statement, (to_ms, *changes.values(), self._charger, str(kind))

    def change_asked(self, public_key: bytes, ts: int, **changes: object) -> Statement:
        """Change the entry of an event."""
        named = ", ".join(f"{name} = ?" for name in changes)
        statement = f"UPDATE participation SET {named} WHERE {_ASKED}"
        return statement, (*changes.values(), self._charger, public_key, ts)

    def is_asked(self, public_key: bytes, ts: int) -> bool:
        """Whether an event has its entry."""
        query = f"SELECT 1 FROM participation WHERE {_ASKED}"
        return bool(self._store.read(query, (self._charger, public_key, ts)))

    def open_entry(self, kind: EntryKind) -> Entry | None:
        """The newest entry of a kind that is not over."""
        query = f"SELECT {_COLUMNS} FROM participation WHERE charger = ? AND kind = ? AND to_ms IS NULL"
        rows = self._store.read(f"{query} ORDER BY number DESC LIMIT 1", (self._charger, str(kind)))
        return next(map(_entry, rows), None)

    def entries(self, since_ms: int | None = None) -> Iterator[Entry]:
        """The log, oldest first; from a moment on: what was not over then."""
        query = f"SELECT {_COLUMNS} FROM participation WHERE charger = ? AND (to_ms IS NULL OR to_ms >= ?)"
        rows = self._store.read(f"{query} ORDER BY number", (self._charger, since_ms or 0))
        yield from map(_entry, rows)

    def _kept(self, name: str) -> dict[str, Any] | None:  # Any: as JSON gives it
        """A value by its name."""
        rows = self._store.read("SELECT value FROM kept WHERE name = ?", (self._name(name),))
        with _reading(name):
            value = json.loads(rows[0][0]) if rows else None
            if value is not None and not isinstance(value, dict):
                raise TypeError
        return value

    def _keep(self, name: str, value: Mapping[str, object]) -> Statement:
        return "INSERT OR REPLACE INTO kept VALUES (?, ?)", (self._name(name), json.dumps(value))

    def _name(self, name: str) -> str:
        """What a value of this charger is called."""
        return f"{name}{_OF}{self._charger}" if self._charger else name


def _entry(row: tuple[Any, ...]) -> Entry:  # Any: as it lies there
    with _reading("entry of the log"):
        if not all(isinstance(one, int) for one in row[1:2]):
            raise TypeError
        return Entry(EntryKind(row[0]), *row[1:])


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Turns what was never written so into one line."""
    try:
        yield
    except (TypeError, ValueError, KeyError, AttributeError):
        raise StateDamagedError(
            f"the state file is damaged: no {what} looks so; move it away and it is made anew"
        ) from None
