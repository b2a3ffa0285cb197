"""What a key has ordered: when it begins and is over, and what ends or overtakes it (protocol, Carousel)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeGuard

from rds.oda.codes import duration_s
from rds.oda.event_fields import EventFields
from rds.oda.messages import UrgentMessage
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.end import End
from rds.oda.messages.halt import Halt
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.tier_now import TierNow
from rds.oda.target_fields import ALL_TARGETS, TargetFields, target_of
from rds.oda.ticks import moment_of


@dataclass(slots=True, eq=False, kw_only=True)
class Order:
    """A message that holds, or an event that a bulletin plans."""

    message: UrgentMessage
    begins: datetime
    until: datetime
    """It is over, and no repeat begins from here on."""
    silenced: bool = False
    """Ended or overtaken in all its region: not repeated, but an end of it still runs to its `until`."""


@dataclass(slots=True, eq=False, kw_only=True)
class UrgentOrder(Order):
    """A signed message that is sent at once and then repeated."""

    symbols: Sequence[int]
    due: datetime
    """When the next repeat is wanted."""


def over_at(begins: datetime, duration: int) -> datetime:
    """When what begins at a moment is over, by its duration code."""
    return begins + timedelta(seconds=duration_s(duration))


def repeated_until(message: UrgentMessage, orders: Iterable[Order], now: datetime) -> datetime:
    """A message's own end; for an end or cancel that of the last event it reaches, or now if it reaches none."""
    if isinstance(message, EventFields):
        return over_at(moment_of(message.ts), message.duration)
    return max((order.until for order in orders if _reaches(message, order, now)), default=now)


def silences(message: UrgentMessage, order: Order, now: datetime) -> bool:
    """Whether nobody needs to hear an older order again: the message ends or overtakes it in all its region."""
    older = order.message
    if isinstance(message, TierNow | PriceNow):
        return type(older) is type(message) and older.region.within(message.region)
    if isinstance(message, TargetFields) and is_event(older):
        return _reaches(message, order, now) and older.region.within(message.region)
    return False


def is_event(message: UrgentMessage) -> TypeGuard[Curtail | Halt | LoadUp]:
    """Whether a message is one that an end or cancel may name."""
    return isinstance(message, Curtail | Halt | LoadUp)


def _reaches(message: UrgentMessage, order: Order, now: datetime) -> bool:
    """Whether an end or cancel reaches an older event of the same key, if only in part of its region.

    An end leaves alone what has not begun; repeated until later it would end that too.
    """
    older = order.message
    if isinstance(message, End) and now < order.begins:
        return False
    if not isinstance(message, TargetFields) or not is_event(older):
        return False
    if message.target == ALL_TARGETS:
        return older.region.within(message.region)
    return message.target == target_of(older.ts)
