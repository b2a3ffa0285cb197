"""A request for a report in, its pieces out: what a charging station sends in calls of its own, one after another."""

import asyncio
from collections.abc import Mapping
from typing import Final

PIECES: Final = 256
"""As many pieces of one report are kept; a station that sends more is cut short."""


class Reports:
    """The report that was asked for last; pieces of any other are passed over."""

    def __init__(self) -> None:
        self._number = 0
        self._pieces: list[Mapping[str, object]] = []
        self._done = asyncio.Event()

    def expect(self) -> int:
        """Begin a new report; return the number to ask for it with."""
        self._number += 1
        self._pieces = []
        self._done.clear()
        return self._number

    def hear(self, said: Mapping[str, object]) -> None:
        """A piece: NotifyReport or ReportChargingProfiles, with `request_id` and, but for the last one, `tbc`."""
        if said.get("request_id") != self._number or self._done.is_set():
            return
        self._pieces.append(said)
        if said.get("tbc") is not True or len(self._pieces) >= PIECES:
            self._done.set()

    async def wait(self, seconds: float) -> list[Mapping[str, object]]:
        """The pieces, once the last has come.

        Raises:
            TimeoutError: it has not come by then.
        """
        await asyncio.wait_for(self._done.wait(), seconds)
        return self._pieces
