"""Pieces and gaps to groups: each stretch between gaps as if it were alone, in its place in the whole stream."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from rds.group import groups_to_bits
from receiver.bank import bank_for
from receiver.chain import IqChain
from receiver.dsp.channel import Codes
from receiver.listening import Listening
from receiver.received_group import ReceivedGroup
from receiver.sources import open_input
from receiver.sources.stream import Gap, LiveStream, SourceOptions, Stream
from tests.receiver.signals import Signal, cut, fm, mpx, programme

RATE_HZ = 250_000
LOST = Gap(87_654, "lost in a test")


@cache
def stick() -> Codes:
    """Two seconds of a station."""
    iq = fm(mpx(groups_to_bits(programme(22)), Signal(rate_hz=RATE_HZ)), RATE_HZ)
    return np.round(iq.view(np.float32) * 127.5 + 127.5).astype(np.uint8).reshape(-1, 2)


def stretches() -> tuple[Codes, Codes]:
    """What is left of it where a stretch was lost."""
    return stick()[:220_000], stick()[220_000 + LOST.samples :]


def alone(codes: Codes) -> list[ReceivedGroup]:
    chain = IqChain(RATE_HZ, has_limits=True, codes=True)
    return chain.feed(codes) + chain.flush()


def stream(pieces: Iterator[Codes | Gap]) -> LiveStream:
    return LiveStream(rate_hz=RATE_HZ, pieces=pieces)


def with_gap(samples_each: int) -> Iterator[Codes | Gap]:
    before, after = stretches()
    yield from cut(before, [samples_each])
    yield LOST
    yield from cut(after, [samples_each])


@pytest.mark.parametrize("samples_each", [16_384, 1_000_000])
def test_a_gap_ends_a_stretch_and_the_next_counts_on_behind_it(samples_each: int) -> None:
    bank = bank_for(stream(iter(())), [0.0])
    assert bank is not None
    heard = [group for piece in with_gap(samples_each) for group in bank.feed(piece)[0]] + bank.flush()[0]
    before, after = map(alone, stretches())
    start = 220_000 + LOST.samples
    moved = [replace(one, sample_index=one.sample_index + start, end_s=one.end_s + start / RATE_HZ) for one in after]
    assert heard == before + moved
    assert len([one for one in before if one.complete]) >= 8
    assert len([one for one in after if one.complete]) >= 7
    # The same groups as without the loss, but for those that it touched: nothing is out of its place.
    whole = {one.sample_index // 1000: one.words for one in alone(stick()) if one.complete}
    assert all(whole[one.sample_index // 1000] == one.words for one in heard if one.complete)
    [status] = bank.statuses()
    assert status.blocks_seen >= 4 * len([one for one in heard if one.complete])


def test_time_passes_in_a_gap_and_what_was_lost_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(name: str, options: SourceOptions) -> Stream:
        return stream(with_gap(50_000)) if name == "live" else open_input(name, options)

    monkeypatch.setattr("receiver.listening.open_input", opened)
    listening = Listening("live", SourceOptions())
    lists = list(listening.groups())
    assert len(lists) == 5 + 1 + -(-len(stretches()[1]) // 50_000) + 1
    assert (listening.samples_done, listening.samples_lost) == (len(stick()), LOST.samples)
    assert listening.gaps == {LOST.why: 1}
    assert listening.seconds_done == pytest.approx(len(stick()) / RATE_HZ)
