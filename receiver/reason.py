"""A plan at a moment in, the reason for the limit in words out, for the person at the charger.

curtailed to 16 A by the network until 19:30, then back within 20 min
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta, tzinfo
from typing import Final

from rds.oda.codes import duration_s, level_text
from receiver.causes import LIFTS, Cause, Kind, Plan
from receiver.clock import TICK_MS, datetime_of
from receiver.holdings import Holdings
from receiver.local_state import LocalState
from receiver.policy_arithmetic import PAUSE_MA, UNLIMITED_MA
from receiver.schedule_term import Timetable

NO_LIMIT: Final = "no limit from the network"
OWNER_MAY: Final = "the owner may: evrds-receiver override event, today or always"
OWNER_HAS: Final = "the owner has: evrds-receiver override clear ends it"
_MINUTE_MS: Final = 60_000
_FAR: Final = timedelta(hours=20)


def reason_text(plan: Plan, holdings: Holdings, state: LocalState, now_ms: int) -> str:
    """Why the limit is what it is, and what else is to be known, in one line."""
    binding = plan.binding(now_ms)
    sentences = [_lowering_text(plan, binding, state, now_ms) if binding else NO_LIMIT]
    sentences += _advice(plan, now_ms)
    sentences += _overridden(plan, now_ms)
    sentences += _notices(plan, holdings, binding, now_ms)
    sentences += _troubles(plan, state, now_ms)
    return "; ".join(sentences)


def unknown_time_text(state: LocalState, *, is_limited: bool) -> str:
    """The reason while no time is known at all."""
    held = "held by the local profile" if is_limited else NO_LIMIT
    if state.waits_until_ms is not None:
        held = "waits: the power is back, and not for all at once"
    return f"{held}; the time is not known yet" + ("; the signal is lost" if state.outage else "")


def may_override_text(plan: Plan, now_ms: int) -> str | None:
    """Who may set the limit aside, or has; None where there is nothing to."""
    if any(plan.is_overridden(cause, now_ms) for cause in plan.causes):
        return OWNER_HAS
    return OWNER_MAY if plan.binding(now_ms) else None


def _lowering_text(plan: Plan, binding: Sequence[Cause], state: LocalState, now_ms: int) -> str:
    """What holds, by whom, until when, and how it goes on."""
    last = max(binding, key=lambda cause: cause.release_ms)
    limit_ma = plan.limit_ma(now_ms)
    verb = "curtailed" if last.kind is Kind.EVENT else "held"
    if last.kind is Kind.POWER:
        turn = _clock_text(last.end_ms, plan.zone, now_ms, seconds=True)
        return f"waits until {turn}: {last.says}, and not for all at once"
    what = "paused" if limit_ma == PAUSE_MA else f"{verb} to {_amperes(limit_ma)}"
    whom = {Kind.EVENT: "by the network", Kind.TIER: "in " + last.says, Kind.PRICE: "at " + last.says}.get(
        last.kind, "by " + last.says
    )
    if now_ms >= last.end_ms:
        over = "the event" if last.kind is Kind.EVENT else "that"
        back = _clock_text(last.release_ms, plan.zone, now_ms, seconds=True)
        return f"{what} {whom}; {over} is over and this charger is back at {back}"
    if last.limit_ma < limit_ma and last.terms.ramp_ms:
        level = "a pause" if last.limit_ma == PAUSE_MA else _amperes(last.limit_ma)
        whom += f", falling to {level} by {_clock_text(last.start_ms + last.terms.ramp_ms, plan.zone, now_ms)},"
    text = f"{what} {whom} until {_clock_text(last.end_ms, plan.zone, now_ms)}"
    if last.kind is Kind.PROFILE and state.outage is not None and state.outage.until_ms is None:
        return text if state.outage.time_is_sure else f"{what} {whom} until the network is heard again"
    if last.release_ms == last.end_ms and last.kind is not Kind.EVENT:
        return text
    minutes = -(-last.window_ms // _MINUTE_MS)
    return f"{text}, then back within {minutes} min" if minutes else text


def _advice(plan: Plan, now_ms: int) -> Iterator[str]:
    """What the network says and this charger need not do, and what it does instead."""
    for cause in plan.causes:
        until = _clock_text(cause.end_ms, plan.zone, now_ms)
        if cause.event is None or cause.event.start_ms > now_ms:
            continue
        if cause.kind is Kind.LOAD_UP and now_ms < cause.end_ms:
            yield f"the network asks to charge now, until {until}"
        elif cause.kind is Kind.EVENT and cause.end_ms <= now_ms < cause.asked_end_ms and cause.event.ended_ms is None:
            yield f"the network asks for {cause.says}: more than a day may hold"
        elif cause.kind is Kind.EVENT and now_ms < cause.end_ms and cause.limit_ma == UNLIMITED_MA:
            yield f"the network says {cause.says} until {until}: nothing by your option"
        elif cause.kind is Kind.EVENT and now_ms < cause.end_ms and cause.limit_ma >= plan.local_ma[0]:
            yield f"the network allows {_amperes(cause.limit_ma)} until {until}, more than the local limit"
    limit_ma = plan.limit_ma(now_ms)
    waiting = [cause for cause, asked_ma in plan.asked(now_ms) if asked_ma[0] < limit_ma]
    lifts = [cause for cause in plan.causes if cause.kind in LIFTS and cause.holds(now_ms)]
    if waiting and lifts:
        last = max(lifts, key=lambda cause: cause.end_ms)
        until = _clock_text(last.end_ms, plan.zone, now_ms)
        why = f"the car is needed at {until}" if last.kind is Kind.CHARGE_BY else "the network asks for it"
        yield f"{waiting[0].says} is not waited for: {why}"


def _overridden(plan: Plan, now_ms: int) -> Iterator[str]:
    """What the owner has set aside."""
    for cause in plan.causes:
        if plan.is_overridden(cause, now_ms) and cause.holds(now_ms) and cause.limit_ma < plan.local_ma[0]:
            until = _clock_text(cause.end_ms, plan.zone, now_ms)
            yield f"{cause.says} until {until} is set aside by the owner"


def _notices(plan: Plan, holdings: Holdings, binding: Sequence[Cause], now_ms: int) -> Iterator[str]:
    """Tier, price, test and words for the driver, while they are valid."""
    said = {cause.kind for cause in binding}
    for kind, table in ((Kind.TIER, plan.tiers), (Kind.PRICE, plan.prices)):
        text = _part_text(table, plan.zone, now_ms)
        if text and kind not in said:
            yield text
    if holdings.test is not None:
        test = holdings.test.message
        end_ms = test.ts * TICK_MS + 1000 * duration_s(test.duration)
        if now_ms < end_ms:
            until = _clock_text(end_ms, plan.zone, now_ms)
            yield f"a test of {level_text(test.level)} until {until}, not acted on"
    for notice in holdings.notices:
        if notice.ts * TICK_MS <= now_ms < notice.record.end_tick(notice.ts) * TICK_MS and notice.record.text:
            yield f"the network writes: {notice.record.text}"


def _part_text(table: Timetable, zone: tzinfo, now_ms: int) -> str | None:
    """What a timetable says now, and until when."""
    value = table.value_at(now_ms)
    following = next((one for one in table.parts if one.start_ms > now_ms), None)
    if value is None or following is None:
        return None
    return f"{value.text} until {_clock_text(following.start_ms, zone, now_ms)}"


def _troubles(plan: Plan, state: LocalState, now_ms: int) -> Iterator[str]:
    if state.outage is not None and state.outage.until_ms is None:
        since_ms = state.outage.since_ms
        yield "the signal is lost" + ("" if since_ms is None else f" since {_clock_text(since_ms, plan.zone, now_ms)}")
    if not state.time_is_sure:
        yield "the time is not sure, so nothing planned is done"


def _amperes(limit_ma: int) -> str:
    return f"{limit_ma / 1000:g} A"


def _clock_text(ms: int, zone: tzinfo, now_ms: int, *, seconds: bool = False) -> str:
    """The time of day as a person at the charger reads it; the day where it is far, UTC where nothing else is known."""
    moment = datetime_of(ms).astimezone(zone)
    text = f"{moment:%H:%M:%S}" if seconds or moment.second else f"{moment:%H:%M}"
    if abs(datetime_of(ms) - datetime_of(now_ms)) > _FAR:
        text = f"{moment:%Y-%m-%d} {text}"
    return f"{text} UTC" if zone is UTC else text
