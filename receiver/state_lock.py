"""A state file's path in; out: the right to be the one receiver that runs on it.

The lock is on a file beside it, NAME.lock, which stays. The kernel lets go of it however a process ends.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from rds.errors import InputError

_TRIES: Final = 20
_BETWEEN_S: Final = 0.05
"""Who asks whether a receiver runs (`is_running`) holds the lock for a moment."""


class StateLock:
    """The lock of one receiver.

    Raises:
        InputError: another receiver runs on the state file.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = None
        try:
            self._descriptor = os.open(_lock_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError:
            return  # Where no file can be made, the state file cannot be used either, and says so better.
        for attempt in range(_TRIES):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if attempt < _TRIES - 1:
                    time.sleep(_BETWEEN_S)
            else:
                return
        self.release()
        raise InputError(f"state file {path} is another receiver's that runs; end that one, or name another file")

    def release(self) -> None:
        """Let go. Twice does no harm."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_running(path: Path) -> bool:
    """Whether a receiver runs on a state file."""
    try:
        descriptor = os.open(_lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")
