"""The stage before the charger: soft stops, spared contactors; worked cases, then any."""

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.contactor import CHANGE_SPACING_MS, CLOSING, HOLDING, SOFT_STOP_MS, STOPPING, Contactor, ContactorState
from receiver.policy import Decision

MINUTE = 60_000
NOW = 92_077_200_000
FREE = Decision(32_000, False, "no limit", None, None)


def limited(limit_ma: int, *, until_ms: int | None = NOW + 60 * MINUTE) -> Decision:
    return Decision(limit_ma, True, "asked for", until_ms, until_ms)


PAUSE = limited(0)


@dataclass
class Line:
    """A contactor in simulated time that obeys its own timers; `told` holds moment and limit of each change."""

    contactor: Contactor
    at_ms: int = 0
    wanted: Decision = FREE
    causes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def want(self, decision: Decision, *causes: str) -> Decision:
        self.wanted, self.causes = decision, causes
        return self._feed()

    def wait(self, ms: int) -> "Line":
        end_ms = self.at_ms + ms
        while (due_ms := self.contactor.due_ms) is not None and due_ms <= end_ms:
            assert due_ms > self.at_ms, "a timer that stands still"
            self.at_ms = due_ms
            self._feed()
        self.at_ms = end_ms
        return self

    def _feed(self) -> Decision:
        decision = self.contactor.feed(self.wanted, self.at_ms, now_ms=NOW + self.at_ms, causes=self.causes)
        if not self.told or self.told[-1][1] != decision.limit_ma:
            self.told.append((self.at_ms, decision.limit_ma))
        return decision


@pytest.fixture
def line() -> Line:
    started = Line(Contactor())
    started.want(FREE)
    return started


def test_what_does_not_move_the_contactor_passes_unchanged(line: Line) -> None:
    for decision in (limited(16_000), limited(6_000), FREE):
        assert line.wait(1).want(decision, "a") is decision
        assert line.contactor.due_ms is None


def test_a_pause_begins_with_seconds_at_6_a(line: Line) -> None:
    softly = line.wait(1000).want(PAUSE, "a")
    assert softly == replace(PAUSE, limit_ma=6000, reason=f"{STOPPING}; asked for", next_ms=NOW + 1000 + SOFT_STOP_MS)
    line.wait(MINUTE)
    assert line.told == [(0, 32_000), (1000, 6_000), (1000 + SOFT_STOP_MS, 0)]
    assert 5_000 <= SOFT_STOP_MS <= 10_000


def test_a_car_that_draws_6_a_already_is_paused_at_once(line: Line) -> None:
    line.want(limited(6_000))
    assert line.wait(MINUTE).want(PAUSE, "a") is PAUSE


def test_a_soft_stop_at_6_a_lasts_no_longer_than_another(line: Line) -> None:
    line.want(limited(6_000))
    line.wait(3000).want(PAUSE, "a")
    line.wait(MINUTE)
    assert line.told[-1] == (SOFT_STOP_MS, 0)


def test_a_soft_stop_that_is_called_off_ends_at_once(line: Line) -> None:
    line.want(PAUSE, "a")
    assert line.wait(2000).want(FREE) is FREE
    line.wait(MINUTE)
    assert [limit_ma for _, limit_ma in line.told] == [32_000, 6_000, 32_000]


def test_the_way_back_comes_five_minutes_after_the_pause_at_the_earliest(line: Line) -> None:
    line.want(PAUSE, "a")
    waiting = line.wait(MINUTE).want(limited(16_000))
    over_ms = SOFT_STOP_MS + CHANGE_SPACING_MS
    assert waiting.reason == f"{CLOSING}; asked for"
    assert (waiting.limit_ma, waiting.restricted) == (0, True)
    assert (waiting.until_ms, waiting.next_ms) == (NOW + 60 * MINUTE, NOW + over_ms)
    assert line.wait(MINUTE).want(FREE).until_ms == NOW + over_ms
    line.wait(10 * MINUTE)
    assert line.told[-2:] == [(SOFT_STOP_MS, 0), (over_ms, 32_000)]


def test_the_first_step_down_of_another_cause_is_at_once(line: Line) -> None:
    line.want(PAUSE, "a")
    line.wait(20 * MINUTE).want(FREE)
    line.wait(MINUTE).want(PAUSE, "b")
    line.wait(MINUTE)
    assert line.told[-2:] == [(21 * MINUTE, 6_000), (21 * MINUTE + SOFT_STOP_MS, 0)]


