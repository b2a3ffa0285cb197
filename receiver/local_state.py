"""What the policy goes by besides what was heard and configured, as frozen data: clock, signal, override, the day."""

from dataclasses import dataclass

from receiver.local_calendar import Outage
from receiver.override import EventIdentity, Override


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event that has lowered this charger's limit, for the daily caps."""

    public_key: bytes
    ts: int
    start_ms: int
    end_ms: int
    is_grave: bool

    @property
    def identity(self) -> EventIdentity:
        """What it was known by."""
        return self.public_key, self.ts


@dataclass(frozen=True, slots=True)
class LocalState:
    """What the policy goes by besides what was heard and configured."""

    time_is_sure: bool = True
    """Whether what is planned for a time may be done."""
    outage: Outage | None = None
    """The last time without the signal."""
    override: Override | None = None
    past: tuple[PastEvent, ...] = ()
    waits_until_ms: int | None = None
    """After a power cut: when this charger's turn comes; while no time is known, any value says that it still waits."""
