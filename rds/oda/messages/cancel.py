"""Type 7, cancel: what runs ends, and what has not started never will.

VVKKTTTT kkkk tttttttttttttttttttttttttttt  RRRRRRRRRRRRRRRRRRRR tttttttttttttttttttttttt wwww
version, kind, type, key, TS | region 20, target 24 (low bits of the event's TS), release 4
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from rds.fields import Layout
from rds.oda.messages import HEADER
from rds.oda.target_fields import TARGET_FIELDS, TargetFields


@dataclass(frozen=True, slots=True)
class Cancel(TargetFields):
    """Release 0 is the event's own; target FFFFFF is every older held event within the region."""

    TYPE: ClassVar[int] = 7
    ROLE: ClassVar[int] = 0
    NAME: ClassVar[str] = "cancel"
    LAYOUT: ClassVar[Layout] = Layout(f"{HEADER} {TARGET_FIELDS}")


MESSAGE: Final = Cancel
