"""What a charger is advised beside its limit: worked by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from receiver.chargers.driver import NO_ADVICE, Advice
from receiver.holdings import Holdings
from receiver.policy import decide
from tests.receiver.broadcast import T0_MS, settings
from tests.receiver.recorded import prices, recorded
from tests.receiver.test_behaviours import QUICK, held, holding, load_up

HOUR = 3_600_000
BEGUN = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(milliseconds=T0_MS)


def advice(holdings: Holdings, hours: float) -> Advice:
    return decide(holdings, settings(**QUICK), T0_MS + round(hours * HOUR)).advice


def test_nothing_heard_nothing_advised() -> None:
    assert advice(Holdings(), 0) == NO_ADVICE


def test_load_up_until_its_end() -> None:
    asked = holding(held(load_up()))
    until = advice(asked, 0.5).load_up_until
    assert until is not None
    assert until - BEGUN == timedelta(hours=1)
    assert advice(asked, 1) == NO_ADVICE


def test_prices_relative_to_their_mean() -> None:
    # 2 h of 30 c, 1 h of 60 c, 21 h of 20 c, and an hour that the last one holds on: 560 c in 25 h.
    held_prices = Holdings(price_schedules=(recorded(prices(30, 30, 60, 20)),))
    mean = (2 * 30 + 60 + 22 * 20) / 25
    for hours, now, following in ((0, 30, 60), (1.5, 30, 60), (2, 60, 20), (3, 20, None)):
        said = advice(held_prices, hours)
        assert said.price_ratio == pytest.approx(now / mean)
        assert said.next_price_ratio == (None if following is None else pytest.approx(following / mean))
    assert advice(held_prices, 26) == NO_ADVICE


def test_a_new_price_is_a_reason_to_decide_again() -> None:
    held_prices = Holdings(price_schedules=(recorded(prices(30, 60, 20)),))
    assert decide(held_prices, settings(), T0_MS).again_ms == T0_MS + HOUR


def test_where_the_mean_is_nothing_no_price_stands_to_it() -> None:
    assert advice(Holdings(price_schedules=(recorded(prices(0)),)), 0) == NO_ADVICE
    assert advice(Holdings(price_schedules=(recorded(prices(-5, 0)),)), 0.5) == NO_ADVICE
