"""What the broadcast asks and N chargers' settings in, their limits and their moments out: the rules, as array code.

The receiver calls this with N = 1 and a simulated fleet with a million: there is no second copy of the rules. Times are
milliseconds since 2024-01-01T00:00Z and currents milliamperes per phase, int64 of shape (N,) unless said otherwise;
draws are uint32 of shape (N,). What is one value for all chargers broadcasts against them. No clock, no hash, no words.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rds.oda.codes import MAX_TIER, Dispatch, Severity, level_percent, release_s

Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Draws: TypeAlias = NDArray[np.uint32]
DrawnBy: TypeAlias = Callable[[str], Draws]
"""A label to the chargers' draws for one event; asked only for the labels that matter."""

LOWEST_MA: Final = 6000
"""What a pilot signal can say at least (IEC 61851-1); below it is a pause."""
PAUSE_MA: Final = 0
UNLIMITED_MA: Final = 1_000_000
"""A term that limits nothing: more than any charger draws."""
NEVER_MS: Final = 1 << 62
SHORTEST_RETURN_MS: Final = 10 * 60_000
"""Before charging after a power cut: 0 to this, drawn (program, The limit)."""
LONGEST_RETURN_MS: Final = 120 * 60_000
"""The same after a cut of an hour or more: what all missed together must not be drawn together (docs/fleet.md)."""
_RETURN_TO_OUTAGE: Final = 4
RAMP_STEP_MS: Final = 60_000
_STEP_MA: Final = 100
_SIXTY_FOURTH: Final = np.uint32(26)
_DRAW_BITS: Final = 32

_PERCENT_MA: Final = -1
"""In the tables: the fleet's own percentage."""
_FULL: Final = UNLIMITED_MA
# Rows: severities, tiers. Columns: high price, medium, low, fleet, as in `settings.CustomerOption`.
_SEVERITY_MA: Final = np.array(
    [
        (_FULL, _FULL, _FULL, _FULL),
        (_FULL, LOWEST_MA, PAUSE_MA, _PERCENT_MA),
        (_FULL, LOWEST_MA, PAUSE_MA, LOWEST_MA),
        (LOWEST_MA, PAUSE_MA, PAUSE_MA, PAUSE_MA),
    ],
    dtype=np.int64,
)
_TIER_MA: Final = np.array(
    [
        (_FULL, _FULL, _FULL, _FULL),
        (_FULL, _FULL, _FULL, _FULL),
        (_FULL, _FULL, LOWEST_MA, _FULL),
        (_FULL, LOWEST_MA, PAUSE_MA, _PERCENT_MA),
        (_FULL, LOWEST_MA, PAUSE_MA, LOWEST_MA),
    ],
    dtype=np.int64,
)
"""Super off-peak to critical peak; what the table names 5 to 7 limits nobody who does not say so himself."""
TIER_AS_OPTION: Final = -1
"""In `Chargers.tier_ma`: as the customer's option says."""


@dataclass(frozen=True, slots=True)
class Chargers:
    """What the rules need to know of N chargers: int64 arrays of shape (N,)."""

    rating_ma: Ints
    local_ma: Ints
    """The limit without any broadcast: at most the rating."""
    option: Ints
    """Place in `settings.CustomerOption`, 0..3."""
    fleet_percent: Ints
    subgroup: Ints
    """0..63, configured or drawn."""
    programme_bit: Ints
    """1 << programme, or 0 for a charger in none."""
    release_minimum_ms: Ints
    release_default_ms: Ints
    longest_event_ms: Ints
    tier_ma: Ints
    """Shape (8, N): the owner's own limit in each tier, or TIER_AS_OPTION."""


