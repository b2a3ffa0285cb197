"""Composite schedules to limits: worked by hand, odd and hostile ones."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.chargers._ocpp16_profile import Options
from receiver.chargers._ocpp16_read_back import NonsenseError, composite_ma, difference

NOW = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
THREE = Options(phases=3, voltage_v=230)


def schedule(*periods: tuple[int, object], unit: str = "A", **more: object) -> dict[str, object]:
    listed = [{"start_period": at_s, "limit": limit} for at_s, limit in periods]
    return {"charging_rate_unit": unit, "charging_schedule_period": listed, **more}


def test_limits_worked_by_hand() -> None:
    assert composite_ma(schedule((0, 16.1)), None, now=NOW, options=Options()) == 16100
    assert composite_ma(schedule((0, 11040), unit="W"), None, now=NOW, options=THREE) == 16000
    assert composite_ma(schedule((0, 11040), unit="W"), None, now=NOW, options=Options()) is None
    assert composite_ma(schedule((0, 0)), None, now=NOW, options=Options()) == 0
    assert composite_ma(None, None, now=NOW, options=Options()) is None


@pytest.mark.parametrize(
    ("since_s", "limit_ma"), [(-60, 6000), (0, 6000), (59, 6000), (60, 10000), (119, 10000), (120, 32000)]
)
def test_the_period_of_now_counts_by_the_schedules_start(since_s: int, limit_ma: int) -> None:
    start = NOW - timedelta(seconds=since_s)
    periods = schedule((0, 6), (60, 10), (120, 32))
    assert composite_ma(periods, start.isoformat(), now=NOW, options=Options()) == limit_ma
    own = schedule((0, 6), (60, 10), (120, 32), start_schedule=start.isoformat())
    assert composite_ma(own, None, now=NOW, options=Options()) == limit_ma


@pytest.mark.parametrize("start", ["2026-01-15T17:00:00", "yesterday", 5, {}])
def test_a_start_that_makes_no_sense_is_now(start: object) -> None:
    assert composite_ma(schedule((0, 6), (60, 10)), start, now=NOW, options=Options()) == 6000


@pytest.mark.parametrize(
    "bad",
    [
        {},
        schedule(),
        schedule((0, -1)),
        schedule((0, "16")),
        schedule((0, True)),
        schedule((0, float("nan"))),
        schedule((0, 1000.5)),
        schedule((0, 10**400)),
        schedule((0, 16), unit="VA"),
    ],
)
def test_impossible_schedules_are_nonsense(bad: dict[str, object]) -> None:
    with pytest.raises(NonsenseError):
        composite_ma(bad, None, now=NOW, options=Options())


def test_what_differs() -> None:
    for said_ma in (15100, 16000, 16050):
        assert difference("CP", wanted_ma=16000, said_ma=said_ma) is None
    assert "its limit is 32 A, wanted 16 A: it does not obey" in str(difference("CP", wanted_ma=16000, said_ma=32000))
    assert "something else" in str(difference("CP", wanted_ma=16000, said_ma=6000))
    assert "it does not obey" in str(difference("CP", wanted_ma=0, said_ma=6000))


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.datetimes().map(str),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["charging_schedule_period", "charging_rate_unit", "start_schedule", "start_period", "limit"]
            ),
            inner | st.sampled_from(["A", "W"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(NONSENSE, NONSENSE)
def test_any_schedule_is_a_limit_or_none_or_nonsense(one: object, start: object) -> None:
    with contextlib.suppress(NonsenseError):
        limit_ma = composite_ma(one, start, now=NOW, options=THREE)
        assert limit_ma is None or 0 <= limit_ma <= 1_000_000
