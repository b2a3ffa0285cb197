"""The tables of docs/protocol.md, each row both ways."""

from dataclasses import replace
from datetime import datetime

import pytest

from rds.oda.bulletin import Record
from rds.oda.codes import Dispatch, Severity, duration_s, level_text, ramp_code, ramp_s, release_code, release_s
from rds.oda.messages import message_types, unpack_message
from rds.oda.price_scale import PriceScale
from rds.oda.records import unpack_record
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import EVERYONE, Region
from rds.oda.ticks import moment_of, tick_of
from tests.rds.oda.protocol_document import BLOCKS, TABLES, TEXT, Example


def test_every_table_is_read() -> None:
    assert len(TABLES) == TEXT.count("<!-- table:")


def test_region_tables() -> None:
    for region, code, answer in TABLES["matches"]:
        wanted = Region(int(region, 16))
        assert wanted.reserved == (answer == "reserved"), region
        assert wanted.reserved or wanted.matches(Region.parse_code(code)) == (answer == "yes"), (region, code)
    for region, scope, answer in TABLES["within"]:
        wanted = Region(int(region, 16))
        assert wanted.reserved == (answer == "reserved"), region
        assert wanted.reserved or wanted.within(Region.parse(scope)) == (answer == "yes"), (region, scope)


def test_ts_table() -> None:
    for moment, ts in TABLES["ts"]:
        assert tick_of(datetime.fromisoformat(moment)) == int(ts)
        assert moment_of(int(ts)) == datetime.fromisoformat(moment)


def test_dispatch_table() -> None:
    for code, bits, field, number, _ in TABLES["dispatch"]:
        value = int(code, 16)
        assert f"{value >> 6:02b}" == bits[:2]
        if field == "reserved":
            with pytest.raises(ValueError, match="reserved"):
                Dispatch.of(value)
        else:
            assert Dispatch.of(value) == Dispatch(**{field: int(number)})
            assert Dispatch.of(value).code == value


def test_level_table() -> None:
    def accepted(kind: int, level: int) -> bool:
        head = bytes([0x40 | kind]) + bytes.fromhex("10 8C 7F A8 12 FF F8")
        body = int.from_bytes(head, "big") << 24 | level << 12 | 0xC1A
        return unpack_message(body.to_bytes(11, "big")) is not None

    for text, *cells in TABLES["level"]:
        level, (curtail, halt, load_up) = int(text), cells
        assert accepted(3, level) == accepted(8, level) == (curtail != "reserved"), level
        assert accepted(4, level) == (halt != "reserved"), level
        assert accepted(5, level) == (load_up != "reserved"), level
        if curtail != "reserved":
            assert level_text(level).removesuffix(" of the rating") == curtail
        if load_up != "reserved":
            assert level_text(level).removesuffix(" of the rating") == load_up


def test_duration_table() -> None:
    for text, unit, n, minutes in TABLES["duration"]:
        code = int(text, 16)
        assert (("1", "5", "15", "60")[code >> 6], str(code & 0x3F)) == (unit, n)
        assert duration_s(code) == 60 * int(minutes)


def test_release_table() -> None:
    assert [int(code) for code, _ in TABLES["release"]] == list(range(16))
    for code, minutes in TABLES["release"]:
        if minutes == "reserved":
            with pytest.raises(ValueError, match=r"allowed: 0\.\.14"):
                release_s(int(code))
        elif minutes == "default":
            assert release_s(int(code)) is None
        else:
            assert release_s(int(code)) == 60 * int(minutes)
            assert release_code(int(minutes)) == int(code)


def test_slot_table() -> None:
    base = TierSchedule(EVERYONE, day=0, start=0, slot=0, stagger=0, tiers=(0,) * 24)
    for code, minutes, whole in TABLES["slot"]:
        if minutes == "reserved":
            with pytest.raises(ValueError, match="reserved"):
                replace(base, slot=int(code))
        else:
            schedule = replace(base, slot=int(code))
            assert schedule.slot_ticks == int(minutes) * 6
            assert f"{(schedule.end_tick - schedule.start_tick) // 360} h" == whole


def test_slot_at_table() -> None:
    octets = Example.parse(BLOCKS["tier-schedule"]).octets("record")
    schedule = unpack_record(Record(octets[0], octets[2:]))
    assert isinstance(schedule, TierSchedule)
    for moment, slot in TABLES["slot-at"]:
        tick = tick_of(datetime.fromisoformat(moment))
        assert schedule.slot_at(tick) == (int(slot) if slot.isdigit() else None), moment
        assert schedule.holds_on_at(tick) == (slot == "holds on"), moment


def test_price_table() -> None:
    for scale, currency, step, exponent, code, price in TABLES["price"]:
        if currency == "reserved":
            with pytest.raises(ValueError, match="allowed: currency"):
                PriceScale.of(int(scale, 16))
        else:
            assert PriceScale.of(int(scale, 16)) == PriceScale(int(currency), int(step), int(exponent))
            assert PriceScale.of(int(scale, 16)).text(int(code)) == price


def test_planned_start_table() -> None:
    event = PlannedEvent(3, EVERYONE, dispatch=0x80, level=16, duration=0, release=0)
    for start, record, after in TABLES["planned-start"]:
        assert f"{10 * replace(event, start=int(start)).start_tick(0, int(record))} s" == after


def test_ramp_table() -> None:
    assert [int(code) for code, _ in TABLES["ramp"]] == list(range(8))
    for code, minutes in TABLES["ramp"]:
        assert ramp_s(int(code)) == 60 * int(minutes)
        assert ramp_code(int(minutes)) == int(code)


def test_role_table() -> None:
    bits = {int(bit, 16): [int(kind) for kind in kinds.split(", ") if kind] for bit, _, kinds in TABLES["roles"]}
    assert sorted(bits, reverse=True) == [1 << shift for shift in range(7, -1, -1)]
    stated = {kind: bit for bit, kinds in bits.items() for kind in kinds}
    assert {kind: message.ROLE for kind, message in message_types().items() if message.ROLE} == stated


def test_severities_are_those_of_the_table() -> None:
    assert [row[0] for row in TABLES["severity"]] == [severity.name.lower() for severity in Severity]
