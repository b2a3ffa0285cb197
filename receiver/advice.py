"""A plan and a moment in, what a charger may make of it beside its limit out: load up, and how dear energy is."""

from itertools import pairwise

from receiver.causes import Kind, Plan
from receiver.chargers.driver import Advice
from receiver.clock import datetime_of
from receiver.schedule_term import Part, Timetable


def advice_of(plan: Plan, now_ms: int) -> Advice:
    """The advice for one charger at a moment."""
    ends_ms = [one.end_ms for one in plan.causes if one.kind is Kind.LOAD_UP and one.start_ms <= now_ms < one.end_ms]
    now_ratio, next_ratio = _price_ratios(plan.prices, now_ms)
    return Advice(datetime_of(max(ends_ms)) if ends_ms else None, now_ratio, next_ratio)


def _price_ratios(prices: Timetable, now_ms: int) -> tuple[float | None, float | None]:
    """The price now and the next other one, to the mean of all that is said, each as long as it holds."""
    spans = [(part, following.start_ms - part.start_ms) for part, following in pairwise(prices.parts)]
    known = [(price, length_ms) for part, length_ms in spans if (price := _price(part)) is not None]
    total_ms = sum(length_ms for _, length_ms in known)
    mean = sum(price * length_ms for price, length_ms in known) / total_ms if total_ms else 0
    if mean <= 0:
        return None, None
    here = prices.part_at(now_ms)
    price = None if here is None else _price(here)
    following = next((part for part in prices.parts if part.start_ms > now_ms and _price(part) != price), None)
    later = None if following is None else _price(following)
    return None if price is None else price / mean, None if later is None else later / mean


def _price(part: Part) -> int | None:
    value = part.value if part.now is None else part.now.value
    return None if value is None else value.number
