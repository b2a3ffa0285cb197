"""The programme's own groups against a real station's, the standard's tables, hand-worked clocks; what is refused."""

import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.basic import (
    MAX_AF,
    RT_2B_LENGTH,
    RT_LENGTH,
    Programme,
    af_code,
    af_frequency_hz,
    af_pairs,
    pack_0a,
    pack_0b,
    pack_1a,
    pack_2a,
    pack_2b,
    pack_4a,
    pack_10a,
    radio_text_bytes,
    unpack_4a,
)
from rds.group import Group
from rds.hex_line import format_words
from rds.text import encode_text

VECTORS = tomllib.loads((Path(__file__).parents[1] / "vectors" / "basic_groups.toml").read_text(encoding="utf-8"))
STATION = VECTORS["station"]
CHICAGO = Programme(pi=STATION["pi"], pty=STATION["pty"])
HERE = Programme(pi=0x1234)


def test_the_programme_service_name_of_a_real_station() -> None:
    ps = encode_text(STATION["ps"])
    for segment, line in STATION["ps_groups"].items():
        group = pack_0a(CHICAGO, segment=int(segment), ps=ps, af_pair=STATION["af_pair"])
        assert format_words(group.words) == line


@pytest.mark.parametrize("ab", [0, 1])
def test_the_radio_text_of_a_real_station(ab: int) -> None:
    text = radio_text_bytes(encode_text(STATION["rt"]), segment_length=4, longest=RT_LENGTH)
    for segment, line in STATION[f"rt_groups_ab{ab}"].items():
        assert format_words(pack_2a(CHICAGO, segment=int(segment), text=text, ab=ab).words) == line


@pytest.mark.parametrize(
    ("group", "line"),
    [
        # 0000 1 1 01010 1 1 1 11 / PI / "34": TA, M/S, d0 (the last segment's), segment 3
        (
            pack_0b(Programme(0x4E0D, tp=1, pty=10), segment=3, ps=b"ABCDEF34", ta=1, ms=1, di=0b0001),
            "4E0D 0D5F 4E0D 3334",
        ),
        # di 1000 is d3, sent with segment 0; ms 0, ta 0
        (pack_0a(HERE, segment=0, ps=b"ABCDEFGH", af_pair=0xE0CD, ms=0, di=0b1000), "1234 0004 E0CD 4142"),
        # 0001 0 0 00000 00000 / 0 000 .... E1 / no programme item number
        (pack_1a(HERE, ecc=0xE1), "1234 1000 00E1 0000"),
        # 0010 1 0 00000 1 0010 / PI / "EF"
        (pack_2b(HERE, segment=2, text=b"ABCDEFGH", ab=1), "1234 2812 1234 4546"),
        # 1010 0 0 00000 1 000 1 / "EFGH"
        (pack_10a(HERE, segment=1, ptyn=b"ABCDEFGH", ab=1), "1234 A011 4546 4748"),
    ],
    ids=["0B", "0A", "1A", "2B", "10A"],
)
def test_a_group_worked_by_hand(group: Group, line: str) -> None:
    assert format_words(group.words) == line


@pytest.mark.parametrize("vector", VECTORS["af_code"], ids=lambda vector: vector["source"][:20])
def test_frequency_codes(vector: dict[str, Any]) -> None:  # Any: a table of TOML
    for frequency_hz, code in vector["codes"].items():
        assert af_code(int(frequency_hz)) == code
        assert af_frequency_hz(code) == int(frequency_hz)


@pytest.mark.parametrize("vector", VECTORS["af_list"], ids=lambda vector: str(len(vector["frequencies_hz"])))
def test_frequency_lists(vector: dict[str, Any]) -> None:  # Any: a table of TOML
    assert [f"{pair:04X}" for pair in af_pairs(vector["frequencies_hz"])] == vector["pairs"]


@pytest.mark.parametrize("code", [0, 205, 206, 223, 224, 249, 250, 255, -1, 256])
def test_fillers_counts_and_reserved_codes_are_no_frequency(code: int) -> None:
    assert af_frequency_hz(code) is None


@pytest.mark.parametrize("frequency_hz", [87_500_000, 108_000_000, 98_150_000, 98_100_001, 0, -1])
def test_a_frequency_without_a_code_is_refused(frequency_hz: int) -> None:
    with pytest.raises(ValueError, match=r"MHz has no AF code; allowed: 87\.6 to 107\.9 MHz"):
        af_code(frequency_hz)


def test_too_long_a_frequency_list_is_refused() -> None:
    assert len(af_pairs([98_100_000] * MAX_AF)) == 13
    with pytest.raises(ValueError, match="26 alternative frequencies; at most 25"):
        af_pairs([98_100_000] * (MAX_AF + 1))


@pytest.mark.parametrize("vector", VECTORS["clock"], ids=lambda vector: str(vector["mjd"]))
def test_clocks_worked_by_hand(vector: dict[str, Any]) -> None:  # Any: a table of TOML
    group = pack_4a(HERE, vector["moment"])
    assert format_words(group.words) == vector["words"]
    heard = unpack_4a(*group.words[1:])
    assert heard is not None
    assert (heard, heard.utcoffset()) == (vector["moment"], vector["moment"].utcoffset())


@given(st.dates(date(1900, 3, 1), date(2100, 2, 28)))
def test_the_day_number_is_that_of_annex_g(day: date) -> None:
    early = 1 if day.month <= 2 else 0
    years = int((day.year - 1900 - early) * 365.25)
    mjd = 14956 + day.day + years + int((day.month + 1 + early * 12) * 30.6001)
    _, block2, block3, _ = pack_4a(HERE, datetime(day.year, day.month, day.day, tzinfo=UTC)).words
    assert (block2 & 3) << 15 | block3 >> 1 == mjd


