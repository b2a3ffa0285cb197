"""Tier and price schedules and now-messages in, the terms of the timetable that they make together out.

In force is the most specific region, then the later start, then the higher TS; a now-message beats it while it lasts; a
last slot holds on for up to an hour where nothing else covers the moment (protocol, Schedule). All of it is array code:
`chargers` may be one or a million. Milliseconds since 2024-01-01T00:00Z.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from rds.oda.certificate import Role
from rds.oda.codes import MAX_TIER, duration_s
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.tier_now import TierNow
from rds.oda.price_scale import PriceScale
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import DIGITS, Region
from rds.oda.schedule_fields import HELD_TICKS, SLOTS
from receiver.clock import TICK_MS
from receiver.policy_arithmetic import (
    UNLIMITED_MA,
    Chargers,
    Draws,
    Ints,
    Stretch,
    Terms,
    dispatched,
    price_limits_ma,
    spread_ms,
    tier_limits_ma,
    timetable_terms,
    windows_ms,
)
from receiver.settings import Prices
from receiver.verify import Trusted, TrustedRecord

DrawOf: TypeAlias = Callable[[str, int, int], Draws]
"""Label, key id and TS to the chargers' draws."""
LimitOf: TypeAlias = Callable[[int, bool], Ints]
"""A slot's value, and whether its key may pause, to the chargers' limits."""
_WILDCARD: Final = 0xF
_NO_STAGGER: Final = 0
"""The receiver's default window, where no tier schedule gives one."""
_NANO: Final = 10**9
TIER_NAMES: Final = ("super off-peak", "off-peak", "shoulder", "peak", "critical peak")


