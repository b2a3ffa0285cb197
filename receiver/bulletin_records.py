"""Bulletins as objects of `-F json`, beside the messages of `records`: head, records and what became of each."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, cast

from rds.oda.certificate import Certificate
from rds.oda.codes import duration_s, level_text, release_s
from rds.oda.records import BulletinRecord
from rds.oda.records.notice import Notice
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import Region
from rds.oda.schedule_fields import ScheduleFields
from rds.oda.ticks import TICK_S, moment_of
from receiver.bulletin_verdict import BulletinVerdict, RecordVerdict
from receiver.records import ACCEPTED, Record, StreamTime, format_moment, message_record
from receiver.verify import Rejection, Verdict

_NONE_COUNTS: Final = "no record counts"
"""Where each record has its own reason."""


def verdict_record(verdict: Verdict | BulletinVerdict, time: StreamTime) -> Record:
    """A message or a bulletin and what became of it."""
    return message_record(verdict, time) if isinstance(verdict, Verdict) else bulletin_record(verdict, time)


def bulletin_record(verdict: BulletinVerdict, time: StreamTime) -> Record:
    """A bulletin whose signature holds, told when the group that completed it had ended."""
    heard, bulletin = verdict.heard, verdict.bulletin
    return time.stamp("bulletin", heard.sample_index, heard.end_s) | {
        "verdict": ACCEPTED if verdict.accepted else _word(verdict.rejection) or _NONE_COUNTS,
        "why": None if verdict.rejection is None else verdict.rejection.text,
        "bulletin": bulletin.number,
        "key": bulletin.key,
        "ts": bulletin.ts,
        "ts_time": format_moment(moment_of(bulletin.ts)),
        "records": [_judged(one, number, bulletin.ts) for number, one in enumerate(verdict.records)],
        "envelopes": [envelope.hex().upper() for envelope in heard.envelopes],
    }


def _judged(verdict: RecordVerdict, number: int, ts: int) -> Mapping[str, object]:
    reason = verdict.rejection
    return {
        "verdict": _word(reason) or ACCEPTED,
        "why": None if reason is None else reason.text,
        "record": None if verdict.record is None else _record_fields(verdict.record, number, ts),
    }


def _word(reason: Rejection | None) -> str | None:
    return None if reason is None else reason.word


def _record_fields(record: BulletinRecord, number: int, ts: int) -> Record:
    """A record's own fields, and beside the codes what they mean."""
    names = [field.name for field in fields(cast("Any", record))]  # Any: a Protocol is no dataclass to the checker
    named: Record = {"name": record.NAME, "record_type": record.TYPE}
    return named | {name: _plain(getattr(record, name)) for name in names} | _meaning(record, number, ts)


def _plain(value: object) -> object:
    if isinstance(value, Region):
        return str(value)
    return value.hex().upper() if isinstance(value, bytes) else value


def _meaning(record: BulletinRecord, number: int, ts: int) -> Record:
    match record:
        case TierSchedule():
            return _schedule_times(record) | {"stagger_s": record.stagger_s}
        case PriceSchedule():
            return _schedule_times(record)
        case PlannedEvent():
            return {
                "start_time": _tick_text(record.start_tick(ts, number)),
                "ramp_s": record.ramp_s,
                "duration_s": duration_s(record.duration),
                "release_s": release_s(record.release),
                "asks": level_text(record.level),
            }
        case Certificate():
            return {"from_time": _tick_text(record.not_before), "until_time": _tick_text(record.not_after)}
        case Notice():
            return {"duration_s": duration_s(record.duration), "severity_name": record.named_severity.name.lower()}
        case Table():
            return {"text": record.text}
        case _:
            return {}


def _schedule_times(record: ScheduleFields) -> Record:
    return {"start_time": _tick_text(record.start_tick), "slot_s": record.slot_ticks * TICK_S}


def _tick_text(tick: int) -> str:
    return format_moment(moment_of(tick))
