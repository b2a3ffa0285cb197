"""Every urgent message to its 11 bytes and back: one file a type, found by the number it claims.

A new type is one new file copied from `_template.py`; nothing else is edited.
"""

import importlib
import pkgutil
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar, Final, Protocol, cast

from rds.fields import Layout
from rds.oda.certificate import OPERATOR_KEYS
from rds.oda.region import Region

VERSION: Final = 1
KIND_URGENT: Final = 0
KIND_BULLETIN: Final = 1
MESSAGE_OCTETS: Final = 11
HEADER: Final = "version:2 kind:2 type:4 key:4 ts:28"
"""40 bits that every urgent message begins with."""


class UrgentMessage(Protocol):
    """What a message file holds: a frozen dataclass whose fields are those of its layout after the header."""

    TYPE: ClassVar[int]
    ROLE: ClassVar[int]
    """The role bit that a key needs to send it; 0 where any certified key may."""
    LAYOUT: ClassVar[Layout]
    NAME: ClassVar[str]

    @property
    def key(self) -> int:
        """Key id of the sender, 0..13."""

    @property
    def ts(self) -> int:
        """Time stamp, ticks of 10 s."""


@cache
def message_types() -> dict[int, type[UrgentMessage]]:
    """Every message class in this folder by its type number."""
    found: dict[int, type[UrgentMessage]] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            message = importlib.import_module(f"{__name__}.{module.name}").MESSAGE
            assert message.TYPE not in found, f"two messages claim type {message.TYPE}"
            found[message.TYPE] = message
    return found


def pack_message(message: UrgentMessage) -> bytes:
    """The 11 bytes of a message.

    Raises:
        ValueError: a field does not fit its width, or the key is a root's.
    """
    if message.key not in OPERATOR_KEYS:
        raise ValueError(f"key id {message.key}; allowed for an urgent message: 0..13, an operator's")
    values = {field.name: int(getattr(message, field.name)) for field in fields(cast("Any", message))}  # Any: Protocol
    header = {"version": VERSION, "kind": KIND_URGENT, "type": message.TYPE}
    reserved = {name: 0 for name in message.LAYOUT.names if name == "reserved"}
    return message.LAYOUT.pack(header | values | reserved)


def unpack_message(head: bytes) -> UrgentMessage | None:
    """The message in 11 bytes, or None: unknown version, kind or type, a root's key, a reserved value. Total."""
    if len(head) != MESSAGE_OCTETS or head[0] >> 4 != VERSION << 2 | KIND_URGENT or head[1] >> 4 not in OPERATOR_KEYS:
        return None
    message = message_types().get(head[0] & 0xF)
    if message is None:
        return None
    values = message.LAYOUT.unpack(head)
    names = {field.name for field in fields(cast("Any", message))}  # Any: a Protocol is no dataclass to the checker
    arguments = {name: Region(value) if name == "region" else value for name, value in values.items() if name in names}
    try:
        return message(**arguments)
    except ValueError:
        return None
