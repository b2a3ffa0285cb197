"""An order, a rate and a loss in, seconds until a receiver has acted out: real encoder and receiver without a radio.

The head-end is a carousel with a tier schedule, a certificate and a table, two envelopes each, behind the assembler
of a station with radio text; a cycle of that is nine runs. The receiver is the `Controller` that `run` drives a charger
with, its state in SQLite in memory. Some of the station's groups never arrive. What is not in the figures: the radio
chain, which gives a group out when its last bit is in, and the charger's own answer.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import Final

from encoder.assemble import Assembler, RadioText, Station
from encoder.carousel import Carousel
from encoder.rotation import Posted, post_certificates
from rds.constants import GROUP_BITS, GROUP_PERIOD_S
from rds.group import Group
from rds.oda.certificate import Certificate
from rds.oda.certificate_pem import sign_certificates
from rds.oda.erasure_code import SYMBOLS
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.records import BulletinRecord
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import Region
from rds.oda.schedule_fields import TICKS_A_DAY
from rds.oda.ticks import tick_of
from receiver.bulletin_verdict import BulletinVerdict
from receiver.charger_control import Change, ChargerSetup
from receiver.clock import ms_of
from receiver.controller import Controller
from receiver.keyring import Keyring
from receiver.received_group import ReceivedGroup
from receiver.store import Store
from receiver.verify import Verdict
from tests.encoder.carousel_driver import curtail, tier
from tests.encoder.networks import CLOCK, DOMAIN, ROOT, ROOT_PUBLIC, certificate, operator_key
from tests.receiver.broadcast import OWN, PROGRAMME, settings

GIVEN_UP_S: Final = 3600.0
RUNS_A_CYCLE: Final = 9
_RUNS_HEARD: Final = 12
"""In which a receiver grows warm before the order: four heartbeats among them."""
_TRUSTING_S: Final = 30.0
"""A receiver with a trusted clock has listened for so long: seven 3A. What it holds of older groups it has dropped."""
_PLANNED: Final = 8
_TOLD_OF: Final = ("3A", "11A")
"""The other groups of the station tell an application nothing."""
_TEXT: Final = b"An evening on which region 12 helps the network until 19:30 CET."

Told = Verdict | BulletinVerdict | Change


@dataclass(frozen=True, slots=True)
class Loss:
    """Which groups never arrive."""

    share: float
    burst: int = 1
    """Successive groups of the station that are lost together."""
    application_only: bool = False
    """Whether a burst takes successive application groups, and 3A one by one."""

    def __str__(self) -> str:
        if not self.share:
            return "none"
        what = "application groups" if self.application_only else "groups"
        return f"{self.share:.0%}" if self.burst == 1 else f"{self.share:.0%} in bursts of {self.burst} {what}"


class Receiver(Enum):
    """What a receiver knows when the order comes."""

    CLOCK = "trusted clock"
    WARM = "warm, no clock"
    COLD = "cold, no clock"
    """Switched on with the order, or at a random moment."""


class Ordered(Enum):
    """What is ordered at a random moment of the carousel's cycle."""

    CURTAIL = "curtail"
    BEHIND_PLAN = "curtail behind planned events"
    """Which take the next eight time stamps, in the same moment."""
    TIER = "tier now"
    SCHEDULE = "schedule"
    NOTHING = "nothing"


def new_certificate() -> Certificate:
    """What the carousel's certificate bulletin says and no receiver was installed with: another key's."""
    return replace(certificate(), key=2, public_key=bytes(range(32)))


class Broadcast:
    """A station's groups, made as far as somebody listens, and heard by as many as like.

    Args:
        rate: Application groups a second.
        ordered: What is ordered in it.
        seed: Draws where in the minute it begins and where in the cycle the order comes.
        burst: Whether the station lends 4 groups/s to an urgent envelope.
    """

    def __init__(self, rate: int, ordered: Ordered, *, seed: str, burst: bool = False) -> None:
        draw = random.Random(seed)
        self.clock = CLOCK + timedelta(seconds=60 * draw.random())
        self.run_s = SYMBOLS / rate
        """How long a pass lasts."""
        self.order_s = self.run_s * (_RUNS_HEARD + RUNS_A_CYCLE * draw.random())
        self.ts = -1
        """Of the bulletin that was ordered."""
        self._ordered = ordered
        vouched = [new_certificate()]
        signed = sign_certificates(vouched, ROOT, DOMAIN, root_id=14, ts=tick_of(self.clock))
        posted: list[Posted] = [post_certificates(signed.envelopes, vouched)]
        self._carousel = Carousel(operator_key(), certificates=posted)
        self._publish(self.clock, _schedules(self.clock, 1))
        self._publish(self.clock, [Table(Region.parse("12FFF"), 0, b"Valley")])
        station = Station(
            PROGRAMME, b"EVRDS   ", "11A", DOMAIN.aid, rate, burst, radio_texts=(RadioText(self.clock, _TEXT),)
        )
        self._assembler = Assembler(station, self._carousel, clock=self.clock)
        self._groups: list[Group] = []

    def group(self, index: int) -> Group:
        """The group that begins `index` group periods after the clock."""
        while len(self._groups) <= index:
            moment = self.clock + timedelta(seconds=self.order_s)
            if self._ordered is not Ordered.NOTHING and moment <= self._assembler.moment:
                self._order(moment)
            self._groups.append(self._assembler.next_group())
        return self._groups[index]

    def _order(self, moment: datetime) -> None:
        if self._ordered is Ordered.SCHEDULE:
            self.ts = self._publish(moment, _schedules(moment, 2))
        elif self._ordered is Ordered.TIER:
            self._carousel.order(tier(3), moment)
        else:
            if self._ordered is Ordered.BEHIND_PLAN:
                planned = [PlannedEvent(3, Region.parse("12FFF"), 0x80, 16, 60, 0, start=1440)] * _PLANNED
                self._publish(moment, planned, events=_PLANNED)
            self._carousel.order(curtail(), moment)
        self._ordered = Ordered.NOTHING

    def _publish(self, moment: datetime, records: Sequence[BulletinRecord], *, events: int = 0) -> int:
        return self._carousel.publish([partial(_with_any_ts, record) for record in records], moment, events=events)


