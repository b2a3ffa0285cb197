"""What became of a bulletin and of each of its records: frozen data for whoever shows or counts it."""

from dataclasses import dataclass

from rds.oda.bulletin import Bulletin
from rds.oda.records import BulletinRecord
from receiver.bulletin_assembly import Envelopes
from receiver.verify import Rejection


@dataclass(frozen=True, slots=True)
class HeardBulletin:
    """A bulletin whose signature holds, told once for each time that it is heard whole."""

    envelopes: Envelopes
    sample_index: int
    """Of the group that completed it."""
    end_s: float


@dataclass(frozen=True, slots=True)
class RecordVerdict:
    """What became of a record."""

    record: BulletinRecord | None
    """None: unknown, short or reserved."""
    rejection: Rejection | None
    """None: taken."""


@dataclass(frozen=True, slots=True)
class BulletinVerdict:
    """What became of a bulletin."""

    heard: HeardBulletin
    bulletin: Bulletin
    rejection: Rejection | None
    """Against the whole of it: then no record was looked at."""
    records: tuple[RecordVerdict, ...]

    @property
    def accepted(self) -> bool:
        """Whether anything of it counts."""
        return self.rejection is None and any(one.rejection is None for one in self.records)
