"""A function and the items it is to be called with in, the results out: made here, by processes, or on a Dask cluster.

The function and all it is given must be picklable: a module's own, and dataclasses.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Any, Final, TypeAlias, TypeVar

from rds.errors import DeviceAbsentError, DeviceLostError, EvrdsError, UsageError

DASK_WAIT_S: Final = 10
_DASK: Final = "dask://"
_KILLED: Final = 1
R = TypeVar("R")
Progress: TypeAlias = Callable[[int], None]
"""Called with how much more is done."""


@dataclass(frozen=True, slots=True)
class Executor:
    """Who works: processes of this machine, or a Dask scheduler."""

    jobs: int = 1
    address: str | None = None
    """host:port of the scheduler."""

    def results(
        self, work: Callable[..., R], common: tuple[object, ...], items: Sequence[object], *, in_order: bool = True
    ) -> Iterator[R]:
        """What `work(*common, item)` returns for each item, in the items' order or as each is done.

        Raises:
            UsageError: Dask is not installed.
            DeviceAbsentError: no Dask scheduler or worker.
            DeviceLostError: it was lost.
            EvrdsError: a process was killed; or what `work` raises.
        """
        if self.address is not None:
            return _on_dask(self.address, work, common, items, in_order=in_order)
        jobs = min(self.jobs, len(items))
        if jobs <= 1:
            return (work(*common, item) for item in items)
        return _in_processes(jobs, work, common, items, in_order=in_order)


def parse_executor(text: str) -> str:
    """The host:port in dask://host:port.

    Raises:
        ValueError: another form.
    """
    host, colon, port = text.removeprefix(_DASK).rpartition(":")
    if not text.startswith(_DASK) or not colon or not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ValueError(f"executor {text!r}; allowed: dask://host:port, such as dask://localhost:8786")
    return f"{host}:{port}"


def _in_processes(
    jobs: int, work: Callable[..., R], common: tuple[object, ...], items: Sequence[object], *, in_order: bool
) -> Iterator[R]:
    before = set(active_children())
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin) as pool:
        futures: Sequence[Future[R]] = [pool.submit(work, *common, item) for item in items]
        try:
            for future in futures if in_order else as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise EvrdsError("a worker was killed (was memory short?); try again with fewer --jobs") from None
        except BaseException:
            # Nobody will ask for the rest: what is being made would be waited for.
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(active_children()) - before:
                child.terminate()
            raise


def _begin() -> None:
    """Has a worker end with its parent, however that ends, and leaves Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(_KILLED)

    Thread(target=watch, daemon=True).start()


def _on_dask(
    address: str, work: Callable[..., R], common: tuple[object, ...], items: Sequence[object], *, in_order: bool
) -> Iterator[R]:
    """The results from a Dask cluster, whose workers have evrds installed."""
    try:
        from distributed import Client, as_completed
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker
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
        given = client.scatter(common, broadcast=True, hash=False)  # type: ignore[no-untyped-call]  # as above
        futures = client.map(_call, items, work=work, common=given, pure=False)
        # Any: distributed's futures have no types.
        done: Iterable[Any] = futures if in_order else as_completed(futures, loop=client.loop)  # type: ignore[no-untyped-call]
        try:
            for future in done:
                yield future.result()
        except (OSError, FutureCancelledError, KilledWorker) as error:
            raise DeviceLostError(f"the Dask scheduler at {address} was lost ({type(error).__name__})") from None


def _call(item: object, *, work: Callable[..., R], common: tuple[object, ...]) -> R:
    return work(*common, item)
