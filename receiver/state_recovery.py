"""A state file's path in; out: a store to run on whatever became of the file, and what must be said of it.

A charger must not stay without its receiver because a flash card has died: a restart would meet the same file, and the
owner's charger would be left at its fallback current, or paused by a limit that nobody takes back. So

    damaged                     moved aside to NAME.damaged and made anew: as newly installed (protocol, 5)
    read-only, disk full, I/O   as newly installed, from memory, until the file can be used at a later start
    of a newer evrds, another program's or receiver's, no folder    refused: mistakes of who installs, found at once
"""

from pathlib import Path
from typing import Final

from receiver.owner_store import OwnerStore
from receiver.store import StateDamagedError, StateUnusableError, Store

_HEADER: Final = b"SQLite format 3\0"
_PARTS: Final = ("", "-wal", "-shm")


def open_state(path: Path | None) -> tuple[Store, str | None]:
    """The store, and in a line what became of the file that was there, if anything did.

    Raises:
        InputError: the file is none for this receiver.
    """
    try:
        return _open_sound(path), None
    except StateDamagedError as error:
        if path is None or not _is_ours(path):
            return _in_memory(error)
        damage = str(error)
    except StateUnusableError as error:
        return _in_memory(error)
    try:
        aside = _move_aside(path)
        return _open_sound(path), f"{damage}: moved to {aside}; this receiver begins as newly installed"
    except (OSError, StateUnusableError) as error:
        return _in_memory(error)


def _open_sound(path: Path | None) -> Store:
    """The store, once all in it was read and found sound."""
    store = Store(path)
    try:
        store.device_id()
        store.load()
        OwnerStore(store).check()
    except StateUnusableError:
        store.close()
        raise
    return store


def _in_memory(error: Exception) -> tuple[Store, str]:
    return Store(None), f"{error}; until the next start nothing is remembered"


def _is_ours(path: Path) -> bool:
    """Whether it is a database at all: another kind of file was named by mistake, and is left where it lies."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


def _move_aside(path: Path) -> Path:
    """Rename a database with its companions; an older one that lies there goes."""
    aside = path.with_name(path.name + ".damaged")
    for part in _PARTS:
        old, new = path.with_name(path.name + part), aside.with_name(aside.name + part)
        if old.exists():
            old.replace(new)
        else:
            new.unlink(missing_ok=True)
    return aside
