"""Record 5, table: the region's or network's name, the scale of its prices, the name of a tier.

RRRRRRRRRRRRRRRRRRRR iiii n x cccccccc
region 20, item 4 | content: text, in item 1 a scale of 24 bits
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from rds.fields import Layout
from rds.oda.certificate import Role
from rds.oda.codes import MAX_TIER
from rds.oda.display_text import clean_text
from rds.oda.price_scale import PriceScale
from rds.oda.region import Region

ITEM_NAME: Final = 0
ITEM_SCALE: Final = 1
ITEM_TIER_NAMES: Final = range(8, 8 + MAX_TIER + 1)
"""Item 8 + t is the name of tier t."""
_SCALE_OCTETS: Final = 3


@dataclass(frozen=True, slots=True)
class Table:
    """One item of one region. The content of a name is text, that of item 1 the three bytes of a scale.

    Raises:
        ValueError: the region, item or scale is reserved.
    """

    TYPE: ClassVar[int] = 5
    NAME: ClassVar[str] = "table"
    LAYOUT: ClassVar[Layout] = Layout("region:20 item:4")

    region: Region
    item: int
    content: bytes

    def __post_init__(self) -> None:
        if self.region.reserved:
            raise ValueError(f"region {self.region} is reserved")
        if self.item not in (ITEM_NAME, ITEM_SCALE, *ITEM_TIER_NAMES):
            raise ValueError(f"item {self.item} is reserved; allowed: 0, 1, 8..15")
        if self.item == ITEM_SCALE:
            if len(self.content) != _SCALE_OCTETS:
                raise ValueError(f"a scale of {len(self.content)} bytes; allowed: {_SCALE_OCTETS}")
            PriceScale.of(int.from_bytes(self.content, "big"))

    @property
    def role(self) -> int:
        """What an operator's key needs to send it."""
        return Role.TARIFF

    @property
    def text(self) -> str | None:
        """The name, fit to be shown, or None in a scale."""
        return None if self.item == ITEM_SCALE else clean_text(self.content)

    @property
    def scale(self) -> PriceScale | None:
        """The scale of the region's prices, or None in a name."""
        return PriceScale.of(int.from_bytes(self.content, "big")) if self.item == ITEM_SCALE else None

    @property
    def tier(self) -> int | None:
        """The tier that it names, or None."""
        return self.item - ITEM_TIER_NAMES[0] if self.item in ITEM_TIER_NAMES else None

    def pack_body(self) -> bytes:
        """The fields, then the content."""
        return self.LAYOUT.pack({"region": self.region, "item": self.item}) + self.content

    @classmethod
    def unpack_body(cls, body: bytes) -> Self:
        """The item in a body."""
        values, content = cls.LAYOUT.unpack(body), body[cls.LAYOUT.octets :]
        if values["item"] == ITEM_SCALE:
            content = content[:_SCALE_OCTETS]
        return cls(Region(values["region"]), values["item"], content)


RECORD: Final = Table
