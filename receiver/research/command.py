"""The arguments of `evrds-receiver batch` and `report` in, their runs and lines out."""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from rds.errors import InputError, UsageError
from receiver.records import Record
from receiver.research.recordings import recordings_below
from receiver.workers import Executor, Progress

Bar = Callable[[int], AbstractContextManager[Progress]]
_MOST_JOBS = 1024


def run_batch(
    arguments: argparse.Namespace, decode: Callable[[str], Iterable[Record]], offsets_hz: tuple[float, ...], bar: Bar
) -> Iterator[str]:
    """Decodes the folder; the lines to tell.

    Raises:
        UsageError: an option makes no sense, or the results cannot be written.
        InputError: there is no recording, or at the end, one could not be decoded.
        NoSyncError: at the end: there is no group in any.
        DeviceAbsentError: no Dask scheduler or worker.
        DeviceLostError: it was lost.
    """
    _check_installed()
    from receiver.research.batch import Batch

    if arguments.start_time is not None:
        raise UsageError("--start-time is of one recording; `batch` takes it from SigMF metadata alone")
    if not 1 <= arguments.jobs <= _MOST_JOBS:
        raise UsageError(f"--jobs {arguments.jobs}; allowed: 1..{_MOST_JOBS}")
    # A cluster's workers have working folders of their own.
    folder, results = arguments.folder.absolute(), arguments.out.absolute()
    any_name = arguments.format is not None
    recordings = recordings_below(folder, any_name=any_name, match=arguments.match, apart=results)
    if not recordings:
        raise InputError(f"no recordings below {arguments.folder} ({arguments.match}); give --format for other names")
    batch = Batch(decode, offsets_hz, _told(arguments), version("evrds"), results, hashed=arguments.sha256)
    outcome = batch.run(recordings, Executor(arguments.jobs, arguments.executor), bar)
    yield from outcome.lines()
    outcome.complain()


def run_report(arguments: argparse.Namespace) -> Iterator[str]:
    """Sums up a folder of results; the lines of the report.

    Raises:
        InputError: there are no results.
        UsageError: they cannot be read, or the report cannot be written.
    """
    _check_installed()
    from receiver.research.plot import draw_summary
    from receiver.research.summary import summarise, summary_lines
    from receiver.whole_file import whole_file

    summary = summarise(arguments.results)
    folder: Path = arguments.out or arguments.results
    lines = list(summary_lines(summary))
    draw_summary(folder / "report.png", summary)
    with whole_file(folder / "report.md") as partial:
        partial.write_text("\n".join([*lines, "", "![the same in a picture](report.png)", ""]), encoding="utf-8")
    return iter(lines)


def _told(arguments: argparse.Namespace) -> str:
    """What decoding depends on beside the recording, as JSON."""
    return json.dumps(
        {
            "format": arguments.format,
            "rate_hz": arguments.rate,
            "offsets_hz": arguments.offset,
            "aid": arguments.aid,
            "network": arguments.network,
            "trust": sorted(hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in arguments.trust),
        }
    )


def _check_installed() -> None:
    if find_spec("pyarrow") is None:
        raise UsageError("tables need pyarrow; install evrds with its extra: evrds[research]")
