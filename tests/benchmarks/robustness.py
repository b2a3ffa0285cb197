"""What bends real receivers, at 72 dB-Hz and 3.4 kHz of deviation: the share of complete groups for each."""

from collections.abc import Iterator
from math import ceil
from typing import Final

import numpy as np

from rds.constants import BIT_PERIOD_S, GROUP_PERIOD_S
from receiver.chain import IqChain
from receiver.received_group import ReceivedGroup
from tests.benchmarks.genie import Genie
from tests.benchmarks.impaired import (
    RATE_HZ,
    Broadcast,
    Iq,
    broadcast,
    clipped,
    noisy,
    rayleigh,
    second_ray,
    unbalanced,
)
from tests.benchmarks.row import Row, percent
from tests.benchmarks.scoring import decode, mean, score

_GOOD_DB_HZ: Final = 72.0
_GROUPS: Final = 340
"""30 s."""
_DOPPLER_HZ: Final = 5.0
_CUTS: Final = 12


def rows(*, full: bool) -> Iterator[Row]:
    """Every line; `full` fades more often."""
    one = broadcast(_GROUPS)
    yield from _cut(one)
    yield from _interrupted(one)
    yield from _fading(one, range(1, 13 if full else 6))
    yield from _echo(one)
    yield from _badly_received(one)
    for clock_ppm in (300, -300):
        for pilot in (True, False):
            slow = broadcast(_GROUPS, clock_ppm=clock_ppm, pilot=pilot)
            name = f"sample clock {clock_ppm:+d} ppm{'' if pilot else ', no pilot'}"
            heard = score(slow, noisy(slow.iq, _GOOD_DB_HZ))
            yield Row(name, percent(heard.complete), "15 of 60 groups" if pilot else "", goal="without loss")
    yield _neighbour()


def _cut(one: Broadcast) -> Iterator[Row]:
    """A recording begun anywhere, and a bit that is lost; how many groups more than must be."""
    good = noisy(one.iq, _GOOD_DB_HZ)
    bit = round(BIT_PERIOD_S * RATE_HZ)
    begins = np.random.default_rng(1).integers(RATE_HZ, 3 * RATE_HZ, _CUTS).tolist()
    late = [_first(one, good[begin : begin + 3 * RATE_HZ]) - ceil(_place(one, begin)) for begin in begins]
    told = f"whole group 1 to {1 + max(late)}" if max(late) > 0 else "the first whole one"
    name = f"first complete group of a recording, {_CUTS} beginnings"
    yield Row(name, told, "the 4th to 6th", goal="the first whole one")
    lost = []
    for begin in begins:
        heard = _decoded(np.concatenate((good[:begin], good[begin + bit : 8 * RATE_HZ])))
        whole = {group.words for group in heard if group.complete}
        lost.append(sum(group.words not in whole for group in one.groups[: int(_place(one, 8 * RATE_HZ))]))
    yield Row(f"groups lost by a bit slip, {_CUTS} times", f"at most {max(lost)}", "synchronisation", goal="≤ 2")


def _decoded(iq: Iq) -> list[ReceivedGroup]:
    chain = IqChain(RATE_HZ)
    return decode(chain, iq) + chain.flush()


def _place(one: Broadcast, sample: int) -> float:
    """Which group a sample lies in."""
    return (sample / RATE_HZ - one.start_s(0)) / GROUP_PERIOD_S


def _first(one: Broadcast, iq: Iq) -> int:
    """The number of the first group that is complete."""
    words = [group.words for group in one.groups]
    return next(words.index(group.words) for group in _decoded(iq) if group.words in words)


