"""A folder of results in; out: its sums by station, by recording and by verdict, and these as Markdown."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.errors import InputError
from receiver.research.manifest import ManifestRow, read_manifest
from receiver.research.tables import Row, read_table

_MOST_RECORDINGS: Final = 50
_MOST_FAILED: Final = 20
_LONGEST_CELL: Final = 160


@dataclass(frozen=True, slots=True)
class TimeLine:
    """How one station of one recording went over time."""

    file: str
    seconds: npt.NDArray[np.float64]
    """Ends of the intervals, from the recording's start."""
    moments: npt.NDArray[np.datetime64] | None
    """The same in UTC, where the recording says when it was made."""
    lost: npt.NDArray[np.float64]
    """In each, the share of blocks that were not accepted; 1 without synchronisation."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the tables come to."""

    rows: list[ManifestRow]
    stations: list[Row]
    """A row for each station of each recording."""
    verdicts: Counter[str]
    cn_db: npt.NDArray[np.float64]
    """Carrier to noise in 200 kHz, each five seconds of IQ."""
    time_lines: list[TimeLine]

    def by_pi(self) -> dict[str, list[Row]]:
        """The stations' rows by PI, those with the most groups first; "none" where no PI was heard."""
        found: dict[str, list[Row]] = {}
        for row in self.stations:
            found.setdefault(row["pi"] or "none", []).append(row)
        return dict(sorted(found.items(), key=lambda item: -sum(row["groups"] for row in item[1])))


def summarise(results: Path) -> Summary:
    """Reads a folder of results.

    Raises:
        InputError: there are none.
        UsageError: they are not to be read.
    """
    rows = read_manifest(results)
    if not rows:
        raise InputError(f"{results} holds no manifest with recordings in it; make it with evrds-receiver batch")
    files = list(rows)
    stations = read_table(results, "stations", files).to_pylist()
    verdicts = Counter(read_table(results, "messages", files, ["verdict"])["verdict"].to_pylist())
    signal = read_table(
        results, "signal", files, ["file", "offset_hz", "seconds", "time", "blocks_seen", "blocks_accepted", "cn_db"]
    )
    cn_db = signal["cn_db"].drop_null().to_numpy()
    columns = {name: signal[name].to_numpy() for name in signal.column_names}
    return Summary(list(rows.values()), stations, verdicts, cn_db, list(_time_lines(columns)))


def summary_lines(summary: Summary) -> Iterator[str]:
    """A summary as Markdown."""
    rows = summary.rows
    seconds, cpu_s = sum(row.seconds for row in rows), sum(row.cpu_s for row in rows)
    yield "# What was heard"
    yield ""
    yield (
        f"{len(rows)} recordings, {seconds / 3600:.2f} h of signal, {sum(row.groups for row in rows)} groups,"
        f" {sum(row.messages for row in rows)} messages of which {sum(row.accepted for row in rows)} accepted."
    )
    silent = sum(not row.failed and not row.groups for row in rows)
    speed = f" Decoded at {seconds / cpu_s:.0f} x real time on a core." if cpu_s else ""
    yield f"No RDS in {silent}; {sum(row.failed for row in rows)} could not be decoded.{speed}"
    yield from _table("Stations", _STATION_HEADS, map(_station_cells, summary.by_pi().items()))
    worst = sorted(summary.stations, key=lambda row: (1 if row["bler"] is None else -row["bler"], row["file"]))
    shown = worst[:_MOST_RECORDINGS]
    which = "Recordings" if len(shown) == len(worst) else f"The {len(shown)} worst of {len(worst)} recordings"
    lengths_s = {row.path: row.seconds for row in rows}
    yield from _table(which, _RECORDING_HEADS, (_recording_cells(row, lengths_s[row["file"]]) for row in shown))
    if summary.verdicts:
        yield from _table("Messages", ["verdict", "how many"], summary.verdicts.most_common())
    failed = [row for row in rows if row.failed]
    if failed:
        which = f"Not decoded ({min(len(failed), _MOST_FAILED)} of {len(failed)})"
        cells = ([row.path, row.exit_code, row.error] for row in failed[:_MOST_FAILED])
        yield from _table(which, ["recording", "exit code", "error"], cells)


_STATION_HEADS: Final = ["PI", "PS", "recordings", "groups", "complete", "BLER", "C/N dB", "messages", "accepted"]
_RECORDING_HEADS: Final = ["recording", "offset Hz", "PI", "s", "groups", "complete", "BLER", "C/N dB"]


def _station_cells(item: tuple[str, list[Row]]) -> list[object]:
    pi, rows = item
    counts = [sum(row[name] for row in rows) for name in ("groups", "complete_groups", "messages", "accepted")]
    names = Counter(row["ps"] for row in rows if row["ps"])
    noises = [row["cn_db"] for row in rows if row["cn_db"] is not None]
    return [
        pi,
        ", ".join(name for name, _ in names.most_common(3)),
        len({row["file"] for row in rows}),
        *counts[:2],
        _percent(block_error_rate(rows)),
        f"{median(noises):.1f}" if noises else None,
        *counts[2:],
    ]


def _recording_cells(row: Row, seconds: float) -> list[object]:
    cn_db = None if row["cn_db"] is None else f"{row['cn_db']:.1f}"
    return [
        row["file"],
        f"{row['offset_hz']:.10g}",
        row["pi"],
        f"{seconds:.1f}",
        row["groups"],
        row["complete_groups"],
        _percent(row["bler"]),
        cn_db,
    ]


def block_error_rate(rows: list[Row]) -> float | None:
    """Of several stations' rows together; None where no blocks were counted."""
    seen = sum(row["blocks_seen"] or 0 for row in rows)
    return None if not seen else 1 - sum(row["blocks_accepted"] or 0 for row in rows) / seen


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.2f} %"


def _table(title: str, heads: list[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    yield from ("", f"## {title}", "", _line(heads), _line(["---"] * len(heads)))
    yield from (_line(row) for row in rows)


def _line(cells: Iterable[object]) -> str:
    """A line of a table; what strangers wrote in a cell must not end it."""
    texts = ("" if cell is None else "".join(one if one.isprintable() else " " for one in str(cell)) for cell in cells)
    return f"| {' | '.join(text[:_LONGEST_CELL].replace('|', chr(92) + '|') for text in texts)} |"


def _time_lines(columns: dict[str, npt.NDArray[np.generic]]) -> Iterator[TimeLine]:
    """The rows of `signal`, which stand in order for each file, to lines."""
    file, offset_hz = columns["file"], columns["offset_hz"]
    for one in dict.fromkeys(zip(file.tolist(), offset_hz.tolist(), strict=True)):
        at = (file == one[0]) & (offset_hz == one[1])
        seen, accepted = (np.diff(columns[name][at], prepend=0) for name in ("blocks_seen", "blocks_accepted"))
        lost = np.where(seen > 0, 1 - accepted / np.maximum(seen, 1), 1.0)
        moments = columns["time"][at]
        known = bool(len(moments)) and not np.isnat(moments).any()
        yield TimeLine(one[0], columns["seconds"][at], moments if known else None, lost)
