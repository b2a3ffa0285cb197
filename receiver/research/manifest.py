"""The manifest of a folder of results: one row a recording, what it was, how it was decoded and what came of it."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from rds.errors import NoSyncError, UsageError
from receiver.research.recordings import Recording
from receiver.research.tables import SCHEMAS, UNFINISHED
from receiver.whole_file import whole_file

NAME: Final = "manifest.parquet"
_LOCK: Final = ".lock"
_DONE: Final = (0, NoSyncError.exit_code)


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A recording and what came of it. The fields are the columns, in this order."""

    path: str
    size: int
    mtime_ns: int
    sha256: str | None
    options: str
    """What was said of it, as JSON."""
    version: str
    """Of evrds."""
    exit_code: int
    """What `decode` would have ended with: 0 done, 6 no RDS in it, otherwise it was not decoded to its end."""
    error: str | None
    """The line that `decode` would have ended with."""
    samples: int
    seconds: float
    cpu_s: float
    """Processor time that decoding took."""
    groups: int
    complete_groups: int
    messages: int
    accepted: int

    @property
    def failed(self) -> bool:
        """Whether it was not decoded to its end."""
        return self.exit_code not in _DONE

    def tells_of(self, recording: Recording, options: str, version: str, *, hashed: bool) -> bool:
        """Whether decoding it now would tell nothing new. What failed is worth another try."""
        same = (self.size, self.mtime_ns) == (recording.size, recording.mtime_ns)
        asked = (self.options, self.version) == (options, version) and (self.sha256 is not None or not hashed)
        return same and asked and not self.failed


_TYPES: Final[dict[object, pa.DataType]] = {
    str: pa.string(),
    str | None: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
}
SCHEMA: Final = pa.schema([(name, _TYPES[kind]) for name, kind in get_type_hints(ManifestRow).items()])


def read_manifest(results: Path) -> dict[str, ManifestRow]:
    """The rows by path; none where there is no manifest yet.

    Raises:
        UsageError: what is there is none.
    """
    path = results / NAME
    if not path.exists():
        return {}
    try:
        rows = pq.read_table(path, schema=SCHEMA, partitioning=None).to_pylist()
        return {row["path"]: ManifestRow(**row) for row in rows}
    except (OSError, TypeError, pa.ArrowException):
        raise UsageError(f"{path} is no manifest of this version; name another folder, or remove this one") from None


def write_manifest(results: Path, rows: dict[str, ManifestRow]) -> None:
    """Puts the rows in the place of the earlier ones.

    Raises:
        UsageError: they cannot be written.
    """
    table = pa.Table.from_pylist([asdict(rows[path]) for path in sorted(rows)], SCHEMA)
    with whole_file(results / NAME, growing=results / UNFINISHED) as partial:
        pq.write_table(table, partial, compression="zstd")


@contextmanager
def sole_writer(results: Path) -> Iterator[None]:
    """The folder, made if need be, and ours alone for the block; what a killed run left half is removed.

    Raises:
        UsageError: it cannot be written to, or another run writes to it.
    """
    growing = results / UNFINISHED
    try:
        for folder in (growing, *(results / table for table in SCHEMAS)):
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(results / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UsageError(f"cannot write to {results}: {error.strerror}; name a folder that can be made") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(growing)
        growing.mkdir()
        yield
        growing.rmdir()
    except BlockingIOError:
        raise UsageError(f"another batch writes to {results}; wait for it, or name another folder") from None
    finally:
        os.close(descriptor)
