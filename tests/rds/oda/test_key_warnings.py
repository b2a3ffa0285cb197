"""When a person is told of keys: 60 days before the last one ends, and whenever everybody could sign with one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rds.oda.certificate import ALL_ROLES, Certificate
from rds.oda.key_warnings import current, key_warnings
from rds.oda.keys import private_key_of
from rds.oda.published_keys import PUBLISHED, is_test_key
from rds.oda.region import EVERYONE
from rds.oda.ticks import tick_of

END = datetime(2027, 6, 30, tzinfo=UTC)
"""The first moment after the validity; its last tick begins ten seconds earlier."""
PUBLIC = private_key_of(bytes(range(200, 232))).public_key().public_bytes_raw()
ROOT = private_key_of(bytes(range(150, 182))).public_key().public_bytes_raw()
ONE = Certificate(1, 0, tick_of(END - timedelta(days=395)), tick_of(END) - 1, ALL_ROLES, EVERYONE, PUBLIC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def published(first: int) -> bytes:
    return private_key_of(bytes(range(first, first + 32))).public_key().public_bytes_raw()


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (END - 61 * DAY, None),
        (END - 60 * DAY - SECOND, None),
        (END - 60 * DAY, "the last certificate ends 2027-06-30, in 60 days: time to renew keys"),
        (END - DAY, "the last certificate ends 2027-06-30, in 1 day: time to renew keys"),
        (END - SECOND, "the last certificate ends 2027-06-30, in 0 days: time to renew keys"),
        (END, "no key is valid any more: the last certificate ended 2027-06-30; the operator must renew it"),
        (
            END + 900 * DAY,
            "no key is valid any more: the last certificate ended 2027-06-30; the operator must renew it",
        ),
        (None, None),
    ],
)
def test_sixty_days_before_the_last_certificate_ends(now: datetime | None, told: str | None) -> None:
    assert key_warnings([ONE], [ROOT], now) == (() if told is None else (told,))


def test_the_last_of_the_highest_epoch_counts() -> None:
    now = END - 10 * DAY
    longer = replace(ONE, key=2, not_before=ONE.not_before + 2 * 8640 * 100, not_after=ONE.not_after + 8640 * 100)
    assert key_warnings([ONE, longer], [ROOT], now) == ()
    assert len(key_warnings([replace(ONE, epoch=1), longer], [ROOT], now)) == 1
    assert current([replace(ONE, epoch=1), longer]) == [replace(ONE, epoch=1)]


def test_who_knows_no_key_is_told_nothing() -> None:
    assert key_warnings([], [], END) == ()


def test_the_published_keys_are_those_of_the_protocol() -> None:
    assert {published(first) for first in (0, 32, 64)} == PUBLISHED
    assert not is_test_key(PUBLIC)


@pytest.mark.parametrize(
    ("certificates", "roots", "told"),
    [
        ([replace(ONE, public_key=published(0))], [ROOT], "test key: key 1 is a published test key; anyone can sign"),
        ([ONE], [ROOT, published(64)], "test key: a root is a published test key; anyone can sign"),
        (
            [replace(ONE, public_key=published(0)), replace(ONE, key=3, public_key=published(32))],
            [published(32)],
            "test key: a root, key 1, key 3 are published test keys; anyone can sign",
        ),
    ],
)
def test_a_test_key_is_named_at_any_time(certificates: list[Certificate], roots: list[bytes], told: str) -> None:
    assert key_warnings(certificates, roots, None) == (f"{told}: for the bench only",)
