"""What is heard of a broadcast and a fleet in, its load out: chunks to workers, here or on a Dask cluster.

The result is the same whoever works: each chunk has its own random numbers, and the sum is taken in the chunks' order.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce
from itertools import repeat
from multiprocessing import get_context
from operator import add
from typing import Final, TypeAlias

from rds.errors import DeviceAbsentError, DeviceLostError, UsageError
from rds.oda.codes import RELEASE_CODES, release_s
from receiver.fleet.population import FleetModel
from receiver.fleet.simulate import Load, Scene, Timelines, simulate_chunk
from receiver.fleet.summary import FleetSummary, summarise
from receiver.settings import Settings

DASK_WAIT_S: Final = 10
_RECOMMENDED_REBOUND: Final = 1.05
_RECOMMENDED_RAMP: Final = 0.01
_RECOMMENDED_DELIVERED: Final = 0.99
Progress: TypeAlias = Callable[[int], None]
"""Called with how many more chunks are done."""


@dataclass(frozen=True, slots=True)
class Study:
    """A question: this fleet, under this broadcast, on this day."""

    model: FleetModel
    settings: Settings
    """What all chargers have in common."""
    scene: Scene
    timelines: Timelines

    def load(self, executor: "Executor", progress: Progress = lambda _: None) -> Load:
        """What the fleet does."""
        found = []
        for part in executor.loads(self):
            found.append(part)
            progress(1)
        return reduce(add, found)

    def with_release(self, code: int) -> "Study":
        """As if every event and tier schedule had said this release."""
        return replace(self, scene=replace(self.scene, release=code))


@dataclass(frozen=True, slots=True)
class Executor:
    """Who works: processes of this machine, or a Dask scheduler.

    Raises:
        UsageError: the number of jobs or the address makes no sense.
    """

    jobs: int = 1
    address: str | None = None
    """host:port of the scheduler."""

    def loads(self, study: Study) -> Iterator[Load]:
        """The loads of a study's chunks, in order."""
        arguments = study.model, study.settings, study.scene, study.timelines
        chunks = range(study.model.chunks)
        if self.address is not None:
            yield from _dask_loads(self.address, arguments, chunks)
        elif min(self.jobs, len(chunks)) <= 1:
            yield from (simulate_chunk(*arguments, chunk) for chunk in chunks)
        else:
            with ProcessPoolExecutor(min(self.jobs, len(chunks)), mp_context=get_context("spawn")) as pool:
                yield from pool.map(simulate_chunk, *map(repeat, arguments), chunks)


_Arguments: TypeAlias = tuple[FleetModel, Settings, Scene, Timelines]


def _dask_loads(address: str, arguments: _Arguments, chunks: Sequence[int]) -> Iterator[Load]:
    """The chunks' loads from a Dask cluster, whose workers have evrds installed."""
    try:
        from distributed import Client
        from distributed.client import FutureCancelledError
    except ImportError:
        raise UsageError("--executor dask:// needs Dask; install evrds with its extra: evrds[fleet]") from None
    try:
        client = Client(  # type: ignore[no-untyped-call]  # distributed's own
            f"tcp://{address}", timeout=DASK_WAIT_S, set_as_default=False
        )
    except (OSError, TimeoutError) as error:
        raise DeviceAbsentError(
            f"no Dask scheduler at {address} ({type(error).__name__}); start one, or leave --executor"
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise DeviceAbsentError(f"the Dask scheduler at {address} has no workers; start one with dask worker")
        common = client.scatter(arguments, broadcast=True, hash=False)  # type: ignore[no-untyped-call]  # as above
        futures = client.map(_simulate_apart, chunks, common=common, pure=False)
        try:
            for future in futures:
                yield future.result()
        except (OSError, FutureCancelledError) as error:
            raise DeviceLostError(f"the Dask scheduler at {address} was lost ({type(error).__name__})") from None


def _simulate_apart(chunk: int, *, common: _Arguments) -> Load:
    return simulate_chunk(*common, chunk)


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
