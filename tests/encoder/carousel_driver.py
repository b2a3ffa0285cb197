"""A carousel driven at even slots, for tests: what is ordered, and the runs that come out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from encoder.carousel import Carousel, Compose
from rds.oda.application_group import CodedSymbol
from rds.oda.bulletin import Bulletin
from rds.oda.codes import DISPATCH_ALL, RELEASE_DEFAULT, duration_code
from rds.oda.messages import UrgentMessage
from rds.oda.messages.cancel import Cancel
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.end import End
from rds.oda.messages.halt import Halt
from rds.oda.messages.tier_now import TierNow
from rds.oda.records import BulletinRecord
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.region import Region
from rds.oda.target_fields import target_of
from rds.oda.urgent_envelope import is_urgent_envelope
from tests.encoder.networks import CLOCK, PASS, bulletins, envelope_of, opened, operator_key

RATES = (1, 2, 4)


def curtail(region: str = "12FFF", *, minutes: int = 60, level: int = 16) -> Compose:
    def compose(key: int, ts: int) -> UrgentMessage:
        place = Region.parse(region)
        return Curtail(key, ts, place, DISPATCH_ALL, level, duration_code(minutes), RELEASE_DEFAULT)

    return compose


def halt(key: int, ts: int) -> UrgentMessage:
    return Halt(key, ts, Region.parse("13FFF"), DISPATCH_ALL, 0, duration_code(60), RELEASE_DEFAULT)


def tier(level: int, region: str = "FFFFF") -> Compose:
    def compose(key: int, ts: int) -> UrgentMessage:
        return TierNow(key, ts, Region.parse(region), DISPATCH_ALL, level, duration_code(60), RELEASE_DEFAULT)

    return compose


def end(target: int, region: str = "12FFF", kind: type[End | Cancel] = End) -> Compose:
    def compose(key: int, ts: int) -> UrgentMessage:
        return kind(key, ts, Region.parse(region), target, RELEASE_DEFAULT)

    return compose


@dataclass(frozen=True)
class Run:
    """What went out under one tag without a break, and when, in seconds from the clock."""

    symbols: list[CodedSymbol]
    starts_s: list[float]

    @property
    def message(self) -> UrgentMessage:
        return opened(self.symbols)

    @property
    def envelope(self) -> bytes:
        return envelope_of(self.symbols)

    @property
    def urgent(self) -> bool:
        """Whether it is an urgent envelope; else it is a bulletin's."""
        return is_urgent_envelope(self.envelope)

    @property
    def whole(self) -> bool:
        return len(self.symbols) >= PASS


def _whatever_ts(record: BulletinRecord, _ts: int) -> BulletinRecord:
    return record


class Driver:
    """A carousel asked at even slots; orders go in when their time has come, those by name with the targets known."""

    def __init__(self, rate: float, *, carousel: Carousel | None = None) -> None:
        self.rate = rate
        self.carousel = carousel or Carousel(operator_key())
        self.runs: list[Run] = []
        self.silent_s: list[float] = []
        self.slot = 0

    @property
    def now(self) -> datetime:
        return CLOCK + timedelta(seconds=self.slot / self.rate)

    def order(self, compose: Compose) -> int:
        """Orders now; returns the target that reaches it."""
        return target_of(self.carousel.order(compose, self.now).ts)

    def publish(self, *records: BulletinRecord) -> int:
        """Posts a bulletin now, planned events first; returns its TS."""
        events = sum(isinstance(record, PlannedEvent) for record in records)
        return self.carousel.publish([partial(_whatever_ts, record) for record in records], self.now, events=events)

    def go(self, seconds: float) -> "Driver":
        for _ in range(round(seconds * self.rate)):
            symbol = self.carousel.next_symbol(self.now)
            if symbol is None:
                self.silent_s.append(self.slot / self.rate)
            else:
                if not self.runs or self.runs[-1].symbols[-1].tag != symbol.tag:
                    self.runs.append(Run([], []))
                self.runs[-1].symbols.append(symbol)
                self.runs[-1].starts_s.append(self.slot / self.rate)
            self.slot += 1
        return self

    def messages(self) -> list[UrgentMessage]:
        return [run.message for run in self.runs if run.whole and run.urgent]

    def bulletins(self) -> list[Bulletin]:
        return bulletins(run.envelope for run in self.runs if run.whole)

    def of(self, kind: type[UrgentMessage]) -> list[Run]:
        return [run for run in self.runs if run.whole and run.urgent and isinstance(run.message, kind)]
