"""Certificates, roots and the time to what a person must be told of them: test keys, keys that end soon. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from rds.oda.certificate import Certificate
from rds.oda.published_keys import is_test_key
from rds.oda.ticks import TICK_S, moment_of

WARNED_BEFORE: Final = timedelta(days=60)


def current(certificates: Iterable[Certificate]) -> list[Certificate]:
    """Those of the highest epoch: the others no longer count (protocol, Epoch)."""
    held = list(certificates)
    epoch = max((certificate.epoch for certificate in held), default=0)
    return [certificate for certificate in held if certificate.epoch == epoch]


def end_of(certificate: Certificate) -> datetime:
    """The first moment after the validity: its last tick still counts."""
    return moment_of(certificate.not_after) + timedelta(seconds=TICK_S)


def key_warnings(certificates: Iterable[Certificate], roots: Iterable[bytes], now: datetime | None) -> tuple[str, ...]:
    """Each warning as one line, none where all is well.

    Args:
        certificates: All that are known.
        roots: The public keys of the roots that are trusted.
        now: The time (aware), or None where it is not known: then nothing is said of validities.
    """
    held = current(certificates)
    return (*_test_keys(held, roots), *_endings(held, now))


def _test_keys(certificates: Sequence[Certificate], roots: Iterable[bytes]) -> list[str]:
    tested = sorted({one.key for one in certificates if is_test_key(one.public_key)})
    names = ["a root"] * any(map(is_test_key, roots)) + [f"key {key}" for key in tested]
    if not names:
        return []
    verb = "are published test keys" if len(names) > 1 else "is a published test key"
    return [f"test key: {', '.join(names)} {verb}; anyone can sign: for the bench only"]


def _endings(certificates: Sequence[Certificate], now: datetime | None) -> list[str]:
    """What is to be said of the last certificate's end."""
    if now is None or not certificates:
        return []
    end = max(map(end_of, certificates))
    if now >= end:
        return [f"no key is valid any more: the last certificate ended {end:%Y-%m-%d}; the operator must renew it"]
    if end - now > WARNED_BEFORE:
        return []
    days = (end - now) // timedelta(days=1)
    return [f"the last certificate ends {end:%Y-%m-%d}, in {days} day{'' if days == 1 else 's'}: time to renew keys"]
