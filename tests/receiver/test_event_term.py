"""One event for one charger: level, dispatch, draws, release (docs/protocol.md's worked draws are the vectors)."""

from typing import Any, cast

import pytest

from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.codes import Dispatch
from rds.oda.messages import UrgentMessage
from rds.oda.messages.load_up import LoadUp
from rds.oda.region import EVERYONE
from receiver.event_term import Event, HeldEvent, level_ma, limit_of, over_ms, term_of
from receiver.policy_arithmetic import UNLIMITED_MA
from receiver.settings import CustomerOption
from receiver.verify import Trusted
from tests.receiver.broadcast import ALL_AT_ONCE, T0_MS, certificate, curtail, halt, keyring, settings
from tests.receiver.trusting import trusted

HOUR_MS = 3_600_000
R_MS = 3_282_512
"""The worked example's release: draw(R) E96C5024 of 60 min."""


def held(message: UrgentMessage, **changes: Any) -> HeldEvent:  # Any: fields of many types
    return HeldEvent(cast("Trusted[Event]", trusted(message)), **changes)


def test_the_worked_example() -> None:
    term = term_of(held(curtail()), settings())
    assert term is not None
    assert (term.limit_ma, term.start_ms, term.end_ms) == (16_000, T0_MS, T0_MS + HOUR_MS)
    assert term.release_ms == T0_MS + HOUR_MS + R_MS
    assert over_ms(held(curtail()), settings()) == term.release_ms
    assert [term.holds(T0_MS + ms) for ms in (-1, 0, HOUR_MS, HOUR_MS + R_MS - 1, HOUR_MS + R_MS)] == [
        False,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("level", "changes", "limit_ma"),
    [
        (16, {}, 16_000),
        (80, {}, 80_000),
        (6, {}, 6_000),
        (5, {}, 0),
        (128, {}, 0),
        (128 + 100, {}, 32_000),
        (128 + 50, {}, 16_000),
        (128 + 33, {}, 10_500),  # 10.56 A, rounded down
        (128 + 18, {}, 0),  # 5.76 A
        (128 + 19, {}, 6_000),  # 6.08 A
    ],
)
def test_amperes_and_percent(level: int, changes: dict[str, Any], limit_ma: int) -> None:  # Any: fields of settings
    assert level_ma(level, settings(**changes)) == limit_ma


FULL = UNLIMITED_MA


@pytest.mark.parametrize(
    ("level", "row"),
    [
        (240, (FULL, FULL, FULL, FULL)),
        (241, (FULL, 6_000, 0, 12_800)),
        (242, (FULL, 6_000, 0, 6_000)),
        (243, (6_000, 0, 0, 0)),
    ],
)
def test_severity_by_customer_option(level: int, row: tuple[int, ...]) -> None:
    found = tuple(level_ma(level, settings(option=option, fleet_percent=40)) for option in CustomerOption)
    assert found == row


def test_without_the_halt_role_nothing_goes_below_6_a() -> None:
    ring = keyring(certificate(roles=ALL_ROLES & ~Role.HALT))
    for level, limit_ma in ((1, 6_000), (128, 6_000), (243, 6_000), (16, 16_000)):
        event = cast("Trusted[Event]", trusted(curtail(level), ring))
        assert limit_of(event, settings()) == limit_ma
    assert limit_of(cast("Trusted[Event]", trusted(halt())), settings()) == 0


def test_dispatch_by_fraction_subgroup_and_spread() -> None:
    # draw(F) 7D1FE0FA >> 26 is 31.
    assert term_of(held(curtail(dispatch=Dispatch(fraction=31).code)), settings()) is not None
    assert term_of(held(curtail(dispatch=Dispatch(fraction=30).code)), settings()) is None
    assert term_of(held(curtail(dispatch=Dispatch(subgroup=5).code)), settings(subgroup=5)) is not None
    assert term_of(held(curtail(dispatch=Dispatch(subgroup=5).code)), settings(subgroup=6)) is None
    drawn = [group for group in range(64) if term_of(held(curtail(dispatch=Dispatch(subgroup=group).code)), settings())]
    assert len(drawn) == 1
    # draw(S) DD60CB65 of 630 s; the end does not move.
    spread = term_of(held(curtail(dispatch=Dispatch(spread_s=630).code)), settings())
    assert spread is not None
    assert spread.start_ms == T0_MS + (0xDD60CB65 * 630_000 >> 32)
    assert spread.end_ms == T0_MS + HOUR_MS
    # One minute long, and this charger's turn would come after 9 minutes: never.
    assert term_of(held(curtail(dispatch=Dispatch(spread_s=630).code, duration=1)), settings()) is None


@pytest.mark.parametrize(
    ("release", "changes", "window_s"),
    [
        (10, {}, 3600),
        (14, {}, 14_400),
        (0, {}, 3600),
        (0, {"release_default_s": 1200}, 1200),
        (1, {}, 60),  # 0 min, widened to the receiver's own minimum
        (1, {"release_minimum_s": 5}, 5),
        (2, {"release_minimum_s": 600}, 600),
    ],
)
def test_the_release_window(release: int, changes: dict[str, Any], window_s: int) -> None:  # Any: fields of settings
    term = term_of(held(curtail(release=release)), settings(**changes))
    assert term is not None
    assert term.release_ms - term.end_ms == 0xE96C5024 * window_s * 1000 >> 32


def test_an_ended_event_returns_from_when_it_was_ended() -> None:
    term = term_of(held(curtail(), ended_ms=T0_MS + 60_000), settings())
    assert term is not None
    assert (term.end_ms, term.release_ms) == (T0_MS + 60_000, T0_MS + 60_000 + R_MS)
    term = term_of(held(curtail(), ended_ms=T0_MS + 60_000, ended_release=2), settings())
    assert term is not None
    assert term.release_ms == T0_MS + 60_000 + (0xE96C5024 * 60_000 >> 32)
    assert term_of(held(curtail(), ended_ms=T0_MS), settings()) is None


def test_no_event_lasts_over_four_hours() -> None:
    term = term_of(held(curtail(duration=0xC0 | 10)), settings())
    assert term is not None
    assert term.end_ms == T0_MS + 4 * HOUR_MS


def test_load_up_limits_nothing_and_spreads_its_start() -> None:
    message = LoadUp(1, curtail().ts, EVERYONE, dispatch=ALL_AT_ONCE, level=228, duration=0xC1, release=8)
    term = term_of(held(message), settings())
    assert term is not None
    assert term.limit_ma == UNLIMITED_MA
    assert term.start_ms == T0_MS + (0xE96C5024 * 1_800_000 >> 32)
    assert term.release_ms == term.end_ms == T0_MS + HOUR_MS
