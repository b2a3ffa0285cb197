"""Lines of data to standard output, notes to standard error or the journal, and a bar where a person waits."""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from rds.errors import EvrdsError
from receiver.listening import Listening

Item = TypeVar("Item")
PROGRAM: Final = "evrds-receiver"
_JOURNAL_LEVELS: Final = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}
"""syslog(3)'s, which the journal reads off the beginning of a line (sd-daemon(3))."""
_log: Final = logging.getLogger(__name__)


def note(line: str, level: int = logging.INFO) -> None:
    """A line for people, on standard error or in the journal."""
    _log.log(level, line)


class _Notes(logging.Handler):
    """Notes on standard error what the command line and the receiver's modules log; to the journal with its level."""

    def emit(self, record: logging.LogRecord) -> None:
        mark = f"<{_JOURNAL_LEVELS.get(record.levelno, 6)}>" if _is_journal() else ""
        print(f"{mark}{PROGRAM}: {record.getMessage()}", file=sys.stderr)


def _is_journal() -> bool:
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def note_logs(level: str) -> None:
    """From a level on; the handler once for the process."""
    logger = logging.getLogger("receiver")
    if not any(isinstance(handler, _Notes) for handler in logger.handlers):
        logger.addHandler(_Notes())
    logger.setLevel(level.upper())


def tell(line: str) -> None:
    """A line of data, at once.

    Raises:
        BrokenPipeError: who read us has left.
        EvrdsError: it cannot be written.
    """
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        raise EvrdsError(f"standard output: {error.strerror}; make room or write elsewhere") from None


def drop_output() -> None:
    """What is still to be written goes nowhere, or the interpreter would fail again when it closes the stream."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def telling(notes: list[str]) -> Iterator[None]:
    """Tells the notes there are, and at last those that came while the input was read."""
    told = len(notes)
    for line in notes:
        note(line)
    try:
        yield
    finally:
        for line in notes[told:]:
            note(line)


def with_progress(items: Iterable[Item], listening: Listening) -> Iterator[Item]:
    """The items, and a bar on the terminal where a person waits for a file to fill."""
    samples = listening.stream.samples
    if samples is None or not sys.stderr.isatty() or sys.stdout.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("decoding", total=samples)
        for item in items:
            bar.update(task, completed=listening.samples_done)
            yield item


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """What to call with each bit that is done: a bar on the terminal, where a person waits."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)
