"""Every record of a bulletin to its body and back: one file a type, found by its number (protocol, Bulletin).

A new type is one new file copied from `_template.py`; nothing else is edited.
"""

import importlib
import pkgutil
from functools import cache
from typing import ClassVar, Protocol, Self

from rds.fields import Layout
from rds.oda.bulletin import MAX_RECORD_OCTETS, Record
from rds.oda.region import Region


class BulletinRecord(Protocol):
    """What a record file holds: a frozen dataclass that knows its body."""

    TYPE: ClassVar[int]
    NAME: ClassVar[str]
    LAYOUT: ClassVar[Layout]
    """The fixed fields that a body begins with; a shorter body is ignored."""

    @property
    def role(self) -> int:
        """The role bit that an operator's key needs; a certificate's is one that no operator has."""

    @property
    def region(self) -> Region:
        """Where it holds; a certificate's is its scope."""

    def pack_body(self) -> bytes:
        """The body.

        Raises:
            ValueError: a field does not fit its width.
        """

    @classmethod
    def unpack_body(cls, body: bytes) -> Self:
        """The record in a body that holds at least `LAYOUT`; what follows its fields is not looked at.

        Raises:
            ValueError: a value is reserved.
        """


@cache
def record_types() -> dict[int, type[BulletinRecord]]:
    """Every record class in this folder by its type number."""
    found: dict[int, type[BulletinRecord]] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            record = importlib.import_module(f"{__name__}.{module.name}").RECORD
            assert record.TYPE not in found, f"two records claim type {record.TYPE}"
            found[record.TYPE] = record
    return found


def pack_record(record: BulletinRecord) -> Record:
    """The record as a bulletin carries it.

    Raises:
        ValueError: a field does not fit its width, or the body its 255 bytes.
    """
    body = record.pack_body()
    if len(body) > MAX_RECORD_OCTETS:
        raise ValueError(f"a {record.NAME} of {len(body)} bytes; allowed: {MAX_RECORD_OCTETS}, shorten its text")
    return Record(record.TYPE, body)


def unpack_record(record: Record) -> BulletinRecord | None:
    """What a bulletin's record says, or None: unknown type, a body too short, a reserved value. Total."""
    kind = record_types().get(record.type)
    if kind is None or len(record.body) < kind.LAYOUT.octets:
        return None
    try:
        return kind.unpack_body(record.body)
    except ValueError:
        return None
