"""Ten minutes of noise and of other stations in: what is taken for groups, and whether anything is acted on.

The receiver has heard its own station before, so its priors are on: PI, PTY and TP, the application's group type. What
there may be: a phase of groups is taken where its places speak for it by 20 nats. Random symbols have a likelihood
ratio of 1 on average, so a trial gets there with a probability of at most e^-20 (Markov's inequality), and 1187.5 of
them a second make at most 0.21 false phases a day.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from receiver.chain import IqChain
from receiver.clock import ms_of
from receiver.intake import Intake
from receiver.received_group import ReceivedGroup
from receiver.settings import ONLOOKER
from tests.benchmarks.impaired import RATE_HZ, Iq, broadcast, noisy
from tests.benchmarks.row import Row, percent
from tests.benchmarks.scoring import Score, compare, decode, mean
from tests.benchmarks.urgent import station
from tests.encoder.networks import CLOCK

_MINUTES: Final = 10
_MOST_A_DAY: Final = 0.21
_MINUTE_GROUPS: Final = 685
_KNOWN_S: Final = 30
_DB_HZ: Final = 66.0
_AMPLITUDE: Final = np.float32(0.2)


class Listener:
    """A receiver with everything after it that could act; what it hears before it counts may be its own station."""

    def __init__(self, *, known: bool) -> None:
        """`known`: it hears half a minute of its own station, and takes messages of it."""
        iq, ring = station()
        self._chain = IqChain(RATE_HZ)
        self._intake = Intake(ring, (), settings=ONLOOKER, start_ms=ms_of(CLOCK))
        self._samples = 0
        if known:
            self.hear(noisy(iq[: _KNOWN_S * RATE_HZ], _DB_HZ))

    @property
    def accepted(self) -> int:
        """Messages accepted so far."""
        return self._intake.counts[None]

    def hear(self, iq: Iq) -> list[ReceivedGroup]:
        """The groups shown of some more signal, their samples counted from its beginning."""
        groups = decode(self._chain, iq)
        for group in groups:
            self._intake.feed(group)
        start, self._samples = self._samples, self._samples + len(iq)
        return [replace(group, sample_index=group.sample_index - start) for group in groups if group.heard]

    def hear_noise(self, minutes: int) -> int:
        """How many groups are shown, after a first second in which the last signal's may come."""
        random = np.random.default_rng(1)
        shown = 0
        for second in range(60 * minutes + 1):
            noise = _AMPLITUDE * random.standard_normal(2 * RATE_HZ, np.float32).view(np.complex64)
            groups = self.hear(noise)
            shown += len(groups) if second else 0
        return shown

    def hear_others(self, minutes: int) -> Score:
        """What came of a station a minute, each beginning where it happens to; PI, PTY and content are others."""
        scores = []
        for seed in range(minutes):
            one = broadcast(_MINUTE_GROUPS, seed=50 + seed)
            scores.append(compare(one, self.hear(noisy(one.iq, _DB_HZ, seed=seed))))
        return mean(scores)


def rows(*, full: bool) -> Iterator[Row]:
    """Three lines, as long in either mode."""
    del full
    for name, known in (("noise", False), ("noise, after the own station", True)):
        listener = Listener(known=known)
        accepted = listener.accepted
        told = f"{listener.hear_noise(_MINUTES)} groups, {listener.accepted - accepted} messages"
        yield Row(f"{_MINUTES} minutes of {name}", told, goal=f"≤ {_MOST_A_DAY} false phases a day, 0 messages")
    listener = Listener(known=True)
    accepted = listener.accepted
    wrong = percent(listener.hear_others(_MINUTES).wrong_share, 2)
    told = f"{wrong} of words wrong, {listener.accepted - accepted} messages"
    yield Row(f"{_MINUTES} minutes of other stations, after the own one", told, goal="≤ 1 %, 0 messages")
