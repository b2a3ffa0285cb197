"""What every charger driver takes and promises: one command in, accepted by the charger or an error out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, Self

PAUSE_MA: Final = 0
"""The limit that means: do not charge."""
LOWEST_MA: Final = 6000
"""The lowest current that a pilot can offer (IEC 61851-1); anything below is a pause."""


@dataclass(frozen=True, slots=True)
class ChargerCommand:
    """What a charger shall do from now on.

    Attributes:
        limit_ma: Most current per phase in mA: 0 (pause) or 6000 and more. Meaningless when not `restricted`.
        moment: The chain's time when this was decided, aware.
        until: When the charger may forget the limit if it hears nothing more, aware; None: not known yet.
        restricted: False when the broadcast asks for nothing any more: the driver takes back what it had set.
        reason: Why, in a few words for people.

    Raises:
        ValueError: a limit between a pause and 6 A, or a time without a zone.
    """

    limit_ma: int
    moment: datetime
    until: datetime | None
    restricted: bool
    reason: str

    def __post_init__(self) -> None:
        if self.limit_ma != PAUSE_MA and self.limit_ma < LOWEST_MA:
            raise ValueError(f"limit_ma is {self.limit_ma}; allowed: 0 (pause), or {LOWEST_MA} and more")
        if self.moment.tzinfo is None or (self.until is not None and self.until.tzinfo is None):
            raise ValueError(f"moment {self.moment} and until {self.until} must carry a time zone")


@dataclass(frozen=True, slots=True)
class ChargerReading:
    """What a charger last said of itself; None: it never has.

    Attributes:
        energy_wh: What its meter has counted, in Wh: it only rises.
        plugged: Whether a car is plugged in.
    """

    energy_wh: int | None = None
    plugged: bool | None = None


class ChargerDriver(Protocol):
    """One charger. Its methods run in one event loop, one at a time.

    A driver keeps the last command whatever happens, and brings it to the charger again when the charger comes back:
    an error from `apply` is news for people, not a reason to give up.
    """

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        """A driver from its table in the configuration. Opens nothing.

        Args:
            options: The table's names and values as TOML gives them.
            now: The chain's time, aware. Chargers are told this one: the system clock is not trusted.

        Raises:
            UsageError: an unknown name, a wrong type or a value outside its range.
        """
        ...

    async def start(self) -> None:
        """Open the way to the charger, or begin to wait for it.

        Raises:
            DeviceAbsentError: the port, socket or server cannot be opened.
        """
        ...

    async def apply(self, command: ChargerCommand) -> None:
        """Return when the charger has accepted the command. Repeating a command does no harm.

        Raises:
            DeviceAbsentError: no charger is there.
            DeviceLostError: the charger stopped answering.
            ChargerRefusedError: the charger answered that it will not, or with nonsense.
        """
        ...

    @property
    def reading(self) -> ChargerReading:
        """What the charger last said of itself, at no cost. A driver of one that says nothing leaves this as it is."""
        return ChargerReading()

    async def close(self) -> None:
        """Let go of the charger and leave its limit as it is: it ends by itself. Closing twice does no harm."""
        ...
