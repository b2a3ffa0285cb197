"""A summary to a PNG: stations, C/N, verdicts, and how it went over time."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from receiver.pictures import figure_type
from receiver.research.summary import Summary, TimeLine, block_error_rate
from receiver.whole_file import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BARS: Final = 24
_LONGEST_NAME: Final = 28
_HIGHEST_CN_DB: Final = 40
"""Nothing is lost by noise there."""
_ROOM_FOR_TEXT: Final = 1.15
_HEIGHT_POINTS: Final = 200
_LINE_POINTS: Final = (0.3, 10.0)


def draw_summary(output: Path, summary: Summary) -> None:
    """Draws it.

    Raises:
        UsageError: matplotlib is not installed, or the PNG cannot be written.
    """
    figure = figure_type()(figsize=(13, 9), layout="constrained")
    axes = figure.subplot_mosaic([["groups", "noise"], ["time", "verdicts"]], width_ratios=[2, 1])
    _draw_groups(axes["groups"], summary)
    _draw_noise(axes["noise"], summary)
    _draw_verdicts(axes["verdicts"], summary)
    _draw_time(axes["time"], summary.time_lines)
    with whole_file(output) as partial:
        figure.savefig(partial, dpi=120)


def _draw_groups(axes: "Axes", summary: Summary) -> None:
    """By recording where these can be told apart, otherwise by station."""
    bars = [(f"{_short(row['file'])} {row['pi'] or 'no PI'}", [row]) for row in summary.stations]
    what = "recording"
    if len(bars) > _MOST_BARS:
        what = "station"
        bars = [
            (f"{pi} {next((row['ps'] for row in rows if row['ps']), '')}", rows) for pi, rows in summary.by_pi().items()
        ]
    axes.set_title(f"groups and block error rate by {what}{_of(len(bars))}")
    bars = bars[:_MOST_BARS]
    places = np.arange(len(bars))
    groups = np.array([sum(row["groups"] for row in rows) for _, rows in bars])
    complete = np.array([sum(row["complete_groups"] for row in rows) for _, rows in bars])
    axes.barh(places, complete, label="complete")
    axes.barh(places, groups - complete, left=complete, label="some blocks lost")
    for place, (_, rows) in zip(places, bars, strict=True):
        rate = block_error_rate(rows)
        text = "" if rate is None else f" {100 * rate:.1f} %"
        axes.text(float(groups[place]), float(place), text, verticalalignment="center", fontsize="small")
    axes.set_yticks(places, [name for name, _ in bars], fontsize="small", parse_math=False)
    axes.invert_yaxis()
    axes.set(xlabel="groups", xlim=(0, _ROOM_FOR_TEXT * max(1, groups.max(initial=0))))
    axes.legend(loc="lower right")


def _draw_noise(axes: "Axes", summary: Summary) -> None:
    axes.set_title("carrier to noise, each 5 s")
    if len(summary.cn_db):
        shown = np.minimum(summary.cn_db, _HIGHEST_CN_DB)
        axes.hist(shown, bins=np.arange(np.floor(shown.min()), _HIGHEST_CN_DB + 2).tolist())
    else:
        _say(axes, "no recording of IQ")
    axes.set(xlabel=f"dB in 200 kHz, {_HIGHEST_CN_DB} and more together", ylabel="how often")


def _draw_verdicts(axes: "Axes", summary: Summary) -> None:
    axes.set_title("messages by verdict")
    if not summary.verdicts:
        _say(axes, "no messages")
        return
    verdicts = summary.verdicts.most_common()
    axes.barh([name for name, _ in verdicts], [count for _, count in verdicts])
    for place, (_, count) in enumerate(verdicts):
        axes.text(count, place, f" {count}", verticalalignment="center", fontsize="small")
    axes.invert_yaxis()
    axes.set(xlabel="how many", xlim=(0, _ROOM_FOR_TEXT * verdicts[0][1]))


def _draw_time(axes: "Axes", lines: list[TimeLine]) -> None:
    """A line for each recording: in UTC where any says when it was made, from its start otherwise."""
    dated = [line for line in lines if line.moments is not None]
    shown = sorted(dated, key=_begin) if dated else lines
    axes.set_title(f"share of blocks lost over time{f', {len(dated)} of {len(lines)} recordings' if dated else ''}")
    if not shown:
        _say(axes, "no recording of a signal")
        return
    height = float(np.clip(_HEIGHT_POINTS / len(shown), *_LINE_POINTS))
    ends = [np.concatenate(([0.0], line.seconds)) for line in shown]
    if dated:
        ends = [_begin(line) + (1e6 * end).astype("timedelta64[us]") for line, end in zip(shown, ends, strict=True)]
    places = np.repeat(np.arange(len(shown)), [len(line.lost) for line in shown])
    begins, stops = np.concatenate([end[:-1] for end in ends]), np.concatenate([end[1:] for end in ends])
    drawn = axes.hlines(places, begins, stops, linewidth=height, cmap="viridis_r")
    drawn.set_array(np.concatenate([line.lost for line in shown]))
    drawn.set_clim(0, 1)
    axes.figure.colorbar(drawn, ax=axes, label="blocks lost; 1: no synchronisation")
    if len(shown) <= _MOST_BARS:
        axes.set_yticks(range(len(shown)), [_short(line.file) for line in shown], fontsize="small", parse_math=False)
    else:
        axes.set_ylabel("recordings")
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel(f"UTC, from {_begin(shown[0]).astype('datetime64[D]')} on" if dated else "seconds of recording")
    if dated:
        axes.tick_params(axis="x", rotation=30)


def _begin(line: TimeLine) -> np.datetime64:
    """When a recording that says so was begun."""
    assert line.moments is not None
    begin: np.datetime64 = line.moments[0] - np.timedelta64(int(1e6 * line.seconds[0]), "us")
    return begin


def _of(count: int) -> str:
    return f", {_MOST_BARS} of {count}" if count > _MOST_BARS else ""


def _say(axes: "Axes", text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, horizontalalignment="center", color="grey")


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
