"""A chunk of chargers and what they hear in, their load minute by minute out: the receiver's own causes.

Cars take what the limit allows until they are full or leave. A minute is one step: the limit at its beginning holds.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from receiver.causes import LIFTS, Devices, Plan, plan
from receiver.clock import TICK_MS
from receiver.fleet.hearing import Heard
from receiver.fleet.population import FleetModel, Floats, Population, draw_population
from receiver.policy_arithmetic import PAUSE_MA, Draws, Ints, Terms, delays_ms, limits_ma, power_return_ms
from receiver.power import HEARTBEATS_KEPT_EVERY_MS
from receiver.schedule_term import DrawOf
from receiver.settings import Settings

MINUTE_MS: Final = 60_000
_MINUTES_AN_HOUR: Final = 60
_POWER_KEY: Final = 0
_KEPT_LABEL: Final = "kept"
"""Of no draw in the protocol: a stand-in for chance."""
Timelines = Mapping[tuple[int, int], tuple[Heard, ...]]
"""What is held, by place among the regions and way of hearing."""


@dataclass(frozen=True, slots=True)
class Scene:
    """When a study plays, and what befalls the fleet besides the broadcast."""

    midnight_ms: int
    """Local midnight at the beginning of the study's day."""
    begin_ms: int
    minutes: int
    power_cut: tuple[int, int] | None = None
    """From and to, ms."""
    release: int | None = None
    """A release code in place of the broadcast's."""

    @property
    def end_ms(self) -> int:
        """When it is over."""
        return self.begin_ms + self.minutes * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Load:
    """What a fleet, or a part of it, did."""

    kw: Floats
    """Shape (regions, minutes): the mean power in each minute."""
    undisturbed_kw: Floats
    """As above, had nothing been broadcast and no power been cut."""
    needed_kwh: float
    delivered_kwh: float
    """By departure."""
    undisturbed_kwh: float
    short: int
    """Cars that left with less than 99 % of what they needed, and would not have done so undisturbed."""

    def __add__(self, other: "Load") -> "Load":
        return Load(
            self.kw + other.kw,
            self.undisturbed_kw + other.undisturbed_kw,
            self.needed_kwh + other.needed_kwh,
            self.delivered_kwh + other.delivered_kwh,
            self.undisturbed_kwh + other.undisturbed_kwh,
            self.short + other.short,
        )


def simulate_chunk(model: FleetModel, settings: Settings, scene: Scene, timelines: Timelines, chunk: int) -> Load:
    """The load of one chunk of the fleet."""
    population = draw_population(model, chunk)
    limits = limits_by_minute(population, settings, scene, timelines)
    cars = _Cars(model, population, scene)
    undisturbed = _Cars(model, population, scene)
    free_ma = np.full(len(population.device_ids), settings.local_ma, dtype=np.int64)
    for minute, limit_ma in enumerate(limits):
        cars.charge(minute, limit_ma)
        undisturbed.charge(minute, free_ma)
    enough = 0.01 * population.needed_kwh
    return Load(
        kw=cars.kw,
        undisturbed_kw=undisturbed.kw,
        needed_kwh=float(population.needed_kwh.sum()),
        delivered_kwh=float((population.needed_kwh - cars.left_kwh).sum()),
        undisturbed_kwh=float((population.needed_kwh - undisturbed.left_kwh).sum()),
        short=int(((cars.left_kwh > enough) & (undisturbed.left_kwh <= enough)).sum()),
    )


def limits_by_minute(population: Population, settings: Settings, scene: Scene, timelines: Timelines) -> Iterator[Ints]:
    """The chargers' limits at the beginning of each minute. The array that is given is used again for the next."""
    count = len(population.device_ids)
    free_ma = np.full(count, settings.local_ma, dtype=np.int64)
    parts = []
    for where in population.slices():
        heard = int(population.region[where.start]), int(population.way[where.start])
        parts.append(_Part(where, population.part(where), settings, timelines[heard]))
    power = _power_terms(population, scene)
    limit_ma = free_ma.copy()
    for minute in range(scene.minutes):
        now_ms = scene.begin_ms + minute * MINUTE_MS
        for part in parts:
            part.ask(now_ms, limit_ma, scene.release)
        if power is None:
            yield limit_ma
        else:
            yield limits_ma(limit_ma, grid=[power.limits_ma(now_ms, free_ma)])


