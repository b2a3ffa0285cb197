"""A held event and a device's settings in, its term out: what limit, from when, until when. Integer arithmetic only.

The functions on plain integers (`level_ma`, `Term.holds`) and the draws are all that differs between chargers, so that
a fleet of them can be arrays. Milliseconds since 2024-01-01T00:00Z, milliamperes per phase.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rds.oda.certificate import Role
from rds.oda.codes import RELEASE_DEFAULT, Dispatch, Severity, duration_s, level_percent, release_s
from rds.oda.draw import DEVICE_ID_OCTETS, DRAW_BITS, delay_ms, draw
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.halt import Halt
from rds.oda.messages.load_up import LoadUp
from receiver.clock import TICK_MS
from receiver.verify import Trusted

Event = Curtail | Halt | LoadUp
"""Types 3, 4 and 5: what is held and acted on (protocol, Event)."""
LOWEST_MA: Final = 6000
"""What a pilot signal can say at least (IEC 61851-1); below it is a pause."""
PAUSE_MA: Final = 0
_STEP_MA: Final = 100
_SIXTY_FOURTH: Final = DRAW_BITS - 6
UNLIMITED_MA: Final = 1_000_000
"""A term that limits nothing: more than any charger draws."""


class CustomerOption(StrEnum):
    """What the customer chose that a severity shall mean (program, Severity x customer option)."""

    HIGH_PRICE = "high price"
    MEDIUM = "medium"
    LOW = "low"
    FLEET = "fleet"


_PERCENT: Final = -1
"""In the table: the fleet's own percentage."""
_SEVERITY_MA: Final[dict[Severity, dict[CustomerOption, int]]] = {
    severity: dict(zip(CustomerOption, row, strict=True))
    for severity, row in {
        Severity.NORMAL: (UNLIMITED_MA, UNLIMITED_MA, UNLIMITED_MA, UNLIMITED_MA),
        Severity.MODERATE: (UNLIMITED_MA, LOWEST_MA, PAUSE_MA, _PERCENT),
        Severity.HIGH: (UNLIMITED_MA, LOWEST_MA, PAUSE_MA, LOWEST_MA),
        Severity.EMERGENCY: (LOWEST_MA, PAUSE_MA, PAUSE_MA, PAUSE_MA),
    }.items()
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What is particular to one charger and its owner."""

    device_id: bytes
    """16 random bytes, kept for life, never sent."""
    rating_ma: int
    installer_ma: int
    """What cable and breaker allow."""
    option: CustomerOption = CustomerOption.MEDIUM
    fleet_percent: int = 50
    subgroup: int | None = None
    """0..63, or drawn."""
    release_minimum_s: int = 60
    release_default_s: int = 3600
    longest_event_s: int = 4 * 3600

    @property
    def local_ma(self) -> int:
        """The limit without any broadcast."""
        return min(self.rating_ma, self.installer_ma)


ONLOOKER: Final = Settings(bytes(DEVICE_ID_OCTETS), rating_ma=32_000, installer_ma=32_000)
"""For who watches without a charger: what it holds is shown, never obeyed."""


@dataclass(frozen=True, slots=True)
class HeldEvent:
    """A trusted curtailment, halt or load up, and how it was ended early if it was."""

    trusted: Trusted[Event]
    ended_ms: int | None = None
    ended_release: int = RELEASE_DEFAULT
    """The release code of what ended it; 0: the event's own."""

    @property
    def message(self) -> Event:
        """The event."""
        return self.trusted.message

    @property
    def identity(self) -> tuple[bytes, int]:
        """Public key and TS: what an event is known by."""
        return self.trusted.public_key, self.message.ts

    @property
    def start_ms(self) -> int:
        """Its TS, whenever it was heard."""
        return self.message.ts * TICK_MS

    def end_ms(self, settings: Settings) -> int:
        """Its own end, at most 4 h after its start."""
        return self.start_ms + 1000 * min(duration_s(self.message.duration), settings.longest_event_s)


@dataclass(frozen=True, slots=True)
class Term:
    """What one event means for one charger."""

    event: HeldEvent
    limit_ma: int
    """UNLIMITED_MA: nothing is lowered (load up, or a severity that the customer's option passes over)."""
    start_ms: int
    end_ms: int
    """The event's end, or when it was ended."""
    release_ms: int
    """When this charger may return."""
    window_ms: int
    """The window that its return was drawn from."""

    def holds(self, now_ms: int) -> bool:
        """Whether the limit is in force."""
        return self.start_ms <= now_ms < self.release_ms


def term_of(event: HeldEvent, settings: Settings) -> Term | None:
    """The term of an event for this charger, or None if its dispatch passes the charger over or it ended before."""
    message = event.message
    dispatch = Dispatch.of(message.dispatch)
    if not _is_dispatched(dispatch, message, settings):
        return None

    def drawn_ms(label: str, window_s: int) -> int:
        return delay_ms(draw(label, settings.device_id, key=message.key, ts=message.ts), window_s)

    own_end_ms = event.end_ms(settings)
    end_ms = own_end_ms if event.ended_ms is None else min(event.ended_ms, own_end_ms)
    start_ms = event.start_ms + (drawn_ms("S", dispatch.spread_s) if dispatch.spread_s else 0)
    window_s = _release_window_s(event, settings)
    if isinstance(message, LoadUp):
        # Its release spreads the start, which lets more current flow; its end lets less flow and comes at once.
        start_ms += drawn_ms("R", window_s)
        release_ms = end_ms
    else:
        release_ms = end_ms + drawn_ms("R", window_s)
    if start_ms >= end_ms:
        return None
    return Term(event, limit_of(event.trusted, settings), start_ms, end_ms, release_ms, 1000 * window_s)


def over_ms(event: HeldEvent, settings: Settings) -> int:
    """When an event has no effect left on this charger."""
    term = term_of(event, settings)
    return event.end_ms(settings) if term is None else term.release_ms


def limit_of(trusted: Trusted[Event], settings: Settings) -> int:
    """The limit that an event asks of this charger, mA per phase; PAUSE_MA or at least LOWEST_MA."""
    message = trusted.message
    if isinstance(message, LoadUp):
        return UNLIMITED_MA
    limit_ma = PAUSE_MA if isinstance(message, Halt) else level_ma(message.level, settings)
    return limit_ma if trusted.certificate.roles & Role.HALT else max(limit_ma, LOWEST_MA)


def level_ma(level: int, settings: Settings) -> int:
    """The limit of a curtailment's level, mA per phase: percent rounded down to 0.1 A, below 6 A a pause."""
    percent = level_percent(level)
    if percent is None and level not in Severity.__members__.values():
        limit_ma = 1000 * level
    elif percent is None:
        limit_ma = _SEVERITY_MA[Severity(level)][settings.option]
        percent = settings.fleet_percent if limit_ma == _PERCENT else None
    else:
        limit_ma = 0
    if percent is not None:
        limit_ma = settings.rating_ma * percent // 100 // _STEP_MA * _STEP_MA
    return limit_ma if limit_ma >= LOWEST_MA else PAUSE_MA


def _is_dispatched(dispatch: Dispatch, message: Event, settings: Settings) -> bool:
    if dispatch.fraction is not None:
        return draw("F", settings.device_id, key=message.key, ts=message.ts) >> _SIXTY_FOURTH <= dispatch.fraction
    if dispatch.subgroup is not None:
        drawn = draw("F", settings.device_id, key=0, ts=0) >> _SIXTY_FOURTH
        return dispatch.subgroup == (drawn if settings.subgroup is None else settings.subgroup)
    return True


def _release_window_s(event: HeldEvent, settings: Settings) -> int:
    """The window of the way back: of what ended the event, else its own, else the receiver's; never below its least."""
    window_s = release_s(event.ended_release)
    if window_s is None:
        window_s = release_s(event.message.release)
    if window_s is None:
        window_s = settings.release_default_s
    return max(window_s, settings.release_minimum_s)
