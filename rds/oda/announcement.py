"""Group 3A: which application runs on which group type, with hints (protocol, Group 3A; EN 50067, 3.1.5.4).

block 2  ggggg             application group type code; 00000 no group, 11111 a fault at the station
block 3  vv nnnnnn eee u rrrr   version, network, key epoch (low bits), urgent, run counter (low bits)
block 4  AID
"""

from dataclasses import dataclass
from typing import Final

from rds.basic import Programme
from rds.fields import Layout
from rds.group import GROUP_TYPES, Group, group_type_code, make_group

VERSION: Final = 1
NO_GROUP: Final = 0b00000
FAULT: Final = 0b11111
_LAYOUT: Final = Layout("version:2 network:6 epoch:3 urgent:1 run:4")


@dataclass(frozen=True, slots=True)
class Announcement:
    """The 16 message bits of 3A: hints, never trusted. `network`, `epoch` and `run` are low bits."""

    network: int
    epoch: int = 0
    urgent: int = 0
    run: int = 0
    version: int = VERSION


def pack_announcement(announcement: Announcement, programme: Programme, *, group_type: str, aid: int) -> Group:
    """The 3A group that says that application `aid` runs on `group_type`."""
    message = _LAYOUT.pack(
        {
            "version": announcement.version,
            "network": announcement.network & 0x3F,
            "epoch": announcement.epoch & 7,
            "urgent": announcement.urgent,
            "run": announcement.run & 0xF,
        }
    )
    return make_group(
        "3A",
        pi=programme.pi,
        tp=programme.tp,
        pty=programme.pty,
        free5=group_type_code(group_type),
        block3=int.from_bytes(message, "big"),
        block4=aid,
    )


def announced_group_type(block2: int) -> str | None:
    """The group type that a 3A group names, or None for "no group" and "fault"."""
    code = block2 & 0x1F
    return None if code in (NO_GROUP, FAULT) else GROUP_TYPES[code]


def unpack_announcement(block3: int) -> Announcement:
    """The hints in a 3A group's block 3."""
    values = _LAYOUT.unpack(block3.to_bytes(2, "big"))
    return Announcement(**values)
