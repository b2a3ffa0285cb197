"""The owner's word and what is kept for him: requests, overrides and their ends, the log, energy, a full disk."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from receiver.chargers.driver import ChargerReading
from receiver.clock import datetime_of, ms_of
from receiver.contactor import ContactorState
from receiver.event_term import Event, HeldEvent
from receiver.override import Override, OverrideKind
from receiver.owner_desk import OwnerDesk, make_override, next_midnight_ms
from receiver.owner_store import ENTRIES, Entry, EntryKind, OwnerStore, Statement
from receiver.participation_log import BY_THE_NETWORK, BY_THE_OWNER
from receiver.policy import Decision
from receiver.store import StateDamagedError, StateUnusableError, Store
from receiver.verify import Trusted
from tests.receiver.broadcast import T0_MS, TS, curtail, halt, settings
from tests.receiver.trusting import trusted

MINUTE = 60_000
HOUR = 60 * MINUTE
FREE = Decision(32_000, False, "no limit", None, None)
LOWERED = Decision(16_000, True, "curtailed", None, None)
PAUSED = Decision(0, True, "paused", None, None)


def held(message: Event) -> HeldEvent:
    return HeldEvent(cast("Trusted[Event]", trusted(message)))


EVENING = held(curtail())
LATER = held(halt(ts=TS + 400))


class Owner:
    """A desk with its store, and someone at the command line beside it."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.tables = OwnerStore(self.store)
        self.store_beside = Store(path, beside=True)
        self.beside = OwnerStore(self.store_beside)
        self.reading = ChargerReading()
        self.desk = self.start()

    def start(self) -> OwnerDesk:
        self.desk = OwnerDesk(self.store, settings(), reading=lambda: self.reading)
        return self.desk

    def heed(self, minute: float, *events: HeldEvent) -> bool:
        return self.desk.heed(events, T0_MS + int(minute * MINUTE), zone=UTC)

    def note(self, told: Decision, minute: float) -> None:
        self.desk.note(told, T0_MS + int(minute * MINUTE))

    def log(self, kind: EntryKind) -> list[Entry]:
        return [entry for entry in self.beside.entries() if entry.kind is kind]


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    found = Owner(tmp_path / "state")
    yield found
    found.store.close()
    found.store_beside.close()


@pytest.mark.parametrize(
    ("kind", "until_ms", "events"),
    [
        (OverrideKind.EVENT, T0_MS + HOUR + 3_282_512, frozenset({EVENING.identity})),
        (OverrideKind.TODAY, T0_MS + 7 * HOUR, frozenset()),
        (OverrideKind.ALWAYS, None, frozenset()),
    ],
)
def test_a_request_at_the_command_line_is_heeded_and_outlives_a_restart(
    owner: Owner, kind: OverrideKind, until_ms: int | None, events: frozenset[tuple[bytes, int]]
) -> None:
    assert not owner.heed(1, EVENING, LATER)
    owner.beside.ask(kind)
    assert owner.heed(2, EVENING, LATER)
    assert owner.desk.override == Override(kind, T0_MS + 2 * MINUTE, until_ms, events)
    assert not owner.heed(3, EVENING, LATER)
    assert owner.start().override == owner.desk.override == owner.beside.override()
    assert owner.beside.request() is None
    owner.beside.ask(None)
    assert owner.heed(4, EVENING, LATER)
    assert owner.beside.override() is None
    [entry] = owner.log(EntryKind.OVERRIDDEN)
    assert (entry.asks, entry.from_ms, entry.to_ms) == (kind.value, T0_MS + 2 * MINUTE, T0_MS + 4 * MINUTE)
    assert entry.why == "cleared by the owner"


def test_a_request_waits_for_a_receiver_and_the_last_one_counts(owner: Owner) -> None:
    owner.beside.ask(OverrideKind.ALWAYS)
    owner.beside.ask(OverrideKind.TODAY)
    assert not owner.start().heed([], None, zone=UTC), "the time is unknown yet"
    assert owner.heed(1)
    assert owner.desk.override is not None
    assert owner.desk.override.kind is OverrideKind.TODAY


