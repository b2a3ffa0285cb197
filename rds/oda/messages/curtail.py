"""Type 3, curtail: charge with no more than a level.

VVKKTTTT kkkk tttttttttttttttttttttttttttt  RRRRRRRRRRRRRRRRRRRR dddddddd llllllll uunnnnnn wwww
version, kind, type, key, TS | region 20, dispatch 8, level 8, duration 8, release 4
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from rds.fields import Layout
from rds.oda.certificate import Role
from rds.oda.codes import is_curtail_level
from rds.oda.event_fields import EVENT_FIELDS, EventFields
from rds.oda.messages import HEADER


@dataclass(frozen=True, slots=True)
class Curtail(EventFields):
    """Level 1..80 A per phase; 128..228 = 0..100 % of the rating; 240..243 a severity."""

    TYPE: ClassVar[int] = 3
    ROLE: ClassVar[int] = Role.CURTAIL
    NAME: ClassVar[str] = "curtail"
    LAYOUT: ClassVar[Layout] = Layout(f"{HEADER} {EVENT_FIELDS}")

    def check_level(self) -> None:
        """Refuses what the type does not define."""
        if not is_curtail_level(self.level):
            raise ValueError(f"level {self.level} is reserved in curtail")


MESSAGE: Final = Curtail
