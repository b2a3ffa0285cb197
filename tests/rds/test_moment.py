"""RFC 3339 moments: what is taken, in UTC, and what is not."""

from datetime import UTC, datetime

import pytest

from rds.moment import parse_moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01T17:00:00Z", datetime(2026, 12, 1, 17, tzinfo=UTC)),
        ("2026-12-01t17:00:00z", datetime(2026, 12, 1, 17, tzinfo=UTC)),
        ("2026-12-01 18:00:00.25+01:00", datetime(2026, 12, 1, 17, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-12-01T17:00:00.123456789Z", datetime(2026, 12, 1, 17, 0, 0, 123_456, tzinfo=UTC)),
        # RFC 3339, 5.8: the same instant in two zones.
        ("1996-12-19T16:39:57-08:00", datetime(1996, 12, 20, 0, 39, 57, tzinfo=UTC)),
    ],
)
def test_moments_are_given_in_utc(text: str, expected: datetime) -> None:
    assert parse_moment(text) == expected
    assert parse_moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-12-01", "2026-12-01T17:00:00", "2026-12-01T17:00Z", "20261201T170000Z", "2026-13-01T17:00:00Z",
     "2026-12-01T17:00:00+25:00",
     "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "2026-12-01T17:00:00Z\n"],
)  # fmt: skip
def test_other_texts_are_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: RFC 3339 with an offset"):
        parse_moment(text)
