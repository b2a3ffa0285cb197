"""A held event and a device's settings in, its term out: what limit, from when, until when.

The rules are `policy_arithmetic`'s, asked for one charger. Milliseconds since 2024-01-01T00:00Z, mA per phase.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from rds.oda.certificate import Role
from rds.oda.codes import RELEASE_DEFAULT, Severity, duration_s
from rds.oda.draw import draw
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.halt import Halt
from rds.oda.messages.load_up import LoadUp
from receiver.clock import TICK_MS
from receiver.policy_arithmetic import (
    TIER_AS_OPTION,
    UNLIMITED_MA,
    Chargers,
    Draws,
    EventRule,
    Ints,
    Terms,
    event_terms,
    level_limits_ma,
    subgroups,
)
from receiver.settings import CustomerOption, Settings
from receiver.verify import Trusted

Event = Curtail | Halt | LoadUp
"""Types 3, 4 and 5: what is held and acted on (protocol, Event)."""
_CHARGERS_REMEMBERED: Final = 4


@dataclass(frozen=True, slots=True)
class HeldEvent:
    """A trusted curtailment, halt or load up, urgent or planned, and how it was ended early if it was."""

    trusted: Trusted[Event]
    ended_ms: int | None = None
    ended_release: int = RELEASE_DEFAULT
    """The release code of what ended it; 0: the event's own."""
    start_after_ms: int = 0
    """Planned: how long after its TS it starts."""
    ramp_s: int = 0
    programmes: int = 0
    """Mask of the programmes that it is for; 0: all."""
    early_ms: int = 0
    """How long before its start it was received, if it was to act at once."""

    @property
    def message(self) -> Event:
        """The event."""
        return self.trusted.message

    @property
    def identity(self) -> tuple[bytes, int]:
        """Public key and TS: what an event is known by."""
        return self.trusted.public_key, self.message.ts

    @property
    def is_planned(self) -> bool:
        """Whether it was told ahead of its start, and so needs a clock that is sure."""
        return self.start_after_ms > 0

    @property
    def is_grave(self) -> bool:
        """Whether it is a halt or an emergency, for which the last hours of a day's cap are kept."""
        return isinstance(self.message, Halt) or self.message.level == Severity.EMERGENCY

    @property
    def start_ms(self) -> int:
        """Its TS, and later if it was planned so; earlier where it was received before."""
        return self.message.ts * TICK_MS + self.start_after_ms - self.early_ms

    def end_ms(self, settings: Settings) -> int:
        """Its own end, at most 4 h after its start."""
        return self.start_ms + min(self.duration_ms, 1000 * settings.longest_event_s)

    @property
    def duration_ms(self) -> int:
        """From its start to its end, which does not move however early or late it is received."""
        return 1000 * duration_s(self.message.duration) + self.early_ms

    def received(self, now_ms: int) -> "HeldEvent":
        """The event as it acts from a moment on: one that lowers at once does so before its TS too.

        Whose key has just named planned events stamps ahead of the clock, by a tick for each.
        """
        if self.is_planned or isinstance(self.message, LoadUp):
            return self
        return replace(self, early_ms=max(0, self.start_ms + self.early_ms - now_ms))


@dataclass(frozen=True, slots=True)
class OneTerm:
    """What one cause means for one charger, in plain numbers."""

    terms: Terms
    """Of length 1."""

    @property
    def limit_ma(self) -> int:
        """UNLIMITED_MA: nothing is lowered (load up, or a severity that the customer's option passes over)."""
        return int(self.terms.limit_ma[0])

    @property
    def start_ms(self) -> int:
        """When it begins for this charger."""
        return int(self.terms.start_ms[0])

    @property
    def end_ms(self) -> int:
        """The end of what asks for it, when that was ended, or when the day's cap was reached."""
        return int(self.terms.end_ms[0])

    @property
    def release_ms(self) -> int:
        """When this charger is free of it."""
        return int(self.terms.release_ms[0])

    @property
    def window_ms(self) -> int:
        """The window that its return was drawn from."""
        return int(self.terms.window_ms[0])

    def holds(self, now_ms: int) -> bool:
        """Whether it is in force."""
        return self.start_ms <= now_ms < self.release_ms


