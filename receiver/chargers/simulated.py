"""Commands in, kept and nothing else done: the charger of tests and dry runs."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from receiver.chargers._options import read_options
from receiver.chargers.driver import ChargerCommand, ChargerDriver

KEPT: Final = 1000
"""How many commands are remembered; a run may last for months."""


@dataclass(frozen=True, slots=True)
class Options:
    """This driver has none."""


class Driver(ChargerDriver):
    """A charger that accepts everything.

    Attributes:
        applied: The last commands, oldest first.
    """

    def __init__(self) -> None:
        self.applied: deque[ChargerCommand] = deque(maxlen=KEPT)

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:  # noqa: ARG003
        """See `ChargerDriver`; the time is not needed."""
        read_options(Options, options, driver="simulated")
        return cls()

    async def start(self) -> None:
        """Nothing is to be opened."""

    async def apply(self, command: ChargerCommand) -> None:
        """Keep the command."""
        self.applied.append(command)

    async def close(self) -> None:
        """Nothing is to be closed."""
