"""A plan's text to a station and its orders by time; every complaint names file, line, value seen and values allowed.

[station]       pi ps pty tp ta ms di af ecc utc_offset; [[station.rt]] text at
[application]   aid network group_type groups_per_second burst
[keys]          operator certificate root certificates: files, from the plan's own folder
[[message]]     type at name, and what the type takes (encoder/message_terms.py)
[[bulletin]]    at; [[bulletin.record]] type, and what the type takes (encoder/record_terms.py)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from encoder.assemble import RadioText, Station
from encoder.message_terms import MessageDraft, read_message, read_name
from encoder.record_terms import RecordDraft, read_records
from encoder.slot_terms import Calendar
from rds.basic import MAX_AF, PS_LENGTH, RT_LENGTH, Programme, af_code, af_pairs
from rds.moment import parse_moment
from rds.oda.aid import DEFAULT_AID, parse_aid
from rds.oda.bulletin import PAYLOAD_OCTETS
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.halt import Halt
from rds.oda.messages.load_up import LoadUp
from rds.oda.region import Region
from rds.oda.signature import Domain
from rds.text import encode_text
from rds.toml_table import TomlTable, parse_toml

GROUP_TYPES: Final = ("11A", "12A", "5A", "6A", "7A", "8A", "9A", "13A")
"""Version A groups that an open application may use; from 5A on only where the station does not (EN 50067, 3.1.4)."""
GROUPS_PER_SECOND: Final = ("1", "2", "4")
DI_NAMES: Final = ("stereo", "artificial head", "compressed", "dynamic pty")
"""Decoder identification d0 to d3 (EN 50067, 3.2.1.5)."""
_EVENTS: Final = (Curtail, Halt, LoadUp)
_OFFSET: Final = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)")
_MEGAHERTZ: Final = re.compile(r"(\d{2,3})(?:\.(\d))?")
_UTC_OFFSET: Final = re.compile(r"([+-])(\d\d):(00|30)")


@dataclass(frozen=True, slots=True)
class PlannedMessage:
    """A message and the moment at which it is ordered."""

    moment: datetime
    draft: MessageDraft
    name: str | None
    place: str
    """`file:line`, for complaints."""


@dataclass(frozen=True, slots=True)
class PlannedBulletin:
    """Records that go out under one signature, and the moment at which they are ordered."""

    moment: datetime
    drafts: tuple[RecordDraft, ...]
    """Planned events first."""
    place: str

    @property
    def envelopes(self) -> int:
        """How many it will be."""
        return 1 + -(-sum(draft.octets for draft in self.drafts) // PAYLOAD_OCTETS)


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """The files that a plan names, as written in it, and where."""

    operator: str
    certificate: str
    root: str
    certificates: tuple[str, ...]
    """More certificates for the air: those of other operators, those of the next epoch."""
    place: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A station, its keys and what it is to send."""

    station: Station
    domain: Domain
    keys: KeyFiles
    orders: tuple[PlannedMessage | PlannedBulletin, ...]
    """By rising moment."""


def read_plan(text: str, *, source: str, clock: datetime) -> Plan:
    """The plan in TOML text. `clock` is the first bit's moment: a time such as 00:00:08 counts from there.

    Raises:
        UsageError: one line that says where and what.
    """
    table = parse_toml(text, source=source)
    station, application, keys = (table.table(name) for name in ("station", "application", "keys"))
    built = _station(station, application, clock)
    plan = Plan(
        station=built,
        domain=Domain(
            aid=application.parsed("aid", parse_aid, default=DEFAULT_AID),
            network=application.integer("network", low=0, high=0xFF),
        ),
        keys=KeyFiles(
            keys.string("operator"),
            keys.string("certificate"),
            keys.string("root"),
            tuple(keys.parsed_list("certificates", str)),
            keys.place(),
        ),
        orders=tuple(_orders(table, built.utc_offset, clock)),
    )
    table.close()
    return plan


def _station(table: TomlTable, application: TomlTable, clock: datetime) -> Station:
    tp, ta = table.boolean("tp", default=False), table.boolean("ta", default=False)
    if ta and not tp:
        # TP 0 with TA 1 says that the station names others with traffic news (14A, 3.2.1.3): this one does not.
        raise table.refusal("ta", "allowed: false while tp is false")
    programme = Programme(pi=table.parsed("pi", _pi), tp=int(tp), pty=table.integer("pty", low=0, high=31, default=0))
    return Station(
        programme=programme,
        ps=table.parsed("ps", _ps),
        group_type=application.choice("group_type", GROUP_TYPES, default=GROUP_TYPES[0]),
        aid=application.parsed("aid", parse_aid, default=DEFAULT_AID),
        groups_per_second=_groups_per_second(application),
        burst=application.boolean("burst", default=False),
        radio_texts=tuple(sorted(_radio_texts(table.tables("rt"), clock), key=lambda text: text.start)),
        ta=int(ta),
        ms=int(table.choice("ms", ("music", "speech"), default="music") == "music"),
        di=sum(1 << bit for bit in set(table.parsed_list("di", _di_bit))),
        af_words=tuple(af_pairs(table.parsed_list("af", _af_hz, high=MAX_AF))),
        ecc=table.parsed("ecc", _ecc) if "ecc" in table else None,
        utc_offset=table.parsed("utc_offset", _utc_offset, default=timedelta()),
    )


