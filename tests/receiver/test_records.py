"""What was heard to lines of JSON, of names and values, and of hex: as docs/records.md says, and readable again."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from rds.hex_line import parse_words
from rds.oda.bulletin import Bulletin
from receiver.bulletin_records import bulletin_record
from receiver.bulletin_verdict import BulletinVerdict, HeardBulletin
from receiver.chain import SignalStatus
from receiver.charger_control import Change
from receiver.charger_records import charger_fields
from receiver.chargers.driver import ChargerReading
from receiver.chargers_config import ChargerConfig
from receiver.intake import Intake
from receiver.key_notice import warned
from receiver.oda_tracker import Candidate
from receiver.owner_records import entry_record, standing_now, standing_record
from receiver.owner_store import Entry, EntryKind
from receiver.policy import Decision
from receiver.received_group import ReceivedGroup
from receiver.records import (
    Record,
    StreamTime,
    counts_record,
    format_hex,
    format_json,
    format_kv,
    format_moment,
    group_record,
    limit_record,
    message_record,
    state_record,
    station_record,
    status_record,
)
from receiver.settings import ONLOOKER
from receiver.station import StationFacts
from receiver.station_list import FoundStation, Service, found_record
from receiver.verify import Verdict
from tests.receiver.broadcast import TS, curtail, keyring, signed
from tests.receiver.bulletins import bulletin, tiers

GROUP = ReceivedGroup(
    (0x9331, 0x20B6, 0x594C, None),
    12345,
    1.25,
    corrected=(False, True, False, False),
    confidence=(1, 0.87654, 0.5, 0),
    evm=0.12345,
)
VERDICT = Verdict(Candidate(signed(curtail()), True, 0, 0.0, None), curtail(), None)
BULLETIN = BulletinVerdict(HeardBulletin(bulletin(tiers()), 0, 0.0), Bulletin(3, 1, TS, ()), None, ())
CHANGE = Change(Decision(16_000, True, "curtailed", None, None), 0, 0, 0)
NOWHEN = StreamTime()
NOON = StreamTime(datetime(2026, 12, 1, 12, tzinfo=UTC))
DOCUMENT = Path(__file__).parents[2] / "docs" / "records.md"


def test_group_record() -> None:
    assert group_record(GROUP, NOWHEN) == {
        "v": 1,
        "type": "group",
        "sample": 12345,
        "seconds": 1.25,
        "time": None,
        "group_type": "2A",
        "words": ["9331", "20B6", "594C", None],
        "corrected": [False, True, False, False],
        "prior": [False, False, False, False],
        "confidence": [1, 0.877, 0.5, 0],
        "evm": 0.123,
    }


def test_station_record() -> None:
    facts = StationFacts(
        pi=0x9331,
        ps="93XRT",
        ecc=0xA,
        clock_time=datetime(2026, 12, 1, 7, tzinfo=timezone(-timedelta(hours=5))),
        af_hz=(87_600_000, 98_100_000),
        aids=((0xC0DE, "11A"), (0x1, "5A")),
    )
    record = station_record(facts, GROUP, NOON)
    assert record["time"] == "2026-12-01T12:00:01.250000Z"
    assert (record["pi"], record["ps"], record["ecc"]) == ("9331", "93XRT", "0A")
    assert record["clock_time"] == "2026-12-01T07:00:00-05:00"
    assert record["af_mhz"] == [87.6, 98.1]
    assert record["aids"] == [{"aid": "C0DE", "group_type": "11A"}, {"aid": "0001", "group_type": "5A"}]
    assert record["radio_text"] is None


def test_status_record() -> None:
    status = SignalStatus(True, 200, 150, 7, level_dbfs=-6.02059, pilot_hz=6750.4321, rds_hz=2000, clock_ppm=-1.23456)
    record = status_record(status, 250_000, 1.0, NOWHEN)
    assert (record["bler"], record["level_dbfs"], record["pilot_hz"]) == (0.25, -6.021, 6750.432)
    assert (record["synchronised"], record["coherence"]) == (True, None)
    assert status_record(SignalStatus(False, 0, 0, 0), 0, 0.0, NOWHEN)["bler"] is None


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 12, 1, 17, tzinfo=UTC), "2026-12-01T17:00:00.000000Z"),
        (datetime(2026, 12, 1, 17, 0, 0, 5, timezone(timedelta(hours=1))), "2026-12-01T16:00:00.000005Z"),
    ],
)
def test_moments_are_utc_with_microseconds(moment: datetime, expected: str) -> None:
    assert format_moment(moment) == expected


def test_a_record_is_one_line_of_json() -> None:
    record = group_record(GROUP, NOON) | {"text": 'a\nb \u2028 ‰ "'}
    line = format_json(record)
    assert "\n" not in line
    assert json.loads(line) == record


def test_kv_leaves_out_what_is_unknown_and_is_json_after_the_sign() -> None:
    line = format_kv({"v": 1, "on": True, "off": None, "words": ["9331", None], "text": "a b\nc", "share": 0.5})
    assert line == 'v=1 on=true words=["9331",null] text="a b\\nc" share=0.5'


def test_hex_reads_back() -> None:
    assert format_hex(GROUP) == "9331 20B6 594C ----"
    assert parse_words(format_hex(GROUP)) == GROUP.words


HEARD = Intake(keyring(), (), settings=ONLOOKER)
CHARGER = ChargerConfig("", "simulated", {}, ONLOOKER, ())
TOLD = [
    group_record(GROUP, NOON),
    station_record(StationFacts(), GROUP, NOON),
    status_record(SignalStatus(True, 1, 1, 0), 0, 0.0, NOON),
    message_record(VERDICT, NOON),
    bulletin_record(BULLETIN, NOON),
    counts_record(HEARD, 0, 0.0, NOON),
    limit_record(CHANGE),
    NOON.stamp("charger", 0, 0.0) | charger_fields(CHARGER, ChargerReading(), None),
    state_record("the disk is full", 0, 0.0, NOON),
]
RECORDS = [warned(record, HEARD, 0) for record in TOLD]
OWN_RECORDS = [
    standing_now(standing_record(CHANGE.decision, ONLOOKER, 0), None, running=True),
    entry_record(Entry(EntryKind.ASKED, 0)),
    found_record(FoundStation(None, 0.0, Service.NONE, 0, 0.0, None, None, False, None, None, None, ())),
]
"""Those of the owner's commands and of `scan`, which stand alone."""


def section(kind: str) -> str:
    match = re.search(rf"^## `{kind}`.*?(?=^## |\Z)", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert match is not None, f"docs/records.md has no section on {kind}"
    return match[0]


def documented(text: str) -> list[str]:
    """The names in the first column of a table."""
    return re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record["type"]))
def test_the_document_has_every_field_and_no_other(record: Record) -> None:
    common = documented(section("every record"))
    assert [*common, *documented(section(str(record["type"])))] == list(record)


@pytest.mark.parametrize("record", OWN_RECORDS, ids=lambda record: str(record["type"]))
def test_the_document_has_every_field_of_the_owners_records(record: Record) -> None:
    assert documented(section(str(record["type"]))) == list(record)


@pytest.mark.parametrize("record", [*RECORDS, *OWN_RECORDS], ids=lambda record: str(record["type"]))
def test_the_documents_examples_have_every_field(record: Record) -> None:
    example = re.search(r"```json\n(.*?)```", section(str(record["type"])), re.DOTALL)
    assert example is not None
    shown = json.loads(example[1])
    assert list(shown) == list(record)
    assert (shown["v"], shown["type"]) == (1, record["type"])
