"""Octets to a file that appears under its name only when it is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rds.errors import UsageError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new binary file that takes the place of `path` when the block ends, or leaves no trace when it raises.

    Raises:
        UsageError: `path` cannot be written, or is something other than a file.

    An OSError inside the block is taken for one of writing.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"output {path} is no file; name a new file or one to replace")
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        file = partial.open("xb")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; name a file in a folder that exists") from None
    try:
        with file:
            yield file
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror}; name a file where there is room") from None
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
