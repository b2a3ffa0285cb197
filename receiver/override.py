"""The owner's word against the broadcast, as frozen data: what it sets aside and until when.

It removes only what the broadcast, or the local profile in its place, asks; what site and installer allow stays.
It is possible in an emergency too, and nothing on the air clears it (protocol, What a receiver must do, 9).
"""

from dataclasses import dataclass
from enum import StrEnum

EventIdentity = tuple[bytes, int]
"""Public key and TS: what an event is known by."""


class OverrideKind(StrEnum):
    """How far an override reaches."""

    EVENT = "event"
    """The events that are named: to their end, or to the unplugging."""
    TODAY = "today"
    """All that the broadcast asks, to local midnight."""
    ALWAYS = "always"
    """All that the broadcast asks, until the owner clears it."""


@dataclass(frozen=True, slots=True)
class Override:
    """One override; there is none or one at a time."""

    kind: OverrideKind
    set_ms: int
    until_ms: int | None = None
    """None: until it is cleared."""
    events: frozenset[EventIdentity] = frozenset()
    """Of kind EVENT alone: those that it covers."""

    def holds(self, now_ms: int) -> bool:
        """Whether it is in force."""
        return self.until_ms is None or now_ms < self.until_ms

    def covers(self, event: EventIdentity | None) -> bool:
        """Whether it sets an event aside; None stands for a tier, a price or the local profile."""
        return event in self.events if self.kind is OverrideKind.EVENT else True
