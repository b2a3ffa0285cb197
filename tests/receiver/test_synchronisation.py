"""Signals that begin anywhere, slip, fall silent or are noise to groups: how soon and how many.

Ten minutes of noise and of other stations are heard by `make bench ONLY=noise`; the suite runs a minute of each.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.constants import BIT_PERIOD_S, BIT_RATE_HZ, GROUP_PERIOD_S
from rds.group import groups_to_bits
from receiver.block_sync import BlockSync
from receiver.chain import Chain, IqChain, MpxChain
from receiver.received_group import ReceivedGroup
from receiver.soft_group import SoftDecoder
from tests.receiver.signals import Iq, Mpx, Signal, cut, fm, in_noise, mpx, noise, programme, run

MPX_RATE_HZ = 228_000
IQ_RATE_HZ = 250_000
GROUPS = programme(60, seed=3)
WORDS = [group.words for group in GROUPS]
MPX_SIGNAL = Signal(rate_hz=MPX_RATE_HZ, lead_s=0)
IQ_SIGNAL = Signal(rate_hz=IQ_RATE_HZ, rds_hz=3400, lead_s=0)
MPX = mpx(groups_to_bits(GROUPS), MPX_SIGNAL)
CARRIER = fm(mpx(groups_to_bits(GROUPS), IQ_SIGNAL), IQ_RATE_HZ)
NOISE_S = 6


def hear_mpx(samples: Mpx) -> list[ReceivedGroup]:
    chain = MpxChain(MPX_RATE_HZ)
    return run(chain.feed, chain.flush, cut(samples, [50_000]))


def hear_iq(samples: Iq, sizes: list[int] | None = None) -> list[ReceivedGroup]:
    chain = IqChain(IQ_RATE_HZ)
    return run(chain.feed, chain.flush, cut(samples, sizes or [50_000]))


def complete(groups: list[ReceivedGroup]) -> list[tuple[int | None, ...]]:
    return [group.words for group in groups if group.complete]


@settings(max_examples=15, deadline=None)
@given(bits=st.floats(0, 4 * 104))
def test_the_first_whole_group_of_a_recording_is_told(bits: float) -> None:
    start = round(bits * BIT_PERIOD_S * MPX_RATE_HZ)
    heard = complete(hear_mpx(MPX[start : start + 5 * MPX_RATE_HZ]))
    # What lacks less than a bit is whole or is not: the other half of its first symbol may say enough.
    assert heard[0] in (WORDS[int(np.ceil((bits - 1) / 104))], WORDS[int(np.ceil((bits + 0.1) / 104))])


@pytest.mark.parametrize("seed", range(4))
def test_the_first_whole_group_is_told_in_noise(seed: int) -> None:
    start = int(np.random.default_rng(seed).integers(0, round(4 * GROUP_PERIOD_S * IQ_RATE_HZ)))
    heard = complete(hear_iq(in_noise(CARRIER[start : start + 4 * IQ_RATE_HZ], 69, seed=seed)))
    first = int(np.ceil(start / IQ_RATE_HZ / GROUP_PERIOD_S))
    assert heard[:20] == WORDS[first : first + 20]


@pytest.mark.parametrize("at_bit", [2500, 2551, 2599])
@pytest.mark.parametrize("kind", ["mpx", "iq"])
@pytest.mark.parametrize("twice", [False, True])
def test_a_bit_lost_or_sent_twice_costs_two_groups_at_most(at_bit: int, kind: str, *, twice: bool) -> None:
    rate_hz = MPX_RATE_HZ if kind == "mpx" else IQ_RATE_HZ
    at, bit = (round(bits * BIT_PERIOD_S * rate_hz) for bits in (at_bit, 1))
    kept = np.r_[:at, at - bit if twice else at + bit : len(MPX if kind == "mpx" else CARRIER)]
    heard = complete(hear_mpx(MPX[kept]) if kind == "mpx" else hear_iq(in_noise(CARRIER, 72, seed=1)[kept]))
    slip_group = at_bit // 104
    assert heard[:slip_group] == WORDS[:slip_group]
    after = len(WORDS) - slip_group - 2
    assert heard[-after:] == WORDS[-after:]
    assert len(heard) <= len(WORDS)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("silence", ["nothing", "noise", "bare carrier"])
def test_half_a_second_of_silence_costs_one_group_beyond_it(silence: str, seed: int) -> None:
    samples = in_noise(CARRIER, 72, seed=seed)
    start = round((2.0 + 0.03 * seed) * IQ_RATE_HZ)
    end = start + IQ_RATE_HZ // 2
    if silence == "nothing":
        samples[start:end] = 0
    elif silence == "noise":
        samples[start:end] -= CARRIER[start:end]
    else:
        samples[start:end] += 0.5 - CARRIER[start:end]
    heard = complete(hear_iq(samples))
    before = int(start / IQ_RATE_HZ / GROUP_PERIOD_S)
    after = int(np.ceil(end / IQ_RATE_HZ / GROUP_PERIOD_S))
    assert heard[:before] == WORDS[:before]
    assert heard[-(len(WORDS) - after - 1) :] == WORDS[after + 1 :]


@pytest.mark.parametrize("kind", ["mpx", "iq", "iq at its limits"])
def test_noise_holds_no_group(kind: str) -> None:
    chain: Chain = MpxChain(MPX_RATE_HZ) if kind == "mpx" else IqChain(IQ_RATE_HZ, has_limits=kind != "iq")
    heard = []
    for second in range(NOISE_S):
        iq = noise(IQ_RATE_HZ, seed=second)
        if kind == "mpx":
            heard += chain.feed(iq.real[:MPX_RATE_HZ])
        else:
            parts = iq.view(np.float32)
            heard += chain.feed(np.clip(parts * 2, -1, 1).view(np.complex64) if kind != "iq" else iq)
    assert heard + chain.flush() == []
    assert not chain.status().synchronised


@pytest.mark.parametrize("size", [2, 4, 8])
def test_symbols_without_blocks_hold_no_word_after_a_station_either(size: int) -> None:
    """Half a minute of random symbols, as sure as a signal's: the phase is the station's, its PI is known."""
    random = np.random.default_rng(size)
    sent = np.concatenate((groups_to_bits(GROUPS), random.integers(0, 2, 30 * round(BIT_RATE_HZ), np.uint8)))
    symbols = 1 - 2 * (np.cumsum(sent) % 2).astype(np.float32)
    noise = random.standard_normal(len(symbols), np.float32)
    values = np.float32(size) * symbols + np.sqrt(np.float32(2 * size)) * noise
    sync, times_s = BlockSync(BIT_RATE_HZ, SoftDecoder()), BIT_PERIOD_S * np.arange(len(values), dtype=np.float64)
    heard = [
        group
        for start in range(0, len(values), 1000)
        for group in sync.feed(values[start : start + 1000], times_s[start : start + 1000])
        if group.heard
    ]
    assert len(heard) >= (len(GROUPS) - 2 if size > 2 else 0)
    # Half a second passes before it is clear that the station is gone.
    assert not [group for group in heard if group.end_s > len(GROUPS) * GROUP_PERIOD_S + 0.5]


@settings(max_examples=5, deadline=None)
@given(sizes=st.lists(st.integers(300, 200_000), min_size=1, max_size=4))
def test_any_cutting_gives_the_same_groups(sizes: list[int]) -> None:
    samples = in_noise(CARRIER[: 2 * IQ_RATE_HZ], 66, seed=1)
    whole, pieces = hear_iq(samples), hear_iq(samples, sizes)
    assert [(one.words, one.sample_index) for one in pieces] == [(one.words, one.sample_index) for one in whole]
    # The discriminator may round differently at the end of a chunk.
    for value in ("confidence", "evm"):
        np.testing.assert_allclose(
            np.array([getattr(one, value) for one in pieces], float),
            np.array([getattr(one, value) for one in whole], float),
            atol=1e-3,
        )
