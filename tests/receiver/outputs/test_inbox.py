"""Records put from other threads and taken in order; the oldest go where there is no room, and none is taken twice."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.outlets import Outlets
from receiver.outputs import _output
from receiver.outputs._output import BOUND, Inbox, Record


def numbered(*numbers: int) -> list[Record]:
    return [{"type": "limit", "number": number} for number in numbers]


def test_the_oldest_goes_and_is_counted() -> None:
    inbox = Inbox("x", bound=3)
    for record in numbered(*range(5)):
        inbox.put(record)
    assert (inbox.dropped, len(inbox)) == (2, 3)
    assert asyncio.run(inbox.take()) == numbered(2, 3, 4)


@given(st.integers(0, 6), st.integers(0, 6), st.integers(1, 6))
def test_what_is_given_back_comes_first_again(taken: int, since: int, bound: int) -> None:
    inbox = Inbox("x", bound=bound)
    before, later = numbered(*range(taken)), numbered(*range(100, 100 + since))
    for record in later:
        inbox.put(record)
    inbox.give_back(before)
    inbox.close()
    assert asyncio.run(inbox.take()) == [*before, *later][-bound:][-len([*before, *later]) :]
    assert inbox.dropped == max(0, taken + since - bound)


def test_nothing_comes_in_time_or_any_more() -> None:
    inbox = Inbox("x")
    assert asyncio.run(inbox.take(timeout_s=0.001)) == []
    inbox.close()
    assert asyncio.run(inbox.take()) == []


class Counting(_output.Output):
    """Takes what comes, and fails as often as it is told to."""

    def __init__(self, fails: int = 0) -> None:
        self.taken: list[Record] = []
        self.fails = fails

    @property
    def name(self) -> str:
        return "counting"

    @classmethod
    def from_address(cls, _: str) -> "Counting":
        return cls()

    async def serve(self, inbox: Inbox) -> None:
        inbox.pause_s = 0.001
        while records := await inbox.take():
            if self.fails:
                self.fails -= 1
                inbox.give_back(records)
                raise RuntimeError("no way")
            inbox.delivered()
            self.taken += records


def test_every_record_arrives_once_and_in_order_from_another_thread() -> None:
    """A record may come at any moment between an output's looking and its waiting."""
    outputs = [Counting(), Counting()]
    with Outlets(outputs) as outlets:
        for number, record in enumerate(numbered(*range(20_000))):
            outlets.tell(record)
            while min(len(one.taken) for one in outputs) < number - BOUND // 2:
                pass
    assert all(one.taken == numbered(*range(20_000)) for one in outputs)


def test_a_failure_is_told_once_and_nothing_is_lost_by_it(caplog: pytest.LogCaptureFixture) -> None:
    output, arrived = Counting(fails=5), threading.Event()
    with Outlets([output]) as outlets:
        for record in numbered(1, 2, 3):
            outlets.tell(record)
        while len(output.taken) < 3:
            arrived.wait(0.001)
    assert output.taken == numbered(1, 2, 3)
    assert [record.message for record in caplog.records] == [
        "output counting: no way; not said again until it works",
        "output counting works again",
    ]
