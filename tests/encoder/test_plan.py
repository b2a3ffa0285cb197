"""A plan's words: what they mean, and one line with file, line, value and what is allowed for each that is wrong."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.message_terms import (
    parse_dispatch,
    parse_level,
    parse_price_code,
    parse_tier,
    parse_tier_level,
    read_message,
)
from encoder.plan import Plan, PlannedMessage, read_plan
from rds.basic import af_pairs
from rds.errors import UsageError
from rds.oda.codes import Dispatch, Severity, is_curtail_level, level_text
from rds.oda.messages import message_types
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.end import End
from rds.oda.messages.halt import Halt
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.tier_now import TierNow
from rds.oda.region import Region
from rds.toml_table import parse_toml
from tests.encoder.networks import CLOCK, plan_text

CURTAIL = 'at = "00:00:08"\ntype = "curtail"\nregion = "12FFF"\nlevel = "16 A"\nduration_min = 60'
NAMED = f'{CURTAIL}\nname = "evening"'
END = 'at = "00:00:30"\ntype = "end"\ntarget = "evening"'


def read(*messages: str, station: str = "", application: str = "") -> Plan:
    return read_plan(plan_text(*messages, station=station, application=application), source="plan.toml", clock=CLOCK)


def test_a_small_plan_has_the_usual_values() -> None:
    plan = read()
    station = plan.station
    assert (station.programme.pi, station.programme.pty, station.programme.tp) == (0x1234, 0, 0)
    assert (station.ps, station.ta, station.ms, station.di) == (b"EVRDS   ", 0, 1, 0)
    assert (station.group_type, station.groups_per_second, station.aid) == ("11A", 2, 0xC0DE)
    assert (station.radio_texts, station.ecc, station.af_words) == ((), None, (0xE0CD,))
    assert (plan.domain.aid, plan.domain.network, plan.orders) == (0xC0DE, 7, ())


def test_a_station_s_words_become_its_fields() -> None:
    station = read(
        station='pty = 31\ntp = true\nta = true\nms = "speech"\ndi = ["stereo", "dynamic pty"]\n'
        'af = ["87.6", "107.9"]\necc = "e2"\nutc_offset = "-03:30"\n'
        '[[station.rt]]\nat = "00:01:00"\ntext = "Later"\n[[station.rt]]\ntext = "Now"',
        application='aid = "BEEF"\ngroup_type = "12A"\ngroups_per_second = 1',
    ).station
    assert (station.programme.pty, station.programme.tp, station.ta, station.ms, station.di) == (31, 1, 1, 0, 0b1001)
    # 87.6 MHz is code 1, 107.9 MHz code 204 (EN 50067, table 10); 226 says that two follow, 205 fills up.
    assert station.af_words == (226 << 8 | 1, 204 << 8 | 205) == tuple(af_pairs([87_600_000, 107_900_000]))
    assert (station.ecc, station.utc_offset) == (0xE2, timedelta(hours=-3, minutes=-30))
    assert [(text.start, text.text) for text in station.radio_texts] == [
        (CLOCK, b"Now"),
        (CLOCK + timedelta(minutes=1), b"Later"),
    ]
    assert (station.aid, station.group_type, station.groups_per_second) == (0xBEEF, "12A", 1)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            'type = "curtail"\nregion = "12fff"\nlevel = "16 A"\nduration_min = 60\nrelease_min = 60',
            Curtail(1, 5, Region(0x12FFF), 0x80, 16, 0xC1, 10),
        ),
        (
            'type = "curtail"\nregion = "FFFFF"\nlevel = "emergency"\nduration_min = 5\ndispatch = "25 %"',
            Curtail(1, 5, Region(0xFFFFF), 15, 243, 0x41, 0),
        ),
        (
            'type = "halt"\nregion = "1234E"\nduration_min = 7\nrelease_min = 0\ndispatch = "spread 300 s"',
            Halt(1, 5, Region(0x1234E), 0x80 | 30, 0, 0x07, 1),
        ),
        (
            'type = "load up"\nregion = "FFFFF"\nlevel = "100 %"\nduration_min = 60\ndispatch = "subgroup 5"',
            LoadUp(1, 5, Region(0xFFFFF), 0x45, 228, 0xC1, 0),
        ),
        (
            'type = "tier now"\nregion = "FFFFF"\ntier = "4"\nduration_min = 15',
            TierNow(1, 5, Region(0xFFFFF), 0x80, 4, 0x81, 0),
        ),
        (
            'type = "price now"\nregion = "FFFFF"\nprice_code = "-12"\nduration_min = 15',
            PriceNow(1, 5, Region(0xFFFFF), 0x80, 0xF4, 0x81, 0),
        ),
        (
            'type = "test"\nregion = "FFFFF"\nlevel = "0 %"\nduration_min = 1',
            message_types()[8](1, 5, Region(0xFFFFF), 0x80, 128, 0x01, 0),  # type: ignore[call-arg]
        ),
        ('type = "cancel"\nregion = "12FFF"\ntarget = "all"', message_types()[7](1, 5, Region(0x12FFF), 99, 0)),  # type: ignore[call-arg]
    ],
)
def test_a_message_s_words_become_its_codes(fields: str, expected: object) -> None:
    table = parse_toml(fields, source="plan.toml")
    draft = read_message(table, {})
    table.close()
    assert draft.compose(1, 5, 99) == expected


def test_every_message_but_the_heartbeat_can_be_planned() -> None:
    kinds = {kind.NAME for kind in message_types().values()}
    with pytest.raises(UsageError) as refusal:
        read('at = "00:00:01"\ntype = "heartbeat"')
    assert str(refusal.value).endswith("allowed: " + ", ".join(sorted(kinds - {Heartbeat.NAME})))


def test_messages_stand_by_their_time_and_an_end_takes_its_event_s_region() -> None:
    plan = read(END, NAMED, f"{CURTAIL.replace('00:00:08', '2026-12-01T18:00:05+01:00')}")
    assert [message.moment - CLOCK for message in plan.orders] == [timedelta(seconds=s) for s in (5, 8, 30)]
    last = plan.orders[2]
    assert isinstance(last, PlannedMessage)
    assert last.draft.compose(1, 9, 77) == End(1, 9, Region.parse("12FFF"), 77, 0)
    assert last.place == "plan.toml:12"


@given(st.integers(0, 255).filter(is_curtail_level))
def test_a_level_s_words_are_read_back(level: int) -> None:
    assert parse_level(level_text(level).removesuffix(" of the rating")) == level


def test_severities_tiers_prices_and_shares() -> None:
    assert [parse_level(severity.name.lower()) for severity in Severity] == [240, 241, 242, 243]
    assert (parse_tier("0"), parse_tier("7"), parse_tier_level("schedule")) == (0, 7, 128)
    assert (parse_price_code("127"), parse_price_code("-127"), parse_price_code("0")) == (127, 129, 0)
    assert parse_price_code("schedule") == 128
    assert [Dispatch.of(parse_dispatch(f"{percent} %")).fraction for percent in (2, 50, 100)] == [0, 31, 63]
    assert parse_dispatch("all") == 0x80


STATION_FAULTS = [
    ('pi = "12345"', r"plan.toml:2: pi: '12345'; allowed: four hex digits"),
    ('ps = "NINE CHAR"', r"plan.toml:3: ps: 'NINE CHAR' has 9 characters; allowed: 1..8"),
    ('ps = "Жук"', r"plan.toml:3: ps: 'Ж' \(U\+0416\) is not in the RDS character table; allowed: its characters"),
    ("pty = 32", r"plan.toml:4: pty = 32; allowed: 0..31"),
    ('tp = "yes"', r"plan.toml:4: tp = 'yes'; allowed: true or false"),
    ("ta = true", r"plan.toml:4: ta = true; allowed: false while tp is false"),
    ('ms = "silence"', r"plan.toml:4: ms = 'silence'; allowed: music, speech"),
    ('di = ["mono"]', r"plan.toml:4: di: 'mono'; allowed: stereo, artificial head, compressed, dynamic pty"),
    ('af = ["108.0"]', r"plan.toml:4: af: '108.0'; allowed: MHz in quotes, 87.6 to 107.9 in steps of 0.1"),
    ('af = ["98.15"]', r"plan.toml:4: af: '98.15'; allowed: MHz in quotes"),
    ('af = ["NaN"]', r"plan.toml:4: af: 'NaN'; allowed: MHz in quotes"),
    ('af = ["1e999999"]', r"plan.toml:4: af: '1e999999'; allowed: MHz in quotes"),
    ("af = [98.1]", r"plan.toml:4: af = \[98.1\]; allowed: an array of 0..25 strings"),
    ('ecc = "E"', r"plan.toml:4: ecc: 'E'; allowed: two hex digits"),
    ('utc_offset = "+01:15"', r"plan.toml:4: utc_offset: '\+01:15'; allowed: \+hh:00 or \+hh:30"),
    ('[[station.rt]]\ntext = "' + "x" * 65 + '"', r"plan.toml:5: text: 'x+' has 65 characters; allowed: 0..64"),
    ('colour = "red"', r"plan.toml:4: unknown field 'colour' in \[station\]; allowed: .*pi, ps, pty"),
]


@pytest.mark.parametrize(("line", "said"), STATION_FAULTS)
def test_a_wrong_station_is_one_line(line: str, said: str) -> None:
    name = line.split(" ", maxsplit=1)[0]
    text = plan_text(station="" if name in ("pi", "ps") else line)
    if name in ("pi", "ps"):
        text = "\n".join(line if old.startswith(name) else old for old in text.split("\n"))
    with pytest.raises(UsageError, match=said) as refusal:
        read_plan(text, source="plan.toml", clock=CLOCK)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('aid = "CD46"', r"plan.toml:7: aid: AID CD46 is registered to 'RDS-TMC: ALERT-C'; allowed: your own, or C0DE"),
        ('aid = "C0D"', r"plan.toml:7: aid: AID 'C0D'; allowed: four hex digits"),
        ('group_type = "11B"', r"plan.toml:7: group_type = '11B'; allowed: 11A, 12A, 5A"),
        ("groups_per_second = 3", r"plan.toml:7: groups_per_second = 3; allowed: 1, 2, 4"),
        ("groups_per_second = 2.0", r"plan.toml:7: groups_per_second = 2.0; allowed: a whole number"),
        ("network = 8", r"plan.toml:7: not TOML: "),
    ],
)
def test_a_wrong_application_is_one_line(line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(application=line)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (CURTAIL.replace("12FFF", "123456"), r":15: region: region '123456'; allowed: five digits 0..E, then F"),
        (CURTAIL.replace("12FFF", "1F3FF"), r":15: region: region '1F3FF'; allowed: five digits"),
        (CURTAIL.replace("16 A", "81 A"), r":16: level: '81 A'; allowed: \"1 A\" to \"80 A\""),
        (CURTAIL.replace("16 A", "0 A"), r":16: level: '0 A'; allowed:"),
        (CURTAIL.replace("16 A", "101 %"), r":16: level: '101 %'; allowed:"),
        (CURTAIL.replace('"16 A"', "16"), r":16: level = 16; allowed: a string in quotes"),
        (CURTAIL.replace("= 60", "= 64"), r":17: duration_min: duration of 64 min; allowed: 1..63, multiples of 5"),
        (CURTAIL.replace("= 60", "= 0"), r":17: duration_min: duration of 0 min; allowed"),
        (f"{CURTAIL}\nrelease_min = 7", r":18: release_min: release of 7 min; allowed: 0, 1, 2, 5"),
        (f'{CURTAIL}\ndispatch = "half"', r":18: dispatch: 'half'; allowed: \"all\", \"2 %\""),
        (f'{CURTAIL}\ndispatch = "spread 45 s"', r":18: dispatch: 'spread 45 s'; allowed: .*in steps of 10 s"),
        (f'{CURTAIL}\ndispatch = "subgroup 64"', r":18: dispatch: 'subgroup 64'; allowed"),
        (f'{CURTAIL}\ntier = "3"', r":18: unknown field 'tier' in \[message\]; allowed: at, dispatch, duration_min"),
        (CURTAIL.replace("00:00:08", "8 s"), r":13: at: '8 s'; allowed: \"00:00:08\" from the start, or"),
        (CURTAIL.replace("00:00:08", "00:00:61"), r":13: at: '00:00:61'; allowed:"),
        (
            CURTAIL.replace("00:00:08", "2026-12-01T16:59:59Z"),
            r":13: at: .* is before the clock; allowed: from 2026-12-01T17",
        ),
        (CURTAIL.replace("00:00:08", "2026-02-30T17:00:00Z"), r":13: at: '2026-02-30T17:00:00Z'; allowed:"),
        (CURTAIL.replace("curtail", "curtial"), r":14: type = 'curtial'; allowed: cancel, curtail, end, halt, load up"),
        ('at = "00:00:01"\ntype = "halt"\nregion = "12FFF"', r":12: no field 'duration_min' in \[message\]"),
        (
            'at = "00:00:01"\ntype = "load up"\nregion = "12FFF"\nlevel = "6 A"\nduration_min = 5',
            r":12: load up: level 6",
        ),
        (
            'at = "00:00:01"\ntype = "tier now"\nregion = "12FFF"\ntier = "8"\nduration_min = 5',
            r":16: tier: '8'; allowed",
        ),
        (
            'at = "00:00:01"\ntype = "price now"\nregion = "12FFF"\nprice_code = "128"\nduration_min = 5',
            r":16: price_code",
        ),
        (END, r":15: target = 'evening'; allowed: all"),
        (f'{CURTAIL}\nname = "all"', r":18: name = 'all'; allowed: a name of its own"),
        ('at = "00:00:01"\ntype = "cancel"\ntarget = "all"', r":12: no field 'region' in \[message\]"),
    ],
)
def test_a_wrong_message_is_one_line(message: str, said: str) -> None:
    with pytest.raises(UsageError, match=r"^plan\.toml" + said) as refusal:
        read(message, application="groups_per_second = 4")
    assert "\n" not in str(refusal.value)


def test_an_event_s_name_is_its_own_and_an_end_comes_after_its_event() -> None:
    with pytest.raises(UsageError, match=r"name = 'evening'; allowed: a name of its own"):
        read(NAMED, NAMED)
    with pytest.raises(UsageError, match=r"target = 'evening'; allowed: all"):
        read(NAMED, END.replace("00:00:30", "00:00:07"))
    tier = 'at = "00:00:02"\nname = "tier"\ntype = "tier now"\nregion = "FFFFF"\ntier = "1"\nduration_min = 5'
    with pytest.raises(UsageError, match=r"target = 'tier'; allowed: all, evening"):
        read(NAMED, tier, END.replace("evening", "tier"))


def test_the_clock_of_a_plan_is_where_its_times_count_from() -> None:
    clock = datetime(2027, 1, 1, tzinfo=UTC)
    [message] = read_plan(plan_text(CURTAIL), source="plan.toml", clock=clock).orders
    assert message.moment == clock + timedelta(seconds=8)


def test_text_that_is_no_toml_is_one_line() -> None:
    with pytest.raises(UsageError, match=r"^plan\.toml:1: not TOML"):
        read_plan("pi: 1234", source="plan.toml", clock=CLOCK)
