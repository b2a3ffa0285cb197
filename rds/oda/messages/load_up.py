"""Type 5, load up: charge now if plugged in; advisory.

VVKKTTTT kkkk tttttttttttttttttttttttttttt  RRRRRRRRRRRRRRRRRRRR dddddddd llllllll uunnnnnn wwww
version, kind, type, key, TS | region 20, dispatch 8, level 8, duration 8, release 4
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from rds.fields import Layout
from rds.oda.certificate import Role
from rds.oda.codes import level_percent
from rds.oda.event_fields import EVENT_FIELDS, EventFields
from rds.oda.messages import HEADER


@dataclass(frozen=True, slots=True)
class LoadUp(EventFields):
    """Level 129..228 = 1..100 % of the rating; release spreads its start."""

    TYPE: ClassVar[int] = 5
    ROLE: ClassVar[int] = Role.LOAD_UP
    NAME: ClassVar[str] = "load up"
    LAYOUT: ClassVar[Layout] = Layout(f"{HEADER} {EVENT_FIELDS}")

    def check_level(self) -> None:
        """Refuses what the type does not define."""
        if not level_percent(self.level):
            raise ValueError(f"level {self.level} is reserved in load up")


MESSAGE: Final = LoadUp
