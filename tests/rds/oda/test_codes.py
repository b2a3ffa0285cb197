"""Codes, regions, draws, ticks and AIDs: what the tables of docs/protocol.md do not show, each value both ways."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.oda.aid import DEFAULT_AID, REGISTERED, parse_aid
from rds.oda.codes import Dispatch, duration_code, duration_s, level_percent, release_code, release_s
from rds.oda.draw import delay_ms, draw
from rds.oda.region import EVERYONE, Region
from rds.oda.ticks import MAX_TICK, TICK_S, moment_of, tick_of

_DIGITS: Final = st.text("0123456789ABCDE", min_size=0, max_size=5)
_REGIONS: Final = _DIGITS.map(lambda digits: Region.parse(digits.ljust(5, "F")))
_CODES: Final = st.text("0123456789ABCDE", min_size=5, max_size=5).map(Region.parse_code)


def test_a_duration_keeps_its_length() -> None:
    for code in range(256):
        assert duration_s(duration_code(duration_s(code) // 60)) == duration_s(code)


@pytest.mark.parametrize("minutes", [0, -1, 64, 316, 946, 3781, 3840])
def test_a_duration_without_a_code(minutes: int) -> None:
    with pytest.raises(ValueError, match=f"duration of {minutes} min; allowed"):
        duration_code(minutes)


def test_an_hour_is_written_in_hours() -> None:
    assert duration_code(60) == 0xC1


@pytest.mark.parametrize("code", range(1, 15))
def test_a_release_both_ways(code: int) -> None:
    seconds = release_s(code)
    assert seconds is not None
    assert release_code(seconds // 60) == code


@pytest.mark.parametrize("minutes", [-1, 3, 25, 241])
def test_a_release_without_a_code(minutes: int) -> None:
    with pytest.raises(ValueError, match="allowed: 0, 1, 2, 5"):
        release_code(minutes)


def test_a_dispatch_both_ways() -> None:
    for code in range(0xC0):
        assert Dispatch.of(code).code == code


def test_a_reserved_dispatch() -> None:
    for code in range(0xC0, 0x100):
        with pytest.raises(ValueError, match="reserved"):
            Dispatch.of(code)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"fraction": 64},
        {"fraction": -1},
        {"subgroup": 64},
        {"spread_s": 640},
        {"spread_s": 15},
        {"spread_s": -10},
        {"fraction": 0, "subgroup": 0},
        {"fraction": 0, "subgroup": 99},
    ],
)
def test_a_dispatch_without_a_code(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="allowed: one of"):
        Dispatch(**values)


def test_percent_levels() -> None:
    assert [level_percent(level) for level in (127, 128, 178, 228, 229)] == [None, 0, 50, 100, None]


@given(_REGIONS, _CODES)
def test_matching_is_a_prefix(region: Region, code: Region) -> None:
    assert region.matches(code) == str(code).startswith(str(region).rstrip("F"))


@given(_REGIONS, _REGIONS, _CODES)
def test_what_is_within_reaches_nobody_else(region: Region, scope: Region, code: Region) -> None:
    assert region.within(scope) == str(region).startswith(str(scope).rstrip("F"))
    if region.within(scope) and region.matches(code):
        assert scope.matches(code)
    assert region.within(EVERYONE)


@given(st.integers(0, 0xFFFFF))
def test_a_region_is_reserved_or_can_be_written(value: int) -> None:
    region, text = Region(value), f"{value:05X}"
    if region.reserved:
        with pytest.raises(ValueError, match="allowed: five digits"):
            Region.parse(text)
    else:
        assert Region.parse(text) == Region.parse(text.lower()) == region
        assert str(region) == text


@pytest.mark.parametrize(
    "text", ["", "12FF", "12FFFF", "1F3FF", "12F45", "12G45", " 12345", "12345\n", "١2345", "+1234"]
)
def test_a_region_of_another_form(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: five digits"):
        Region.parse(text)


@pytest.mark.parametrize("text", ["", "1234F", "FFFFF", "1234", "123456", "12G45", "12345\n"])
def test_an_own_code_of_another_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: five digits 0\.\.E"):
        Region.parse_code(text)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4 * 3600))
def test_a_delay_stays_inside_its_window(drawn: int, window_s: int) -> None:
    assert 0 <= delay_ms(drawn, window_s) <= max(0, window_s * 1000 - 1)


def test_delays_spread_evenly() -> None:
    delays = [delay_ms(draw("R", device.to_bytes(16, "big"), key=1, ts=9207720), 3600) for device in range(6000)]
    counts = [sum(minute <= delay // 60_000 < minute + 10 for delay in delays) for minute in range(0, 60, 10)]
    assert all(850 < count < 1150 for count in counts), counts  # 1000 each, five standard deviations wide


@pytest.mark.parametrize(
    "other", [draw("S", bytes(16), key=1, ts=2), draw("R", bytes(16), key=2, ts=2), draw("R", bytes(16), key=1, ts=3)]
)
def test_draws_differ_by_label_key_and_event(other: int) -> None:
    assert draw("R", bytes(16), key=1, ts=2) != other


@given(st.integers(0, MAX_TICK), st.integers(0, 9_999_999))
def test_a_tick_both_ways(tick: int, microseconds: int) -> None:
    assert tick_of(moment_of(tick) + timedelta(microseconds=microseconds)) == tick


@pytest.mark.parametrize(
    "moment", [datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC), moment_of(MAX_TICK) + timedelta(seconds=TICK_S)]
)
def test_a_moment_without_a_tick(moment: datetime) -> None:
    with pytest.raises(ValueError, match="allowed: 2024-01-01 to 2109-01-23"):
        tick_of(moment)


def test_the_default_aid_is_nobodys() -> None:
    assert parse_aid("c0de") == DEFAULT_AID
    assert DEFAULT_AID not in REGISTERED


@pytest.mark.parametrize("text", ["", "C0D", "C0DEE", "+0DE", "0x1F", " C0D", "C_DE", "1_23", "C0DE\n"])
def test_an_aid_of_another_form(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: four hex digits"):
        parse_aid(text)


def test_an_aid_of_somebody_else() -> None:
    for aid in REGISTERED:
        with pytest.raises(ValueError, match=f"AID {aid:04X} is registered"):
            parse_aid(f"{aid:04X}")
