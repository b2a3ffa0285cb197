"""Record 6, notice: words for the driver; they limit nothing.

RRRRRRRRRRRRRRRRRRRR ssss uunnnnnn n x tttttttt
region 20, severity 4, duration 8 | text
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from rds.fields import Layout
from rds.oda.certificate import Role
from rds.oda.codes import Severity, duration_s
from rds.oda.display_text import clean_text, encode_display_text
from rds.oda.region import Region
from rds.oda.ticks import TICK_S


@dataclass(frozen=True, slots=True)
class Notice:
    """Severity 0..3 is normal, moderate, high, emergency; it is shown from the bulletin's TS for the duration.

    Raises:
        ValueError: the region or severity is reserved, or the text holds a control character.
    """

    TYPE: ClassVar[int] = 6
    NAME: ClassVar[str] = "notice"
    LAYOUT: ClassVar[Layout] = Layout("region:20 severity:4 duration:8")

    region: Region
    severity: int
    duration: int
    text: str

    def __post_init__(self) -> None:
        if self.region.reserved:
            raise ValueError(f"region {self.region} is reserved")
        if not 0 <= self.severity < len(Severity):
            raise ValueError(f"severity {self.severity}; allowed: 0..{len(Severity) - 1}")
        encode_display_text(self.text)

    @property
    def role(self) -> int:
        """What an operator's key needs to send it."""
        return Role.TARIFF

    @property
    def named_severity(self) -> Severity:
        """The severity as the levels of a curtailment name it."""
        return Severity(Severity.NORMAL + self.severity)

    def end_tick(self, bulletin_ts: int) -> int:
        """From when it is no longer shown, in ticks."""
        return bulletin_ts + duration_s(self.duration) // TICK_S

    def pack_body(self) -> bytes:
        """The fields, then the text."""
        values = {"region": self.region, "severity": self.severity, "duration": self.duration}
        return self.LAYOUT.pack(values) + encode_display_text(self.text)

    @classmethod
    def unpack_body(cls, body: bytes) -> Self:
        """The notice in a body; what of the text cannot be shown is dropped."""
        values = cls.LAYOUT.unpack(body)
        text = clean_text(body[cls.LAYOUT.octets :])
        return cls(Region(values["region"]), values["severity"], values["duration"], text)


RECORD: Final = Notice
