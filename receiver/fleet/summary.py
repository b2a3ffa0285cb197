"""A fleet's load in, what a planner asks out: peaks before and after, the steepest ramp, the energy that was missed."""

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Final

import numpy as np

from receiver.clock import datetime_of
from receiver.fleet.population import ANY_REGION, FleetModel, Floats
from receiver.fleet.simulate import MINUTE_MS, Load, Scene
from receiver.records import VERSION, Record
from receiver.whole_file import whole_file

_KW: Final = 1000.0
_NOTICEABLE: Final = 1e-4
"""Of the connected rating: a smaller difference is no effect."""
_COMPARABLE: Final = 0.5
"""Of the undisturbed peak: if less was reached before the first effect, there is no evening to compare with."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One region's figures, or all's."""

    region: str
    connected_mw: float
    before_mw: float
    """In the minute before the first effect; the undisturbed peak where the effect comes before the evening does."""
    peak_after_mw: float
    """From the first effect on."""
    undisturbed_peak_mw: float
    ramp_mw_a_min: float
    """The steepest rise from one minute to the next, from the first effect on."""
    undisturbed_ramp_mw_a_min: float

    @property
    def rebound(self) -> float:
        """Peak after to load before."""
        return self.peak_after_mw / self.before_mw if self.before_mw else 0.0

    @property
    def ramp_share(self) -> float:
        """The steepest ramp as a share of the connected rating, per minute."""
        return self.ramp_mw_a_min / self.connected_mw


@dataclass(frozen=True, slots=True)
class FleetSummary:
    """All figures of a study."""

    total: Summary
    regions: tuple[Summary, ...]
    first_effect_ms: int | None
    needed_mwh: float
    missed_mwh: float
    """Not delivered by departure."""
    undisturbed_missed_mwh: float
    short: int
    """Cars that got less than 99 % of what they needed, because of it."""

    @property
    def delivered(self) -> float:
        """The share of the energy that was delivered by departure."""
        return 1 - self.missed_mwh / self.needed_mwh if self.needed_mwh else 1.0

    @property
    def rebound(self) -> float:
        """Of all."""
        return self.total.rebound

    @property
    def ramp_share(self) -> float:
        """Of all."""
        return self.total.ramp_share


def summarise(model: FleetModel, scene: Scene, load: Load) -> FleetSummary:
    """The figures of a load."""
    effect = np.abs(load.kw.sum(axis=0) - load.undisturbed_kw.sum(axis=0)) > _NOTICEABLE * _KW * model.connected_mw
    first = int(np.argmax(effect)) if effect.any() else None
    regions = [
        _summary(region or "all", share * model.connected_mw, load.kw[place], load.undisturbed_kw[place], first)
        for place, (region, share) in enumerate(model.regions.items())
    ]
    return FleetSummary(
        total=_summary("all", model.connected_mw, load.kw.sum(axis=0), load.undisturbed_kw.sum(axis=0), first),
        regions=tuple(regions) if list(model.regions) != [ANY_REGION] else (),
        first_effect_ms=None if first is None else scene.begin_ms + first * MINUTE_MS,
        needed_mwh=load.needed_kwh / _KW,
        missed_mwh=(load.needed_kwh - load.delivered_kwh) / _KW,
        undisturbed_missed_mwh=(load.needed_kwh - load.undisturbed_kwh) / _KW,
        short=load.short,
    )


def _summary(region: str, connected_mw: float, kw: Floats, undisturbed_kw: Floats, first: int | None) -> Summary:
    undisturbed_peak_mw = float(undisturbed_kw.max()) / _KW
    # Where nothing has an effect, all is compared with itself.
    before_mw = float(kw[first - 1]) / _KW if first else 0.0
    after = slice(first or 0, None)
    return Summary(
        region=region,
        connected_mw=connected_mw,
        before_mw=before_mw if before_mw >= _COMPARABLE * undisturbed_peak_mw else undisturbed_peak_mw,
        peak_after_mw=float(kw[after].max()) / _KW,
        undisturbed_peak_mw=undisturbed_peak_mw,
        ramp_mw_a_min=max(0.0, float(np.diff(kw, prepend=0.0)[after].max())) / _KW,
        undisturbed_ramp_mw_a_min=float(np.diff(undisturbed_kw).max()) / _KW,
    )


def summary_lines(summary: FleetSummary, model: FleetModel, zone: tzinfo) -> Iterator[str]:
    """The figures as a table for people."""
    yield (
        f"{model.chargers} chargers of {model.rating_kw:.4g} kW ({model.rating_ma / 1000:g} A x {model.volts} V), "
        f"{model.connected_mw:.4g} MW connected"
    )
    when = "nothing is changed by the broadcast"
    if summary.first_effect_ms is not None:
        when = f"first effect {datetime_of(summary.first_effect_ms).astimezone(zone):%Y-%m-%d %H:%M %Z}"
    yield when
    yield "region  load before  peak after  undisturbed  rebound  steepest ramp"
    for one in (*summary.regions, summary.total):
        yield (
            f"{one.region:6}  {one.before_mw:8.4g} MW {one.peak_after_mw:8.4g} MW"
            f"  {one.undisturbed_peak_mw:8.4g} MW"
            f"  {one.rebound:7.3f}  {one.ramp_mw_a_min:.3g} MW/min ({100 * one.ramp_share:.2f} %/min)"
        )
    yield (
        f"energy delivered by departure: {100 * summary.delivered:.2f} % of {summary.needed_mwh:.4g} MWh; "
        f"missed {summary.missed_mwh:.3g} MWh, undisturbed {summary.undisturbed_missed_mwh:.3g} MWh; "
        f"{summary.short} cars left short"
    )


def summary_record(summary: FleetSummary, model: FleetModel) -> Record:
    """The figures as an object of `-F json`."""
    first = summary.first_effect_ms
    return {
        "v": VERSION,
        "type": "fleet",
        "chargers": model.chargers,
        "seed": model.seed,
        "first_effect": None if first is None else f"{datetime_of(first):%Y-%m-%dT%H:%M:%SZ}",
        "delivered": summary.delivered,
        "needed_mwh": summary.needed_mwh,
        "missed_mwh": summary.missed_mwh,
        "undisturbed_missed_mwh": summary.undisturbed_missed_mwh,
        "short": summary.short,
        "total": _figures(summary.total),
        "regions": [_figures(one) for one in summary.regions],
    }


def _figures(one: Summary) -> Record:
    return asdict(one) | {"rebound": one.rebound, "ramp_share": one.ramp_share}


def write_csv(output: Path, model: FleetModel, scene: Scene, load: Load) -> None:
    """Minute by minute, the MW of each region and of all, and of all undisturbed.

    Raises:
        UsageError: it cannot be written.
    """
    with whole_file(output) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["time", *(region for region in model.regions if region), "all", "undisturbed"])
        own = [place for place, region in enumerate(model.regions) if region]
        for minute in range(scene.minutes):
            moment = datetime_of(scene.begin_ms) + timedelta(minutes=minute)
            kw = [*load.kw[own, minute], load.kw[:, minute].sum(), load.undisturbed_kw[:, minute].sum()]
            table.writerow([f"{moment:%Y-%m-%dT%H:%M:%SZ}", *(f"{one / _KW:.6f}" for one in kw)])
