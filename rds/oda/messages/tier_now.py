"""Type 1, tier now: the tariff tier that holds, beating the schedule.

VVKKTTTT kkkk tttttttttttttttttttttttttttt  RRRRRRRRRRRRRRRRRRRR dddddddd llllllll uunnnnnn wwww
version, kind, type, key, TS | region 20, dispatch 8, level 8, duration 8, release 4
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from rds.fields import Layout
from rds.oda.certificate import Role
from rds.oda.codes import MAX_TIER, SCHEDULE_LEVEL
from rds.oda.event_fields import EVENT_FIELDS, EventFields
from rds.oda.messages import HEADER


@dataclass(frozen=True, slots=True)
class TierNow(EventFields):
    """Level 0..7 is the tier; 128 goes back to the schedule. Valid for the duration; release unused."""

    TYPE: ClassVar[int] = 1
    ROLE: ClassVar[int] = Role.TARIFF
    NAME: ClassVar[str] = "tier now"
    LAYOUT: ClassVar[Layout] = Layout(f"{HEADER} {EVENT_FIELDS}")

    def check_level(self) -> None:
        """Refuses what the type does not define."""
        if self.level > MAX_TIER and self.level != SCHEDULE_LEVEL:
            raise ValueError(f"level {self.level} is reserved in tier now")


MESSAGE: Final = TierNow
