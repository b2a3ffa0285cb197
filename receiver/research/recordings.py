"""A folder in, the recordings in and below it out, each with the size and time of its files."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from rds.errors import InputError
from receiver.sources import suffixes

_META: Final = ".sigmf-meta"
_DATA: Final = ".sigmf-data"
_LONGEST_META_OCTETS: Final = 1 << 24
_HASHED_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as it stands on the disk."""

    path: str
    """Its place below the folder, with slashes: what every table calls it."""
    files: tuple[str, ...]
    """What it is read from: the file to open, and what that describes."""
    size: int
    """Bytes of all of them."""
    mtime_ns: int
    """When the latest of them was changed, nanoseconds since 1970."""

    @property
    def name(self) -> str:
        """What to open."""
        return self.files[0]


def recordings_below(folder: Path, *, any_name: bool, match: str, apart: Path) -> list[Recording]:
    """The recordings of a folder, by their paths; a SigMF recording's files count once.

    Args:
        folder: Where to look. Names that begin with a dot are passed over.
        any_name: Take every file, not only those whose name tells a format.
        match: A pattern for the path below the folder, such as "*.cu8" or "2026/*".
        apart: A folder not to look into: the results'.

    Raises:
        InputError: the folder is none or cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the one that holds the recordings")
    endings = suffixes()
    names = [name for name in _names(folder, apart.resolve()) if any_name or name.lower().endswith(endings)]
    described = {data for name in names if name.endswith(_META) for data in _data_of(Path(name))}
    found = (_recording(folder, name) for name in names if name not in described)
    return sorted((one for one in found if fnmatch(one.path, match)), key=lambda one: one.path)


def sha256(recording: Recording) -> str:
    """The hash of the recording's samples: of the last of its files.

    Raises:
        OSError: it cannot be read.
    """
    with Path(recording.files[-1]).open("rb") as file:
        digest = hashlib.sha256()
        while piece := file.read(_HASHED_AT_ONCE):
            digest.update(piece)
    return digest.hexdigest()


def _names(folder: Path, apart: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}; give a folder that can")

    for root, folders, names in os.walk(folder, onerror=refuse):
        here = Path(root)
        folders[:] = sorted(name for name in folders if name[0] != "." and (here / name).resolve() != apart)
        yield from (str(here / name) for name in names if name[0] != "." and (here / name).is_file())


def _data_of(meta: Path) -> list[str]:
    """The files, at most one, that SigMF metadata describe; none where they cannot be read, which decoding will say."""
    beside = meta.with_name(meta.name.removesuffix(_META) + _DATA)
    try:
        if meta.stat().st_size <= _LONGEST_META_OCTETS:
            dataset = json.loads(meta.read_bytes())["global"].get("core:dataset")
            if isinstance(dataset, str) and Path(dataset).name == dataset:
                beside = meta.with_name(dataset)
        return [str(beside)] if beside.is_file() else []
    except (OSError, ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return [str(beside)] if beside.is_file() else []


def _recording(folder: Path, name: str) -> Recording:
    files = (name, *(_data_of(Path(name)) if name.endswith(_META) else ()))
    states = [Path(file).stat() for file in files]
    # A name that is no UTF-8 could not stand in a table.
    path = os.fsencode(Path(name).relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")
    return Recording(path, files, sum(one.st_size for one in states), max(one.st_mtime_ns for one in states))
