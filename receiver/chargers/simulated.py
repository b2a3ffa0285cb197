"""Commands in, kept; out what a meter behind them would count: the charger of tests and dry runs."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from receiver.chargers._options import number, read_options
from receiver.chargers.driver import ChargerCommand, ChargerDriver, ChargerReading, Fallback, ProbeReport

KEPT: Final = 1000
"""How many commands are remembered; a run may last for months."""
SUPPLY_V: Final = 230
_MWMS_PER_WH: Final = 3_600_000_000
"""Milliwatts times milliseconds in a watt-hour."""


@dataclass(frozen=True, slots=True)
class Options:
    """The table of the driver `simulated`.

    Attributes:
        demand_w: What its car draws from one phase of 230 V where the limit allows; None: no car and no meter.
    """

    demand_w: int | None = number(None, low=0, high=100_000)


class Driver(ChargerDriver):
    """A charger that accepts everything.

    Attributes:
        applied: The last commands, oldest first.
    """

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self.applied: deque[ChargerCommand] = deque(maxlen=KEPT)
        self._options = options
        self._now = now
        self._counted_at: datetime | None = None
        self._counted = 0
        """In milliwatts times milliseconds."""

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        """See `ChargerDriver` and `Options`."""
        return cls(read_options(Options, options, driver="simulated"), now)

    async def start(self) -> None:
        """Nothing is to be opened."""

    async def apply(self, command: ChargerCommand) -> None:
        """Keep the command."""
        self._count()
        self.applied.append(command)

    @property
    def reading(self) -> ChargerReading:
        """What the meter has counted."""
        if self._options.demand_w is None:
            return ChargerReading()
        self._count()
        return ChargerReading(self._counted // _MWMS_PER_WH, plugged=True)

    async def probe(self) -> ProbeReport:
        """There is no charger, so it charges nothing without us."""
        return ProbeReport("a simulated charger", ("every limit",), Fallback(0, None, "it charges nothing, ever"))

    def _count(self) -> None:
        """Let the meter run to this moment, at what the last command allows."""
        now, before = self._now(), self._counted_at
        self._counted_at = now
        if before is None or now <= before or self._options.demand_w is None:
            return
        draw_mw = 1000 * self._options.demand_w
        if self.applied and self.applied[-1].restricted:
            draw_mw = min(draw_mw, SUPPLY_V * self.applied[-1].limit_ma)
        self._counted += draw_mw * ((now - before) // timedelta(milliseconds=1))

    async def close(self) -> None:
        """Nothing is to be closed."""
