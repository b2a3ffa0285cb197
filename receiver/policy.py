"""What is held, settings, local state and the time in; the limit and its reason in words out. A pure function.

    limit = min(local limit, every event, max(tier, price and profile, what lifts these))        under 6 A means pause

The broadcast only ever lowers. Downward steps come at a term's start or by its ramp, upward steps at this charger's own
moment (protocol, What a receiver must do, 8 and 9). The causes are `causes`, the rules `policy_arithmetic`, the words
`reason`. Milliseconds since 2024-01-01T00:00Z, milliamperes per phase.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from receiver.advice import advice_of
from receiver.causes import LIFTS, Cause, Plan, past_events, plan
from receiver.chargers.driver import NO_ADVICE, Advice
from receiver.daily_caps import DAY_MS
from receiver.holdings import Holdings
from receiver.local_state import LocalState, PastEvent
from receiver.policy_arithmetic import PAUSE_MA
from receiver.reason import may_override_text, reason_text, unknown_time_text
from receiver.settings import Settings

_STEPS: Final = 200
"""How many moments ahead are looked at; a day of quarter hours is 96."""
_NO_STATE: Final = LocalState()


class Standing(StrEnum):
    """What a term is doing."""

    TO_COME = "to come"
    IN_FORCE = "in force"
    RETURNING = "returning"
    """Over; this charger waits for its turn."""
    OVERRIDDEN = "overridden"


@dataclass(frozen=True, slots=True)
class TermStatus:
    """One term as a status shows it."""

    name: str
    """The same in every decision: such as "tier", or "event 03a107bf/9207720"."""
    kind: str
    says: str
    limit_ma: int
    """Of a lift: up to what."""
    start_ms: int
    end_ms: int
    back_ms: int
    """When this charger is free of it."""
    standing: Standing
    lifts: bool
    binds: bool
    """Whether it is what the limit comes from now."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the charger shall do now."""

    limit_ma: int
    """0 (pause) or at least 6000."""
    restricted: bool
    """Whether the limit is below the local one."""
    reason: str
    until_ms: int | None
    """When the limit rises if nothing more is heard."""
    next_ms: int | None
    """When the limit changes if nothing more is heard, within a day."""
    next_ma: int | None = None
    """To what."""
    may_override: str | None = None
    """Who may set it aside, or has."""
    again_ms: int | None = None
    """When to decide again if nothing more is heard: a limit may change then, its reason, or the advice."""
    pending: bool = False
    """Whether anything that was broadcast has yet to run its course."""
    terms: tuple[TermStatus, ...] = ()
    advice: Advice = NO_ADVICE
    past: tuple[PastEvent, ...] = ()
    """What `LocalState.past` must be from now on."""


def decide(holdings: Holdings, settings: Settings, now_ms: int | None, *, state: LocalState = _NO_STATE) -> Decision:
    """The decision at a moment.

    Args:
        holdings: What is held, ended or not.
        settings: The charger's.
        now_ms: The time, or None while it is unknown: then only the local limit holds, or the profile's for that.
        state: Clock, signal, override, and the events of the last day.
    """
    if now_ms is None:
        return _decide_without_time(settings, state)
    return decision_of(plan(holdings, settings, now_ms, state), holdings, state, now_ms)


def decision_of(ahead: Plan, holdings: Holdings, state: LocalState, now_ms: int) -> Decision:
    """The decision of a plan at a moment."""
    limit_ma = ahead.limit_ma(now_ms)
    restricted = limit_ma < int(ahead.local_ma[0])
    changes = _changes(ahead, now_ms, limit_ma)
    next_ms, next_ma = changes[0] if changes else (None, None)
    binding = {id(cause) for cause in ahead.binding(now_ms)}
    return Decision(
        limit_ma=limit_ma,
        restricted=restricted,
        reason=reason_text(ahead, holdings, state, now_ms),
        until_ms=next((ms for ms, then_ma in changes if then_ma > limit_ma), None) if restricted else None,
        next_ms=next_ms,
        next_ma=next_ma,
        may_override=may_override_text(ahead, now_ms),
        again_ms=min((ms for ms in (ahead.next_ms(now_ms), ahead.prices.next_ms(now_ms)) if ms), default=None),
        pending=ahead.is_waiting_for_the_broadcast(now_ms),
        terms=tuple(
            _status(ahead, cause, now_ms, binds=id(cause) in binding)
            for cause in ahead.causes
            if cause.start_ms < now_ms + DAY_MS
        ),
        advice=advice_of(ahead, now_ms),
        past=past_events(ahead, state.past, now_ms),
    )


def _decide_without_time(settings: Settings, state: LocalState) -> Decision:
    limit_ma = settings.local_ma
    if settings.profile is not None and state.outage is not None and state.outage.until_ms is None:
        limit_ma = min(limit_ma, settings.profile.unsure_ma)
    if state.waits_until_ms is not None:
        limit_ma = PAUSE_MA
    is_limited = limit_ma < settings.local_ma
    return Decision(limit_ma, is_limited, unknown_time_text(state, is_limited=is_limited), None, None, past=state.past)


def _changes(ahead: Plan, now_ms: int, limit_ma: int) -> list[tuple[int, int]]:
    """When the limit changes within a day, and to what, up to the first rise."""
    found: list[tuple[int, int]] = []
    at_ms, before_ma = now_ms, limit_ma
    for _ in range(_STEPS):
        after_ms = ahead.next_ms(at_ms)
        if after_ms is None or after_ms > now_ms + DAY_MS:
            break
        at_ms = after_ms
        then_ma = ahead.limit_ma(at_ms)
        if then_ma != before_ma:
            found.append((at_ms, then_ma))
            before_ma = then_ma
        if then_ma > limit_ma:
            break
    return found


def _status(ahead: Plan, cause: Cause, now_ms: int, *, binds: bool) -> TermStatus:
    standing = Standing.TO_COME if now_ms < cause.start_ms else Standing.IN_FORCE
    if ahead.is_overridden(cause, now_ms):
        standing = Standing.OVERRIDDEN
    elif now_ms >= cause.end_ms:
        standing = Standing.RETURNING
    return TermStatus(
        name=cause.name,
        kind=cause.kind.value,
        says=cause.says,
        limit_ma=cause.limit_ma,
        start_ms=cause.start_ms,
        end_ms=cause.end_ms,
        back_ms=cause.release_ms,
        standing=standing,
        lifts=cause.kind in LIFTS,
        binds=binds,
    )
