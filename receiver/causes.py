"""Holdings, settings and local state in, every cause of a limit out, each with its term: what a decision is made of.

    limit = min(local limit, every event, max(tier, price and profile, what lifts these))

For one charger, or for many that hold the same; the arithmetic is `policy_arithmetic`'s. Milliseconds since
2024-01-01T00:00Z, mA per phase.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from enum import StrEnum
from typing import Final

import numpy as np

from rds.oda.codes import RELEASE_DEFAULT, SCHEDULE_LEVEL, level_text
from rds.oda.messages.load_up import LoadUp
from rds.oda.price_scale import PriceScale
from receiver.daily_caps import DAY_MS, CappedEvent, Caps, capped
from receiver.event_term import HeldEvent, OneTerm, chargers_of, drawn_for, may_pause, rule_of
from receiver.holdings import Holdings
from receiver.local_calendar import charge_by_terms, profile_terms, zone_of
from receiver.local_state import LocalState, PastEvent
from receiver.override import EventIdentity, Override
from receiver.policy_arithmetic import (
    NEVER_MS,
    PAUSE_MA,
    Chargers,
    Draws,
    Ints,
    Terms,
    dispatched,
    event_terms,
    level_limits_ma,
    limits_ma,
)
from receiver.schedule_term import (
    DrawOf,
    Now,
    Timetable,
    now_of,
    price_schedule,
    price_terms,
    price_value,
    table_scale,
    tier_names,
    tier_schedule,
    tier_terms,
    tier_value,
    timetable,
)
from receiver.settings import Prices, Settings


class Kind(StrEnum):
    """Where a cause comes from."""

    EVENT = "event"
    TIER = "tier"
    PRICE = "price"
    PROFILE = "profile"
    LOAD_UP = "load up"
    CHARGE_BY = "charge by"
    POWER = "power"
    """The power has come back, and not all may charge at once."""


ECONOMIC: Final = (Kind.TIER, Kind.PRICE, Kind.PROFILE)
LIFTS: Final = (Kind.LOAD_UP, Kind.CHARGE_BY)
"""Kinds that raise what is economic, and nothing else."""
LOCAL: Final = (Kind.PROFILE, Kind.CHARGE_BY, Kind.POWER)
"""Kinds that nobody has broadcast."""


@dataclass(frozen=True, slots=True)
class Cause(OneTerm):
    """One reason for a limit, or for a lift, over a time. A lift's limit is up to what it lifts."""

    kind: Kind
    says: str
    """What is asked, in words: "16 A", "tier 3 (peak)", "0.31 EUR/kWh"."""
    event: HeldEvent | None = None
    asked_end_ms: int = 0
    """Its end by its own word, before the day's caps."""

    @property
    def identity(self) -> EventIdentity | None:
        """The event's; None for any other cause."""
        return None if self.event is None else self.event.identity

    @property
    def name(self) -> str:
        """The same cause has the same name in every decision."""
        return self.kind.value if self.identity is None else f"event {self.identity[0].hex()[:8]}/{self.identity[1]}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All causes as they are known now, and so the limit at every moment to come."""

    local_ma: Ints
    causes: tuple[Cause, ...]
    override: Override | None
    zone: tzinfo
    tiers: Timetable
    prices: Timetable

    def is_overridden(self, cause: Cause, now_ms: int) -> bool:
        """Whether the owner has set a cause aside."""
        override = self.override
        if override is None or cause.kind in (Kind.POWER, *LIFTS):
            return False
        return override.holds(now_ms) and override.covers(cause.identity)

    def asked(self, now_ms: int) -> list[tuple[Cause, Ints]]:
        """What each cause in force that counts asks at a moment; lifts are none."""
        held = (one for one in self.causes if one.kind not in LIFTS and one.terms.held(now_ms).any())
        counted = (one for one in held if not self.is_overridden(one, now_ms))
        return [(cause, cause.terms.limits_ma(now_ms, self.local_ma)) for cause in counted]

    def limit_ma(self, now_ms: int) -> int:
        """The limit of one charger at a moment."""
        return int(self.limits_ma(now_ms)[0])

    def limits_ma(self, now_ms: int) -> Ints:
        """The limits at a moment."""
        asked = self.asked(now_ms)
        grid = [limit_ma for cause, limit_ma in asked if cause.kind not in ECONOMIC]
        economic = [limit_ma for cause, limit_ma in asked if cause.kind in ECONOMIC]
        lifts = [cause.terms.lifts_ma(now_ms) for cause in self.causes if cause.kind in LIFTS]
        return limits_ma(self.local_ma, grid=grid, economic=economic, lifts=lifts)

    def binding(self, now_ms: int) -> list[Cause]:
        """The causes of a limit below the local one, at a moment; events before what is economic."""
        limit_ma = self.limit_ma(now_ms)
        if limit_ma >= self.local_ma[0]:
            return []
        # A lift may stand above what a tier asks: the tier holds it there.
        asked = [cause for cause, asked_ma in self.asked(now_ms) if asked_ma[0] <= limit_ma]
        return [cause for cause in asked if cause.kind not in ECONOMIC] or asked

    def next_ms(self, now_ms: int) -> int | None:
        """When anything changes next."""
        moments = [int(cause.terms.next_ms(now_ms)[0]) for cause in self.causes]
        moments += [ms for cause in self.causes for ms in (cause.end_ms, cause.asked_end_ms) if now_ms < ms]
        if self.override is not None and self.override.until_ms is not None and now_ms < self.override.until_ms:
            moments.append(self.override.until_ms)
        soonest = min(moments, default=NEVER_MS)
        return None if soonest == NEVER_MS else soonest

    def is_waiting_for_the_broadcast(self, now_ms: int) -> bool:
        """Whether anything that was broadcast has not run its course."""
        return any(now_ms < cause.release_ms for cause in self.causes if cause.kind not in LOCAL)


