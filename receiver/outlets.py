"""Records in, each to every output in a thread of its own: whatever an output does, the receiver waits for none.

An output that fails is told of once, and tried again after a while. What it cannot take in time is dropped and counted.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from rds.errors import UsageError
from receiver.outputs import open_output
from receiver.outputs._output import Inbox, Output, Record
from receiver.records import format_json, format_kv

LINES: Final = {"json": format_json, "kv": format_kv}
"""What standard output may get instead: a line a record, which is waited for."""
GOODBYE_S: Final = 3.0
"""What the outputs are given at the end, all together, to deliver the rest."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Where records are to go.

    Attributes:
        line_of: What standard output gets of a record; None: an output has it.
        outputs: The outputs.
    """

    line_of: Callable[[Record], str] | None
    outputs: tuple[Output, ...]


def choose(names: Sequence[str], *, on_terminal: bool) -> Chosen:
    """What the options -F ask for; JSON lines where none is for standard output.

    Raises:
        UsageError: an output's name is wrong, two of them are for standard output, or it is no terminal.
    """
    try:
        outputs = tuple(open_output(name) for name in names if name not in LINES)
    except ValueError as error:
        raise UsageError(f"-F: {error}") from None
    shown = [one.name for one in outputs if one.ON_TERMINAL]
    there = [*(name for name in names if name in LINES), *shown]
    if len(there) > 1:
        raise UsageError(f"-F {' -F '.join(there)}: standard output has room for one; leave out the others")
    if shown and not on_terminal:
        raise UsageError(f"-F {shown[0]}: standard output is no terminal; use -F json or kv for a file or a pipe")
    return Chosen(None if shown else LINES[there[0] if there else "json"], outputs)


class Outlets:
    """The outputs of a receiver, at work for as long as this is entered."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._inboxes = [Inbox(one.name) for one in outputs]
        self._threads = [
            threading.Thread(target=_work, args=(output, inbox), name=output.name, daemon=True)
            for output, inbox in zip(outputs, self._inboxes, strict=True)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the outputs a little time for the rest, and those that take longer alone."""
        for inbox in self._inboxes:
            inbox.close()
        end_s = time.monotonic() + GOODBYE_S
        for inbox, thread in zip(self._inboxes, self._threads, strict=True):
            thread.join(max(0.0, end_s - time.monotonic()))
            lost = inbox.dropped + len(inbox)
            if lost:
                _log.warning("output %s: %d records were not delivered", thread.name, lost)

    def tell(self, record: Record) -> None:
        """Leave a record for every output. Never waits."""
        for inbox in self._inboxes:
            inbox.put(record)


def _work(output: Output, inbox: Inbox) -> None:
    """What a thread does."""
    asyncio.run(_serve(output, inbox))


async def _serve(output: Output, inbox: Inbox) -> None:
    """Have an output serve until the end, however often it fails."""
    inbox.attach()
    try:
        while True:
            try:
                await output.serve(inbox)
            except Exception as fault:  # whatever it is, it is not the receiver's
                inbox.complain(str(fault) or type(fault).__name__)
                _log.debug("output %s", output.name, exc_info=True)
            else:
                return
            await inbox.rest()
            if inbox.closed:
                return
    finally:
        inbox.detach()
