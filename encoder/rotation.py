"""Bulletins in, the envelope that is next between two heartbeats out (protocol, Carousel).

A turn is two envelopes, of schedules, of certificates, of the rest, and again; where there are none the turn is the
next one's. Within a turn a bulletin is sent through before the next begins, and goes on where it stopped. A bulletin
that is new goes first, once. It leaves when nothing of it lies ahead.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from encoder.orders import Order, over_at
from rds.oda.certificate import Certificate
from rds.oda.certificate_pem import CERTIFICATE_BULLETIN
from rds.oda.erasure_code import encode_envelope
from rds.oda.records import BulletinRecord
from rds.oda.records.notice import Notice
from rds.oda.records.table import Table
from rds.oda.schedule_fields import HELD_TICKS, ScheduleFields
from rds.oda.ticks import TICK_S, moment_of

RUNS_A_TURN: Final = 2
_NUMBERS: Final = 16
_TICK: Final = timedelta(seconds=TICK_S)


class Turn(Enum):
    """Whose turn it is, in this order."""

    SCHEDULES = "schedules"
    CERTIFICATES = "certificates"
    REST = "rest"


@dataclass(slots=True, eq=False)
class _Held:
    """What a receiver keeps of a record."""

    until: datetime | None
    """When it is over; None: never by itself."""
    identity: object = None
    """What a newer record of the same identity overtakes."""
    event: Order | None = None

    def is_over(self, now: datetime) -> bool:
        if self.event is not None and self.event.silenced:
            return True
        return self.until is not None and self.until <= now


@dataclass(slots=True, eq=False)
class Posted:
    """A signed bulletin on the air."""

    turn: Turn
    number: int
    ts: int
    envelopes: tuple[Sequence[int], ...]
    """The 30 symbols of each."""
    held: list[_Held]
    next: int = 0
    """Index of the envelope to send."""


class Rotation:
    """The bulletins on the air and whose turn it is. Pure: time is an argument."""

    def __init__(self) -> None:
        self._posted: dict[Turn, deque[Posted]] = {turn: deque() for turn in Turn}
        self._new: deque[Posted] = deque()
        self._turn = Turn.SCHEDULES
        self._left = RUNS_A_TURN
        self._number = -1

    def free_number(self) -> int:
        """A bulletin number for a new one: the next that none on the air has, or else just the next."""
        taken = {CERTIFICATE_BULLETIN, *(posted.number for turn in self._posted.values() for posted in turn)}
        ahead = [(self._number + step) % _NUMBERS for step in range(1, _NUMBERS + 1)]
        self._number = next((number for number in ahead if number not in taken), ahead[0])
        return self._number

    def post(self, posted: Posted, *, first: bool) -> None:
        """Puts a bulletin on the air; what it says anew of older ones is over. `first`: before all others, once."""
        said = {held.identity for held in posted.held if held.identity is not None}
        for turn in self._posted.values():
            for older in turn:
                older.held = [held for held in older.held if held.identity not in said]
        self._posted[posted.turn].append(posted)
        if first:
            self._new.append(posted)

    def drop_past(self, now: datetime) -> None:
        """Takes off the air what is over."""
        for turn, posted in self._posted.items():
            self._posted[turn] = deque(each for each in posted if not all(held.is_over(now) for held in each.held))
        staying = [each for posted in self._posted.values() for each in posted]
        self._new = deque(each for each in self._new if each in staying)

    def next(self) -> Posted | None:
        """The bulletin whose `next` envelope is to be sent, or None if there is none."""
        if self._new:
            return self._new[0]
        turns = [*Turn, *Turn]
        begin = turns.index(self._turn)
        for turn in turns[begin : begin + len(Turn)]:
            if self._posted[turn]:
                if turn is not self._turn:
                    self._turn, self._left = turn, RUNS_A_TURN
                return self._posted[turn][0]
        return None

    def sent(self, posted: Posted) -> None:
        """Notes that the `next` envelope of a bulletin went out whole."""
        posted.next = (posted.next + 1) % len(posted.envelopes)
        if posted in self._new:
            if posted.next == 0:
                self._new.remove(posted)
            return
        if posted.next == 0 and posted in self._posted[posted.turn]:
            self._posted[posted.turn].remove(posted)
            self._posted[posted.turn].append(posted)
        self._left -= 1
        if self._left == 0:
            turns = [*Turn, *Turn]
            self._turn, self._left = turns[turns.index(self._turn) + 1], RUNS_A_TURN

    @property
    def newest_schedule_ts(self) -> int:
        """The TS of the newest schedule on the air, 0 without one."""
        return max((posted.ts for posted in self._posted[Turn.SCHEDULES]), default=0)


def post_records(
    number: int, ts: int, records: Sequence[BulletinRecord], envelopes: Sequence[bytes], events: Sequence[Order]
) -> Posted:
    """A bulletin of an operator for the air; `events` are those of its planned events, which stand first."""
    schedules = any(isinstance(record, ScheduleFields) for record in records)
    held = [_Held(event.until, event=event) for event in events]
    held += [_held(record, ts) for record in records[len(events) :]]
    return Posted(Turn.SCHEDULES if schedules else Turn.REST, number, ts, tuple(map(encode_envelope, envelopes)), held)


def post_certificates(envelopes: Sequence[bytes], certificates: Sequence[Certificate]) -> Posted:
    """A bulletin of a root for the air, until the last of its certificates ends."""
    held = [_Held(moment_of(certificate.not_after) + _TICK) for certificate in certificates]
    return Posted(Turn.CERTIFICATES, CERTIFICATE_BULLETIN, 0, tuple(map(encode_envelope, envelopes)), held)


def _held(record: BulletinRecord, ts: int) -> _Held:
    """How long a record that is no event has something ahead of it."""
    if isinstance(record, ScheduleFields):
        return _Held(moment_of(record.end_tick + HELD_TICKS), (record.TYPE, record.region, record.start_tick))
    if isinstance(record, Notice):
        return _Held(over_at(moment_of(ts), record.duration))
    if isinstance(record, Table):
        return _Held(None, (record.TYPE, record.region, record.item))
    raise ValueError(f"a bulletin of an operator holds no {record.NAME}")