@dataclass(frozen=True, slots=True)
class Value:
    """What a slot says: a tier, or a price in 10^-9 of the currency per kWh; and how people call it."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Whose slot it is."""

    key: int
    stagger: int
    """Release code of the window that an edge is spread over which lets more current flow."""
    may_pause: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """24 slots of a tier or price schedule."""

    start_ms: int
    slot_ms: int
    values: tuple[Value | None, ...]
    region: Region
    ts: int
    source: Source

    @property
    def end_ms(self) -> int:
        """When the last slot is over."""
        return self.start_ms + SLOTS * self.slot_ms

    @property
    def rank(self) -> tuple[int, int, int]:
        """Of two that cover a moment the higher rank is in force."""
        return _specificity(self.region), self.start_ms, self.ts

    def value_at(self, ms: int) -> Value | None:
        """What it says at a moment; its last slot's word for an hour after its end."""
        return self.values[min((ms - self.start_ms) // self.slot_ms, SLOTS - 1)]


@dataclass(frozen=True, slots=True)
class Now:
    """A now-message while it is valid."""

    start_ms: int
    end_ms: int
    value: Value
    dispatch: int
    key: int
    ts: int
    may_pause: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the timetable, until the next begins: what schedules say, and what a now-message says over it."""

    start_ms: int
    value: Value | None
    source: Source | None
    """Of the schedule; None where there is none."""
    now: Now | None


@dataclass(frozen=True, slots=True)
class Timetable:
    """The parts in order, the first and the last without any word; empty if nothing is said at all."""

    parts: tuple[Part, ...] = ()

    def part_at(self, ms: int) -> Part | None:
        """The part that a moment lies in."""
        return next((part for part in reversed(self.parts) if part.start_ms <= ms), None)

    def next_ms(self, ms: int) -> int | None:
        """When the next part begins."""
        return next((part.start_ms for part in self.parts if part.start_ms > ms), None)

    def value_at(self, ms: int) -> Value | None:
        """What is said at a moment."""
        part = self.part_at(ms)
        if part is None:
            return None
        return part.value if part.now is None else part.now.value


def tier_schedule(trusted: TrustedRecord[TierSchedule], names: Sequence[str]) -> Schedule:
    """A tier schedule as slots; `names` are those of tiers 0..7."""
    record = trusted.record
    values = tuple(tier_value(tier, names) for tier in record.tiers)
    return _schedule(trusted, values, stagger=record.stagger)


def price_schedule(trusted: TrustedRecord[PriceSchedule]) -> Schedule:
    """A price schedule as slots."""
    record = trusted.record
    scale = record.price_scale
    values = tuple(
        None if record.amount(i) is None else price_value(scale, code) for i, code in enumerate(record.codes)
    )
    return _schedule(trusted, values, stagger=_NO_STAGGER)


def now_of(trusted: Trusted[TierNow] | Trusted[PriceNow], value: Value) -> Now:
    """A now-message that says a value (and not: back to the schedule)."""
    message = trusted.message
    start_ms = message.ts * TICK_MS
    end_ms = start_ms + 1000 * duration_s(message.duration)
    pause = bool(trusted.certificate.roles & Role.HALT)
    return Now(start_ms, end_ms, value, message.dispatch, message.key, message.ts, pause)


def tier_value(tier: int, names: Sequence[str]) -> Value:
    """A tier and its name."""
    return Value(tier, f"tier {tier} ({names[tier]})" if names[tier] else f"tier {tier}")


def tier_names(tables: Iterable[TrustedRecord[Table]]) -> tuple[str, ...]:
    """The names of tiers 0..7: the table's of the most specific region, else the protocol's, else none."""
    names = [*TIER_NAMES, *[""] * (MAX_TIER + 1 - len(TIER_NAMES))]
    for trusted in sorted(tables, key=_table_rank):
        if trusted.record.tier is not None and trusted.record.text:
            names[trusted.record.tier] = trusted.record.text
    return tuple(names)


def price_value(scale: PriceScale, code: int) -> Value:
    """A price code in its scale; finer than 10^-9 is rounded down."""
    return Value(int(scale.amount(code) * _NANO // 1), scale.text(code))


def table_scale(tables: Iterable[TrustedRecord[Table]]) -> PriceScale | None:
    """The scale of the region's prices, by the table of the most specific region."""
    scales = [trusted.record.scale for trusted in sorted(tables, key=_table_rank)]
    return next((scale for scale in reversed(scales) if scale is not None), None)


def timetable(schedules: Sequence[Schedule], now: Now | None) -> Timetable:
    """What is said when, by all schedules and a now-message together; equal neighbours are one part."""
    edges = {schedule.start_ms + slot * schedule.slot_ms for schedule in schedules for slot in range(SLOTS + 1)}
    edges |= {schedule.end_ms + HELD_TICKS * TICK_MS for schedule in schedules}
    if now is not None:
        edges |= {now.start_ms, now.end_ms}
    parts: list[Part] = []
    for edge_ms in sorted(edges):
        schedule = _in_force(schedules, edge_ms)
        value = None if schedule is None else schedule.value_at(edge_ms)
        source = None if schedule is None else schedule.source
        part = Part(edge_ms, value, source, now if now and now.start_ms <= edge_ms < now.end_ms else None)
        if not parts or (parts[-1].value, parts[-1].now) != (part.value, part.now):
            parts.append(part)
    return Timetable(tuple(parts))


def stretches(table: Timetable, limit_of: LimitOf, chargers: Chargers, draw_of: DrawOf) -> list[Stretch]:
    """The timetable as limits, with the draw and the window of each edge."""
    found: list[Stretch] = []
    # An edge is spread as the schedule after it says, at the end of all schedules as the last one says.
    source: Source | None = None
    said_now: Now | None = None
    for part in table.parts:
        source, said_now = part.source or source, part.now or said_now
        limit_ma = np.full(1, UNLIMITED_MA, dtype=np.int64)
        if part.value is not None and part.source is not None:
            limit_ma = limit_of(part.value.number, part.source.may_pause)
        shift_ms: Ints | int = 0
        if part.now is not None:
            drawn = _drawn_by(draw_of, part.now.key, part.now.ts)
            meant = dispatched(part.now.dispatch, chargers, drawn)
            limit_ma = np.where(meant, limit_of(part.now.value.number, part.now.may_pause), limit_ma)
            if part.start_ms == part.now.start_ms:
                shift_ms = np.where(meant, spread_ms(part.now.dispatch, drawn), 0)
        key = source.key if source else said_now.key if said_now else 0
        window_ms = windows_ms((source.stagger if source else _NO_STAGGER,), chargers)
        found.append(Stretch(part.start_ms, limit_ma, window_ms, _edge_draw(draw_of, key, part.start_ms), shift_ms))
    return found


def tier_terms(table: Timetable, chargers: Chargers, draw_of: DrawOf) -> list[Terms]:
    """What a timetable of tiers asks of each charger."""

    def limit_of(tier: int, may_pause: bool) -> Ints:
        return tier_limits_ma(tier, chargers, may_pause=may_pause)

    return timetable_terms(stretches(table, limit_of, chargers, draw_of))


def price_terms(table: Timetable, prices: Prices, chargers: Chargers, draw_of: DrawOf) -> list[Terms]:
    """What a timetable of prices asks of each charger, by its owner's steps."""

    def limit_of(price: int, may_pause: bool) -> Ints:
        return price_limits_ma(price, prices.steps, may_pause=may_pause)

    return timetable_terms(stretches(table, limit_of, chargers, draw_of))


def _schedule(
    trusted: TrustedRecord[TierSchedule] | TrustedRecord[PriceSchedule], values: tuple[Value | None, ...], stagger: int
) -> Schedule:
    record, certificate = trusted.record, trusted.certificate
    source = Source(certificate.key, stagger, bool(certificate.roles & Role.HALT))
    start_ms, slot_ms = record.start_tick * TICK_MS, record.slot_ticks * TICK_MS
    return Schedule(start_ms, slot_ms, values, record.region, trusted.ts, source)


def _in_force(schedules: Iterable[Schedule], ms: int) -> Schedule | None:
    """The schedule that covers a moment, else one whose last slot holds on."""
    best: Schedule | None = None
    best_rank: tuple[bool, tuple[int, int, int]] | None = None
    for schedule in schedules:
        if schedule.start_ms <= ms < schedule.end_ms + HELD_TICKS * TICK_MS:
            rank = (ms < schedule.end_ms, schedule.rank)
            if best_rank is None or rank > best_rank:
                best, best_rank = schedule, rank
    return best


def _specificity(region: Region) -> int:
    """How many digits a region names."""
    return DIGITS - region.digits.count(_WILDCARD)


def _table_rank(trusted: TrustedRecord[Table]) -> tuple[int, int]:
    return _specificity(trusted.record.region), trusted.ts


def _drawn_by(draw_of: DrawOf, key: int, ts: int) -> Callable[[str], Draws]:
    return lambda label: draw_of(label, key, ts)


def _edge_draw(draw_of: DrawOf, key: int, edge_ms: int) -> Callable[[], Draws]:
    return lambda: draw_of("E", key, edge_ms // TICK_MS)
