"""Type 2, price now: the price that holds, beating the schedule.

VVKKTTTT kkkk tttttttttttttttttttttttttttt  RRRRRRRRRRRRRRRRRRRR dddddddd llllllll uunnnnnn wwww
version, kind, type, key, TS | region 20, dispatch 8, level 8 (a signed code), duration 8, release 4
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from rds.fields import Layout
from rds.oda.certificate import Role
from rds.oda.codes import SCHEDULE_LEVEL
from rds.oda.event_fields import EVENT_FIELDS, EventFields
from rds.oda.messages import HEADER


@dataclass(frozen=True, slots=True)
class PriceNow(EventFields):
    """The level is a signed price code in the scale of the region's table; 128 goes back to the schedule."""

    TYPE: ClassVar[int] = 2
    ROLE: ClassVar[int] = Role.TARIFF
    NAME: ClassVar[str] = "price now"
    LAYOUT: ClassVar[Layout] = Layout(f"{HEADER} {EVENT_FIELDS}")

    def check_level(self) -> None:
        """Every level has a meaning."""

    @property
    def price_code(self) -> int | None:
        """-127..127 in steps of the table's scale, or None: back to the schedule."""
        if self.level == SCHEDULE_LEVEL:
            return None
        return self.level - 256 if self.level > SCHEDULE_LEVEL else self.level


MESSAGE: Final = PriceNow
