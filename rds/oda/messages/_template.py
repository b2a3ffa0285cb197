"""Type 15, template: copy this file, name it after the type, and change every line of it.

VVKKTTTT kkkk tttttttttttttttttttttttttttt  RRRRRRRRRRRRRRRRRRRR ........................ wwww
version, kind, type, key, TS | region 20, reserved 24, release 4
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from rds.fields import Layout
from rds.oda.certificate import Role
from rds.oda.messages import HEADER
from rds.oda.region import Region


@dataclass(frozen=True, slots=True)
class Template:
    """What it asks of a charger, and where the protocol says so.

    Raises:
        ValueError: a value is reserved; off the air such a message is ignored and counted.
    """

    TYPE: ClassVar[int] = 15
    ROLE: ClassVar[int] = Role.TEST
    NAME: ClassVar[str] = "template"
    LAYOUT: ClassVar[Layout] = Layout(f"{HEADER} region:20 reserved:24 release:4")

    key: int
    ts: int
    region: Region
    release: int

    def __post_init__(self) -> None:
        if self.region.reserved:
            raise ValueError(f"region {self.region} is reserved")


MESSAGE: Final = Template
