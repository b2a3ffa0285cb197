"""The records of one recording in, its rows in four Parquet tables out: groups, messages, signal, stations.

Each table is a folder with one file a recording, at the recording's own path: `groups/2026/evening.cu8.parquet`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from rds.errors import UsageError
from receiver.records import ACCEPTED, Record
from receiver.whole_file import whole_file

Row = dict[str, Any]  # Any: cells of every type, checked by the schema
UNFINISHED: Final = ".unfinished"
"""Where files grow, so that a table's folder never holds a part of one."""
_ROWS_AT_ONCE: Final = 20_000
_BLOCKS: Final = (1, 2, 3, 4)
_TIME: Final = pa.timestamp("us", tz="UTC")
_WHERE: Final = [("file", pa.string()), ("offset_hz", pa.float64())]
_WHEN: Final = [*_WHERE, ("sample", pa.int64()), ("seconds", pa.float64()), ("time", _TIME)]
_SIGNAL: Final = ("level_dbfs", "cn_db", "pilot_hz", "rds_hz", "coherence", "clock_ppm", "bler")
_BLOCK_COUNTS: Final = ("blocks_seen", "blocks_accepted", "blocks_corrected")
SCHEMAS: Final = {
    "groups": pa.schema(
        [
            *_WHEN,
            ("group_type", pa.string()),
            *((f"word_{number}", pa.uint16()) for number in _BLOCKS),
            *((f"confidence_{number}", pa.float32()) for number in _BLOCKS),
            *((f"corrected_{number}", pa.bool_()) for number in _BLOCKS),
            *((f"prior_{number}", pa.bool_()) for number in _BLOCKS),
            ("evm", pa.float32()),
        ]
    ),
    "messages": pa.schema(
        [
            *_WHEN,
            ("kind", pa.string()),
            ("verdict", pa.string()),
            ("why", pa.string()),
            ("name", pa.string()),
            ("key", pa.int16()),
            ("ts", pa.int64()),
            ("ts_time", _TIME),
            ("region", pa.string()),
            ("content", pa.string()),
            ("envelopes", pa.list_(pa.string())),
        ]
    ),
    "signal": pa.schema(
        [
            *_WHEN,
            ("synchronised", pa.bool_()),
            *((name, pa.int64()) for name in _BLOCK_COUNTS),
            *((name, pa.float64()) for name in _SIGNAL),
        ]
    ),
    "stations": pa.schema(
        [
            *_WHERE,
            *((name, pa.string()) for name in ("pi", "ps", "radio_text", "ecc")),
            ("pty", pa.uint8()),
            ("af_mhz", pa.list_(pa.float64())),
            ("aids", pa.list_(pa.string())),
            *((name, pa.int64()) for name in ("groups", "complete_groups", *_BLOCK_COUNTS)),
            *((name, pa.float64()) for name in ("bler", "cn_db", "evm")),
            *((name, pa.int64()) for name in ("messages", "accepted")),
        ]
    ),
}


def part_path(results: Path, table: str, recording: str) -> Path:
    """Where a recording's rows of a table are."""
    return results / table / f"{recording}.parquet"


def read_table(results: Path, table: str, recordings: list[str], columns: list[str] | None = None) -> pa.Table:
    """A table or some of its columns, of these recordings alone.

    Raises:
        UsageError: a file there is none of ours.
    """
    parts = [part for part in (part_path(results, table, one) for one in recordings) if part.is_file()]
    schema = pa.schema([SCHEMAS[table].field(name) for name in columns or SCHEMAS[table].names])
    try:
        tables = [pq.read_table(part, columns=schema.names, partitioning=None, schema=SCHEMAS[table]) for part in parts]
    except (OSError, pa.ArrowException) as error:
        line = str(error).splitlines()[0]
        raise UsageError(
            f"{results / table} cannot be read: {line}; remove that folder and run the batch anew"
        ) from None
    return pa.concat_tables(tables) if tables else schema.empty_table()


@contextmanager
def recording_tables(results: Path, recording: str, offsets_hz: Sequence[float]) -> Iterator["RecordingTables"]:
    """Tables to fill with one recording; its files appear when the block ends, and take the place of earlier ones.

    Raises:
        UsageError: a file cannot be written.
    """
    with ExitStack() as stack:
        tables = RecordingTables(results, recording, offsets_hz, stack)
        yield tables
        tables.finish()
    for table in tables.empty:
        part_path(results, table, recording).unlink(missing_ok=True)


