"""The 48 bits that types 6 and 7 share: where, which event, and the way back.

RRRRRRRRRRRRRRRRRRRR tttttttttttttttttttttttt wwww
region 20, target 24 (low bits of the event's TS), release 4
"""

from dataclasses import dataclass
from typing import Final

from rds.oda.codes import RELEASE_CODES
from rds.oda.region import Region

TARGET_FIELDS: Final = "region:20 target:24 release:4"
ALL_TARGETS: Final = 0xFFFFFF
"""All held events with a TS below this message's and a region within its region; no event has such a TS."""
_TARGET_MASK: Final = 0xFFFFFF


def target_of(ts: int) -> int:
    """The target that reaches the event with this TS."""
    return ts & _TARGET_MASK


@dataclass(frozen=True, slots=True)
class TargetFields:
    """The shared fields as their codes.

    Raises:
        ValueError: a code is reserved.
    """

    key: int
    ts: int
    region: Region
    target: int
    release: int

    def __post_init__(self) -> None:
        if self.region.reserved:
            raise ValueError(f"region {self.region} is reserved")
        if self.release not in RELEASE_CODES:
            raise ValueError(f"release code {self.release} is reserved")
