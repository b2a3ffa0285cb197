"""Entries of the log and what holds now in, records and lines for the owner out (docs/records.md)."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from receiver.clock import datetime_of
from receiver.override import Override, OverrideKind
from receiver.owner_store import Entry, EntryKind
from receiver.policy import Decision
from receiver.records import VERSION, Record, format_moment
from receiver.settings import Settings

CSV_COLUMNS: Final = (
    "kind", "from", "to", "key", "ts", "region", "asks", "limit_a", "why", "energy_wh", "deferred_wh",
)  # fmt: skip
_NOTHING_YET: Final = "no receiver has run on this state file yet"
_FORMULA: Final = ("=", "+", "-", "@", "\t")
"""What a spreadsheet would take for a formula; texts come from the air."""


def standing_record(
    told: Decision, settings: Settings, now_ms: int | None, *, warnings: Sequence[str] = (), charger: str = ""
) -> Record:
    """What the charger is told, for the state file: `status` shows it."""
    return {
        "v": VERSION,
        "type": "standing",
        "time": _moment(now_ms),
        "charger": charger or None,
        "limit_a": told.limit_ma / 1000,
        "local_a": settings.local_ma / 1000,
        "restricted": told.restricted,
        "reason": told.reason,
        "until": None if now_ms is None else _moment(told.until_ms),
        "next": None if now_ms is None else _moment(told.next_ms),
        "next_a": None if told.next_ma is None else told.next_ma / 1000,
        "may_override": told.may_override,
        "warnings": list(warnings),
    }


def standing_now(standing: Mapping[str, object] | None, override: Override | None, *, running: bool) -> Record:
    """What `status` prints as JSON: what the receiver last said, the override that holds, whether a receiver runs."""
    said = dict(standing or {"v": VERSION, "type": "standing", "reason": _NOTHING_YET})
    return said | {"running": running, "override": override_fields(override)}


def override_fields(override: Override | None) -> Record | None:
    """An override as an object of JSON."""
    if override is None:
        return None
    return {"kind": override.kind.value, "set": _moment(override.set_ms), "until": _moment(override.until_ms)}


def status_lines(record: Mapping[str, object]) -> Iterator[str]:
    """The same for a person."""
    limit_a = record.get("limit_a")
    if isinstance(limit_a, (int, float)):
        yield f"limit      {'paused' if limit_a == 0 else f'{limit_a:g} A'}, of {record['local_a']:g} A here"
    yield f"because    {record['reason']}"
    if record.get("next"):
        next_a = record.get("next_a")
        change = "" if not isinstance(next_a, (int, float)) else f": {'a pause' if next_a == 0 else f'{next_a:g} A'}"
        yield f"next       {record['next']}{change}"
    override = record["override"]
    if isinstance(override, dict):
        until = override["until"] or "it is cleared"
        yield f"override   {override['kind']}, since {override['set']}, until {until}"
    if record.get("may_override"):
        yield f"override   {record['may_override']}"
    warnings = record.get("warnings")
    yield from (f"warning    {one}" for one in (warnings if isinstance(warnings, list) else []))
    since = f", this is as of {record['time']}" if record.get("time") else ""
    yield f"receiver   {'runs' if record['running'] else 'DOES NOT RUN'}{since}"


def override_text(override: Override | None) -> str:
    """What holds after a request, in a line."""
    if override is None:
        return "no override: the charger follows the network"
    until = "you clear it" if override.until_ms is None else f"{_moment(override.until_ms)} at the latest"
    return f"override {override.kind.value}: the charger does not follow the network until {until}"


def outcome_text(kind: OverrideKind | None, override: Override | None) -> str:
    """What became of a request that a receiver has read (None: to clear), by the override that holds now."""
    if kind is not None and override is None:
        return "no event runs or is announced: nothing to override; today and always are possible"
    return override_text(override)


def entry_record(entry: Entry) -> Record:
    """An entry as an object of JSON; what its kind has no use for is null."""
    return {
        "v": VERSION,
        "type": entry.kind.value,
        "from": _moment(entry.from_ms),
        "to": _moment(entry.to_ms),
        "key": entry.key,
        "ts": entry.ts,
        "region": entry.region,
        "asks": entry.asks,
        "limit_a": None if entry.limit_ma is None else entry.limit_ma / 1000,
        "why": entry.why or None,
        "energy_wh": entry.energy_wh,
        "deferred_wh": entry.deferred_wh,
    }


def entry_text(entry: Entry) -> str:
    """An entry as a line."""
    end = "..." if entry.to_ms is None else f"{datetime_of(entry.to_ms):%Y-%m-%d %H:%M:%S}"
    words = [f"{datetime_of(entry.from_ms):%Y-%m-%d %H:%M:%S} to {end:19} UTC  {entry.kind.value:10}"]
    if entry.kind is EntryKind.ASKED:
        words.append(f"{entry.asks} for {entry.region}, key {entry.key}, TS {entry.ts}")
    elif entry.kind is EntryKind.OVERRIDDEN:
        words.append(f"{entry.asks}")
    elif entry.limit_ma is not None:
        words.append("paused" if entry.limit_ma == 0 else f"{entry.limit_ma / 1000:g} A")
    words += [f"({entry.why})"] if entry.why else []
    words += [f"{entry.energy_wh} Wh"] if entry.energy_wh is not None else []
    words += [f"{entry.deferred_wh} Wh deferred"] if entry.deferred_wh is not None else []
    return " ".join(words)


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """A heading and the entries (RFC 4180, without the line ends)."""
    yield ",".join(CSV_COLUMNS)
    for entry in entries:
        record = entry_record(entry) | {"kind": entry.kind.value}
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([_cell(record[name]) for name in CSV_COLUMNS])
        yield line.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _moment(ms: int | None) -> str | None:
    return None if ms is None else format_moment(datetime_of(ms))