def _with_any_ts(record: BulletinRecord, _ts: int) -> BulletinRecord:
    return record


def _schedules(moment: datetime, lowest: int) -> list[BulletinRecord]:
    """The tiers of four regions from the next day on: two envelopes."""
    day = tick_of(moment) // TICKS_A_DAY + 1
    regions = [Region.parse(text) for text in ("11FFF", "12FFF", "13FFF", "14FFF")]
    return [TierSchedule(region, day, 0, 0, 9, tuple(lowest + hour % 3 for hour in range(24))) for region in regions]


def losses(loss: Loss, draw: random.Random) -> Iterator[bool]:
    """Whether each group is lost, in the long run the share that is asked for."""
    gap = loss.burst * (1 - loss.share) / loss.share if loss.share else 0.0
    left = draw.randrange(loss.burst) if draw.random() < loss.share else 0
    while True:
        if not left and loss.share and draw.random() < 1 / (1 + gap):
            left = loss.burst
        yield left > 0
        left = max(0, left - 1)


Goal = Callable[[Told, Broadcast], bool]


def curtailed(told: Told, _broadcast: Broadcast) -> bool:
    """The driver is called with a lower limit."""
    return isinstance(told, Change) and told.decision.restricted


def tier_learned(told: Told, _broadcast: Broadcast) -> bool:
    """The tier now is taken."""
    return isinstance(told, Verdict) and told.accepted and told.message is not None and told.message.NAME == "tier now"


def heartbeat_heard(told: Told, _broadcast: Broadcast) -> bool:
    """A heartbeat is taken."""
    return isinstance(told, Verdict) and told.accepted and isinstance(told.message, Heartbeat)


def schedule_learned(told: Told, broadcast: Broadcast) -> bool:
    """A tier schedule for this receiver is taken, the one that was ordered if one was."""
    return _taken(told, TierSchedule) and isinstance(told, BulletinVerdict) and told.bulletin.ts >= broadcast.ts


def certificate_learned(told: Told, _broadcast: Broadcast) -> bool:
    """A certificate that the receiver was not installed with is taken."""
    return _taken(told, Certificate)


def _taken(told: Told, kind: type[BulletinRecord]) -> bool:
    return isinstance(told, BulletinVerdict) and any(
        one.rejection is None and isinstance(one.record, kind) for one in told.records
    )


def seconds_to(
    goals: Sequence[Goal],
    broadcast: Broadcast,
    receiver: Receiver,
    loss: Loss,
    *,
    seed: str,
    from_s: float | None = None,
) -> list[float]:
    """Seconds until each goal is reached, infinite if it is not within an hour.

    Args:
        goals: What is waited for.
        broadcast: Who is heard.
        receiver: What it knows when the order comes.
        loss: Which groups it does not hear.
        seed: Draws these.
        from_s: When a newcomer begins to listen, in the broadcast; None: the wait is from the order on.
    """
    heard_s = {Receiver.CLOCK: _TRUSTING_S, Receiver.WARM: _RUNS_HEARD * broadcast.run_s, Receiver.COLD: 0.0}[receiver]
    if from_s is None:
        from_s, begin_s = broadcast.order_s, max(0.0, broadcast.order_s - heard_s)
    else:
        begin_s = from_s
    found: dict[Goal, float] = {}
    with Store(None) as store:
        controller = Controller(
            Keyring(DOMAIN, [certificate()], roots=[ROOT_PUBLIC]),
            [OWN],
            chargers=[ChargerSetup(settings())],
            store=store,
            start_ms=ms_of(broadcast.clock) if receiver is Receiver.CLOCK else None,
        )
        controller.start()
        for group in _arriving(broadcast, loss, random.Random(seed), begin_s=begin_s):
            told = controller.feed(group)
            if group.end_s > from_s:
                for goal in goals:
                    if goal not in found and any(goal(one, broadcast) for one in told):
                        found[goal] = controller.at_ms / 1000 - from_s
            if len(found) == len(goals) or group.end_s > from_s + GIVEN_UP_S:
                break
    return [found.get(goal, math.inf) for goal in goals]


def _arriving(broadcast: Broadcast, loss: Loss, draw: random.Random, *, begin_s: float) -> Iterator[ReceivedGroup]:
    """The groups that begin from a moment on and are not lost."""
    lost, single = losses(loss, draw), losses(Loss(loss.share), draw)
    for index in itertools.count(math.ceil(begin_s / GROUP_PERIOD_S)):
        group = broadcast.group(index)
        own = group.group_type == "11A"
        if not next(lost if own or not loss.application_only else single) and group.group_type in _TOLD_OF:
            yield ReceivedGroup(group.words, GROUP_BITS * index, (index + 1) * GROUP_PERIOD_S)
