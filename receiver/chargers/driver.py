"""What every charger driver takes and promises: a command in, accepted or an error out; and what the charger says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, Self

PAUSE_MA: Final = 0
"""The limit that means: do not charge."""
LOWEST_MA: Final = 6000
"""The lowest current that a pilot can offer (IEC 61851-1); anything below is a pause."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What a charger may make of the broadcast beside its limit, where its interface has a word for it.

    Attributes:
        load_up_until: Until when it shall take what it can, aware; None: nothing asks it to.
        price_ratio: The price now to the mean of all prices that are known; None: none is.
        next_price_ratio: The same of the next price.
    """

    load_up_until: datetime | None = None
    price_ratio: float | None = None
    next_price_ratio: float | None = None


NO_ADVICE: Final = Advice()


@dataclass(frozen=True, slots=True)
class ChargerCommand:
    """What a charger shall do from now on.

    Attributes:
        limit_ma: Most current per phase in mA: 0 (pause) or 6000 and more. When not `restricted`, the local limit: what
            a driver writes whose charger has a number and nothing to take back.
        moment: The chain's time when this was decided, aware.
        until: When the charger may forget the limit if it hears nothing more, aware; None: not known yet.
        restricted: False when the broadcast asks for nothing any more: the driver takes back what it had set.
        reason: Why, in a few words for people.
        advice: What goes beyond the limit.

    Raises:
        ValueError: a limit between a pause and 6 A, or a time without a zone.
    """

    limit_ma: int
    moment: datetime
    until: datetime | None
    restricted: bool
    reason: str
    advice: Advice = NO_ADVICE

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
        limit_ma: The limit that it says it has now, in mA per phase; 0 is a pause.
        current_ma: What it draws, in mA, of the phase that draws most.
        overridden: What a person has set at the charger itself and what therefore holds instead of ours, in words.
        answers: Whether it answered when it was last asked.
        alarms: What is wrong and what to do about it, one line each.
    """

    energy_wh: int | None = None
    plugged: bool | None = None
    limit_ma: int | None = None
    current_ma: int | None = None
    overridden: str | None = None
    answers: bool | None = None
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fallback:
    """What a charger does when nobody talks to it any more.

    Attributes:
        limit_ma: The most that it then takes, in mA per phase; None: unknown, so perhaps its full current.
        after_s: After how many seconds of silence; None: it has no watchdog, and the last limit stays to its end.
        words: The same in words, with where the limit ends if there is no watchdog.
    """

    limit_ma: int | None
    after_s: float | None
    words: str


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What was found at the other end of the wire.

    Attributes:
        found: Maker, model, firmware or whatever the charger gives as its name.
        supports: What it can do for us, a line each ("limits in A, steps of 1 A", "read-back of the limit").
        fallback: What it does without us.
        warnings: What an installer should change at the charger, a line each.
    """

    found: str
    supports: tuple[str, ...]
    fallback: Fallback
    warnings: tuple[str, ...] = ()


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
        """What the charger last said of itself, at no cost: nothing is asked for it."""
        return ChargerReading()

    async def probe(self) -> ProbeReport:
        """Ask the charger what it is, after `start`, and change nothing but what the wire needs.

        Raises:
            DeviceAbsentError: no charger is there.
            DeviceLostError: the charger stopped answering.
            ChargerRefusedError: it answered with nonsense.
        """
        ...

    async def close(self) -> None:
        """Let go of the charger and leave its limit as it is: it ends by itself. Closing twice does no harm."""
        ...