@dataclass(frozen=True, slots=True)
class Devices:
    """Whose limits are asked for."""

    chargers: Chargers
    draw_of: DrawOf
    release: int | None = None
    """A release code in place of every event's and tier schedule's own, to see what it would do; None: as they say."""


def plan(
    holdings: Holdings, settings: Settings, now_ms: int, state: LocalState, *, devices: Devices | None = None
) -> Plan:
    """Every cause of a limit, as known at a moment.

    Args:
        holdings: What is held.
        settings: The charger's; of many, what they have in common.
        now_ms: The time.
        state: Clock, signal, override, and the events of the last day.
        devices: Many chargers; None: the one that the settings are of.
    """
    devices = devices or _one_device(settings)
    chargers, draw_of, zone = devices.chargers, devices.draw_of, zone_of(settings, holdings)
    tiers = _tiers(holdings, devices, sure=state.time_is_sure)
    prices = _prices(holdings, settings.prices, chargers, draw_of, sure=state.time_is_sure)
    causes = [*_events(holdings, settings, state, devices), *_load_ups(holdings, state, devices)]
    causes += [_of_table(Kind.TIER, terms, tiers) for terms in tier_terms(tiers, chargers, draw_of)]
    if settings.prices is not None:
        found = price_terms(prices, settings.prices, chargers, draw_of)
        causes += [_of_table(Kind.PRICE, terms, prices) for terms in found]
    if settings.profile is not None and state.outage is not None:
        found = profile_terms(
            settings.profile,
            state.outage,
            now_ms,
            zone=zone,
            coverage=(tiers, prices),
            chargers=chargers,
            draw_of=draw_of,
        )
        causes += [Cause(terms, Kind.PROFILE, "the local profile") for terms in found]
    if settings.charge_by is not None and state.time_is_sure:
        found = charge_by_terms(settings.charge_by, now_ms, zone=zone, chargers=chargers, draw_of=draw_of)
        causes += [Cause(terms, Kind.CHARGE_BY, "the car is needed") for terms in found]
    if state.waits_until_ms is not None:
        causes.append(Cause(_pause_terms(now_ms, state.waits_until_ms), Kind.POWER, "the power is back"))
    kept = tuple(cause for cause in causes if now_ms < max(int(cause.terms.release_ms.max()), cause.asked_end_ms))
    return Plan(chargers.local_ma, kept, state.override, zone, tiers, prices)


def past_events(plan: Plan, past: Sequence[PastEvent], now_ms: int) -> tuple[PastEvent, ...]:
    """What the daily caps must remember: the events of the last 24 h that have lowered the limit."""
    found = {one.identity: one for one in past if one.end_ms > now_ms - DAY_MS}
    for cause in plan.causes:
        event = cause.event
        if event is None or cause.kind is not Kind.EVENT or plan.is_overridden(cause, now_ms):
            continue
        if cause.limit_ma < plan.local_ma[0] and cause.start_ms <= now_ms and cause.start_ms < cause.end_ms:
            found[event.identity] = PastEvent(*event.identity, cause.start_ms, cause.end_ms, event.is_grave)
    return tuple(found.values())


def _one_device(settings: Settings) -> Devices:
    def draw_of(label: str, key: int, ts: int) -> Draws:
        return drawn_for(settings, key=key, ts=ts)(label)

    return Devices(chargers_of(settings), draw_of)


