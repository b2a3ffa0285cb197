"""The 48 bits that types 1 to 5 and 8 share: whom, who of them, how much, how long, and the way back.

RRRRRRRRRRRRRRRRRRRR dddddddd llllllll uunnnnnn wwww
region 20, dispatch 8, level 8, duration 8 (unit 2, n 6), release 4
"""

from dataclasses import dataclass
from typing import Final

from rds.oda.codes import RELEASE_CODES, Dispatch, duration_s
from rds.oda.region import Region
from rds.oda.target_fields import ALL_TARGETS, target_of
from rds.oda.ticks import TICK_S

EVENT_FIELDS: Final = "region:20 dispatch:8 level:8 duration:8 release:4"


@dataclass(frozen=True, slots=True)
class EventFields:
    """The shared fields as their codes.

    Raises:
        ValueError: a code is reserved.
    """

    key: int
    ts: int
    region: Region
    dispatch: int
    level: int
    duration: int
    release: int

    def __post_init__(self) -> None:
        if self.region.reserved:
            raise ValueError(f"region {self.region} is reserved")
        Dispatch.of(self.dispatch)
        if self.release not in RELEASE_CODES:
            raise ValueError(f"release code {self.release} is reserved")
        if target_of(self.ts) == ALL_TARGETS:
            raise ValueError(f"TS {self.ts} is kept free, as its low bits are the target of all; take the next")
        self.check_level()

    def check_level(self) -> None:
        """Refuses a level that the type does not define.

        Raises:
            ValueError: the level is reserved.
        """
        raise NotImplementedError

    @property
    def end_tick(self) -> int:
        """When it ends, in ticks: its TS and its duration, whenever it was heard."""
        return self.ts + duration_s(self.duration) // TICK_S
