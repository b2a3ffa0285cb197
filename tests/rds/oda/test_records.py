"""What a receiver and a head-end read out of records: times, prices, events and texts, worked by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.oda.bulletin import MAX_RECORD_OCTETS, Record
from rds.oda.codes import ramp_code, ramp_s
from rds.oda.display_text import clean_text, encode_display_text
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.halt import Halt
from rds.oda.messages.load_up import LoadUp
from rds.oda.price_scale import PriceScale, currency_name, currency_number
from rds.oda.records import pack_record, unpack_record
from rds.oda.records.notice import Notice
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import Region
from rds.oda.ticks import moment_of, tick_of

_REGION: Final = Region.parse("12FFF")
_TIERS: Final = TierSchedule(_REGION, day=1064, start=92, slot=0, stagger=12, tiers=(0,) * 6 + (1,) * 17 + (4,))
_PRICES: Final = PriceSchedule(_REGION, day=1065, start=48, slot=1, scale=0xF48194, codes=(124, -128, -4, *(0,) * 21))
_EVENING: Final = PlannedEvent(3, _REGION, dispatch=0x80, level=16, duration=0xC1, release=10, start=1080, ramp=5)


def test_the_moments_of_a_schedule() -> None:
    """Day 1064, quarter hour 92: midnight in central Europe, an hour before it in UTC."""
    midnight = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
    assert moment_of(_TIERS.start_tick) == midnight
    assert moment_of(_TIERS.end_tick) == midnight + timedelta(days=1)
    assert moment_of(_PRICES.start_tick) == datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
    assert moment_of(_PRICES.end_tick) == datetime(2026, 12, 2, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "slot", "holds_on"),
    [
        ("2026-11-30T22:59:50Z", None, False),
        ("2026-11-30T23:00:00Z", 0, False),
        ("2026-11-30T23:59:50Z", 0, False),
        ("2026-12-01T00:00:00Z", 1, False),
        ("2026-12-01T05:30:00Z", 6, False),
        ("2026-12-01T22:59:50Z", 23, False),
        ("2026-12-01T23:00:00Z", None, True),
        ("2026-12-01T23:59:50Z", None, True),
        ("2026-12-02T00:00:00Z", None, False),
    ],
)
def test_the_slot_of_a_moment(moment: str, slot: int | None, *, holds_on: bool) -> None:
    tick = tick_of(datetime.fromisoformat(moment))
    assert (_TIERS.slot_at(tick), _TIERS.holds_on_at(tick)) == (slot, holds_on)


@pytest.mark.parametrize(("slot", "ticks"), [(0, 360), (1, 180), (2, 90)])
def test_every_slot_length(slot: int, ticks: int) -> None:
    schedule = replace(_TIERS, slot=slot)
    assert schedule.slot_ticks == ticks
    assert [schedule.slot_at(schedule.start_tick + ticks * i) for i in range(24)] == list(range(24))
    assert schedule.slot_at(schedule.start_tick + 24 * ticks) is None


def test_staggers() -> None:
    assert [replace(_TIERS, stagger=code).stagger_s for code in (0, 1, 10, 14)] == [None, 0, 3600, 14400]


def test_prices() -> None:
    """25 x 10^-4 EUR a step: 124 steps are 0.31 EUR."""
    assert _PRICES.price_scale == PriceScale(currency=978, step=25, exponent=4)
    assert [_PRICES.amount(slot) for slot in range(4)] == [Decimal("0.31"), None, Decimal("-0.01"), Decimal(0)]
    assert _PRICES.price_scale.text(124) == "0.3100 EUR/kWh"
    assert PriceScale(826, 1, 0).text(-7) == "-7 GBP/kWh"
    assert PriceScale(999, 1023, 15).amount(127) == Decimal(127 * 1023) / 10**15
    assert PriceScale(7, 1, 7).text(1) == "0.0000001 007/kWh"


@pytest.mark.parametrize(("name", "number"), [("EUR", 978), ("usd", 840), ("AUD", 36), ("007", 7), ("978", 978)])
def test_currencies(name: str, number: int) -> None:
    """ISO 4217."""
    assert currency_number(name) == number
    assert currency_number(currency_name(number)) == number


@pytest.mark.parametrize("name", ["", "EU", "XXXX", "000", "12", "1000", "²²²"])
def test_what_is_no_currency(name: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: AUD, .*EUR"):
        currency_number(name)


@given(st.integers(0, (1 << 24) - 1))
def test_a_scale_both_ways(code: int) -> None:
    currency, step = code >> 14, code >> 4 & 0x3FF
    if 1 <= currency <= 999 and step:
        assert PriceScale.of(code).code == code
    else:
        with pytest.raises(ValueError, match="allowed: currency"):
            PriceScale.of(code)


def test_ramps() -> None:
    assert [ramp_s(code) // 60 for code in range(8)] == [0, 1, 2, 5, 10, 15, 30, 60]
    assert [ramp_code(ramp_s(code) // 60) for code in range(8)] == list(range(8))
    with pytest.raises(ValueError, match=r"ramp of 3 min; allowed: 0, 1, 2, 5"):
        ramp_code(3)
    for code in (-1, 8):
        with pytest.raises(ValueError, match=r"allowed: 0\.\.7"):
            ramp_s(code)


def test_the_event_of_a_plan() -> None:
    assert _EVENING.message(1, 9207720) == Curtail(1, 9207720, _REGION, 0x80, 16, 0xC1, 10)
    assert isinstance(replace(_EVENING, type=4, level=0).message(1, 1), Halt)
    assert isinstance(replace(_EVENING, type=5, level=228).message(1, 1), LoadUp)
    with pytest.raises(ValueError, match="the target of all"):
        _EVENING.message(1, 0x3FFFFFF)


@pytest.mark.parametrize(
    ("start", "index", "after"), [(0, 0, 0), (0, 5, 5), (1, 0, 6), (1, 6, 6), (1, 7, 7), (1080, 3, 6480)]
)
def test_the_start_of_a_planned_event(start: int, index: int, after: int) -> None:
    assert replace(_EVENING, start=start).start_tick(9200000, index) == 9200000 + after


def test_a_notice_ends() -> None:
    assert Notice(_REGION, severity=2, duration=0xC4, text="").end_tick(9207720) == 9207720 + 4 * 360


def test_tables() -> None:
    assert Table(_REGION, 1, bytes.fromhex("F48194")).scale == PriceScale(978, 25, 4)
    assert Table(_REGION, 1, bytes.fromhex("F48194")).text is None
    names = [Table(_REGION, item, b"x") for item in (0, 8, 15)]
    assert [(table.tier, table.scale) for table in names] == [(None, None), (0, None), (7, None)]


def test_texts() -> None:
    assert clean_text(b"a\x00b\x1b[2Jc\r\n\x7f\xc2\x85\xe2\x80\xa8d") == "ab[2Jcd"
    assert clean_text("naïve €, 充電".encode()) == "naïve €, 充電"
    assert clean_text(b"\xe2\x82") == ""
    for text in ("a\nb", "a\u202eb", "a\u200bb", "\ud800"):
        with pytest.raises(ValueError, match="control character U"):
            encode_display_text(text)


@given(st.binary(max_size=80))
def test_a_cleaned_text_can_be_sent_and_never_grows(data: bytes) -> None:
    text = clean_text(data)
    assert clean_text(encode_display_text(text)) == text
    assert len(encode_display_text(text)) <= len(data)


def test_a_text_that_is_too_long() -> None:
    assert unpack_record(pack_record(Notice(_REGION, 0, 0, "x" * 251))) is not None
    with pytest.raises(ValueError, match="a notice of 256 bytes; allowed: 255"):
        pack_record(Notice(_REGION, 0, 0, "x" * 252))


def test_an_unknown_type_is_ignored() -> None:
    for kind in (0, 7, 255):
        assert unpack_record(Record(kind, bytes(MAX_RECORD_OCTETS))) is None