@dataclass(frozen=True, slots=True)
class Term(OneTerm):
    """What one event means for one charger."""

    event: HeldEvent


@lru_cache(maxsize=_CHARGERS_REMEMBERED)
def chargers_of(settings: Settings) -> Chargers:
    """One charger's settings as arrays of length 1."""

    def one(value: int) -> Ints:
        return np.array([value], dtype=np.int64)

    drawn_subgroup = subgroups(_one_draw("F", settings, key=0, ts=0))
    tiers_ma = [TIER_AS_OPTION if tier_ma is None else tier_ma for tier_ma in settings.tiers_ma]
    return Chargers(
        rating_ma=one(settings.rating_ma),
        local_ma=one(settings.local_ma),
        option=one(list(CustomerOption).index(settings.option)),
        fleet_percent=one(settings.fleet_percent),
        subgroup=drawn_subgroup if settings.subgroup is None else one(settings.subgroup),
        programme_bit=one(0 if settings.programme is None else 1 << settings.programme),
        release_minimum_ms=one(1000 * settings.release_minimum_s),
        release_default_ms=one(1000 * settings.release_default_s),
        longest_event_ms=one(1000 * settings.longest_event_s),
        tier_ma=np.array(tiers_ma, dtype=np.int64)[:, np.newaxis],
    )


def rule_of(event: HeldEvent) -> EventRule:
    """What an event asks of every charger."""
    message = event.message
    return EventRule(
        level=message.level,
        start_ms=event.start_ms,
        duration_ms=event.duration_ms,
        release=message.release,
        dispatch=message.dispatch,
        load_up=isinstance(message, LoadUp),
        may_pause=may_pause(event.trusted),
        ramp_ms=1000 * event.ramp_s,
        programmes=event.programmes,
        ended_ms=event.ended_ms,
        ended_release=event.ended_release,
    )


def term_of(event: HeldEvent, settings: Settings) -> Term | None:
    """The term of an event for this charger, or None if its dispatch passes the charger over or it ended before."""
    message = event.message
    terms = event_terms(rule_of(event), chargers_of(settings), drawn_for(settings, key=message.key, ts=message.ts))
    return Term(terms, event) if terms.start_ms[0] < terms.release_ms[0] else None


def drawn_for(settings: Settings, *, key: int, ts: int) -> Callable[[str], Draws]:
    """This charger's draws for an event or an edge, by label."""
    return lambda label: _one_draw(label, settings, key=key, ts=ts)


def may_pause(trusted: Trusted[Event]) -> bool:
    """Whether an event's key may ask for less than 6 A."""
    return bool(trusted.certificate.roles & Role.HALT)


def over_ms(event: HeldEvent, settings: Settings) -> int:
    """When an event has no effect left on this charger."""
    term = term_of(event, settings)
    return event.end_ms(settings) if term is None else term.release_ms


def limit_of(trusted: Trusted[Event], settings: Settings) -> int:
    """The limit that an event asks of this charger, mA per phase; a pause or at least 6 A."""
    message = trusted.message
    if isinstance(message, LoadUp):
        return UNLIMITED_MA
    return int(level_limits_ma(message.level, chargers_of(settings), may_pause=may_pause(trusted))[0])


def level_ma(level: int, settings: Settings) -> int:
    """The limit of a curtailment's level, mA per phase: percent rounded down to 0.1 A, below 6 A a pause."""
    return int(level_limits_ma(level, chargers_of(settings))[0])


def _one_draw(label: str, settings: Settings, *, key: int, ts: int) -> Draws:
    return np.array([draw(label, settings.device_id, key=key, ts=ts)], dtype=np.uint32)
