"""Record 255, template: copy this file, name it after the type, and change every line of it.

RRRRRRRRRRRRRRRRRRRR .................... n x tttttttt
region 20, reserved 20 | text
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from rds.fields import Layout
from rds.oda.certificate import Role
from rds.oda.display_text import clean_text, encode_display_text
from rds.oda.region import Region


@dataclass(frozen=True, slots=True)
class Template:
    """What it tells a charger, and where the protocol says so.

    Raises:
        ValueError: a value is reserved; off the air such a record is ignored and counted.
    """

    TYPE: ClassVar[int] = 255
    NAME: ClassVar[str] = "template"
    LAYOUT: ClassVar[Layout] = Layout("region:20 reserved:20")

    region: Region
    text: str

    def __post_init__(self) -> None:
        if self.region.reserved:
            raise ValueError(f"region {self.region} is reserved")
        encode_display_text(self.text)

    @property
    def role(self) -> int:
        """What an operator's key needs to send it."""
        return Role.TARIFF

    def pack_body(self) -> bytes:
        """The fields, then the text."""
        return self.LAYOUT.pack({"region": self.region, "reserved": 0}) + encode_display_text(self.text)

    @classmethod
    def unpack_body(cls, body: bytes) -> Self:
        """The fields and the text of a body."""
        values = cls.LAYOUT.unpack(body)
        return cls(Region(values["region"]), clean_text(body[cls.LAYOUT.octets :]))


RECORD: Final = Template
