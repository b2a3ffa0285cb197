"""A bulletin's words: the records that they make, and one line with file, line, value and what is allowed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.plan import PlannedBulletin, read_plan
from encoder.price_terms import Price, fit_scale, parse_price, parse_step, price_codes
from encoder.slot_terms import Calendar
from rds.errors import UsageError
from rds.oda.price_scale import PriceScale
from rds.oda.records import BulletinRecord
from rds.oda.records.notice import Notice
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.price_schedule import PriceSchedule
from rds.oda.records.table import Table
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import EVERYONE, Region
from rds.oda.ticks import tick_of
from tests.encoder.networks import CLOCK, bulletin_text, plan_text

R12 = Region.parse("12FFF")
DAY = 1065
"""2026-12-01, that of the clock; local time is an hour ahead of UTC."""
STATION = 'utc_offset = "+01:00"'
TIERS = 'type = "tier schedule"\nregion = "12FFF"\nstart = "00:00"'
PRICES = 'type = "price schedule"\nregion = "FFFFF"\nstart = "tomorrow 00:00"'
EVENING = 'type = "curtail"\nregion = "12FFF"\nlevel = "16 A"\nduration_min = 60'


def read(*records: str, at: str = "00:00:00") -> PlannedBulletin:
    plan = read_plan(
        plan_text(station=STATION) + "\n" + bulletin_text(*records, at=at), source="plan.toml", clock=CLOCK
    )
    [bulletin] = plan.orders
    assert isinstance(bulletin, PlannedBulletin)
    return bulletin


@pytest.mark.parametrize(
    ("words", "record"),
    [
        (
            f'{TIERS}\nstagger_min = 60\ntiers = ["00:00 off-peak", "06:00 2", "17:00 peak", "22:00 off-peak"]',
            # Midnight in central Europe is 23:00 UTC the day before: quarter hour 92.
            TierSchedule(R12, DAY - 1, 92, 0, 10, (1,) * 6 + (2,) * 11 + (3,) * 5 + (1,) * 2),
        ),
        (
            f'{TIERS}\ntiers = ["23:00 super off-peak", "05:00 4"]',
            TierSchedule(R12, DAY - 1, 92, 0, 0, (0,) * 5 + (4,) * 18 + (0,)),
        ),
        (
            TIERS.replace("00:00", "18:15") + '\nslot_min = 15\ntiers = ["18:45 5", "20:00 6", "00:15 7"]',
            TierSchedule(R12, DAY, 69, 2, 0, (7,) * 2 + (5,) * 5 + (6,) * 17),
        ),
        (
            f"{TIERS}\ntiers = {[str(slot % 8) for slot in range(24)]}",
            TierSchedule(R12, DAY - 1, 92, 0, 0, tuple(slot % 8 for slot in range(24))),
        ),
        (
            f'{PRICES}\nprices = ["00:00 0.18 EUR", "12:00 -0.02 EUR", "13:00 none", "14:00 0.31 EUR"]',
            PriceSchedule(EVERYONE, DAY, 92, 0, PriceScale(978, 1, 2).code, (18,) * 12 + (-2, -128) + (31,) * 10),
        ),
        (
            f'{PRICES}\nslot_min = 30\nstep = "0.0025 EUR"\nprices = ["00:00 0.1013 EUR", "04:30 0.3175 EUR"]',
            PriceSchedule(EVERYONE, DAY, 92, 1, 0xF48194, (41,) * 9 + (127,) * 15),
        ),
        (
            f'{EVENING}\nstart = "21:30"\nramp_min = 15\nprogrammes = ["0", "2"]\nrelease_min = 60',
            # 21:30 there is 20:30 UTC, 210 min after the clock.
            PlannedEvent(3, R12, 0x80, 16, 0xC1, 10, start=210, ramp=5, programmes=0b101),
        ),
        (EVENING, PlannedEvent(3, R12, 0x80, 16, 0xC1, 0)),
        (
            'type = "halt"\nregion = "12FFF"\nduration_min = 30\nstart = "90 min"\ndispatch = "25 %"',
            PlannedEvent(4, R12, 15, 0, 0x82, 0, start=90),
        ),
        (
            'type = "load up"\nregion = "12FFF"\nlevel = "100 %"\nduration_min = 60\nstart = "2026-12-02T11:00:00Z"',
            PlannedEvent(5, R12, 0x80, 228, 0xC1, 0, start=18 * 60),
        ),
        (
            'type = "notice"\nregion = "FFFFF"\nseverity = "high"\nduration_min = 240\ntext = "Cold evening é"',
            Notice(EVERYONE, 2, 0xC4, "Cold evening é"),
        ),
        ('type = "notice"\nregion = "FFFFF"\nduration_min = 5\ntext = ""', Notice(EVERYONE, 0, 0x41, "")),
        ('type = "table"\nregion = "12FFF"\nitem = "name"\ntext = "Süd"', Table(R12, 0, "Süd".encode())),
        ('type = "table"\nregion = "12FFF"\nitem = "tier 5"\ntext = "solar"', Table(R12, 13, b"solar")),
        (
            'type = "table"\nregion = "12FFF"\nitem = "scale"\nstep = "0.0025 EUR"',
            Table(R12, 1, bytes.fromhex("F48194")),
        ),
    ],
)
def test_a_record_s_words_become_its_fields(words: str, record: BulletinRecord) -> None:
    [draft] = read(words).drafts
    assert draft.record == record == draft.compose(tick_of(CLOCK))


def test_a_planned_event_keeps_its_start_when_its_bulletin_is_stamped_later() -> None:
    [draft] = read(f'{EVENING}\nstart = "90 min"').drafts
    for ticks, start in ((0, 90), (2, 90), (6, 89), (9000, 0)):
        record = draft.compose(tick_of(CLOCK) + ticks)
        assert isinstance(record, PlannedEvent)
        assert record.start == start


def test_planned_events_stand_first_as_each_takes_a_time_stamp() -> None:
    notice = 'type = "notice"\nregion = "FFFFF"\nduration_min = 5\ntext = "x"'
    drafts = read(notice, f'{EVENING}\nname = "one"', f'{EVENING}\nname = "two"').drafts
    assert [draft.name for draft in drafts] == ["one", "two", None]


def test_an_end_names_an_event_that_a_bulletin_plans() -> None:
    text = plan_text('at = "00:00:10"\ntype = "cancel"\ntarget = "evening"') + "\n"
    plan = read_plan(text + bulletin_text(f'{EVENING}\nname = "evening"'), source="plan.toml", clock=CLOCK)
    assert [type(order).__name__ for order in plan.orders] == ["PlannedBulletin", "PlannedMessage"]
    late = bulletin_text(f'{EVENING}\nname = "evening"', at="00:00:11")
    with pytest.raises(UsageError, match=r"plan\.toml:15: target = 'evening'; allowed: all$"):
        read_plan(text + late, source="plan.toml", clock=CLOCK)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            'type = "certificate"',
            r":15: type = 'certificate'; allowed: curtail, halt, load up, notice, price schedule, ",
        ),
        (f"{TIERS}", r":14: no field 'tiers' in \[bulletin.record\]"),
        (f'{TIERS}\ntiers = ["1", "2"]', r":18: tiers = \['1', '2'\]; allowed: 24 values, or values from different"),
        (f'{TIERS}\ntiers = ["00:00 1", "2"]', r":18: tiers = .*; allowed: 24 values, or"),
        (f'{TIERS}\ntiers = ["00:00 1", "00:00 2"]', r":18: tiers = .*; allowed: 24 values, or"),
        (
            f'{TIERS}\ntiers = ["00:00 1", "06:30 2"]',
            r":18: tiers = .*; 06:30 begins no slot; allowed: every 60 min from",
        ),
        (f'{TIERS}\ntiers = ["00:00 8"]', r":18: tiers: '8'; allowed: .0. to .7., super off-peak"),
        (f'{TIERS}\ntiers = ["24:00 1"]', r":18: tiers: '24:00 1'; allowed: .0. to .7."),
        (f'{TIERS}\nslot_min = 20\ntiers = ["00:00 1"]', r":18: slot_min = 20; allowed: 60, 30, 15"),
        (f'{TIERS}\nstagger_min = 7\ntiers = ["00:00 1"]', r":18: stagger_min: release of 7 min; allowed: 0, 1, 2"),
        (f'{TIERS}\ncolour = "red"\ntiers = ["00:00 1"]', r":18: unknown field 'colour' in \[bulletin.record\]"),
        (TIERS.replace("00:00", "25:00") + '\ntiers = ["1"]', r":17: start: '25:00'; allowed: .18:00., .tomorrow"),
        (TIERS.replace("00:00", "00:10") + '\ntiers = ["1"]', r":17: start = '00:10'; allowed: full quarter hours"),
        (
            TIERS.replace("00:00", "2026-11-30T16:00:00Z") + '\ntiers = ["00:00 1"]',
            r":17: start = .*; allowed: from a day before 2026-12-01T17:00:00\+00:00 to 8 days after",
        ),
        (
            TIERS.replace("00:00", "2026-12-10T00:00:00Z") + '\ntiers = ["00:00 1"]',
            r":17: start = .*; allowed: from a day before",
        ),
        (
            f'{TIERS}\nslot_min = 15\ntiers = ["00:00 1"]',
            r":17: start = '00:00'; it is over at 2026-12-01T05:00:00\+00:00; allowed: a later one",
        ),
        (
            TIERS.replace("12FFF", "1F3FF") + '\ntiers = ["00:00 1"]',
            r":16: region: region '1F3FF'; allowed: five digits",
        ),
        (
            f'{PRICES}\nprices = ["00:00 31 cents"]',
            r":18: prices: '31 cents'; allowed: an amount per kWh and its currency",
        ),
        (f'{PRICES}\nprices = ["00:00 0.31 XXX"]', r":18: prices: currency 'XXX'; allowed: AUD, "),
        (
            f'{PRICES}\nprices = ["00:00 0.1 EUR", "01:00 0.1 CHF"]',
            r":18: prices: prices in CHF, EUR; allowed: one currency",
        ),
        (f'{PRICES}\nprices = ["00:00 none"]', r":18: prices: prices in none; allowed: one currency"),
        (
            f'{PRICES}\nprices = ["00:00 0.1 EUR", "01:00 1.28 EUR", "02:00 0.11 EUR"]',
            r":18: prices: no step holds all",
        ),
        (
            f'{PRICES}\nstep = "0.01 EUR"\nprices = ["00:00 1.28 EUR"]',
            r":19: prices: price 1.28 is beyond 1.27 EUR/kWh",
        ),
        (
            f'{PRICES}\nstep = "0.01 CHF"\nprices = ["00:00 1 EUR"]',
            r":19: prices: a price in EUR; allowed: CHF, as step",
        ),
        (
            f'{PRICES}\nstep = "0.1025 EUR"\nprices = ["00:00 1 EUR"]',
            r":18: step: '0.1025 EUR'; allowed: 1..1023 of a last",
        ),
        (f'{PRICES}\nstep = "0 EUR"\nprices = ["00:00 1 EUR"]', r":18: step: '0 EUR'; allowed: 1..1023 of a last"),
        (f'{EVENING}\nstart = "17:00"', r":19: start = '17:00'; allowed: 0..8191 min after 2026-12-01T17:00:00\+00:00"),
        (f'{EVENING}\nstart = "2026-12-07T09:32:00Z"', r":19: start = .*; allowed: 0..8191 min after"),
        (f"{EVENING}\nramp_min = 3", r":19: ramp_min: ramp of 3 min; allowed: 0, 1, 2, 5, 10, 15, 30, 60"),
        (f'{EVENING}\nprogrammes = ["8"]', r":19: programmes: '8'; allowed: .0. to .7."),
        (f'{EVENING}\nname = "all"', r":19: name = 'all'; allowed: a name of its own"),
        (EVENING.replace("16 A", "81 A"), r":17: level: '81 A'; allowed: .1 A. to .80 A."),
        (
            EVENING.replace("curtail", "load up").replace("16 A", "0 %"),
            r":14: load up: level 128 is reserved in load up",
        ),
        (
            'type = "notice"\nregion = "FFFFF"\nseverity = "low"',
            r":17: severity = 'low'; allowed: normal, moderate, high",
        ),
        (
            'type = "notice"\nregion = "FFFFF"\nduration_min = 5\ntext = "a\\nb"',
            r":18: text: control character U\+000A in text; allowed: characters that show",
        ),
        (
            f'type = "notice"\nregion = "FFFFF"\nduration_min = 5\ntext = "{"é" * 126}"',
            r":14: a notice of 256 bytes; allowed: 255, shorten its text",
        ),
        ('type = "table"\nregion = "FFFFF"\nitem = "tier 8"', r":17: item = 'tier 8'; allowed: name, scale, tier 0, "),
        ('type = "table"\nregion = "FFFFF"\nitem = "scale"', r":14: no field 'step' in \[bulletin.record\]"),
    ],
)
def test_a_wrong_record_is_one_line(words: str, said: str) -> None:
    with pytest.raises(UsageError, match=rf"^plan\.toml{said}") as refusal:
        read(words)
    assert "\n" not in str(refusal.value)


def test_a_bulletin_holds_one_to_1050_bytes_and_30_events() -> None:
    with pytest.raises(UsageError, match=r"^plan\.toml:12: 0 bytes of records; allowed: 1\.\.1050"):
        read()
    tier = f'{TIERS}\ntiers = ["00:00 1"]'
    assert read(*[tier] * 61).envelopes == 16
    with pytest.raises(UsageError, match=r"^plan\.toml:12: 1054 bytes of records; allowed: 1\.\.1050, make several"):
        read(*[tier] * 62)
    assert len(read(*[EVENING] * 30).drafts) == 30
    with pytest.raises(UsageError, match=r"^plan\.toml:12: 31 planned events; allowed: 0\.\.30, as each takes"):
        read(*[EVENING] * 31)


@pytest.mark.parametrize(("count", "envelopes"), [(1, 2), (4, 2), (5, 3), (8, 3), (16, 5)])
def test_how_many_envelopes_tier_schedules_take(count: int, envelopes: int) -> None:
    """As the protocol says: 4, 8, 16 tier schedules take 2, 3, 5."""
    assert read(*[f'{TIERS}\ntiers = ["00:00 1"]'] * count).envelopes == envelopes


def test_times_of_day_are_the_station_s() -> None:
    late = Calendar(datetime(2026, 12, 1, 23, 30, tzinfo=UTC), timedelta(hours=1))
    assert late.parse("00:00") == datetime(2026, 12, 1, 23, tzinfo=UTC)
    assert late.parse("tomorrow 12:45") == datetime(2026, 12, 3, 11, 45, tzinfo=UTC)
    west = Calendar(datetime(2026, 12, 1, 2, tzinfo=UTC), timedelta(hours=-3, minutes=-30))
    assert west.parse("00:00") == datetime(2026, 11, 30, 3, 30, tzinfo=UTC)
    assert west.minute_of_day(west.parse("18:15")) == 18 * 60 + 15


def _prices(*texts: str) -> list[Price]:
    return [parse_price(f"{text} EUR") for text in texts]


@pytest.mark.parametrize(
    ("prices", "step", "codes"),
    [
        (_prices("0.31"), "0.31 EUR", (1,)),
        (_prices("0.31", "0.30", "-0.02", "0"), "0.01 EUR", (31, 30, -2, 0)),
        (_prices("0.125", "0.25"), "0.125 EUR", (1, 2)),
        (_prices("0.000"), "1 EUR", (0,)),
        (_prices("1270", "10"), "10 EUR", (127, 1)),
        (_prices("5000"), "1000 EUR", (5,)),
    ],
)
def test_prices_get_the_coarsest_scale_that_is_exact(prices: list[Price], step: str, codes: tuple[int, ...]) -> None:
    scale = fit_scale(prices)
    assert scale == parse_step(step)
    assert price_codes(prices, scale) == codes
    assert [scale.amount(code) for code in codes] == [price.amount for price in prices]


@given(st.lists(st.decimals(-1000, 1000, places=4), min_size=1, max_size=24))
def test_a_scale_that_fits_is_exact(amounts: list[Decimal]) -> None:
    prices = [Price(amount, 978) for amount in amounts]
    try:
        scale = fit_scale(prices)
    except ValueError as error:
        assert "no step holds all" in str(error)  # noqa: PT017
        return
    assert [scale.amount(code) for code in price_codes(prices, scale)] == amounts


@given(st.text(max_size=20))
def test_any_words_are_a_price_or_one_complaint(text: str) -> None:
    for parse in (parse_price, parse_step):
        try:
            parse(text)
        except ValueError as error:
            assert "allowed" in str(error)  # noqa: PT017
