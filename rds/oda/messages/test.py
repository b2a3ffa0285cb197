"""Type 8, test: as a curtailment, shown and never acted on.

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
class Test(EventFields):
    """The same fields as a curtailment's."""

    TYPE: ClassVar[int] = 8
    ROLE: ClassVar[int] = Role.TEST
    NAME: ClassVar[str] = "test"
    LAYOUT: ClassVar[Layout] = Layout(f"{HEADER} {EVENT_FIELDS}")

    def check_level(self) -> None:
        """Refuses what the type does not define."""
        if not is_curtail_level(self.level):
            raise ValueError(f"level {self.level} is reserved in test")


MESSAGE: Final = Test
