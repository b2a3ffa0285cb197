"""A root's word about an operator's key: what it may do, where and for how long (protocol, Keys)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntFlag
from typing import ClassVar, Final, Self

from rds.fields import Layout
from rds.oda.region import Region
from rds.oda.signature import PUBLIC_KEY_OCTETS, is_public_key
from rds.oda.ticks import TICK_S

ROOT_KEYS: Final = (14, 15)
OPERATOR_KEYS: Final = range(14)
LONGEST_VALIDITY: Final = timedelta(days=400)
_NO_OPERATORS_ROLE: Final = 0x01
"""The reserved role, which `ALL_ROLES` lacks."""
_NUMBERS: Final = ("key", "epoch", "not_before", "not_after", "roles", "scope")


class Role(IntFlag):
    """What a key may send."""

    HEARTBEAT = 0x80
    TARIFF = 0x40
    """Tiers, prices, tables, notices."""
    CURTAIL = 0x20
    HALT = 0x10
    """Without it nothing goes below 6 A."""
    LOAD_UP = 0x08
    OTHERS = 0x04
    """Reach other keys' events."""
    TEST = 0x02


ALL_ROLES: Final = Role(0xFE)


@dataclass(frozen=True, slots=True)
class Certificate:
    """An operator key's certificate; `not_before` and `not_after` are ticks, both inside the validity.

    Raises:
        ValueError: a key id above 13, a validity that is empty or over 400 days, a reserved scope, a public key
            that is none or that anyone could sign for.
    """

    TYPE: ClassVar[int] = 4
    NAME: ClassVar[str] = "certificate"
    LAYOUT: ClassVar[Layout] = Layout(
        "key:4 epoch:12 not_before:28 not_after:28 roles:8 scope:20 reserved:4 public_key:256"
    )

    key: int
    epoch: int
    not_before: int
    not_after: int
    roles: Role
    scope: Region
    public_key: bytes

    def __post_init__(self) -> None:
        if self.key not in OPERATOR_KEYS:
            raise ValueError(f"key id {self.key}; allowed for an operator: 0..13")
        if not 0 <= (self.not_after - self.not_before) * TICK_S <= LONGEST_VALIDITY.total_seconds():
            raise ValueError(f"validity of ticks {self.not_before}..{self.not_after}; allowed: at most 400 days")
        if self.scope.reserved:
            raise ValueError(f"scope {self.scope} is reserved")
        if not is_public_key(self.public_key):
            raise ValueError(f"public key {self.public_key.hex()} is none; allowed: an Ed25519 key not of small order")

    def valid_at(self, ts: int) -> bool:
        """Whether a message with this TS lies in the validity."""
        return self.not_before <= ts <= self.not_after

    @property
    def role(self) -> int:
        """A role that no operator's key has: what an operator signs is no certificate."""
        return _NO_OPERATORS_ROLE

    @property
    def region(self) -> Region:
        """Where the key may send."""
        return self.scope

    def pack_body(self) -> bytes:
        """The 45 bytes."""
        values = {name: int(getattr(self, name)) for name in _NUMBERS}
        return self.LAYOUT.pack(values | {"reserved": 0, "public_key": int.from_bytes(self.public_key, "big")})

    @classmethod
    def unpack_body(cls, body: bytes) -> Self:
        """The certificate at the start of a record's body; the reserved role is dropped."""
        values = cls.LAYOUT.unpack(body)
        return cls(
            key=values["key"],
            epoch=values["epoch"],
            not_before=values["not_before"],
            not_after=values["not_after"],
            roles=Role(values["roles"]) & ALL_ROLES,
            scope=Region(values["scope"]),
            public_key=values["public_key"].to_bytes(PUBLIC_KEY_OCTETS, "big"),
        )
