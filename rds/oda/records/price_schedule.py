"""Record 2, price schedule: the price of each of 24 slots.

RRRRRRRRRRRRRRRRRRRR ddddddddddddddd sssssss uu .... cccccccccccccccccccccccc 24 x pppppppp
region 20, day 15, start 7, slot 2, reserved 4, scale 24 (currency 10, step 10, exponent 4), codes 192
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final, Self

from rds.fields import Layout
from rds.oda.price_scale import MAX_PRICE_CODE, NO_PRICE, PriceScale
from rds.oda.region import Region
from rds.oda.schedule_fields import SCHEDULE_FIELDS, SLOTS, ScheduleFields


@dataclass(frozen=True, slots=True)
class PriceSchedule(ScheduleFields):
    """24 signed codes -127..127 in steps of the scale, -128 where there is no price.

    Raises:
        ValueError: a code is reserved, or there are not 24 prices.
    """

    TYPE: ClassVar[int] = 2
    NAME: ClassVar[str] = "price schedule"
    LAYOUT: ClassVar[Layout] = Layout(f"{SCHEDULE_FIELDS} reserved:4 scale:24 codes:{8 * SLOTS}")

    scale: int
    codes: tuple[int, ...]

    def __post_init__(self) -> None:
        ScheduleFields.__post_init__(self)
        if not 0 <= self.scale < 1 << 24:
            raise ValueError(f"scale {self.scale}; allowed: 24 bits")
        PriceScale.of(self.scale)
        if len(self.codes) != SLOTS or not all(NO_PRICE <= code <= MAX_PRICE_CODE for code in self.codes):
            raise ValueError(f"codes {self.codes}; allowed: {SLOTS} of {NO_PRICE}..{MAX_PRICE_CODE}")

    @property
    def price_scale(self) -> PriceScale:
        """What a step of the codes is."""
        return PriceScale.of(self.scale)

    def amount(self, index: int) -> Decimal | None:
        """The exact price of slot 0..23 in the scale's currency per kWh, or None where there is none."""
        code = self.codes[index]
        return None if code == NO_PRICE else self.price_scale.amount(code)

    def pack_body(self) -> bytes:
        """The 33 bytes."""
        codes = int.from_bytes(bytes(code & 0xFF for code in self.codes), "big")
        return self.LAYOUT.pack(self.schedule_values | {"reserved": 0, "scale": self.scale, "codes": codes})

    @classmethod
    def unpack_body(cls, body: bytes) -> Self:
        """The schedule in a body."""
        values = cls.LAYOUT.unpack(body)
        del values["reserved"]
        codes = (code - 256 if code > MAX_PRICE_CODE else code for code in values.pop("codes").to_bytes(SLOTS, "big"))
        return cls(region=Region(values.pop("region")), codes=tuple(codes), **values)


RECORD: Final = PriceSchedule
