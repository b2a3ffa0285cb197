"""An operator's words to a bulletin's records: tables [[bulletin.record]] of a plan in, `RecordDraft`s out.

tier schedule    region start slot_min stagger_min tiers
price schedule   region start slot_min step prices
curtail, halt, load up   a planned event: as a message, and name start ramp_min programmes
notice           region severity duration_min text
table            region item, and text or step
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from encoder.message_terms import coded_minutes, parse_tier, read_code, read_name
from encoder.operator_key import MOST_TICKS_AHEAD
from encoder.price_terms import fit_scale, parse_slot_price, parse_step, price_codes
from encoder.slot_terms import Calendar, read_slots
from rds.errors import UsageError
from rds.oda.bulletin import MAX_ENVELOPES, PAYLOAD_OCTETS
from rds.oda.codes import RELEASE_DEFAULT, Severity, duration_code, ramp_code, release_code
from rds.oda.display_text import encode_display_text
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.halt import Halt
from rds.oda.messages.load_up import LoadUp
from rds.oda.records import BulletinRecord, pack_record
from rds.oda.records.notice import Notice
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import ITEM_NAME, ITEM_SCALE, ITEM_TIER_NAMES, Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import Region
from rds.oda.schedule_fields import SLOT_MINUTES, TICKS_A_DAY, TICKS_A_QUARTER, ScheduleFields
from rds.oda.ticks import moment_of, tick_of
from rds.toml_table import TomlTable

_EVENTS: Final = {kind.NAME: kind for kind in (Curtail, Halt, LoadUp)}
_MINUTE: Final = timedelta(minutes=1)
_LONGEST_MIN: Final = 8191
"""13 bits of minutes."""
_QUARTER: Final = timedelta(minutes=15)
_EARLIEST: Final = timedelta(days=1)
_LATEST: Final = timedelta(days=8)
"""A schedule that begins this long before or after the bulletin is refused by receivers (protocol, Schedule)."""
_ITEMS: Final = {"name": ITEM_NAME, "scale": ITEM_SCALE} | {f"tier {t}": i for t, i in enumerate(ITEM_TIER_NAMES)}
_PROGRAMMES: Final = tuple(map(str, range(8)))


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """A record but for the minutes from the bulletin's time stamp to an event's start."""

    record: BulletinRecord
    start: datetime | None = None
    name: str | None = None
    """By which an end or cancel reaches a planned event."""

    @property
    def octets(self) -> int:
        """What it takes in a bulletin: type, length, body."""
        return 2 + len(pack_record(self.record).body)

    def compose(self, ts: int) -> BulletinRecord:
        """The record in a bulletin with this TS."""
        if not isinstance(self.record, PlannedEvent) or self.start is None:
            return self.record
        return replace(self.record, start=max(0, round((self.start - moment_of(ts)) / _MINUTE)))


def read_records(table: TomlTable, calendar: Calendar, events: dict[str, Region]) -> tuple[RecordDraft, ...]:
    """The records of a bulletin, planned events first, as each of these takes a time stamp.

    Args:
        table: a bulletin's.
        calendar: what times of day mean in it.
        events: those sent before it, by name; it learns the names of those in this bulletin.

    Raises:
        UsageError: a field is missing, unknown or not allowed, or the records do not fit a bulletin.
    """
    tables = table.tables("record")
    drafts = [_read_record(each, calendar, events) for each in tables]
    octets = sum(draft.octets for draft in drafts)
    largest = (MAX_ENVELOPES - 1) * PAYLOAD_OCTETS
    if not 0 < octets <= largest:
        raise UsageError(f"{table.place()}: {octets} bytes of records; allowed: 1..{largest}, make several bulletins")
    planned = sum(isinstance(draft.record, PlannedEvent) for draft in drafts)
    if planned > MOST_TICKS_AHEAD:
        raise UsageError(
            f"{table.place()}: {planned} planned events; allowed: 0..{MOST_TICKS_AHEAD}, as each takes a time stamp"
        )
    return tuple(sorted(drafts, key=lambda draft: not isinstance(draft.record, PlannedEvent)))


def _read_record(table: TomlTable, calendar: Calendar, events: dict[str, Region]) -> RecordDraft:
    """A record that fits its 255 bytes."""
    kind = table.choice("type", sorted([*_READERS, *_EVENTS]))
    if kind in _EVENTS:
        draft = _planned_event(table, calendar, _EVENTS[kind], read_name(table, events))
        if draft.name is not None:
            events[draft.name] = draft.record.region
        return draft
    record = _READERS[kind](table, calendar)
    try:
        pack_record(record)
    except ValueError as error:
        raise UsageError(f"{table.place()}: {error}") from None
    return RecordDraft(record)


def _tier_schedule(table: TomlTable, calendar: Calendar) -> TierSchedule:
    fields, first_min = _schedule_fields(table, calendar)
    slot_min = SLOT_MINUTES[fields.slot]
    tiers = read_slots(table, "tiers", parse_tier, first_min=first_min, slot_min=slot_min)
    stagger = coded_minutes(table, "stagger_min", release_code) if "stagger_min" in table else RELEASE_DEFAULT
    return TierSchedule(fields.region, fields.day, fields.start, fields.slot, stagger, tiers)


def _price_schedule(table: TomlTable, calendar: Calendar) -> PriceSchedule:
    fields, first_min = _schedule_fields(table, calendar)
    slot_min = SLOT_MINUTES[fields.slot]
    prices = read_slots(table, "prices", parse_slot_price, first_min=first_min, slot_min=slot_min)
    scale = table.parsed("step", parse_step) if "step" in table else None
    try:
        scale = scale or fit_scale([price for price in prices if price is not None])
        codes = price_codes(prices, scale)
    except ValueError as error:
        raise UsageError(f"{table.place('prices')}: prices: {error}") from None
    return PriceSchedule(fields.region, fields.day, fields.start, fields.slot, scale.code, codes)


def _schedule_fields(table: TomlTable, calendar: Calendar) -> tuple[ScheduleFields, int]:
    """Region, start and slot of a schedule, and the minute of the station's day at which it starts."""
    slot_min = table.integer("slot_min", low=15, high=60, default=60)
    if slot_min not in SLOT_MINUTES:
        raise table.refusal("slot_min", f"allowed: {', '.join(map(str, SLOT_MINUTES))}")
    start = moment_of(table.parsed("start", lambda text: tick_of(calendar.parse(text))))
    if start.timestamp() % _QUARTER.total_seconds():
        raise table.refusal("start", "allowed: full quarter hours")
    if not calendar.moment - _EARLIEST <= start <= calendar.moment + _LATEST:
        raise table.refusal("start", f"allowed: from a day before {calendar.moment.isoformat()} to 8 days after")
    day, tick = divmod(tick_of(start), TICKS_A_DAY)
    region = table.parsed("region", Region.parse)
    fields = ScheduleFields(region, day, tick // TICKS_A_QUARTER, SLOT_MINUTES.index(slot_min))
    if moment_of(fields.end_tick) <= calendar.moment:
        raise table.refusal("start", f"it is over at {moment_of(fields.end_tick).isoformat()}; allowed: a later one")
    return fields, calendar.minute_of_day(start)


def _planned_event(
    table: TomlTable, calendar: Calendar, kind: type[Curtail | Halt | LoadUp], name: str | None
) -> RecordDraft:
    region = table.parsed("region", Region.parse)
    codes = {field: read_code(table, field, kind) for field in ("dispatch", "level", "duration", "release")}
    start = table.parsed("start", calendar.parse, default=calendar.moment)
    after_min = round((start - calendar.moment) / _MINUTE)
    if not 0 <= after_min <= _LONGEST_MIN:
        raise table.refusal("start", f"allowed: 0..{_LONGEST_MIN} min after {calendar.moment.isoformat()}")
    programmes = {int(programme) for programme in table.parsed_list("programmes", _programme)}
    try:
        event = PlannedEvent(
            type=kind.TYPE,
            region=region,
            **codes,
            start=after_min,
            ramp=coded_minutes(table, "ramp_min", ramp_code) if "ramp_min" in table else 0,
            programmes=sum(1 << programme for programme in programmes),
        )
    except ValueError as error:
        raise UsageError(f"{table.place()}: {kind.NAME}: {error}; give what this type takes") from None
    return RecordDraft(event, start if "start" in table else None, name)


def _notice(table: TomlTable, _calendar: Calendar) -> Notice:
    severity = table.choice("severity", [each.name.lower() for each in Severity], default="normal")
    return Notice(
        region=table.parsed("region", Region.parse),
        severity=Severity[severity.upper()] - Severity.NORMAL,
        duration=coded_minutes(table, "duration_min", duration_code),
        text=table.parsed("text", _text),
    )


def _table(table: TomlTable, _calendar: Calendar) -> Table:
    region, item = table.parsed("region", Region.parse), _ITEMS[table.choice("item", _ITEMS)]
    if item == ITEM_SCALE:
        return Table(region, item, table.parsed("step", parse_step).code.to_bytes(3, "big"))
    return Table(region, item, encode_display_text(table.parsed("text", _text)))


_READERS: Final[dict[str, Callable[[TomlTable, Calendar], BulletinRecord]]] = {
    "tier schedule": _tier_schedule,
    "price schedule": _price_schedule,
    "notice": _notice,
    "table": _table,
}


def _text(text: str) -> str:
    encode_display_text(text)
    return text


def _programme(text: str) -> str:
    if text not in _PROGRAMMES:
        raise ValueError(f'{text!r}; allowed: "0" to "7"')
    return text
