"""The terms of events in, no more of them out than a day may hold: the daily caps, as array code.

Protocol, What a receiver must do, 6. Shapes and units as in `policy_arithmetic`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from receiver.policy_arithmetic import NEVER_MS, Bools, Ints, Terms

DAY_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of a day the broadcast may take (protocol, What a receiver must do, 6)."""

    events: int = 8
    """In 24 h, of each key."""
    reduced_ms: int = 8 * 3_600_000
    """In 24 h, of all keys."""
    grave_ms: int = 2 * 3_600_000
    """Of these, the last are for halts and emergencies alone."""


@dataclass(frozen=True, slots=True)
class CappedEvent:
    """An event's terms and what the caps go by; events that are over count with the terms they had."""

    terms: Terms
    public_key: bytes
    is_grave: bool
    """A halt or an emergency."""


def capped(events: Sequence[CappedEvent], local_ma: Ints, caps: Caps) -> list[Terms]:
    """The terms of events in the order of their start, each with no more than what the earlier ones leave of its day.

    An event that is one too many of its key within 24 h never holds. One that would reduce for longer than what is left
    of the day at its start ends early, and returns with its own delay. What lowers nothing counts for nothing.
    """
    kept: list[Terms] = []
    seen: list[tuple[bytes, Bools, Terms, Ints]] = []
    covered_ms: Ints | int = -NEVER_MS
    for event in events:
        terms = event.terms
        day_ms = terms.start_ms - DAY_MS
        of_key, used_ms = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
        for key, acted, before, from_ms in seen:
            of_key = of_key + (acted & (key == event.public_key) & (before.start_ms > day_ms))
            used_ms = used_ms + acted * np.maximum(before.end_ms - np.maximum(from_ms, day_ms), 0)
        left_ms = np.maximum(caps.reduced_ms - (0 if event.is_grave else caps.grave_ms) - used_ms, 0)
        # What an earlier event covers anyway costs nothing.
        from_ms = np.maximum(terms.start_ms, covered_ms)
        end_ms = np.where(of_key < caps.events, np.minimum(terms.end_ms, from_ms + left_ms), terms.start_ms)
        is_counted = (terms.limit_ma < local_ma) & (terms.start_ms < terms.release_ms)
        end_ms = np.where(is_counted, end_ms, terms.end_ms)
        release_ms = np.where(end_ms > terms.start_ms, terms.release_ms - terms.end_ms + end_ms, terms.start_ms)
        kept.append(replace(terms, end_ms=end_ms, release_ms=np.where(is_counted, release_ms, terms.release_ms)))
        acted = is_counted & (end_ms > terms.start_ms)
        seen.append((event.public_key, acted, kept[-1], from_ms))
        covered_ms = np.where(acted, np.maximum(covered_ms, end_ms), covered_ms)
    return kept
