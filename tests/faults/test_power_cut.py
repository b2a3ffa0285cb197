"""The power fails at any commit of an event: what lies on the disk then leads to the same limits and release."""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations, groupby, pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rds.oda.messages import UrgentMessage
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.region import Region
from receiver.bulletin_verdict import BulletinVerdict
from receiver.charger_control import Change, ChargerSetup
from receiver.contactor import SOFT_STOP_MS, STOPPING
from receiver.controller import Controller
from receiver.received_group import ReceivedGroup
from receiver.store import Store
from receiver.verify import Verdict
from tests.receiver.broadcast import (
    T0_MS,
    TS,
    Broadcast,
    cancel,
    curtail,
    end,
    halt,
    heartbeat,
    keyring,
    settings,
)

HOUR = 3_600_000
R_MS = 3_282_512


def chain(store: Store, *, start_ms: int | None = T0_MS) -> Controller:
    return Controller(
        keyring(), [Region.parse_code("12345")], chargers=[ChargerSetup(settings())], store=store, start_ms=start_ms
    )


class Cut(Store):
    """A store that copies its files after each commit, as a power cut there would leave them, before anyone acts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cuts: list[Path] = []
        super().__init__(path)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with super()._transaction() as database:
            yield database
        cut = self._path.parent / f"cut{len(self.cuts)}"
        cut.mkdir()
        for file in self._path.parent.glob(f"{self._path.name}*"):
            shutil.copy(file, cut / file.name)
        self.cuts.append(cut / self._path.name)


def test_at_every_commit_of_an_event_the_disk_leads_to_the_same_release(tmp_path: Path) -> None:
    broadcast = Broadcast().say(heartbeat(TS - 1), curtail(), halt(ts=TS + 3, duration=1), heartbeat(TS + 6))
    with Cut(tmp_path / "state") as store:
        controller = chain(store)
        told = [one for group in broadcast.groups for one in controller.feed(group)]
        told += controller.finish()
    expected = [one.decision.limit_ma for one in told if isinstance(one, Change)]
    assert expected == [32_000, 16_000, 6_000, 0, 16_000, 32_000]
    for start_ms in (T0_MS + 60_000, None):
        restarts = [restart(cut, start_ms) for cut in store.cuts]
        # Before and after the halt was heard, and before and after the contactor obeyed: the soft stop is made again.
        assert [first for first, _ in groupby(first for first, _, _ in restarts)] == [
            32_000,
            16_000,
            6_000,
            0,
            16_000,
            32_000,
        ]
        assert {last for _, last, _ in restarts} == {32_000}
        assert {now_ms for first, _, now_ms in restarts if first < 32_000} == {T0_MS + HOUR + R_MS}


def restart(cut: Path, start_ms: int | None) -> tuple[int, int, int | None]:
    """First and last limit and the last change's moment of a receiver that starts on what a power cut left."""
    copy = cut.parent / f"start{start_ms}"
    copy.mkdir()
    for file in cut.parent.glob(f"{cut.name}*"):
        shutil.copy(file, copy / file.name)
    with Store(copy / cut.name) as after:
        restarted = chain(after, start_ms=start_ms)
        changes = [*restarted.start(), *restarted.finish()]
    return changes[0].decision.limit_ma, changes[-1].decision.limit_ma, changes[-1].now_ms


def test_what_is_told_is_already_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with Store(path) as store:
        controller = chain(store)
        for group in Broadcast().say(curtail(), end(TS, ts=TS + 2, release=2)).groups:
            for one in controller.feed(group):
                if isinstance(one, Change) and one.decision.restricted:
                    seen = tmp_path / "seen"
                    shutil.rmtree(seen, ignore_errors=True)
                    seen.mkdir()
                    for file in tmp_path.glob("state*"):
                        shutil.copy(file, seen / file.name)
                    with Store(seen / "state") as after:
                        [change] = chain(after, start_ms=one.now_ms).start()
                        assert change.decision.until_ms == one.decision.until_ms


MINUTES = st.integers(1, 5)
RELEASES = st.integers(0, 4)
MESSAGES = st.one_of(
    st.builds(curtail, st.integers(6, 31), ts=st.integers(TS - 3, TS), duration=MINUTES, release=RELEASES),
    st.builds(halt, ts=st.integers(TS - 3, TS), duration=MINUTES, release=RELEASES),
    st.builds(end, st.integers(TS - 3, TS), ts=st.integers(TS + 1, TS + 6), release=RELEASES),
    st.builds(cancel, st.integers(TS - 3, TS), ts=st.integers(TS + 1, TS + 6), release=RELEASES),
    st.builds(heartbeat, st.integers(TS - 3, TS + 6), horizon=st.integers(0, 8)),
)


def is_one_key_in_order(messages: Sequence[UrgentMessage]) -> bool:
    """Whether no time stamp stands in two different messages: a key that does so is at fault (protocol, TS)."""
    return len({message.ts for message in messages}) == len({repr(message) for message in messages})


def is_no_event_void_before_it_comes(messages: Sequence[UrgentMessage]) -> bool:
    """Horizons may be forgotten with the power: the next heartbeat says them again (protocol, Persist)."""
    return not any(
        isinstance(earlier, Heartbeat) and later.ts < (earlier.void_below or 0)
        for earlier, later in combinations(messages, 2)
    )


HISTORIES = st.lists(MESSAGES, min_size=1, max_size=4).filter(is_one_key_in_order)


@given(HISTORIES.filter(is_no_event_void_before_it_comes), st.integers(0, 4))
@hypothesis_settings(max_examples=12, deadline=None)
def test_a_restart_between_any_two_runs_changes_nothing_that_follows(messages: list[UrgentMessage], runs: int) -> None:
    groups = Broadcast().say(*messages).groups
    cut = min(31 * runs, len(groups))

    def changes(*parts: list[ReceivedGroup]) -> list[tuple[int, int]]:
        """When the limit changes to what, one controller a part; at last what is pending; without soft stops."""
        told: list[Verdict | BulletinVerdict | Change] = []
        with Store(None) as store:
            for number, part in enumerate(parts, start=1):
                controller = chain(store)
                told += controller.start()
                told += [one for group in part for one in controller.feed(group)]
                told += controller.finish() if number == len(parts) else []
        limits = [
            (one.now_ms or 0, one.decision.limit_ma)
            for one in told
            if isinstance(one, Change) and not one.decision.reason.startswith(STOPPING)
        ]
        return [one for before, one in pairwise([(0, -1), *limits]) if before[1] != one[1]]

    parted, whole = changes(groups[:cut], groups[cut:]), changes(groups)
    assert [limit_ma for _, limit_ma in parted] == [limit_ma for _, limit_ma in whole]
    # The restarted stream begins at T0 again, and a soft stop that was cut short is made again: so much may differ.
    most_ms = SOFT_STOP_MS + (int(1000 * groups[cut - 1].end_s) if cut else 0)
    assert all(abs(one - other) <= most_ms for (one, _), (other, _) in zip(parted, whole, strict=True))
