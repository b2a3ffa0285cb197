"""A fleet's load over time to a PNG."""

from datetime import tzinfo
from pathlib import Path
from typing import Final

import numpy as np

from receiver.clock import datetime_of
from receiver.fleet.population import FleetModel
from receiver.fleet.simulate import Load, Scene
from receiver.fleet.summary import FleetSummary
from receiver.pictures import figure_type
from receiver.whole_file import whole_file

_HOUR: Final = 60
_KW: Final = 1000.0


def draw_load(
    output: Path, model: FleetModel, scene: Scene, load: Load, summary: FleetSummary, *, zone: tzinfo, title: str
) -> None:
    """Draws the load of each region, stacked, and what it would have been undisturbed.

    Raises:
        UsageError: matplotlib is not installed, or the PNG cannot be written.
    """
    figure = figure_type()(figsize=(11, 5), layout="constrained")
    axes = figure.subplots()
    begin = datetime_of(scene.begin_ms).astimezone(zone)
    first_hour = begin.hour + begin.minute / _HOUR
    hours = first_hour + np.arange(scene.minutes) / _HOUR
    names = [region or "with the broadcast" for region in model.regions]
    axes.stackplot(hours, load.kw / _KW, labels=names, alpha=0.7, step="post")
    axes.plot(
        hours, load.undisturbed_kw.sum(axis=0) / _KW, color="black", linewidth=1, linestyle="--", label="undisturbed"
    )
    ticks = np.arange(np.ceil(first_hour / 2) * 2, hours[-1] + 1, 2)
    axes.set_xticks(ticks, [f"{int(tick) % 24:02d}:00" for tick in ticks])
    axes.set(
        xlim=(hours[0], hours[-1]),
        ylim=(0, None),
        ylabel="MW",
        xlabel=f"local time, {begin:%Y-%m-%d} and the day after",
    )
    total = summary.total
    axes.set_title(
        f"{title}: rebound {total.rebound:.2f}, steepest ramp {100 * total.ramp_share:.2f} %/min, "
        f"{100 * summary.delivered:.2f} % delivered by departure"
    )
    axes.grid(alpha=0.3)
    axes.legend()
    with whole_file(output) as partial:
        figure.savefig(partial, dpi=120)