def _interrupted(one: Broadcast) -> Iterator[Row]:
    times_s = one.seconds()

    def between_dropouts(begin_s: float, end_s: float) -> bool:
        return int(begin_s / 0.5) == int(end_s / 0.5) and begin_s % 0.5 >= 0.05

    def around_silence(begin_s: float, end_s: float) -> bool:
        return end_s <= 10 or begin_s >= 10.5

    dropped = noisy(np.where(times_s % 0.5 < 0.05, np.complex64(0), one.iq), _GOOD_DB_HZ)
    whole, touched = score(one, dropped, counts=between_dropouts), score(one, dropped)
    name = "50 ms dropouts every 0.5 s: groups between them"
    yield Row(name, percent(whole.complete), ideal="100 %", goal="≥ 96 %")
    yield Row("the same, of all groups", percent(touched.complete), "12 %", "73 %")
    silenced = noisy(np.where((times_s >= 10) & (times_s < 10.5), np.complex64(0), one.iq), _GOOD_DB_HZ)
    whole = score(one, silenced, counts=around_silence)
    lost = round((1 - whole.complete) * sum(around_silence(one.start_s(i), one.start_s(i + 1)) for i in range(_GROUPS)))
    yield Row("0.5 s of silence: groups lost beyond it", str(lost), "6 to 7", goal="≤ 1")


def _fading(one: Broadcast, seeds: range) -> Iterator[Row]:
    genie = Genie(one)
    ours, ideal = [], []
    for seed in seeds:
        faded = noisy(rayleigh(one, _DOPPLER_HZ, seed=seed), _GOOD_DB_HZ)
        ours.append(score(one, faded).complete)
        ideal.append(genie.complete(faded))
    told, best = (
        f"{percent(sum(one) / len(one))} ({100 * min(one):.0f} to {100 * max(one):.0f})" for one in (ours, ideal)
    )
    yield Row(f"Rayleigh fading 5 Hz, {len(seeds)} seeds", told, "52 %", best)
    shares = [share / most for share, most in zip(ours, ideal, strict=True)]
    share = f"{percent(sum(ours) / sum(ideal))}, worst seed {percent(min(shares))}"
    yield Row("the same, of what ideal reception has on the same signal", share, "", "100 %", "≥ 95 %")


def _echo(one: Broadcast) -> Iterator[Row]:
    shares = [
        score(one, noisy(second_ray(one, delay_s=10e-6, level_db=-3, phase=phase), _GOOD_DB_HZ)).complete
        for phase in np.arange(8) * np.pi / 4
    ]
    told = f"{percent(sum(shares) / len(shares))}, worst {percent(min(shares))}"
    yield Row("second ray −3 dB at 10 µs, 8 phases", told, "18 %", "97 %", "≥ 90 %")


def _badly_received(one: Broadcast) -> Iterator[Row]:
    good = noisy(one.iq, _GOOD_DB_HZ)
    heard = score(one, clipped(good, 12.0), limits=True)
    yield Row("cu8 driven 12 dB into clipping", percent(heard.complete), "49 %", goal="≥ 90 %")
    heard = score(one, unbalanced(good, dc=0.5, gain_db=1.0, phase_deg=5.0))
    name = "DC at half the carrier, I/Q 1 dB and 5 degrees off"
    yield Row(name, percent(heard.complete), "55 %", goal="≥ 97 %")
    turns = [np.exp(2j * np.pi * offset_hz * one.seconds()) for offset_hz in (20_000, -20_000)]
    heard = mean([score(one, noisy((one.iq * turn).astype(np.complex64), _GOOD_DB_HZ)) for turn in turns])
    yield Row("carrier 20 kHz off, up and down", percent(heard.complete), goal="without loss")


def _neighbour() -> Row:
    rate_hz = 1_024_000
    one, other = (broadcast(_GROUPS // 2, rate_hz=rate_hz, seed=seed) for seed in (1, 9))
    beside = other.iq * np.exp(2j * np.pi * 200_000 * one.seconds())
    loud = (one.iq + 10 ** (30 / 20) * beside).astype(np.complex64)
    heard = score(one, noisy(loud, _GOOD_DB_HZ, rate_hz=rate_hz))
    return Row("neighbour +30 dB at 200 kHz, 1.024 MS/s", percent(heard.complete), "77 %", goal="≥ 97 %")