def test_an_override_for_the_event_ends_with_it_or_with_the_unplugging(owner: Owner) -> None:
    owner.beside.ask(OverrideKind.EVENT)
    owner.heed(1, EVENING)
    assert not owner.heed(60 + 54, EVENING)
    assert owner.heed(60 + 55)
    owner.beside.ask(OverrideKind.EVENT)
    owner.reading = ChargerReading(plugged=True)
    owner.heed(2, EVENING)
    owner.reading = ChargerReading(plugged=False)
    assert owner.heed(3, EVENING)
    assert [entry.why for entry in owner.log(EntryKind.OVERRIDDEN)] == ["its time is over", "the car was unplugged"]


def test_unplugging_leaves_an_override_for_the_day_alone(owner: Owner) -> None:
    owner.beside.ask(OverrideKind.TODAY)
    owner.reading = ChargerReading(plugged=True)
    owner.heed(1)
    owner.reading = ChargerReading(plugged=False)
    assert not owner.heed(2)
    assert owner.heed(7 * 60), "at midnight it is over"


def test_the_event_is_what_runs_else_what_comes_else_nothing() -> None:
    def covered(minute: int, *events: HeldEvent) -> set[tuple[bytes, int]] | None:
        now_ms = T0_MS + minute * MINUTE
        override = make_override(OverrideKind.EVENT, events, settings(), now_ms=now_ms, zone=UTC)
        return None if override is None else set(override.events)

    assert covered(1, EVENING, LATER) == {EVENING.identity}
    assert covered(90, EVENING, LATER) == {EVENING.identity, LATER.identity}
    assert covered(-1, EVENING, LATER) == {EVENING.identity, LATER.identity}
    assert covered(200, EVENING) is None
    assert covered(1) is None


