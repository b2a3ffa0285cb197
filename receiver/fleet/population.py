"""A seed and what is known of a fleet in, N chargers with their cars out, chunk by chunk: what a study draws at random.

Every chunk has a generator of its own, so that the same seed gives the same fleet whoever works on which chunk.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rds.oda.draw import DEVICE_ID_OCTETS, draws_octets
from receiver.policy_arithmetic import TIER_AS_OPTION, Bools, Chargers, Draws, Ints, subgroups
from receiver.settings import CustomerOption, Settings

CHUNK: Final = 50_000
"""Chargers at a time: their arrays stay in the processor's cache and their draws in a few megabytes."""
ANY_REGION: Final = ""
"""Chargers that every region's messages reach."""
_DRAW_TYPE: Final = np.dtype(">u4")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Normal:
    """Moments around a time of day."""

    mean_minute: int
    """After local midnight of the study's day."""
    deviation: timedelta


@dataclass(frozen=True, slots=True)
class FleetModel:
    """What is known of a fleet; the defaults are the design's (program, Fleet figures)."""

    chargers: int = 10_000
    seed: int = 1
    rating_ma: int = 32_000
    volts: int = 225
    """Of one phase: 32 A are 7.2 kW."""
    arrivals: Normal = Normal(18 * 60, timedelta(minutes=90))
    departures: Normal = Normal((24 + 7) * 60 + 30, timedelta(minutes=60))
    """On the next day."""
    energy_median_kwh: float = 8.5
    energy_sigma: float = 0.6
    """Of its logarithm."""
    options: Mapping[CustomerOption, float] = field(default_factory=lambda: {CustomerOption.MEDIUM: 1.0})
    """Shares, in sum 1."""
    regions: Mapping[str, float] = field(default_factory=lambda: {ANY_REGION: 1.0})
    """Shares by code of five digits, in sum 1."""
    hearing: float = 1.0
    """The share that hears the station at all."""
    opt_out: float = 0.0
    """The share whose owner has set aside whatever is broadcast."""
    ways: int = 1
    """In how many ways the broadcast was heard, each with other groups lost."""
    chunk: int = CHUNK
    """Chargers that share a generator: another size is another fleet."""

    @property
    def kw_per_ma(self) -> float:
        """The power of a milliampere of one phase."""
        return self.volts / 1e6

    @property
    def rating_kw(self) -> float:
        """Of one charger."""
        return self.rating_ma * self.kw_per_ma

    @property
    def connected_mw(self) -> float:
        """The rating of all."""
        return self.chargers * self.rating_kw / 1000

    @property
    def chunks(self) -> int:
        """How many chunks the fleet is worked on in."""
        return -(-self.chargers // self.chunk)


@dataclass(frozen=True, slots=True)
class Population:
    """A chunk of chargers, in the order of what they hear: arrays of shape (N,)."""

    device_ids: tuple[bytes, ...]
    region: Ints
    """Place among the model's regions."""
    way: Ints
    """Of hearing."""
    option: Ints
    obeys: Bools
    """False for who hears nothing, or has opted out."""
    arrives_min: Floats
    """After local midnight of the study's day."""
    departs_min: Floats
    needed_kwh: Floats

    def drawn(self, label: str, *, key: int, ts: int) -> Draws:
        """The chargers' draws for an event."""
        octets = draws_octets(label, self.device_ids, key=key, ts=ts)
        return np.frombuffer(octets, dtype=_DRAW_TYPE).astype(np.uint32)

    def part(self, chosen: slice) -> "Population":
        """Those in a slice."""
        return Population(
            self.device_ids[chosen],
            self.region[chosen],
            self.way[chosen],
            self.option[chosen],
            self.obeys[chosen],
            self.arrives_min[chosen],
            self.departs_min[chosen],
            self.needed_kwh[chosen],
        )

    def slices(self) -> list[slice]:
        """Those that hear the same, side by side."""
        heard = np.stack([self.region, self.way])
        edges = np.flatnonzero(np.any(np.diff(heard, axis=1) != 0, axis=0)) + 1
        bounds = [0, *map(int, edges), len(self.device_ids)]
        return [slice(low, high) for low, high in pairwise(bounds) if high > low]

    def chargers(self, settings: Settings) -> Chargers:
        """What the rules go by: the settings that all have in common, and each one's option and subgroup."""
        count = len(self.device_ids)

        def same(value: int) -> Ints:
            return np.full(count, value, dtype=np.int64)

        return Chargers(
            rating_ma=same(settings.rating_ma),
            local_ma=same(settings.local_ma),
            option=self.option,
            fleet_percent=same(settings.fleet_percent),
            subgroup=subgroups(self.drawn("F", key=0, ts=0)),
            programme_bit=same(0 if settings.programme is None else 1 << settings.programme),
            release_minimum_ms=same(1000 * settings.release_minimum_s),
            release_default_ms=same(1000 * settings.release_default_s),
            longest_event_ms=same(1000 * settings.longest_event_s),
            tier_ma=np.full((len(settings.tiers_ma), count), TIER_AS_OPTION, dtype=np.int64),
        )


def draw_population(model: FleetModel, chunk: int) -> Population:
    """A chunk of the fleet, 0 to `model.chunks` - 1."""
    rng = np.random.default_rng(np.random.SeedSequence(model.seed, spawn_key=(chunk,)))
    count = min(model.chunk, model.chargers - chunk * model.chunk)
    octets = rng.bytes(count * DEVICE_ID_OCTETS)
    ids = [octets[place : place + DEVICE_ID_OCTETS] for place in range(0, len(octets), DEVICE_ID_OCTETS)]
    region = _by_share(rng, model.regions.values(), count)
    way = rng.integers(model.ways, size=count)
    options = [model.options.get(option, 0.0) for option in CustomerOption]
    option = _by_share(rng, options, count)
    hears = rng.random(count) < model.hearing
    obeys = hears & (rng.random(count) >= model.opt_out)
    arrives_min = _moments(rng, model.arrivals, count)
    departs_min = np.maximum(_moments(rng, model.departures, count), arrives_min)
    needed_kwh = model.energy_median_kwh * np.exp(model.energy_sigma * rng.standard_normal(count))
    order = np.lexsort((way, region))
    return Population(
        tuple(ids[place] for place in order),
        region[order],
        way[order],
        option,
        obeys,
        arrives_min,
        departs_min,
        needed_kwh,
    )


def _moments(rng: np.random.Generator, moments: Normal, count: int) -> Floats:
    return moments.mean_minute + moments.deviation / timedelta(minutes=1) * rng.standard_normal(count)


def _by_share(rng: np.random.Generator, shares: Iterable[float], count: int) -> Ints:
    """For each charger a place among the shares."""
    edges = np.cumsum(np.fromiter(shares, dtype=np.float64))[:-1]
    return np.searchsorted(edges, rng.random(count), side="right").astype(np.int64)
