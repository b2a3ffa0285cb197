"""Rates as people write them: worked cases, the way back, nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.quantity import format_rate, parse_rate


@pytest.mark.parametrize(
    ("text", "rate_hz"),
    [
        ("228000", 228_000),
        ("228k", 228_000),
        ("228K", 228_000),
        ("1.024M", 1_024_000),
        ("2.4M", 2_400_000),
        (" 250k ", 250_000),
        ("44.1k", 44_100),
        ("1.0", 1),
    ],
)
def test_reads_what_people_write(text: str, rate_hz: int) -> None:
    assert parse_rate(text) == rate_hz


@pytest.mark.parametrize(
    "text",
    ["", "k", "0", "0k", "-1", "1.5", "1.0005k", "nan", "inf", "1e6", "228 k", "228kHz", "٢٢٨", "1_000", "9" * 99],
)
def test_refuses_the_rest_and_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 228000, 228k or 1\.024M"):
        parse_rate(text)


@given(st.integers(1, 10**11))
def test_the_short_form_reads_back(rate_hz: int) -> None:
    assert parse_rate(format_rate(rate_hz)) == rate_hz


def test_the_short_form_is_short() -> None:
    assert [format_rate(rate) for rate in (171_000, 1_024_000, 2_400_000, 44_100, 999)] == [
        "171k",
        "1.024M",
        "2.4M",
        "44.1k",
        "999",
    ]
