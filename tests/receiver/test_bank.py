"""Three stations in one wide stream to groups: each heard as if it were decoded alone, whatever the chunks."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.errors import InputError, UsageError
from rds.group import groups_to_bits
from receiver.bank import StationBank
from receiver.chain import IqChain
from receiver.dsp.channel import Codes
from receiver.received_group import ReceivedGroup
from tests.receiver.signals import Iq, Signal, cut, fm, mpx, noise, programme

RATE_HZ = 1_024_000
OFFSETS_HZ = (-310_000.0, 0.0, 420_000.0)
GROUPS = 12


@cache
def broadcast() -> Iq:
    """Stations of one second with different groups, the last one cut by the stream's edge, over noise."""
    signal = Signal(rate_hz=RATE_HZ)
    stations = [
        fm(mpx(groups_to_bits(programme(GROUPS, seed=seed)), signal), RATE_HZ, offset_hz=offset_hz, amplitude=0.2)
        for seed, offset_hz in enumerate(OFFSETS_HZ, start=1)
    ]
    iq: Iq = np.sum(stations, axis=0, dtype=np.complex64) + np.float32(0.02) * noise(len(stations[0]), seed=5)
    return iq


def listen(bank: StationBank, chunks: Iterator[Iq | Codes]) -> list[list[ReceivedGroup]]:
    """All groups of each station."""
    heard: list[list[ReceivedGroup]] = [[] for _ in OFFSETS_HZ]
    for lists in (*map(bank.feed, chunks), bank.flush()):
        for groups, more in zip(heard, lists, strict=True):
            groups.extend(more)
    return heard


@pytest.mark.parametrize("codes", [False, True])
def test_each_station_is_heard_as_if_it_were_alone(codes: bool) -> None:
    samples = broadcast()
    parts = np.clip(np.round(samples.view(np.float32) * 127.5 + 127.5), 0, 255)
    stick = parts.astype(np.uint8).reshape(-1, 2)

    def chunks(samples_each: int) -> Iterator[Iq | Codes]:
        return cut(stick, [samples_each]) if codes else cut(samples, [samples_each])

    bank = StationBank(RATE_HZ, OFFSETS_HZ, codes=codes)
    heard = listen(bank, chunks(100_000))
    for number, offset_hz in enumerate(OFFSETS_HZ):
        chain = IqChain(RATE_HZ, offset_hz=offset_hz, codes=codes)
        alone = [group for chunk in chunks(77_777) for group in chain.feed(chunk)] + chain.flush()
        # Words, sample index, confidences, error vector: all of it.
        assert heard[number] == alone
        assert bank.statuses()[number] == chain.status()
        whole = [group.words for group in alone if None not in group.words]
        assert whole == [group.words for group in programme(GROUPS, seed=number + 1)]


@settings(max_examples=4, deadline=None)
@given(sizes=st.lists(st.integers(1, 200_000), min_size=1, max_size=5))
def test_any_cutting_gives_the_same(sizes: list[int]) -> None:
    samples = broadcast()
    # Not below a millisecond on average, which takes long.
    sizes = [*sizes, 20_000]
    whole = listen(StationBank(RATE_HZ, OFFSETS_HZ), iter([samples]))
    assert listen(StationBank(RATE_HZ, OFFSETS_HZ), cut(samples, sizes)) == whole


def test_what_no_bank_can_hear_is_refused() -> None:
    with pytest.raises(UsageError, match="allowed: less than 512000 Hz"):
        StationBank(RATE_HZ, (0.0, 600_000.0))
    with pytest.raises(UsageError, match="names a station twice"):
        StationBank(RATE_HZ, (1.0, 0.0, 1.0))
    with pytest.raises(UsageError, match="250000 S/s holds one station, and --offset names 2"):
        StationBank(250_000, (0.0, 50_000.0))
    with pytest.raises(InputError, match="is this programme audio"):
        StationBank(48_000, (0.0, 10_000.0))