@pytest.mark.parametrize(
    ("now", "zone", "midnight"),
    [
        (datetime(2026, 12, 1, 17, tzinfo=UTC), UTC, "2026-12-02T00:00:00+00:00"),
        (datetime(2026, 12, 1, 17, tzinfo=UTC), timezone(timedelta(hours=-8)), "2026-12-02T08:00:00+00:00"),
        (datetime(2026, 12, 2, 0, tzinfo=UTC), UTC, "2026-12-03T00:00:00+00:00"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin"), "2026-10-25T23:00:00+00:00"),
    ],
)
def test_local_midnight(now: datetime, zone: timezone, midnight: str) -> None:
    assert datetime_of(next_midnight_ms(ms_of(now), zone)).isoformat() == midnight


def test_the_log_tells_what_was_asked_done_and_overridden(owner: Owner) -> None:
    owner.heed(0, EVENING)
    owner.note(LOWERED, 0)
    owner.heed(10, EVENING, LATER)
    owner.beside.ask(OverrideKind.EVENT)
    owner.heed(20, EVENING, LATER)
    owner.note(FREE, 20)
    owner.heed(30, EVENING, replace(LATER, ended_ms=T0_MS + 80 * MINUTE))
    asked, later = owner.log(EntryKind.ASKED)
    assert (asked.key, asked.ts, asked.region, asked.asks) == (1, TS, "12FFF", "curtail 16 A")
    assert (asked.from_ms, asked.to_ms, asked.why) == (T0_MS, T0_MS + HOUR, BY_THE_OWNER)
    assert (later.asks, later.to_ms, later.why) == ("halt", T0_MS + 80 * MINUTE, BY_THE_NETWORK)
    [done] = owner.log(EntryKind.DONE)
    assert (done.limit_ma, done.from_ms, done.to_ms) == (16_000, T0_MS, T0_MS + 20 * MINUTE)
    assert done.why == "curtailed"


def test_a_restart_writes_nothing_twice_and_goes_on_where_it_was(owner: Owner) -> None:
    owner.heed(0, EVENING)
    owner.note(LOWERED, 0)
    owner.start()
    owner.heed(10, EVENING)
    owner.note(LOWERED, 10)
    owner.note(FREE, 60)
    assert len(owner.log(EntryKind.ASKED)) == 1
    [done] = owner.log(EntryKind.DONE)
    assert (done.from_ms, done.to_ms) == (T0_MS, T0_MS + HOUR)


def test_energy_is_deferred_against_the_power_before(owner: Owner) -> None:
    for minute in range(-30, 0):
        owner.reading = ChargerReading(120 * (30 + minute), plugged=True)
        owner.heed(minute)
    owner.reading = ChargerReading(3600, plugged=True)
    owner.note(LOWERED, 0)
    owner.heed(5)
    owner.reading = ChargerReading(5600, plugged=True)
    owner.note(PAUSED, 30)
    owner.note(FREE, 60)
    first, second = owner.log(EntryKind.DONE)
    assert (first.energy_wh, first.deferred_wh) == (2000, 3600 - 2000)
    assert (second.energy_wh, second.deferred_wh) == (0, 3600)


def test_without_a_meter_or_a_car_nothing_is_said_of_energy(owner: Owner) -> None:
    for minute in range(5):
        owner.heed(minute)
    owner.note(LOWERED, 5)
    owner.reading = ChargerReading(5)
    owner.note(FREE, 6)
    owner.reading = ChargerReading(7, plugged=False)
    for minute in range(7, 12):
        owner.heed(minute)
    owner.note(LOWERED, 12)
    owner.note(FREE, 13)
    assert [(one.energy_wh, one.deferred_wh) for one in owner.log(EntryKind.DONE)] == [(None, None), (0, None)]


def test_the_log_is_bounded_and_the_oldest_go(owner: Owner) -> None:
    statements = [
        one for number in range(ENTRIES + 5) for one in owner.tables.add(Entry(EntryKind.DONE, number, number))
    ]
    owner.tables.commit(statements)
    entries = list(owner.beside.entries())
    assert (len(entries), entries[0].from_ms, entries[-1].from_ms) == (ENTRIES, 5, ENTRIES + 4)
    assert [entry.from_ms for entry in owner.beside.entries(ENTRIES)] == list(range(ENTRIES, ENTRIES + 5))


def test_status_and_contactor_are_written_when_they_change_and_not_else(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = ContactorState(paused=True, changes={"a": T0_MS})
    commits: list[list[Statement]] = []
    commit = owner.desk._journal._tables.commit

    def counted(statements: Iterable[Statement]) -> None:
        commits.append(list(statements))
        commit(commits[-1])

    monkeypatch.setattr(owner.desk._journal._tables, "commit", counted)
    owner.desk.keep_contactor(state)
    for minute in range(5):
        owner.note(PAUSED, minute)
        owner.desk.keep_status({"limit_a": 0, "time": minute}, T0_MS + minute * MINUTE)
        owner.heed(minute)
    assert len(commits) == 2
    assert owner.beside.status() == {"limit_a": 0, "time": 0}
    assert owner.start().contactor == state


def test_a_disk_that_refuses_stops_nothing_and_is_written_when_it_can_be(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise StateUnusableError("database or disk is full")

    owner.beside.ask(OverrideKind.ALWAYS)
    with monkeypatch.context() as patch:
        patch.setattr(owner.desk._journal._tables, "commit", full)
        assert owner.heed(0, EVENING)
        refused = owner.desk.fault
        owner.heed(0.1, EVENING)
    assert owner.desk.override is not None
    assert owner.desk.override.kind is OverrideKind.ALWAYS
    assert owner.beside.override() is None
    owner.heed(1, EVENING)
    assert (refused, owner.desk.fault) == ("database or disk is full", None)
    assert owner.beside.override() == owner.desk.override
    assert len(owner.log(EntryKind.ASKED)) == 1


@pytest.mark.parametrize("name", ["override", "contactor", "status", "request"])
@pytest.mark.parametrize("value", ["no json", "[]", '{"kind": "never"}', '{"changes": 5, "paused": 1, "kind": 7}'])
def test_what_was_never_kept_so_is_one_line(owner: Owner, name: str, value: str) -> None:
    owner.tables.commit([("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, value))])
    read = getattr(owner.tables, name)
    if name == "status" and value.startswith("{"):
        assert read()
        return
    with pytest.raises(StateDamagedError, match=r"no .* looks so"):
        read()
