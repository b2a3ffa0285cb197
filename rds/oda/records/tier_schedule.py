"""Record 1, tier schedule: the tariff tier of each of 24 slots.

RRRRRRRRRRRRRRRRRRRR ddddddddddddddd sssssss uu gggg 24 x ttt
region 20, day 15, start 7, slot 2, stagger 4, tiers 72
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from rds.fields import Layout
from rds.oda.codes import MAX_TIER, release_s
from rds.oda.region import Region
from rds.oda.schedule_fields import SCHEDULE_FIELDS, SLOTS, ScheduleFields

_TIER_BITS: Final = 3


@dataclass(frozen=True, slots=True)
class TierSchedule(ScheduleFields):
    """24 tiers 0..7. Stagger: the release code of the window over which an edge that lets more current flow is spread.

    Raises:
        ValueError: a code is reserved, or there are not 24 tiers.
    """

    TYPE: ClassVar[int] = 1
    NAME: ClassVar[str] = "tier schedule"
    LAYOUT: ClassVar[Layout] = Layout(f"{SCHEDULE_FIELDS} stagger:4 tiers:{SLOTS * _TIER_BITS}")

    stagger: int
    tiers: tuple[int, ...]

    def __post_init__(self) -> None:
        ScheduleFields.__post_init__(self)
        release_s(self.stagger)
        if len(self.tiers) != SLOTS or not all(0 <= tier <= MAX_TIER for tier in self.tiers):
            raise ValueError(f"tiers {self.tiers}; allowed: {SLOTS} of 0..{MAX_TIER}")

    @property
    def stagger_s(self) -> int | None:
        """The window of an edge that lets more current flow, or None: the receiver's default."""
        return release_s(self.stagger)

    def pack_body(self) -> bytes:
        """The 15 bytes."""
        tiers = 0
        for tier in self.tiers:
            tiers = tiers << _TIER_BITS | tier
        return self.LAYOUT.pack(self.schedule_values | {"stagger": self.stagger, "tiers": tiers})

    @classmethod
    def unpack_body(cls, body: bytes) -> Self:
        """The schedule in a body."""
        values = cls.LAYOUT.unpack(body)
        packed, shifts = values.pop("tiers"), range(_TIER_BITS * (SLOTS - 1), -1, -_TIER_BITS)
        tiers = tuple(packed >> shift & MAX_TIER for shift in shifts)
        return cls(region=Region(values.pop("region")), tiers=tiers, **values)


RECORD: Final = TierSchedule