class _Part:
    """Chargers that hear the same, and the plan that they follow now."""

    def __init__(self, where: slice, population: Population, settings: Settings, timeline: tuple[Heard, ...]) -> None:
        self._where = where
        self._obeys = population.obeys
        self._settings = settings
        self._timeline = timeline
        self._moments = [heard.from_ms for heard in timeline]
        self._chargers = population.chargers(settings)
        self._draw_of = _remembered(population)
        self._place = 0
        self._plan: Plan | None = None
        self._spans: list[tuple[int, int]] = []
        self._is_free = False

    def ask(self, now_ms: int, limit_ma: Ints, release: int | None) -> None:
        """Write the limits at a moment into their places."""
        place = bisect_right(self._moments, now_ms)
        if place and (place != self._place or self._depends_on_the_day(now_ms)):
            heard = self._timeline[place - 1]
            devices = Devices(self._chargers, self._draw_of, release)
            self._plan = plan(heard.holdings, self._settings, now_ms, heard.state, devices=devices)
            causes = [cause for cause in self._plan.causes if cause.kind not in LIFTS]
            self._spans = [(int(one.terms.start_ms.min()), int(one.terms.release_ms.max())) for one in causes]
            self._place = place
            self._is_free = False
        is_free = self._plan is None or not any(low <= now_ms < high for low, high in self._spans)
        if is_free and not self._is_free:
            limit_ma[self._where] = self._chargers.local_ma
        elif self._plan is not None and not is_free:
            limit_ma[self._where] = np.where(self._obeys, self._plan.limits_ma(now_ms), self._chargers.local_ma)
        self._is_free = is_free

    def _depends_on_the_day(self, now_ms: int) -> bool:
        """Whether the plan is of hours around now, and so made anew each hour."""
        return self._settings.profile is not None and now_ms % (_MINUTES_AN_HOUR * MINUTE_MS) < MINUTE_MS


class _Cars:
    """Cars that charge."""

    def __init__(self, model: FleetModel, population: Population, scene: Scene) -> None:
        self._kwh_per_ma = model.kw_per_ma / _MINUTES_AN_HOUR
        offset_min = (scene.begin_ms - scene.midnight_ms) / MINUTE_MS
        self._comes = np.argsort(population.arrives_min, kind="stable")
        self._arrives = population.arrives_min[self._comes] - offset_min
        self._departs = population.departs_min - offset_min
        self._region = population.region
        self._here = np.empty(0, dtype=np.int64)
        self._arrived = 0
        self.left_kwh = population.needed_kwh.copy()
        self.kw = np.zeros((len(model.regions), scene.minutes))

    def charge(self, minute: int, limit_ma: Ints) -> None:
        """One minute of all that are there and not full; limits of shape (N,)."""
        arrived = int(np.searchsorted(self._arrives, minute, side="right"))
        here = np.concatenate([self._here, self._comes[self._arrived : arrived]])
        self._arrived = arrived
        here = here[(self.left_kwh[here] > 0) & (self._departs[here] > minute)]
        left_kwh = self.left_kwh[here]
        used_kwh = np.minimum(left_kwh, limit_ma[here] * self._kwh_per_ma)
        self.left_kwh[here] = left_kwh - used_kwh
        self.kw[:, minute] = np.bincount(
            self._region[here], weights=used_kwh * _MINUTES_AN_HOUR, minlength=len(self.kw)
        )
        self._here = here


def _power_terms(population: Population, scene: Scene) -> Terms | None:
    """No power while it is cut, and then each charger's own wait.

    The time was kept up to half an hour before the cut, by each receiver at a moment of its own.
    """
    if scene.power_cut is None:
        return None
    cut_ms, back_ms = scene.power_cut
    drawn = population.drawn("P", key=_POWER_KEY, ts=back_ms // TICK_MS)
    kept_ago_ms = delays_ms(population.drawn(_KEPT_LABEL, key=_POWER_KEY, ts=0), HEARTBEATS_KEPT_EVERY_MS)
    outage_ms = back_ms - cut_ms + kept_ago_ms - HEARTBEATS_KEPT_EVERY_MS
    release_ms = power_return_ms(back_ms, drawn, outage_ms)
    nothing = np.zeros_like(release_ms)
    return Terms(nothing + PAUSE_MA, nothing + cut_ms, nothing + back_ms, release_ms, nothing)


def _remembered(population: Population) -> DrawOf:
    """The chargers' draws, each drawn once: every change of what is held asks for them again."""
    known: dict[tuple[str, int, int], Draws] = {}

    def draw_of(label: str, key: int, ts: int) -> Draws:
        if (label, key, ts) not in known:
            known[label, key, ts] = population.drawn(label, key=key, ts=ts)
        return known[label, key, ts]

    return draw_of