def _events(holdings: Holdings, settings: Settings, state: LocalState, devices: Devices) -> Iterator[Cause]:
    """The curtailments and halts, cut to what the day's caps leave."""
    found = sorted(_runnable(holdings, state), key=lambda event: (event.start_ms, event.identity))
    lowering = (event for event in found if not isinstance(event.message, LoadUp))
    asked = [(event, terms) for event in lowering if (terms := _terms_of(event, devices)) is not None]
    held = {event.identity for event in holdings.events}
    before = [_capped_event(one) for one in state.past if one.identity not in held]
    counted = [CappedEvent(terms, event.trusted.public_key, event.is_grave) for event, terms in asked]
    kept = capped([*before, *counted], devices.chargers.local_ma, _caps(settings))[len(before) :]
    for (event, terms), cut in zip(asked, kept, strict=True):
        yield Cause(cut, Kind.EVENT, level_text(event.message.level), event, int(terms.end_ms.max()))


def _load_ups(holdings: Holdings, state: LocalState, devices: Devices) -> Iterator[Cause]:
    for event in _runnable(holdings, state):
        if isinstance(event.message, LoadUp) and (terms := _terms_of(event, devices)) is not None:
            level_ma = level_limits_ma(event.message.level, devices.chargers, may_pause=may_pause(event.trusted))
            lift = replace(terms, limit_ma=level_ma)
            yield Cause(lift, Kind.LOAD_UP, level_text(event.message.level), event, int(terms.end_ms.max()))


def _terms_of(event: HeldEvent, devices: Devices) -> Terms | None:
    """An event's terms, or None if it means none of the chargers."""
    rule, message = rule_of(event), event.message
    if devices.release is not None:
        rule = replace(rule, release=devices.release, ended_release=RELEASE_DEFAULT)
    terms = event_terms(rule, devices.chargers, lambda label: devices.draw_of(label, message.key, message.ts))
    return terms if (terms.start_ms < terms.release_ms).any() else None


def _runnable(holdings: Holdings, state: LocalState) -> list[HeldEvent]:
    """All but what is planned, on a clock that is not sure."""
    return [event for event in holdings.events if state.time_is_sure or not event.is_planned]


def _capped_event(past: PastEvent) -> CappedEvent:
    return CappedEvent(_pause_terms(past.start_ms, past.end_ms), past.public_key, past.is_grave)


def _pause_terms(start_ms: int, end_ms: int) -> Terms:
    limit_ma, start, end, window = (np.array([value], dtype=np.int64) for value in (PAUSE_MA, start_ms, end_ms, 0))
    return Terms(limit_ma, start, end, end, window)


def _caps(settings: Settings) -> Caps:
    return Caps(settings.events_a_day, 1000 * settings.reduced_a_day_s, 1000 * settings.grave_a_day_s)


def _tiers(holdings: Holdings, devices: Devices, *, sure: bool) -> Timetable:
    names = tier_names(holdings.tables)
    schedules = [tier_schedule(one, names) for one in holdings.tier_schedules] if sure else []
    if devices.release is not None:
        schedules = [replace(one, source=replace(one.source, stagger=devices.release)) for one in schedules]
    now = holdings.tier_now
    if now is None or now.message.level == SCHEDULE_LEVEL:
        return timetable(schedules, None)
    tier = now_of(now, tier_value(now.message.level, names))
    return timetable(schedules, _meant(tier, devices.chargers, devices.draw_of))


def _prices(holdings: Holdings, prices: Prices | None, chargers: Chargers, draw_of: DrawOf, *, sure: bool) -> Timetable:
    """The prices in the owner's currency; in any, where the owner has none."""

    def is_own(scale: PriceScale) -> bool:
        return prices is None or scale.currency == prices.currency

    records = [one for one in holdings.price_schedules if is_own(one.record.price_scale)] if sure else []
    schedules = [price_schedule(one) for one in records]
    scale, now = table_scale(holdings.tables), holdings.price_now
    code = None if now is None else now.message.price_code
    if now is None or code is None or scale is None or not is_own(scale):
        return timetable(schedules, None)
    return timetable(schedules, _meant(now_of(now, price_value(scale, code)), chargers, draw_of))


def _meant(now: Now, chargers: Chargers, draw_of: DrawOf) -> Now | None:
    """A now-message, if its dispatch does not pass all chargers over."""
    is_meant = dispatched(now.dispatch, chargers, lambda label: draw_of(label, now.key, now.ts))
    return now if is_meant.any() else None


def _of_table(kind: Kind, terms: Terms, table: Timetable) -> Cause:
    """The cause of a part of a timetable, with the words of that part."""
    value = table.value_at(int(terms.start_ms[0]))
    return Cause(terms, kind, value.text if value else "", asked_end_ms=int(terms.end_ms[0]))
