"""The first 48 or so bits that both schedules share: where, from when, and how long a slot is (protocol, Schedule).

RRRRRRRRRRRRRRRRRRRR ddddddddddddddd sssssss uu
region 20, day 15 (since 2024-01-01), start 7 (quarter hours of that UTC day), slot 2 (60, 30, 15 min)
"""

from dataclasses import dataclass
from typing import Final

from rds.oda.certificate import Role
from rds.oda.region import Region
from rds.oda.ticks import TICK_S

SCHEDULE_FIELDS: Final = "region:20 day:15 start:7 slot:2"
SLOTS: Final = 24
SLOT_MINUTES: Final = (60, 30, 15)
"""By slot code; 3 is reserved."""
QUARTERS_A_DAY: Final = 96
TICKS_A_DAY: Final = 86_400 // TICK_S
TICKS_A_QUARTER: Final = TICKS_A_DAY // QUARTERS_A_DAY
HELD_TICKS: Final = 3600 // TICK_S
"""For so long the last slot holds on where nothing else covers the moment: a day of 25 hours."""


@dataclass(frozen=True, slots=True)
class ScheduleFields:
    """The shared fields as their codes.

    Raises:
        ValueError: a code is reserved.
    """

    region: Region
    day: int
    start: int
    slot: int

    def __post_init__(self) -> None:
        if self.region.reserved:
            raise ValueError(f"region {self.region} is reserved")
        if not 0 <= self.start < QUARTERS_A_DAY:
            raise ValueError(f"start {self.start}; allowed: 0..{QUARTERS_A_DAY - 1} quarter hours")
        if not 0 <= self.slot < len(SLOT_MINUTES):
            raise ValueError(f"slot code {self.slot} is reserved; allowed: 0..{len(SLOT_MINUTES) - 1}")

    @property
    def role(self) -> int:
        """What an operator's key needs to send it."""
        return Role.TARIFF

    @property
    def schedule_values(self) -> dict[str, int]:
        """The shared fields by the names of `SCHEDULE_FIELDS`."""
        return {"region": int(self.region), "day": self.day, "start": self.start, "slot": self.slot}

    @property
    def start_tick(self) -> int:
        """When the first slot begins, in ticks."""
        return self.day * TICKS_A_DAY + self.start * TICKS_A_QUARTER

    @property
    def slot_ticks(self) -> int:
        """The length of a slot, in ticks."""
        return SLOT_MINUTES[self.slot] * 60 // TICK_S

    @property
    def end_tick(self) -> int:
        """When the last slot is over, in ticks."""
        return self.start_tick + SLOTS * self.slot_ticks

    def slot_at(self, tick: int) -> int | None:
        """The index 0..23 of the slot that a tick lies in, or None outside all of them."""
        index = (tick - self.start_tick) // self.slot_ticks
        return index if 0 <= index < SLOTS else None

    def holds_on_at(self, tick: int) -> bool:
        """Whether a tick lies in the 60 min in which the last slot holds on if nothing else covers the moment."""
        return self.end_tick <= tick < self.end_tick + HELD_TICKS
