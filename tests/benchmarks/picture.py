"""Curves over C/N0 and speeds to one picture, with what others reach and what ideal reception would drawn in."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks import urgent
from tests.benchmarks.sensitivity import Curve
from tests.benchmarks.urgent import Trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS: Final = ("#0b6fb8", "#c4540a")
_URGENT_COLOUR: Final = "#2a7f3e"
_GOAL_COLOUR: Final = "#333333"
_REDSEA_X: Final = 94
"""How many seconds of 171 kHz multiplex redsea 1.3 decodes in a second of one core."""
_Line = tuple[list[tuple[float, float]], tuple[float, float], tuple[float, float] | None, str, str]
"""Points in percent, ideal reception's and redsea's, colour and name."""
Speed = tuple[str, float, str]
"""What was decoded, how many times as fast as it was sent, and the goal, empty without one."""


def draw(output: Path, curves: list[Curve], trials: list[Trials], speeds: list[Speed]) -> None:
    """Draws both panels to a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.55, 1))
    _draw_sensitivity(left, curves, trials)
    _draw_speeds(right, speeds)
    figure.savefig(output, dpi=100)


def _draw_sensitivity(axes: "Axes", curves: list[Curve], trials: list[Trials]) -> None:
    shares = (50, 90)
    points = [(one.cn0_db_hz, 100 * one.share) for one in trials]
    lines: list[_Line] = [
        (points, urgent.LIMIT, None, _URGENT_COLOUR, "urgent envelope acted on (RDS 3.4 kHz)"),
    ]
    for curve, colour in zip(curves, _COLOURS, strict=True):
        case, points = curve.case, [(cn0_db_hz, 100 * share) for cn0_db_hz, share in curve.complete]
        lines.append((points, case.limit, case.redsea, colour, f"groups complete (RDS {case.rds_hz / 1000:g} kHz)"))
    for points, limit, redsea, colour, name in lines:
        axes.plot(*zip(*points, strict=True), color=colour, marker=".", linewidth=2, label=f"evrds: {name}")
        axes.plot(limit, shares, "--+", color=colour, markersize=11, markeredgewidth=2)
        if redsea is not None:
            axes.plot(redsea, shares, ":x", color=colour, markersize=9, markeredgewidth=2)
    axes.plot([], [], "--+", color="grey", markersize=11, label="ideal reception, 50 % and 90 % (cited)")
    axes.plot([], [], ":x", color="grey", markersize=9, label="redsea 1.3, 50 % and 90 % (cited)")
    axes.set(xlabel="C/N0 of the FM carrier, dB-Hz", ylabel="share, %", ylim=(0, 102))
    axes.set_title("How weak a signal: random payloads, stereo music, IQ at 240 kS/s")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False)


def _draw_speeds(axes: "Axes", speeds: list[Speed]) -> None:
    places = range(len(speeds))
    most = max(max(speed, float(goal or 0)) for _, speed, goal in speeds)
    axes.barh(places, [speed for _, speed, _ in speeds], color="#7fb2d6", height=0.6)
    goals = [(place, float(goal)) for place, (_, _, goal) in enumerate(speeds) if goal]
    for place, goal in goals:
        axes.plot((goal, goal), (place - 0.4, place + 0.4), color=_GOAL_COLOUR, linewidth=2)
    axes.plot([], color=_GOAL_COLOUR, linewidth=2, label="goal")
    axes.axvline(_REDSEA_X, color="grey", linestyle=":", linewidth=2, label=f"redsea 1.3 from MPX, {_REDSEA_X} (cited)")
    axes.set_yticks(places, [f"{name}: {speed:.0f}" for name, speed, _ in speeds])
    axes.invert_yaxis()
    axes.set(xlabel="seconds of signal a second of one core", xlim=(0, 1.12 * most))
    axes.set_title("How fast: file to groups")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False)