@dataclass(frozen=True, slots=True)
class EventRule:
    """What an event asks, the same for all chargers."""

    level: int
    """A curtailment's or load up's code; 0 for a halt."""
    start_ms: int
    duration_ms: int
    release: int
    dispatch: int
    load_up: bool = False
    may_pause: bool = True
    """Whether the key has role HALT: without it nothing goes below 6 A."""
    ramp_ms: int = 0
    programmes: int = 0
    """Mask of programme numbers; 0: all."""
    ended_ms: int | None = None
    """When it was ended or cancelled."""
    ended_release: int = 0
    """The release code of what ended it; 0: the event's own."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One cause's effect on N chargers: a limit from a start to a release; never where the release is not later."""

    limit_ma: Ints
    """UNLIMITED_MA: nothing is lowered."""
    start_ms: Ints
    end_ms: Ints
    """When the cause is over; until the release the limit stays, so that not all return at once."""
    release_ms: Ints
    window_ms: Ints
    """The window that the way back was drawn from."""
    ramp_ms: int = 0
    """Over how long the limit falls to its level, in steps of a minute."""

    def held(self, now_ms: int) -> Bools:
        """Where the limit is in force."""
        return (self.start_ms <= now_ms) & (now_ms < self.release_ms)

    def limits_ma(self, now_ms: int, local_ma: Ints) -> Ints:
        """The limit at a moment, UNLIMITED_MA where none is in force; a ramp falls from the local limit, never to 0."""
        limit_ma = self.limit_ma
        if self.ramp_ms:
            steps = self.ramp_ms // RAMP_STEP_MS
            done = np.clip((np.minimum(now_ms, self.end_ms) - self.start_ms) // RAMP_STEP_MS, 0, steps)
            fallen_ma = local_ma - np.maximum(local_ma - limit_ma, 0) * done // steps
            ramping_ma = np.maximum(fallen_ma // _STEP_MA * _STEP_MA, LOWEST_MA)
            limit_ma = np.where(done < steps, np.maximum(ramping_ma, limit_ma), limit_ma)
        return np.where(self.held(now_ms), limit_ma, UNLIMITED_MA)

    def lifts_ma(self, now_ms: int) -> Ints:
        """For what raises a limit: up to what, PAUSE_MA where it is not in force."""
        return np.where(self.held(now_ms), self.limit_ma, PAUSE_MA)

    def next_ms(self, now_ms: int) -> Ints:
        """When the limit may change next: start, a step of the ramp, release; NEVER_MS where it does not."""
        after = np.where(now_ms < self.release_ms, self.release_ms, NEVER_MS)
        if self.ramp_ms:
            step_ms = self.start_ms + ((now_ms - self.start_ms) // RAMP_STEP_MS + 1) * RAMP_STEP_MS
            last_ms = np.minimum(self.start_ms + self.ramp_ms, self.end_ms)
            after = np.where(step_ms <= last_ms, np.minimum(after, step_ms), after)
        after = np.where(now_ms < self.start_ms, self.start_ms, after)
        return np.where(self.start_ms < self.release_ms, after, NEVER_MS)


def delays_ms(drawn: Draws, window_ms: Ints | int) -> Ints:
    """The share of a window (under 2**31 ms) that each draw stands for, in whole milliseconds, below its end."""
    return drawn.astype(np.int64) * window_ms >> _DRAW_BITS


def subgroups(drawn: Draws) -> Ints:
    """The subgroup, 0..63, of chargers that none was configured for: by draw F of key 0 and TS 0."""
    return (drawn >> _SIXTY_FOURTH).astype(np.int64)


def dispatched(code: int, chargers: Chargers, drawn: DrawnBy) -> Bools:
    """Whom a dispatch code means (protocol, Dispatch)."""
    dispatch = Dispatch.of(code)
    if dispatch.fraction is not None:
        return subgroups(drawn("F")) <= dispatch.fraction
    if dispatch.subgroup is not None:
        return np.equal(chargers.subgroup, dispatch.subgroup)
    return np.ones(chargers.subgroup.shape, dtype=np.bool_)


def spread_ms(code: int, drawn: DrawnBy) -> Ints:
    """By how much a dispatch code delays each start; shape (1,) where it delays none."""
    spread_s = Dispatch.of(code).spread_s
    return delays_ms(drawn("S"), 1000 * spread_s) if spread_s else np.zeros(1, dtype=np.int64)


def percent_ma(percent: Ints | int, rating_ma: Ints) -> Ints:
    """A share of the rating, rounded down to 0.1 A."""
    return rating_ma * percent // 100 // _STEP_MA * _STEP_MA


def drivable_ma(limit_ma: Ints, *, may_pause: bool = True) -> Ints:
    """Below 6 A is a pause; or 6 A, where the key may not pause."""
    return np.where(limit_ma >= LOWEST_MA, limit_ma, PAUSE_MA if may_pause else LOWEST_MA)


def level_limits_ma(level: int, chargers: Chargers, *, may_pause: bool = True) -> Ints:
    """The limit of a curtailment's level, 0 to 80 A, percent of the rating or a severity by the customer's option."""
    percent = level_percent(level)
    if percent is not None:
        limit_ma = percent_ma(percent, chargers.rating_ma)
    elif level in Severity.__members__.values():
        limit_ma = _by_option(_SEVERITY_MA[level - Severity.NORMAL], chargers)
    else:
        limit_ma = np.full(chargers.rating_ma.shape, 1000 * level, dtype=np.int64)
    return drivable_ma(limit_ma, may_pause=may_pause)


def tier_limits_ma(tier: int, chargers: Chargers, *, may_pause: bool = True) -> Ints:
    """The limit in a tariff tier, 0..7: the owner's own, else by the customer's option."""
    assert 0 <= tier <= MAX_TIER
    own_ma = chargers.tier_ma[tier]
    row = _TIER_MA[tier] if tier < len(_TIER_MA) else _TIER_MA[0]
    limit_ma = np.where(own_ma == TIER_AS_OPTION, _by_option(row, chargers), own_ma)
    return drivable_ma(limit_ma, may_pause=may_pause)


def price_limits_ma(price: int, steps: Sequence[tuple[int, int]], *, may_pause: bool = True) -> Ints:
    """The limit, shape (1,), at a price: the lowest of the steps (price from which, limit) that it reaches.

    Prices are in 10^-9 of the currency per kWh; negative ones reach nothing that is not negative.
    """
    limit_ma = min((limit_ma for from_price, limit_ma in steps if price >= from_price), default=UNLIMITED_MA)
    return drivable_ma(np.array([limit_ma], dtype=np.int64), may_pause=may_pause)


def windows_ms(codes: Sequence[int], chargers: Chargers) -> Ints:
    """The window of a way back: of the first code that is not 0, else the receiver's; never below its least."""
    given = next((seconds for code in codes if (seconds := release_s(code)) is not None), None)
    wanted_ms = chargers.release_default_ms if given is None else np.int64(1000 * given)
    return np.maximum(wanted_ms, chargers.release_minimum_ms)


def event_terms(event: EventRule, chargers: Chargers, drawn: DrawnBy) -> Terms:
    """What an event does to each charger: whom it means, from when, to what limit, and when each may return."""
    is_meant = dispatched(event.dispatch, chargers, drawn)
    if event.programmes:
        is_meant &= (chargers.programme_bit & event.programmes) != 0
    end_ms = event.start_ms + np.minimum(event.duration_ms, chargers.longest_event_ms)
    codes: tuple[int, ...] = (event.release,)
    if event.ended_ms is not None:
        end_ms, codes = np.minimum(end_ms, event.ended_ms), (event.ended_release, event.release)
    window_ms = windows_ms(codes, chargers)
    back_ms = delays_ms(drawn("R"), window_ms)
    start_ms = event.start_ms + spread_ms(event.dispatch, drawn)
    if event.load_up:
        # Its release spreads the start, which lets more current flow; its end lets less flow and comes at once.
        start_ms = start_ms + back_ms
        limit_ma, release_ms = np.full(end_ms.shape, UNLIMITED_MA, dtype=np.int64), end_ms
    else:
        limit_ma, release_ms = level_limits_ma(event.level, chargers, may_pause=event.may_pause), end_ms + back_ms
    release_ms = np.where(is_meant & (start_ms < end_ms), release_ms, start_ms)
    start_ms = np.broadcast_to(start_ms, release_ms.shape)
    return Terms(limit_ma, start_ms, end_ms, release_ms, window_ms, event.ramp_ms)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a timetable from one edge: the limit from then on, and how its edge is spread where it lets more flow.

    Arrays of shape (N,), or (1,) where all chargers are the same.
    """

    start_ms: int
    limit_ma: Ints
    window_ms: Ints
    drawn: Callable[[], Draws]
    shift_ms: Ints | int = 0
    """By how much the start is delayed whichever way it goes (a now-message's dispatch)."""


def timetable_terms(stretches: Iterable[Stretch]) -> list[Terms]:
    """The terms of a timetable, which ends where its last stretch begins: that one should limit nothing.

    A stretch holds until the next begins; where the next lets more current flow, for its delay on top (protocol,
    Stagger). So a charger that waits through several edges keeps the lowest limit among them.
    """
    terms = []
    for this, following in pairwise(stretches):
        is_up = following.limit_ma > this.limit_ma
        wait_ms = delays_ms(following.drawn(), following.window_ms) if is_up.any() else 0
        release_ms = following.start_ms + np.maximum(np.where(is_up, wait_ms, 0), following.shift_ms)
        if (this.limit_ma < UNLIMITED_MA).any():
            limit_ma, start_ms, end_ms, release_ms, window_ms = np.broadcast_arrays(
                this.limit_ma, this.start_ms + this.shift_ms, following.start_ms, release_ms, following.window_ms
            )
            terms.append(Terms(limit_ma, start_ms, end_ms, release_ms, window_ms))
    return terms


def power_return_ms(returned_ms: int, drawn: Draws, outage_ms: Ints | int) -> Ints:
    """When each charger may charge again after a power cut, of which it knows that it took at least `outage_ms`.

    A rebound is gone when the return takes about twice the outage. A receiver knows of it up to half an hour less than
    it was (`power`): four times that is twice the outage at an hour, and little where the power only blinked.
    """
    window_ms = np.clip(_RETURN_TO_OUTAGE * np.asarray(outage_ms), SHORTEST_RETURN_MS, LONGEST_RETURN_MS)
    return returned_ms + delays_ms(drawn, window_ms)


def charge_by_starts_ms(by_ms: Ints | int, needed_ms: Ints | int, chargers: Chargers, drawn: Draws) -> Ints:
    """From when waiting for a tier or a price is over, so that a car is charged by a time: early enough, and spread."""
    return by_ms - needed_ms - delays_ms(drawn, chargers.release_default_ms)


def limits_ma(
    local_ma: Ints, *, grid: Iterable[Ints] = (), economic: Iterable[Ints] = (), lifts: Iterable[Ints] = ()
) -> Ints:
    """The limit of each charger: the lowest of all that hold, where a lift raises only what is economic.

    Args:
        local_ma: The limit without any broadcast.
        grid: What events ask, and the wait after a power cut.
        economic: What tiers, prices and the local profile ask.
        lifts: Up to what load up and the charge-by time raise that; PAUSE_MA where they do not hold.
    """
    waiting, lifted, limit_ma = np.full_like(local_ma, UNLIMITED_MA), np.full_like(local_ma, PAUSE_MA), local_ma
    for one in economic:
        waiting = np.minimum(waiting, one)
    for one in lifts:
        lifted = np.maximum(lifted, one)
    for one in (*grid, np.maximum(waiting, lifted)):
        limit_ma = np.minimum(limit_ma, one)
    return drivable_ma(limit_ma)


def _by_option(row: Ints, chargers: Chargers) -> Ints:
    """A row of a table by each charger's option."""
    limit_ma = row[chargers.option]
    return np.where(limit_ma == _PERCENT_MA, percent_ma(chargers.fleet_percent, chargers.rating_ma), limit_ma)
