"""A plan, a key and a clock to a station's groups, one after the other: what is ordered when."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from encoder.assemble import Assembler
from encoder.carousel import Carousel
from encoder.key_files import SignedFile
from encoder.message_terms import ALL_EVENTS
from encoder.operator_key import OperatorKey
from encoder.plan import Plan, PlannedBulletin, PlannedMessage
from encoder.rotation import post_certificates
from rds.constants import GROUP_PERIOD_S
from rds.errors import TrustError, UsageError
from rds.group import Group
from rds.oda.erasure_code import SYMBOLS
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.target_fields import ALL_TARGETS, target_of

TAIL_S: Final = 90.0
"""After the last order, where no length is asked for: two passes and a heartbeat at 1 group/s."""
LONGEST_S: Final = 7 * 86400.0


def group_count(plan: Plan, *, clock: datetime, duration_s: float | None = None) -> int:
    """How many groups begin within a length, by default as many as the plan's orders need.

    Raises:
        UsageError: the length is not allowed, or an order of the plan lies behind it.
    """
    last_s = max(((order.moment - clock).total_seconds() for order in plan.orders), default=0.0)
    if duration_s is None:
        # A new bulletin's envelopes have at least every third run, beside heartbeats and an event's repeats.
        envelopes = sum(order.envelopes for order in plan.orders if isinstance(order, PlannedBulletin))
        duration_s = last_s + TAIL_S + 3 * envelopes * SYMBOLS / plan.station.groups_per_second
    if not 0 < duration_s <= LONGEST_S:
        raise UsageError(f"{duration_s:g} seconds; allowed: more than 0, up to {LONGEST_S:.0f}")
    if plan.orders and last_s >= duration_s:
        place = plan.orders[-1].place
        raise UsageError(f"{place}: sent after {last_s:g} s, the output ends at {duration_s:g} s; allowed: before that")
    return math.ceil(duration_s / GROUP_PERIOD_S)


def broadcast(
    plan: Plan, key: OperatorKey, certificates: Sequence[SignedFile], *, clock: datetime, groups: int
) -> Iterator[Group]:
    """The station's groups from `clock`, the moment of the first bit. Takes time stamps from `key`.

    Raises:
        TrustError: the certificate does not allow a message or bulletin; nothing of it has been sent then.
    """
    posted = [post_certificates(each.file.envelopes, each.vouched.certificates) for each in certificates]
    carousel = Carousel(key, utc_offset=plan.station.utc_offset, certificates=posted)
    assembler = Assembler(plan.station, carousel, clock=clock)
    waiting = deque(plan.orders)
    targets = {ALL_EVENTS: ALL_TARGETS}
    for _ in range(groups):
        while waiting and waiting[0].moment <= assembler.moment:
            _place(waiting.popleft(), carousel, targets)
        yield assembler.next_group()


def _place(order: PlannedMessage | PlannedBulletin, carousel: Carousel, targets: dict[str, int]) -> None:
    """Puts an order on the carousel; `targets` learns how to reach its events by their names."""
    try:
        if isinstance(order, PlannedBulletin):
            _publish(order, carousel, targets)
        else:
            _order(order, carousel, targets)
    except TrustError as error:
        raise TrustError(f"{order.place}: {error}") from None


def _order(message: PlannedMessage, carousel: Carousel, targets: dict[str, int]) -> None:
    compose = message.draft.compose
    if message.draft.target is not None:
        compose = partial(compose, target=targets[message.draft.target])
    sent = carousel.order(compose, message.moment)
    if message.name is not None:
        targets[message.name] = target_of(sent.ts)


def _publish(bulletin: PlannedBulletin, carousel: Carousel, targets: dict[str, int]) -> None:
    events = sum(isinstance(draft.record, PlannedEvent) for draft in bulletin.drafts)
    ts = carousel.publish([draft.compose for draft in bulletin.drafts], bulletin.moment, events=events)
    targets |= {
        draft.name: target_of(ts + index) for index, draft in enumerate(bulletin.drafts) if draft.name is not None
    }
