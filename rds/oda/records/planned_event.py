"""Record 3, planned event: a curtailment, halt or load up that begins later, or one of many that begin now.

TTTT RRRRRRRRRRRRRRRRRRRR dddddddd llllllll uunnnnnn wwww sssssssssssss rrr pppppppp ....
type 4, region 20, dispatch 8, level 8, duration 8, release 4, start 13 (minutes), ramp 3, programmes 8, reserved 4
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from rds.fields import Layout
from rds.oda.codes import ramp_s
from rds.oda.event_fields import EVENT_FIELDS
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.halt import Halt
from rds.oda.messages.load_up import LoadUp
from rds.oda.region import Region
from rds.oda.ticks import TICK_S

_EVENTS: Final = {kind.TYPE: kind for kind in (Curtail, Halt, LoadUp)}
_TICKS_A_MINUTE: Final = 60 // TICK_S
_ANY_TS: Final = 0


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """The fields of an event of `type` 3, 4 or 5, then its start, its ramp code and a mask of programmes, 0 for all.

    Record n of a bulletin, counted from 0 over records of every type, is an event whose TS is the bulletin's + n.

    Raises:
        ValueError: a code is reserved.
    """

    TYPE: ClassVar[int] = 3
    NAME: ClassVar[str] = "planned event"
    LAYOUT: ClassVar[Layout] = Layout(f"type:4 {EVENT_FIELDS} start:13 ramp:3 programmes:8 reserved:4")

    type: int
    region: Region
    dispatch: int
    level: int
    duration: int
    release: int
    start: int = 0
    """Minutes after the bulletin's TS."""
    ramp: int = 0
    programmes: int = 0

    def __post_init__(self) -> None:
        if self.type not in _EVENTS:
            raise ValueError(f"planned event of type {self.type}; allowed: {', '.join(map(str, _EVENTS))}")
        ramp_s(self.ramp)
        self.message(0, _ANY_TS)

    @property
    def role(self) -> int:
        """What an operator's key needs to send it: as for the same event sent at once."""
        return _EVENTS[self.type].ROLE

    @property
    def ramp_s(self) -> int:
        """The seconds over which the limit goes down to the level."""
        return ramp_s(self.ramp)

    def message(self, key: int, ts: int) -> Curtail | Halt | LoadUp:
        """The event under a key id and its own TS, which is the bulletin's TS + n; its start and ramp are not in it.

        Raises:
            ValueError: no event may have this TS (protocol, TS).
        """
        return _EVENTS[self.type](
            key=key,
            ts=ts,
            region=self.region,
            dispatch=self.dispatch,
            level=self.level,
            duration=self.duration,
            release=self.release,
        )

    def start_tick(self, bulletin_ts: int, index: int) -> int:
        """When it begins as record `index`: `start` minutes after the bulletin's TS, and never before its own TS."""
        return bulletin_ts + max(index, self.start * _TICKS_A_MINUTE)

    def pack_body(self) -> bytes:
        """The 10 bytes."""
        values = {name: int(getattr(self, name)) for name in self.LAYOUT.names if name != "reserved"}
        return self.LAYOUT.pack(values | {"reserved": 0})

    @classmethod
    def unpack_body(cls, body: bytes) -> Self:
        """The event in a body."""
        values = cls.LAYOUT.unpack(body)
        del values["reserved"]
        return cls(region=Region(values.pop("region")), **values)


RECORD: Final = PlannedEvent