def _groups_per_second(application: TomlTable) -> int:
    rate = application.integer("groups_per_second", low=1, high=4, default=2)
    if str(rate) not in GROUPS_PER_SECOND:
        raise application.refusal("groups_per_second", f"allowed: {', '.join(GROUPS_PER_SECOND)}")
    return rate


def _radio_texts(tables: list[TomlTable], clock: datetime) -> Iterator[RadioText]:
    for table in tables:
        start = _moment(table, clock) if "at" in table else clock
        yield RadioText(start, table.parsed("text", _radio_text))


def _orders(table: TomlTable, utc_offset: timedelta, clock: datetime) -> Iterator[PlannedMessage | PlannedBulletin]:
    """Bulletins and messages by rising moment; each end or cancel names an event that is sent before it."""
    bulletins, messages = table.tables("bulletin"), table.tables("message")
    tables = [(_moment(each, clock), each) for each in (*bulletins, *messages)]
    events: dict[str, Region] = {}
    for moment, each in sorted(tables, key=lambda pair: pair[0]):
        if each in bulletins:
            yield PlannedBulletin(moment, read_records(each, Calendar(moment, utc_offset), events), each.place())
            continue
        draft = read_message(each, events)
        name = read_name(each, events)
        if name is not None and draft.kind in _EVENTS:
            events[name] = Region(draft.codes["region"])
        yield PlannedMessage(moment, draft, name, each.place())


def _moment(table: TomlTable, clock: datetime) -> datetime:
    def parse(text: str) -> datetime:
        if match := _OFFSET.fullmatch(text):
            hours, minutes, seconds = map(int, match.groups())
            return clock + timedelta(hours=hours, minutes=minutes, seconds=seconds)
        try:
            moment = parse_moment(text)
        except ValueError:
            raise ValueError(f'{text!r}; allowed: "00:00:08" from the start, or "2026-12-01T17:00:00Z"') from None
        if moment < clock:
            raise ValueError(f"{text!r} is before the clock; allowed: from {clock.isoformat()} on")
        return moment

    return table.parsed("at", parse)


def _pi(text: str) -> int:
    return _hex(text, digits=4, wanted="allowed: four hex digits, such as 1234")


def _ecc(text: str) -> int:
    return _hex(text, digits=2, wanted="allowed: two hex digits, such as E0")


def _hex(text: str, *, digits: int, wanted: str) -> int:
    if not re.fullmatch(rf"[0-9A-Fa-f]{{{digits}}}", text):
        raise ValueError(f"{text!r}; {wanted}")
    return int(text, 16)


def _ps(text: str) -> bytes:
    if not 1 <= len(text) <= PS_LENGTH:
        raise ValueError(f"{text!r} has {len(text)} characters; allowed: 1..{PS_LENGTH}")
    return _encoded(text).ljust(PS_LENGTH)


def _radio_text(text: str) -> bytes:
    if len(text) > RT_LENGTH:
        raise ValueError(f"{text!r} has {len(text)} characters; allowed: 0..{RT_LENGTH}")
    return _encoded(text)


def _encoded(text: str) -> bytes:
    try:
        return encode_text(text)
    except ValueError as error:
        raise ValueError(f"{error}; allowed: its characters (IEC 62106-4)") from None


def _di_bit(text: str) -> int:
    if text not in DI_NAMES:
        raise ValueError(f"{text!r}; allowed: {', '.join(DI_NAMES)}")
    return DI_NAMES.index(text)


def _af_hz(text: str) -> int:
    match = _MEGAHERTZ.fullmatch(text)
    frequency_hz = 1_000_000 * int(match[1]) + 100_000 * int(match[2] or 0) if match else 0
    try:
        af_code(frequency_hz)
    except ValueError:
        raise ValueError(f"{text!r}; allowed: MHz in quotes, 87.6 to 107.9 in steps of 0.1") from None
    return frequency_hz


def _utc_offset(text: str) -> timedelta:
    match = _UTC_OFFSET.fullmatch(text)
    if match is None or int(match[2]) > 14:
        raise ValueError(f"{text!r}; allowed: +hh:00 or +hh:30, such as +01:00 or -03:30")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -offset if match[1] == "-" else offset
