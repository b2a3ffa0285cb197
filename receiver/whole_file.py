"""A path in, a file there that appears under its name only when it is whole."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rds.errors import UsageError

_MODE = 0o644


@contextmanager
def whole_file(output: Path, *, growing: Path | None = None) -> Iterator[Path]:
    """A path beside `output` to write to; it takes the place of `output` when the block ends, and is gone if it raises.

    `growing` is a folder of the same disk to write in instead, where what a killed process leaves does no harm.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=growing or output.parent, suffix=output.suffix)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}; name a file in a folder that exists") from None
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(_MODE)
        partial.replace(output)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}; name a file where there is room") from None
    finally:
        partial.unlink(missing_ok=True)