zones = st.integers(-31, 31).map(lambda half_hours: timezone(timedelta(minutes=30 * half_hours)))
moments = st.datetimes(datetime(1858, 11, 20), datetime(2217, 9, 1), timezones=zones)  # noqa: DTZ001  zones come after


@given(moments)
def test_a_moment_comes_back_to_the_minute(moment: datetime) -> None:
    heard = unpack_4a(*pack_4a(HERE, moment).words[1:])
    assert heard is not None
    assert (heard, heard.utcoffset()) == (moment.replace(second=0, microsecond=0), moment.utcoffset())


words = st.integers(0, 0xFFFF)


@given(words, words, words)
def test_any_clock_off_the_air_is_a_moment_or_none(block2: int, block3: int, block4: int) -> None:
    heard = unpack_4a(block2, block3, block4)
    hour, minute = (block3 & 1) << 4 | block4 >> 12, block4 >> 6 & 0x3F
    if heard is None:
        assert hour > 23 or minute > 59 or (block2 & 3, block3 >> 1) == (0, 0)
    else:
        utc = heard.astimezone(UTC)
        assert (utc.hour, utc.minute) == (hour, minute)


def _at(*fields: int, offset: timedelta) -> datetime:
    return datetime(*fields, tzinfo=timezone(offset))  # type: ignore[arg-type, misc]  # year, month, day


REFUSALS: dict[str, tuple[Callable[[], object], str]] = {
    "naive moment": (lambda: pack_4a(HERE, datetime(2026, 1, 1)), "has no UTC offset"),  # noqa: DTZ001  the point
    "offset of 16 h": (lambda: pack_4a(HERE, _at(2026, 1, 1, offset=timedelta(hours=16))), "UTC offset of 16:00:00"),
    "offset of 45 min": (
        lambda: pack_4a(HERE, _at(2026, 1, 1, offset=timedelta(minutes=345))),
        "UTC offset of 5:45:00",
    ),
    "day 0": (lambda: pack_4a(HERE, datetime(1858, 11, 17, tzinfo=UTC)), "1858-11-17; allowed: 1858-11-18 to"),
    "day of 18 bits": (lambda: pack_4a(HERE, datetime(2217, 9, 29, tzinfo=UTC)), "2217-09-29; allowed: .* to 2217"),
    "ps segment": (lambda: pack_0a(HERE, segment=4, ps=b"ABCDEFGH", af_pair=0), "segment 4; allowed: 0 to 3"),
    "ps below": (lambda: pack_0b(HERE, segment=-1, ps=b"ABCDEFGH"), "segment -1; allowed: 0 to 3"),
    "short ps": (lambda: pack_0a(HERE, segment=3, ps=b"ABCDEFG", af_pair=0), "7 bytes; needed: 8 to 8"),
    "ms": (lambda: pack_0a(HERE, segment=0, ps=b"ABCDEFGH", af_pair=0, ms=2), "ms is 2; allowed: 0 to 1"),
    "ta": (lambda: pack_0b(HERE, segment=0, ps=b"ABCDEFGH", ta=-1), "ta is -1; allowed: 0 to 1"),
    "di": (lambda: pack_0b(HERE, segment=0, ps=b"ABCDEFGH", di=16), "di is 16; allowed: 0 to 15"),
    "ecc": (lambda: pack_1a(HERE, ecc=0x1E1), "ecc is 481; allowed: 0 to 255"),
    "rt segment": (lambda: pack_2a(HERE, segment=2, text=b"ABCDEFGH", ab=0), "segment 2; allowed: 0 to 1"),
    "rt of no whole segments": (lambda: pack_2a(HERE, segment=0, text=b"ABCDEF", ab=0), "6 bytes; needed: 4 to 64"),
    "rt too long": (lambda: pack_2a(HERE, segment=16, text=b"A" * 68, ab=0), "68 bytes; needed: 4 to 64"),
    "rt of 2B too long": (lambda: pack_2b(HERE, segment=16, text=b"A" * 34, ab=0), "34 bytes; needed: 2 to 32"),
    "ab": (lambda: pack_2b(HERE, segment=0, text=b"AB", ab=2), "ab is 2; allowed: 0 to 1"),
    "ptyn segment": (lambda: pack_10a(HERE, segment=2, ptyn=b"ABCDEFGH", ab=0), "segment 2; allowed: 0 to 1"),
    "text": (lambda: radio_text_bytes(b"A" * 65, segment_length=4, longest=RT_LENGTH), "65 characters; at most 64"),
    "pty": (lambda: pack_1a(Programme(0x1234, pty=32), ecc=0xE1), "pty is 32; allowed: 0 to 31"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_what_cannot_be_sent_is_refused(refusal: str) -> None:
    attempt, message = REFUSALS[refusal]
    with pytest.raises(ValueError, match=message):
        attempt()


@pytest.mark.parametrize(("segment_length", "longest"), [(4, RT_LENGTH), (2, RT_2B_LENGTH)])
@given(data=st.data())
def test_a_radio_text_fills_whole_segments_and_ends(segment_length: int, longest: int, data: st.DataObject) -> None:
    text = data.draw(st.binary(max_size=longest))
    filled = radio_text_bytes(text, segment_length=segment_length, longest=longest)
    assert filled.startswith(text)
    assert len(filled) % segment_length == 0
    assert len(filled) <= longest
    assert filled[len(text) :].strip(b" ") == (b"" if len(text) == longest else b"\r")