def test_the_second_step_down_of_a_cause_waits_at_6_a(line: Line) -> None:
    line.want(PAUSE, "a")
    line.wait(20 * MINUTE).want(FREE)
    held = line.wait(3 * MINUTE).want(PAUSE, "a")
    assert (held.limit_ma, held.reason, held.until_ms) == (6000, f"{HOLDING}; asked for", PAUSE.until_ms)
    line.wait(10 * MINUTE)
    assert line.told[-3:] == [(20 * MINUTE, 32_000), (23 * MINUTE, 6_000), (25 * MINUTE, 0)]


def test_a_cause_that_joined_a_pause_counts_as_one_that_changed_it(line: Line) -> None:
    line.want(PAUSE, "a")
    line.wait(10 * MINUTE).want(PAUSE, "b")
    line.wait(10 * MINUTE).want(FREE)
    assert line.wait(MINUTE).want(PAUSE, "b").reason.startswith(HOLDING)
    assert line.wait(1).want(PAUSE, "b", "c").reason.startswith(STOPPING)


def test_while_the_time_is_unknown_ends_stand_in_the_time_of_the_stream() -> None:
    contactor = Contactor(ContactorState(paused=True, changes={"a": 0}))
    assert contactor.feed(FREE, MINUTE, now_ms=None).until_ms == CHANGE_SPACING_MS


def test_a_restart_forgets_neither_the_pause_nor_its_beginning(line: Line) -> None:
    line.want(PAUSE, "a")
    line.wait(2 * MINUTE)
    again = Line(Contactor(line.contactor.state.shifted(-line.at_ms)))
    assert again.want(PAUSE, "a") is PAUSE
    again.want(FREE)
    again.wait(10 * MINUTE)
    assert again.told == [(0, 0), (SOFT_STOP_MS + CHANGE_SPACING_MS - 2 * MINUTE, 32_000)]


def test_what_was_kept_of_a_time_to_come_holds_nothing_up_for_longer(line: Line) -> None:
    line.want(PAUSE, "a")
    line.wait(MINUTE)
    again = Line(Contactor(line.contactor.state.shifted(10**12)))
    again.want(FREE)
    again.wait(10 * MINUTE)
    assert again.told == [(0, 0), (CHANGE_SPACING_MS, 32_000)]


STEPS = st.lists(st.tuples(st.integers(0, 8 * MINUTE), st.sampled_from([0, 0, 6_000, 10_000, 32_000])), max_size=20)
Steps = list[tuple[int, int]]


def played(steps: Steps, *, fresh_causes: bool) -> tuple[Line, Steps]:
    """The line after some waits and wishes, and moment and limit of each wish."""
    line = Line(Contactor())
    line.want(FREE)
    wanted = [(0, 32_000)]
    for number, (pause_ms, limit_ma) in enumerate(steps):
        wish = limited(limit_ma) if limit_ma < 32_000 else FREE
        line.wait(pause_ms).want(wish, str(number) if fresh_causes else "one")
        wanted.append((line.at_ms, limit_ma))
    line.wait(11 * MINUTE)
    return line, wanted


def at(history: Steps, at_ms: int) -> int:
    return next(limit_ma for ms, limit_ma in reversed(history) if ms <= at_ms)


def changes(line: Line) -> list[tuple[int, bool]]:
    """When the contactor changed, and whether it opened."""
    return [(ms, after == 0) for (_, before), (ms, after) in pairwise(line.told) if (before == 0) != (after == 0)]


@given(STEPS, st.booleans())
def test_any_history_ends_at_the_decision_and_is_above_it_at_6_a_alone(steps: Steps, fresh_causes: bool) -> None:
    line, wanted = played(steps, fresh_causes=fresh_causes)
    assert line.told[-1][1] == wanted[-1][1]
    assert line.contactor.due_ms is None
    moments = sorted({ms for ms, _ in [*line.told, *wanted]})
    for ms in moments:
        assert at(line.told, ms) <= at(wanted, ms) or (at(line.told, ms), at(wanted, ms)) == (6_000, 0)


@given(STEPS)
def test_changes_of_one_cause_are_never_closer_than_five_minutes(steps: Steps) -> None:
    line, _ = played(steps, fresh_causes=False)
    moments = [ms for ms, _ in changes(line)]
    assert all(later - earlier >= CHANGE_SPACING_MS for earlier, later in pairwise(moments))


@given(STEPS)
def test_causes_of_their_own_pause_within_a_soft_stop_and_come_back_after_five_minutes(steps: Steps) -> None:
    line, wanted = played(steps, fresh_causes=True)
    for (ms, limit_ma), (next_ms, _) in pairwise([*wanted, (line.at_ms, 0)]):
        assert limit_ma or next_ms - ms < SOFT_STOP_MS or at(line.told, ms + SOFT_STOP_MS) == 0
    for (earlier_ms, _), (later_ms, opened) in pairwise(changes(line)):
        assert opened or later_ms - earlier_ms >= CHANGE_SPACING_MS
