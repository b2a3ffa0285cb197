"""A plan, a key and a clock to a station's groups, one after the other: what is ordered when."""

import math
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Final

from encoder.assemble import Assembler
from encoder.carousel import Carousel
from encoder.message_terms import ALL_EVENTS
from encoder.operator_key import OperatorKey
from encoder.plan import Plan, PlannedMessage
from rds.constants import GROUP_PERIOD_S
from rds.errors import TrustError, UsageError
from rds.group import Group
from rds.oda.target_fields import ALL_TARGETS, target_of

TAIL_S: Final = 90.0
"""After the last message, where no length is asked for: two passes and a heartbeat at 1 group/s."""
LONGEST_S: Final = 7 * 86400.0


def group_count(plan: Plan, *, clock: datetime, duration_s: float | None = None) -> int:
    """How many groups begin within a length, by default `TAIL_S` more than the plan's messages need.

    Raises:
        UsageError: the length is not allowed, or a message of the plan lies behind it.
    """
    last_s = max(((message.moment - clock).total_seconds() for message in plan.messages), default=0.0)
    if duration_s is None:
        duration_s = last_s + TAIL_S
    if not 0 < duration_s <= LONGEST_S:
        raise UsageError(f"{duration_s:g} seconds; allowed: more than 0, up to {LONGEST_S:.0f}")
    if plan.messages and last_s >= duration_s:
        place = plan.messages[-1].place
        raise UsageError(f"{place}: sent after {last_s:g} s, the output ends at {duration_s:g} s; allowed: before that")
    return math.ceil(duration_s / GROUP_PERIOD_S)


def broadcast(plan: Plan, key: OperatorKey, *, clock: datetime, groups: int) -> Iterator[Group]:
    """The station's groups from `clock`, the moment of the first bit. Takes time stamps from `key`.

    Raises:
        TrustError: the certificate does not allow a message; nothing of it has been sent then.
    """
    carousel = Carousel(key, utc_offset=plan.station.utc_offset)
    assembler = Assembler(plan.station, carousel, clock=clock)
    waiting = deque(plan.messages)
    targets = {ALL_EVENTS: ALL_TARGETS}
    for _ in range(groups):
        while waiting and waiting[0].moment <= assembler.moment:
            _order(waiting.popleft(), carousel, targets)
        yield assembler.next_group()


def _order(message: PlannedMessage, carousel: Carousel, targets: dict[str, int]) -> None:
    """Puts a message on the carousel; `targets` learns how to reach it by its name."""
    compose = message.draft.compose
    if message.draft.target is not None:
        compose = partial(compose, target=targets[message.draft.target])
    try:
        sent = carousel.order(compose, message.moment)
    except TrustError as error:
        raise TrustError(f"{message.place}: {error}") from None
    if message.name is not None:
        targets[message.name] = target_of(sent.ts)
