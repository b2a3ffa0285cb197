"""A bulletin as a line of JSON: its head, and of each record what it says, what codes mean and what became of it."""

import json
from typing import cast

import pytest

from rds.oda.bulletin import Bulletin
from rds.oda.records import BulletinRecord
from receiver.bulletin_records import bulletin_record, verdict_record
from receiver.bulletin_verdict import BulletinVerdict, HeardBulletin, RecordVerdict
from receiver.records import StreamTime, format_json, format_kv
from receiver.verify import Rejection
from tests.receiver.broadcast import TS, certificate
from tests.receiver.bulletins import bulletin, notice, planned, prices, table, tiers

ENVELOPES = bulletin(tiers())


def verdict(
    *records: tuple[BulletinRecord | None, Rejection | None], rejection: Rejection | None = None
) -> BulletinVerdict:
    judged = tuple(RecordVerdict(record, reason) for record, reason in records)
    return BulletinVerdict(HeardBulletin(ENVELOPES, 104, 1.5), Bulletin(3, 1, TS, ()), rejection, judged)


def told(record: BulletinRecord) -> dict[str, object]:
    """What is said of a record, as it comes back from JSON."""
    line = format_json(bulletin_record(verdict((planned(), None), (record, None)), StreamTime()))
    judged = json.loads(line)["records"][1]
    assert (judged["verdict"], judged["why"]) == ("accepted", None)
    return cast("dict[str, object]", judged["record"])


def test_the_head() -> None:
    record = verdict_record(verdict((tiers(), None)), StreamTime())
    assert record["type"] == "bulletin"
    assert (record["sample"], record["seconds"]) == (104, 1.5)
    assert (record["verdict"], record["why"], record["bulletin"], record["key"], record["ts"]) == (
        "accepted",
        None,
        3,
        1,
        TS,
    )
    assert record["ts_time"] == "2026-12-01T17:00:00.000000Z"
    assert record["envelopes"] == [envelope.hex().upper() for envelope in ENVELOPES]
    assert 'verdict="accepted"' in format_kv(record)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (verdict((tiers(), Rejection.REPEAT), (prices(), None)), "accepted"),
        (verdict((tiers(), Rejection.REPEAT)), "no record counts"),
        (verdict(), "no record counts"),
        (verdict(rejection=Rejection.KEY_ALARM), "key alarm"),
    ],
)
def test_the_verdict_on_the_whole(found: BulletinVerdict, word: str) -> None:
    record = bulletin_record(found, StreamTime())
    assert record["verdict"] == word
    assert (record["why"] is None) == (found.rejection is None)


def test_a_record_that_does_not_count() -> None:
    record = bulletin_record(verdict((None, Rejection.UNKNOWN_TYPE), (tiers(), Rejection.ROLE_MISSING)), StreamTime())
    assert record["records"] == [
        {"verdict": "unknown type", "why": Rejection.UNKNOWN_TYPE.text, "record": None},
        {
            "verdict": "role missing",
            "why": Rejection.ROLE_MISSING.text,
            "record": told(tiers()) | {"tiers": tiers().tiers},
        },
    ]


def test_schedules() -> None:
    said = told(tiers(start=8, slot=1))
    assert (said["name"], said["record_type"], said["region"]) == ("tier schedule", 1, "12FFF")
    assert (said["start_time"], said["slot_s"], said["stagger_s"]) == ("2026-12-01T02:00:00.000000Z", 1800, 2700)
    assert said["tiers"] == list(range(8)) * 3
    said = told(prices())
    assert (said["name"], said["start_time"], said["slot_s"]) == ("price schedule", "2026-12-01T00:00:00.000000Z", 3600)
    assert said["codes"] == list(range(24))


def test_a_planned_event() -> None:
    said = told(planned(ramp=3, programmes=5))
    assert (said["name"], said["type"], said["asks"]) == ("planned event", 3, "16 A")
    assert (said["start"], said["start_time"]) == (60, "2026-12-01T18:00:00.000000Z")
    assert (said["ramp_s"], said["duration_s"], said["release_s"], said["programmes"]) == (300, 3600, 3600, 5)
    # Record 1 with start 0 starts at its own time stamp.
    assert told(planned(start=0))["start_time"] == "2026-12-01T17:00:10.000000Z"


def test_table_notice_and_certificate() -> None:
    said = told(table(9, "cheap"))
    assert (said["item"], said["content"], said["text"]) == (9, "6368656170", "cheap")
    said = told(notice("Arbeiten am Netz"))
    assert (said["text"], said["severity_name"], said["duration_s"]) == ("Arbeiten am Netz", "moderate", 3600)
    said = told(certificate())
    assert (said["from_time"], said["until_time"]) == ("2026-06-01T00:00:00.000000Z", "2027-06-30T00:00:00.000000Z")
    assert (said["roles"], said["scope"], said["epoch"]) == (0xFE, "FFFFF", 0)
    assert said["public_key"] == certificate().public_key.hex().upper()
