"""What is heard of a broadcast and a fleet in, its load out: chunks to workers, and their loads to one.

The result is the same whoever works: each chunk has its own random numbers, and the sum is taken in the chunks' order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Final

from rds.oda.codes import RELEASE_CODES, release_s
from receiver.fleet.population import FleetModel
from receiver.fleet.simulate import Load, Scene, Timelines, simulate_chunk
from receiver.fleet.summary import FleetSummary, summarise
from receiver.settings import Settings
from receiver.workers import Executor, Progress

_RECOMMENDED_REBOUND: Final = 1.05
_RECOMMENDED_RAMP: Final = 0.01
_RECOMMENDED_DELIVERED: Final = 0.99


@dataclass(frozen=True, slots=True)
class Study:
    """A question: this fleet, under this broadcast, on this day."""

    model: FleetModel
    settings: Settings
    """What all chargers have in common."""
    scene: Scene
    timelines: Timelines

    def load(self, executor: Executor, progress: Progress = lambda _: None) -> Load:
        """What the fleet does."""
        common = self.model, self.settings, self.scene, self.timelines
        found = []
        for part in executor.results(simulate_chunk, common, range(self.model.chunks)):
            found.append(part)
            progress(1)
        return reduce(add, found)

    def with_release(self, code: int) -> "Study":
        """As if every event and tier schedule had said this release."""
        return replace(self, scene=replace(self.scene, release=code))


@dataclass(frozen=True, slots=True)
class Trial:
    """A release code and what it would do."""

    code: int
    minutes: int
    summary: FleetSummary

    @property
    def is_enough(self) -> bool:
        """Whether neither peak nor ramp is too high, and the cars are charged."""
        one = self.summary
        return (
            one.rebound <= _RECOMMENDED_REBOUND
            and one.ramp_share <= _RECOMMENDED_RAMP
            and one.delivered >= _RECOMMENDED_DELIVERED
        )


def try_releases(study: Study, executor: Executor, progress: Progress = lambda _: None) -> Iterator[Trial]:
    """What each of the protocol's release windows would do, from the shortest."""
    for code in RELEASE_CODES:
        seconds = release_s(code)
        if seconds is not None:
            load = study.with_release(code).load(executor, progress)
            yield Trial(code, seconds // 60, summarise(study.model, study.scene, load))
