"""Type 4, halt: stop charging.

VVKKTTTT kkkk tttttttttttttttttttttttttttt  RRRRRRRRRRRRRRRRRRRR dddddddd llllllll uunnnnnn wwww
version, kind, type, key, TS | region 20, dispatch 8, level 8, duration 8, release 4
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from rds.fields import Layout
from rds.oda.certificate import Role
from rds.oda.event_fields import EVENT_FIELDS, EventFields
from rds.oda.messages import HEADER


@dataclass(frozen=True, slots=True)
class Halt(EventFields):
    """Level is 0."""

    TYPE: ClassVar[int] = 4
    ROLE: ClassVar[int] = Role.HALT
    NAME: ClassVar[str] = "halt"
    LAYOUT: ClassVar[Layout] = Layout(f"{HEADER} {EVENT_FIELDS}")

    def check_level(self) -> None:
        """Refuses what the type does not define."""
        if self.level != 0:
            raise ValueError(f"level {self.level} is reserved in halt")


MESSAGE: Final = Halt
