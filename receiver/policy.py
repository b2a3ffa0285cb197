"""Held events, settings and the time in; the limit and its reason in words out. A pure function.

    limit = min(local limit, every term in force)        under 6 A means pause

The broadcast only ever lowers. Downward steps come at a term's start, upward steps at this charger's own release moment
(protocol, What a receiver must do, 8 and 9). Milliseconds since 2024-01-01T00:00Z, milliamperes per phase.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rds.oda.codes import SCHEDULE_LEVEL, duration_s, level_text
from rds.oda.messages import UrgentMessage
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.test import Test
from rds.oda.messages.tier_now import TierNow
from receiver.clock import TICK_MS, datetime_of
from receiver.event_term import HeldEvent, Term, term_of
from receiver.policy_arithmetic import PAUSE_MA, UNLIMITED_MA
from receiver.settings import Settings
from receiver.verify import Trusted

_MINUTE_MS: Final = 60_000
_QUARTER_HOUR: Final = timedelta(minutes=15)
NO_LIMIT: Final = "no limit from the network"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the charger shall do now."""

    limit_ma: int
    """0 (pause) or at least 6000."""
    restricted: bool
    """Whether the broadcast lowers the limit below the local one."""
    reason: str
    until_ms: int | None
    """When the limit rises if nothing more is heard."""
    next_ms: int | None
    """When to decide again if nothing more is heard: the next start or release of a term."""


def decide(
    events: Iterable[HeldEvent], settings: Settings, now_ms: int | None, *, shown: Iterable[Trusted[UrgentMessage]] = ()
) -> Decision:
    """The decision at a moment.

    Args:
        events: What is held, ended or not.
        settings: The charger's.
        now_ms: The time, or None while it is unknown: then only the local limit holds.
        shown: The newest heartbeat, tier and test: in the reason, never in the limit.
    """
    if now_ms is None:
        return Decision(settings.local_ma, False, f"{NO_LIMIT}; the time is not known yet", None, None)
    newest = list(shown)
    offset = _utc_offset(newest)
    terms = [term for event in events if (term := term_of(event, settings)) is not None]
    lowering = [term for term in terms if term.limit_ma < settings.local_ma]
    binding = _binding(lowering, now_ms)
    sentences = [_lowering_text(binding, now_ms, offset) if binding else NO_LIMIT]
    sentences += _advice(terms, settings, now_ms, offset)
    sentences += _notices(newest, now_ms, offset)
    return Decision(
        limit_ma=binding[0].limit_ma if binding else settings.local_ma,
        restricted=bool(binding),
        reason="; ".join(sentences),
        until_ms=max((term.release_ms for term in binding), default=None),
        next_ms=min(
            (ms for term in lowering for ms in (term.start_ms, term.release_ms) if ms > now_ms),
            default=None,
        ),
    )


def _binding(lowering: Sequence[Term], now_ms: int) -> list[Term]:
    """The terms in force with the lowest limit."""
    held = [term for term in lowering if term.holds(now_ms)]
    lowest = min((term.limit_ma for term in held), default=None)
    return [term for term in held if term.limit_ma == lowest]


def _lowering_text(binding: Sequence[Term], now_ms: int, offset: timedelta) -> str:
    """In words such as: curtailed to 16 A by the network until 19:30, then back within 20 min."""
    last = max(binding, key=lambda term: term.release_ms)
    what = "paused" if last.limit_ma == PAUSE_MA else f"curtailed to {last.limit_ma / 1000:g} A"
    if now_ms < last.end_ms:
        minutes = -(-last.window_ms // _MINUTE_MS)
        return f"{what} by the network until {_clock_text(last.end_ms, offset)}, then back within {minutes} min"
    back = _clock_text(last.release_ms, offset, seconds=True)
    return f"{what} by the network; the event is over and this charger is back at {back}"


def _advice(terms: Sequence[Term], settings: Settings, now_ms: int, offset: timedelta) -> list[str]:
    """What the network says and this charger need not do: load up, and limits above its own."""
    said = []
    for term in terms:
        if now_ms < term.end_ms and term.limit_ma >= settings.local_ma:
            until = _clock_text(term.end_ms, offset)
            message = term.event.message
            if isinstance(message, LoadUp):
                said.append(f"the network asks to charge now, until {until}")
            elif term.limit_ma == UNLIMITED_MA:
                said.append(f"the network says {level_text(message.level)} until {until}: nothing by your option")
            else:
                said.append(f"the network allows {term.limit_ma / 1000:g} A until {until}, more than the local limit")
    return said


def _notices(newest: Sequence[Trusted[UrgentMessage]], now_ms: int, offset: timedelta) -> list[str]:
    """Tier and test while they are valid."""
    said = []
    for message in (trusted.message for trusted in newest):
        if isinstance(message, (TierNow, Test)):
            end_ms = message.ts * TICK_MS + 1000 * duration_s(message.duration)
            until = _clock_text(end_ms, offset)
            if now_ms < end_ms and isinstance(message, Test):
                said.append(f"a test of {level_text(message.level)} until {until}, not acted on")
            elif now_ms < end_ms and message.level != SCHEDULE_LEVEL:
                said.append(f"tier {message.level} until {until}")
    return said


def _utc_offset(newest: Sequence[Trusted[UrgentMessage]]) -> timedelta:
    """The offset that the newest heartbeat gives for display."""
    heard = [trusted.message for trusted in newest if isinstance(trusted.message, Heartbeat)]
    return heard[-1].utc_offset * _QUARTER_HOUR if heard else timedelta()


def _clock_text(ms: int, offset: timedelta, *, seconds: bool = False) -> str:
    """The time of day as a person at the charger reads it; UTC is said where nothing else is known."""
    moment = datetime_of(ms) + offset
    text = f"{moment:%H:%M:%S}" if seconds or moment.second else f"{moment:%H:%M}"
    return text if offset else f"{text} UTC"
