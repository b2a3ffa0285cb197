"""Our limit and the operator's charging profiles in, the schedule that is above neither out (OCPP 1.6, 3.13; 2.0.1, K).

Within one purpose the highest stack level decides alone, so a profile of ours above the operator's hides them and must
carry their minimum with ours over time.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from receiver.chargers._ocpp_proxy_profile import Bound, OperatorProfile, Period

START_MARGIN: Final = timedelta(seconds=60)
"""How far in the past a schedule begins, so that a station whose clock is a little behind leaves no gap."""
TAIL_S: Final = 86400
"""How far beyond our own end the hours of a profile are carried whose place we took."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is to be set: from `start`, by periods, for `duration_s`; None: for ever."""

    start: datetime
    periods: tuple[Period, ...]
    duration_s: int | None

    @property
    def end(self) -> datetime | None:
        """When it is over; None: never."""
        return None if self.duration_s is None else self.start + timedelta(seconds=self.duration_s)


def composite(profiles: Iterable[OperatorProfile], moment: datetime) -> Bound:
    """What the profiles of one purpose hold at a moment: the highest certain level, and the uncertain ones above it."""
    bound, decided = Bound(), None
    for profile in sorted(profiles, key=lambda one: -one.level):
        if decided is not None and profile.level < decided:
            break
        held = profile.at(moment)
        if held is not None:
            bound = bound.lower(held[0])
            decided = profile.level if held[1] else decided
    return bound


def minimum_schedule(
    limit: int,
    stacks: Sequence[Sequence[OperatorProfile]],
    now: datetime,
    *,
    until: datetime,
    most_periods: int,
    displaced: OperatorProfile | None = None,
) -> Schedule:
    """The schedule that from now to `until` is above neither our limit nor any of the stacks.

    Args:
        limit: Ours, in tenths.
        stacks: Profiles that share a purpose, each stack for itself.
        now: The station's time.
        until: When our limit ends, after now; what holds then is the operator's business again.
        most_periods: As many periods the station takes; of more, the last ones become their lowest.
        displaced: A profile of the operator whose place ours takes: its hours after `until` are carried too.
    """
    start = (now - START_MARGIN).replace(microsecond=0)
    ours_s = math.ceil((until - start).total_seconds())
    end_s: int | None = ours_s
    last_s = ours_s
    if displaced is not None:
        last_s = ours_s + TAIL_S
        end_s = None if displaced.end is None else max(ours_s, math.ceil((displaced.end - start).total_seconds()))
        last_s = last_s if end_s is None else min(last_s, end_s)
    last = start + timedelta(seconds=last_s)
    changes = sorted({change for stack in stacks for one in stack for change in one.changes(now, last)})
    pieces = _pieces(limit, stacks, changes, first=now, start=start, ours_s=ours_s, last_s=last_s)
    if displaced is not None and end_s != last_s:
        pieces.append(Period(last_s, displaced.lowest))
    return Schedule(start, _squeeze(_merge(pieces), most_periods), end_s)


def _pieces(
    limit: int,
    stacks: Sequence[Sequence[OperatorProfile]],
    changes: Sequence[datetime],
    *,
    first: datetime,
    start: datetime,
    ours_s: int,
    last_s: int,
) -> list[Period]:
    """A period from every whole second at or beside a change, each with the lowest that holds in it."""
    marks: dict[int, list[datetime]] = {0: [first], ours_s: []}
    for change in changes:
        since_s = (change - start).total_seconds()
        marks.setdefault(math.floor(since_s), []).append(change)
        marks.setdefault(math.ceil(since_s), [])
    pieces = []
    for mark_s, moments in sorted(marks.items()):
        if mark_s >= last_s:
            break
        at_mark = max(first, start + timedelta(seconds=mark_s))
        bound = Bound(limit) if mark_s < ours_s else Bound()
        for moment in (at_mark, *moments):
            for stack in stacks:
                bound = bound.lower(composite(stack, moment))
        pieces.append(Period(mark_s, bound))
    return pieces


def _merge(pieces: Sequence[Period]) -> list[Period]:
    merged: list[Period] = []
    for piece in pieces:
        if not merged or merged[-1].bound != piece.bound:
            merged.append(piece)
    return merged


def _squeeze(periods: Sequence[Period], most: int) -> tuple[Period, ...]:
    """No more periods than the station takes: the last one is the lowest of all that do not fit."""
    kept, rest = list(periods[: most - 1]), periods[most - 1 :]
    if rest:
        lowest = rest[0].bound
        for period in rest[1:]:
            lowest = lowest.lower(period.bound)
        kept.append(Period(rest[0].start_s, lowest))
    return tuple(kept)