class RecordingTables:
    """The records of one recording to rows, and these to files that `files` closes."""

    def __init__(self, results: Path, recording: str, offsets_hz: Sequence[float], files: ExitStack) -> None:
        self._results, self._recording, self._files = results, recording, files
        self._offset_hz = offsets_hz[0]
        self._rows: dict[str, list[Row]] = {name: [] for name in SCHEMAS}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._stations = {offset_hz: _StationSums() for offset_hz in offsets_hz}
        self.samples, self.seconds = 0, 0.0
        """How far the recording was decoded."""

    def finish(self) -> None:
        """Writes what waits, and a row for each station."""
        for offset_hz, sums in self._stations.items():
            self._rows["stations"].append(self._place(offset_hz) | sums.row())
        for table in SCHEMAS:
            self._write(table)

    @property
    def empty(self) -> list[str]:
        """The tables without a row."""
        return [table for table in SCHEMAS if table not in self._writers]

    def feed(self, record: Record) -> None:
        """Takes a record."""
        cell: Row = record
        offset_hz = cell.get("offset_hz", self._offset_hz)
        sums = self._stations[offset_hz]
        kind = cell["type"]
        sums.feed(cell)
        if kind in _ROWS_OF:
            table, row_of = _ROWS_OF[kind]
            when = {"sample": cell["sample"], "seconds": cell["seconds"], "time": _moment(cell["time"])}
            rows = self._rows[table]
            rows.append(self._place(offset_hz) | when | row_of(cell))
            if len(rows) >= _ROWS_AT_ONCE:
                self._write(table)
        if kind in ("status", "counts"):
            self.samples, self.seconds = cell["sample"], cell["seconds"]
        else:
            self.seconds = max(self.seconds, cell["seconds"])

    @property
    def totals(self) -> dict[str, int]:
        """Groups, messages and so on of all its stations."""
        names = ("groups", "complete_groups", "messages", "accepted")
        return {name: sum(getattr(sums, name) for sums in self._stations.values()) for name in names}

    def _place(self, offset_hz: float) -> Row:
        return {"file": self._recording, "offset_hz": offset_hz}

    def _write(self, table: str) -> None:
        """Writes what waits; the file is begun with its first row."""
        rows, schema = self._rows[table], SCHEMAS[table]
        if not rows:
            return
        if table not in self._writers:
            path = part_path(self._results, table, self._recording)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = self._files.enter_context(whole_file(path, growing=self._results / UNFINISHED))
            writer = pq.ParquetWriter(partial, schema, compression="zstd")
            self._writers[table] = self._files.enter_context(writer)
        self._writers[table].write_table(pa.Table.from_pylist(rows, schema))
        rows.clear()


class _StationSums:
    """What is told of a station at the end."""

    def __init__(self) -> None:
        self.groups = self.complete_groups = self.messages = self.accepted = 0
        self._facts: Row = {}
        self._status: Row = {}
        self._cn_db: list[float] = []
        self._evm_sum, self._evm_count = 0.0, 0

    def feed(self, record: Row) -> None:
        match record["type"]:
            case "group":
                self.groups += 1
                self.complete_groups += None not in record["words"]
                if record["evm"] is not None:
                    self._evm_sum, self._evm_count = self._evm_sum + record["evm"], self._evm_count + 1
            case "station":
                self._facts = record
            case "status":
                self._status = record
                if record["cn_db"] is not None:
                    self._cn_db.append(record["cn_db"])
            case "message" | "bulletin":
                self.messages += 1
                self.accepted += record["verdict"] == ACCEPTED

    def row(self) -> Row:
        facts, status = self._facts, self._status
        return {
            **{name: facts.get(name) for name in ("pi", "ps", "radio_text", "ecc", "pty", "af_mhz")},
            "aids": [one["aid"] for one in facts.get("aids", ())],
            "groups": self.groups,
            "complete_groups": self.complete_groups,
            **{name: status.get(name) for name in (*_BLOCK_COUNTS, "bler")},
            "cn_db": median(self._cn_db) if self._cn_db else None,
            "evm": self._evm_sum / self._evm_count if self._evm_count else None,
            "messages": self.messages,
            "accepted": self.accepted,
        }


def _group_row(record: Row) -> Row:
    row: Row = {"group_type": record["group_type"], "evm": record["evm"]}
    for number, at in zip(_BLOCKS, range(4), strict=True):
        word = record["words"][at]
        row[f"word_{number}"] = None if word is None else int(word, 16)
        for name in ("confidence", "corrected", "prior"):
            row[f"{name}_{number}"] = record[name][at]
    return row


def _message_row(record: Row) -> Row:
    content = record["message"] or {}
    return {
        "kind": "message",
        "verdict": record["verdict"],
        "why": record["why"],
        **{name: content.get(name) for name in ("name", "key", "ts", "region")},
        "ts_time": _moment(content.get("ts_time")),
        "content": json.dumps(content),
        "envelopes": [record["envelope"]],
    }


def _bulletin_row(record: Row) -> Row:
    return {
        "kind": "bulletin",
        "name": "bulletin",
        **{name: record[name] for name in ("verdict", "why", "key", "ts", "envelopes")},
        "ts_time": _moment(record["ts_time"]),
        "content": json.dumps(record["records"]),
    }


def _status_row(record: Row) -> Row:
    return {name: record[name] for name in ("synchronised", *_BLOCK_COUNTS, *_SIGNAL)}


_ROWS_OF: Final[dict[str, tuple[str, Callable[[Row], Row]]]] = {
    "group": ("groups", _group_row),
    "message": ("messages", _message_row),
    "bulletin": ("messages", _bulletin_row),
    "status": ("signal", _status_row),
}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
