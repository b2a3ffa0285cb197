"""A folder of recordings in, tables of what was heard and a manifest out; what is done already is left alone."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from threadpoolctl import threadpool_limits

from rds.errors import EvrdsError, InputError, NoSyncError
from receiver.records import Record
from receiver.research.manifest import ManifestRow, read_manifest, sole_writer, write_manifest
from receiver.research.recordings import Recording, sha256
from receiver.research.tables import recording_tables
from receiver.workers import Executor, Progress

Decode = Callable[[str], Iterable[Record]]
Bar = Callable[[int], AbstractContextManager[Progress]]
"""How many bytes there are to what is called with how many more are done."""
_MANIFEST_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Batch:
    """How to decode recordings, and where to."""

    decode: Decode
    """A recording's name to its records. It must be picklable."""
    offsets_hz: tuple[float, ...]
    """Of the stations that it listens to."""
    options: str
    """What it was told, as JSON: recordings that were decoded with the same are not decoded again."""
    version: str
    results: Path
    hashed: bool = False
    """Whether the manifest has the recordings' hashes."""

    def run(self, recordings: list[Recording], executor: Executor, bar: Bar) -> "Outcome":
        """Decodes what the manifest does not tell of.

        Raises:
            UsageError: the results cannot be written.
            DeviceAbsentError: no Dask scheduler or worker.
            DeviceLostError: it was lost.
        """
        with sole_writer(self.results):
            rows = read_manifest(self.results)
            todo = [one for one in recordings if not self._is_told(rows, one)]
            for one in todo:
                rows.pop(one.path, None)
            write_manifest(self.results, rows)
            with bar(sum(one.size for one in todo)) as advance:
                for row in self._decoded(todo, executor, rows):
                    advance(row.size)
            return Outcome(len(todo), [rows[one.path] for one in recordings])

    def _is_told(self, rows: dict[str, ManifestRow], recording: Recording) -> bool:
        row = rows.get(recording.path)
        return row is not None and row.tells_of(recording, self.options, self.version, hashed=self.hashed)

    def _decoded(
        self, todo: list[Recording], executor: Executor, rows: dict[str, ManifestRow]
    ) -> Iterator[ManifestRow]:
        """The rows of recordings as they are done; the manifest follows every few seconds."""
        told_s = time.monotonic()
        try:
            for row in executor.results(decode_recording, (self,), todo, in_order=False):
                rows[row.path] = row
                if time.monotonic() - told_s > _MANIFEST_EVERY_S:
                    write_manifest(self.results, rows)
                    told_s = time.monotonic()
                yield row
        finally:
            write_manifest(self.results, rows)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    decoded: int
    """How many recordings were not told of before."""
    rows: list[ManifestRow]
    """Of all that it was asked for."""

    def lines(self) -> Iterator[str]:
        """It in words."""
        rows = self.rows
        seconds, cpu_s = sum(row.seconds for row in rows), sum(row.cpu_s for row in rows)
        yield (
            f"{len(rows)} recordings, {seconds / 3600:.2f} h: {self.decoded} decoded now,"
            f" {len(rows) - self.decoded} before"
        )
        yield f"{sum(row.groups for row in rows)} groups, {sum(row.messages for row in rows)} messages"
        if cpu_s:
            yield f"{seconds / cpu_s:.0f} x real time on each core"

    def complain(self) -> None:
        """Says what a batch ends with where it is not 0.

        Raises:
            InputError: a recording could not be decoded.
            EvrdsError: a recording met a fault of ours.
            NoSyncError: there is no group in any.
        """
        failed = [row for row in self.rows if row.failed]
        ours = [row for row in failed if row.exit_code == EvrdsError.exit_code]
        if failed:
            first = (ours or failed)[0]
            raise (EvrdsError if ours else InputError)(
                f"{len(failed)} of {len(self.rows)} recordings could not be decoded (the manifest names them);"
                f" the first: {first.error}"
            )
        if not any(row.groups for row in self.rows):
            raise NoSyncError(f"no RDS found in any of {len(self.rows)} recordings; are --rate and --offset right?")


def decode_recording(batch: Batch, recording: Recording) -> ManifestRow:
    """Decodes one recording into its tables; its row of the manifest.

    Raises:
        UsageError: the results cannot be written.
    """
    begun_s = time.process_time()
    faults: list[Exception] = []
    # Matrices are small here: a second thread of the linear algebra only spins.
    with (
        threadpool_limits(limits=1, user_api="blas"),
        recording_tables(batch.results, recording.path, batch.offsets_hz) as tables,
    ):
        for record in _until_fault(lambda: batch.decode(recording.name), faults):
            tables.feed(record)
    code, error = _told(faults)
    return ManifestRow(
        path=recording.path,
        size=recording.size,
        mtime_ns=recording.mtime_ns,
        sha256=_hash(recording) if batch.hashed else None,
        options=batch.options,
        version=batch.version,
        exit_code=code,
        error=error,
        samples=tables.samples,
        seconds=tables.seconds,
        cpu_s=time.process_time() - begun_s,
        **tables.totals,
    )


def _until_fault(decode: Callable[[], Iterable[Record]], faults: list[Exception]) -> Iterator[Record]:
    """The records, to the end or the first fault. One recording's fault, of whatever kind, must not end the batch."""
    try:
        yield from decode()
    except Exception as error:
        faults.append(error)


def _told(faults: list[Exception]) -> tuple[int, str | None]:
    """The exit code and the one line of what went wrong."""
    if not faults:
        return 0, None
    error = faults[0]
    if isinstance(error, EvrdsError):
        return error.exit_code, str(error)
    return EvrdsError.exit_code, " ".join(f"internal fault: {type(error).__name__}: {error}".split())


def _hash(recording: Recording) -> str | None:
    try:
        return sha256(recording)
    except OSError:
        return None
