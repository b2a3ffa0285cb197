"""Observations and limits to a PNG: what an engineer looks at first. Matplotlib is imported on demand."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from rds.errors import UsageError
from receiver.observation import Observation
from receiver.whole_file import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS: Final = ((19.0, "pilot"), (38.0, "L−R"), (57.0, "RDS"))
_MOST_POINTS: Final = 4000


def draw_reception(
    output: Path, observation: Observation, *, limits: Sequence[tuple[float, float]] = (), title: str = ""
) -> None:
    """Draws the multiplex's spectrum and the constellation, and where limits are given, the limit over time.

    Args:
        output: The PNG; it appears when it is whole.
        observation: See `observation.observe`.
        limits: Seconds and amperes of each change, in order, the last with the moment the line ends.
        title: Over everything.

    Raises:
        UsageError: matplotlib is not installed, or the PNG cannot be written.
    """
    figure = figure_type()(figsize=(11, 7.5 if limits else 4.2), layout="constrained")
    if title:
        figure.suptitle(title)
    rows = ["sssc", "llll"] if limits else ["sssc"]
    axes = figure.subplot_mosaic([list(row) for row in rows])
    _draw_spectrum(axes["s"], observation)
    _draw_constellation(axes["c"], observation)
    if limits:
        _draw_limits(axes["l"], limits)
    with whole_file(output) as partial:
        figure.savefig(partial, dpi=120)


def figure_type() -> "type[Figure]":
    """Matplotlib's figure; nothing of matplotlib is imported before it is asked for.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib; install evrds with its extra: evrds[plots]") from None
    return Figure


def _draw_spectrum(axes: "Axes", observation: Observation) -> None:
    axes.plot(observation.frequency_hz / 1000, observation.deviation_db, linewidth=0.7)
    axes.set(xlim=(0, 100), ylim=(-100, 0), xlabel="kHz", ylabel="deviation, dB of 75 kHz")
    axes.set_title(f"FM multiplex, mean of {observation.seconds:.0f} s")
    for frequency_khz, name in _MARKS:
        axes.axvline(frequency_khz, color="grey", linewidth=0.5, linestyle=":")
        axes.text(frequency_khz, -3, f" {name}", fontsize="small", verticalalignment="top")


def _draw_constellation(axes: "Axes", observation: Observation) -> None:
    points = observation.points[-_MOST_POINTS:] / 1000
    axes.scatter(points.real, points.imag, s=2, alpha=0.4, linewidths=0)
    reach = 1.1 * max(0.1, float(np.max(np.abs(points), initial=0.0)))
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="kHz in phase", ylabel="kHz in quadrature")
    axes.set_aspect("equal")
    axes.set_title("RDS symbols")


def _draw_limits(axes: "Axes", limits: Sequence[tuple[float, float]]) -> None:
    seconds, amperes = zip(*limits, strict=True)
    axes.step(seconds, amperes, where="post", linewidth=1.8)
    axes.set(xlabel="seconds", ylabel="A per phase", ylim=(0, 1.15 * max(amperes)), xlim=(0, max(seconds)))
    axes.grid(alpha=0.3)
    axes.set_title("limit that the charge point accepted")
