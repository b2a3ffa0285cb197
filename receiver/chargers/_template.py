"""Copy me: commands in, limits set on a charger of kind X. Say here how the charger is reached and what it sends back.

To add a driver:

1. Copy this file to `receiver/chargers/NAME.py`; NAME is what a configuration says under `driver`.
2. Copy `tests/conformance/chargers/_template.py` to `tests/conformance/chargers/NAME.py` and put the charger's other
   side there: a server of the protocol's own library, a second implementation or a device of our own on a real wire,
   no mock. `tests/conformance/test_chargers.py` finds both files by name and runs every case over them.
3. Write into the docstring what the charger does when nobody talks to it any more: its fallback current, after how many
   seconds, and what this driver rewrites to prevent it.

Rules that the conformance cases hold:

- Never widen: round a current down to the charger's step, never up; at a doubt send the lower one.
- 0 mA is a pause. `restricted=False` takes back what this driver set, and nothing else.
- `until` becomes the charger's own end of the limit wherever the protocol has one.
- The last command outlives a lost connection and is sent again when the charger is back.
- `reading` tells what the charger does of its energy, cable and limit; else it is left out. A difference from what was
  wanted is one of its alarms, a person's own setting at the charger is not.
- `probe` says what is there and what it does without us. A fallback that we can write is lowered on each connection.
- A charger that only answers is best kept by `_kept.KeptCharger`: rewriting, reading back and reconnecting are there.
- A package that only this driver needs is imported at the top: the file itself is imported on demand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from receiver.chargers._options import number, read_options
from receiver.chargers.driver import ChargerCommand, ChargerDriver, Fallback, ProbeReport


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the configuration's table, each with its unit, range and default."""

    host: str = "127.0.0.1"
    answer_timeout_s: float = number(5.0, low=0.1, high=60)


class Driver(ChargerDriver):
    """One charger of kind X. The class is called Driver in every file."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self._wanted: ChargerCommand | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        """See `ChargerDriver`."""
        return cls(read_options(Options, options, driver="template"), now)

    async def start(self) -> None:
        """Open the connection; a charger that is not there yet may be waited for in `apply`."""

    async def apply(self, command: ChargerCommand) -> None:
        """Keep the command first, then send it and wait for the charger's yes."""
        self._wanted = command

    async def probe(self) -> ProbeReport:
        """What the charger says of itself, and what it does when nobody talks to it."""
        return ProbeReport("nothing: a template", supports=(), fallback=Fallback(None, None, "unknown"))

    async def close(self) -> None:
        """Close the connection, if it is open."""
