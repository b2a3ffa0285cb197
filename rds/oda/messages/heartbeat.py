"""Type 0, heartbeat: the key is alive, it is this late, and older events are void.

VVKKTTTT kkkk tttttttttttttttttttttttttttt  hhhhhhhhhhhhhhhh nnnn ssssssss oooooooo pppp ........
version, kind, type, key, TS | horizon 16, live events 4, schedule 8, UTC offset 8 (signed), status 4, reserved 8
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from rds.fields import Layout
from rds.oda.certificate import Role
from rds.oda.messages import HEADER

NO_HORIZON: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Events of the same key with a TS below TS - horizon are void for ever; the rest is for display."""

    TYPE: ClassVar[int] = 0
    ROLE: ClassVar[int] = Role.HEARTBEAT
    NAME: ClassVar[str] = "heartbeat"
    LAYOUT: ClassVar[Layout] = Layout(f"{HEADER} horizon:16 live_events:4 schedule:8 utc_offset:s8 status:4 reserved:8")

    key: int
    ts: int
    horizon: int = NO_HORIZON
    live_events: int = 0
    """15 = more."""
    schedule: int = 0
    """Low 8 bits of the newest schedule's TS."""
    utc_offset: int = 0
    """Quarter hours, for display."""
    status: int = 0
    """0 normal, 1 exercise, 2 closing."""

    @property
    def void_below(self) -> int | None:
        """The TS below which the key's events are void, or None."""
        return None if self.horizon == NO_HORIZON else self.ts - self.horizon


MESSAGE: Final = Heartbeat
