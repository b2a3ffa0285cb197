"""Verification: what is trusted, what is refused and under which word; and that `Trusted` is made in one file alone."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.messages import UrgentMessage
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.price_now import PriceNow
from rds.oda.messages.test import Test as Exercise
from rds.oda.messages.tier_now import TierNow
from rds.oda.region import Region
from rds.oda.signature import Domain
from receiver.keyring import Keyring
from receiver.oda_tracker import Candidate, Standing
from receiver.signers import PROVEN_REMEMBERED
from receiver.verify import Rejection, Trusted, Verifier
from tests.receiver.broadcast import (
    ALL_AT_ONCE,
    DOMAIN,
    OWN,
    STRANGER,
    TS,
    cancel,
    certificate,
    curtail,
    end,
    halt,
    heartbeat,
    keyring,
    signed,
)

EVERYWHERE = Region.parse("FFFFF")
SHARED: dict[str, Any] = {"region": EVERYWHERE, "dispatch": ALL_AT_ONCE, "duration": 0xC1, "release": 10}  # Any: codes


def judged(envelope: bytes, verifier: Verifier, *, network: int | None = 7) -> Trusted[UrgentMessage] | Rejection:
    """As the tracker would ask."""
    standing = verifier.standing(envelope)
    proven = standing is Standing.PROVEN or (standing is Standing.OPEN and verifier.verify(envelope))
    return verifier.examine(Candidate(envelope, proven, 0, 0.0, network))


def test_a_signed_message_is_trusted_with_its_certificate() -> None:
    trusted = judged(signed(curtail()), Verifier(keyring(), [OWN]))
    assert isinstance(trusted, Trusted)
    assert trusted.message == curtail()
    assert trusted.certificate == certificate()
    assert trusted.public_key.hex() == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"


@given(st.integers(0, 75 * 8 - 1))
@settings(deadline=None)
def test_with_any_bit_changed_it_never_is(bit: int) -> None:
    changed = bytearray(signed(curtail()))
    changed[bit // 8] ^= 0x80 >> bit % 8
    assert isinstance(judged(bytes(changed), Verifier(keyring(), [OWN])), Rejection)


@given(st.binary(min_size=75, max_size=75))
def test_any_bytes_are_refused(envelope: bytes) -> None:
    assert isinstance(judged(envelope, Verifier(keyring())), Rejection)


def test_another_network_or_application_or_key_is_a_bad_signature() -> None:
    verifier = Verifier(keyring(), [OWN])
    for domain in (Domain(DOMAIN.aid, 8), Domain(0xC0DF, DOMAIN.network)):
        assert judged(signed(curtail(), domain=domain), verifier) is Rejection.BAD_SIGNATURE
    assert judged(signed(curtail(), STRANGER), verifier) is Rejection.BAD_SIGNATURE
    # Where the station itself announces another network, the person is told.
    elsewhere = signed(curtail(), domain=Domain(DOMAIN.aid, 8))
    assert judged(elsewhere, verifier, network=8) is Rejection.WRONG_NETWORK


@pytest.mark.parametrize(
    ("message", "changes", "reason"),
    [
        (curtail(key=2), {}, Rejection.UNKNOWN_KEY),
        (curtail(ts=7_620_479), {}, Rejection.NOT_YET_VALID),
        (curtail(ts=11_024_641), {}, Rejection.NO_LONGER_VALID),
        (curtail(), {"roles": ALL_ROLES & ~Role.CURTAIL}, Rejection.ROLE_MISSING),
        (halt(), {"roles": ALL_ROLES & ~Role.HALT}, Rejection.ROLE_MISSING),
        (heartbeat(), {"roles": ALL_ROLES & ~Role.HEARTBEAT}, Rejection.ROLE_MISSING),
        (TierNow(1, TS, level=3, **SHARED), {"roles": ALL_ROLES & ~Role.TARIFF}, Rejection.ROLE_MISSING),
        (PriceNow(1, TS, level=3, **SHARED), {"roles": ALL_ROLES & ~Role.TARIFF}, Rejection.ROLE_MISSING),
        (LoadUp(1, TS, level=150, **SHARED), {"roles": ALL_ROLES & ~Role.LOAD_UP}, Rejection.ROLE_MISSING),
        (Exercise(1, TS, level=16, **SHARED), {"roles": ALL_ROLES & ~Role.TEST}, Rejection.ROLE_MISSING),
        (curtail(region="FFFFF"), {"scope": Region.parse("12FFF")}, Rejection.OUT_OF_SCOPE),
        (curtail(region="1FFFF"), {"scope": Region.parse("12FFF")}, Rejection.OUT_OF_SCOPE),
        (end(TS, ts=TS, region="13FFF"), {"scope": Region.parse("12FFF")}, Rejection.OUT_OF_SCOPE),
        (curtail(region="13FFF"), {}, Rejection.OTHER_REGION),
        (cancel(TS, ts=TS, region="12346"), {}, Rejection.OTHER_REGION),
        (heartbeat(), {"scope": Region.parse("13FFF")}, Rejection.OTHER_REGION),
        (curtail(region="12345"), {}, None),
        (curtail(region="FFFFF"), {}, None),
        (curtail(ts=7_620_480), {}, None),
        (curtail(ts=11_024_640), {}, None),
        (end(TS, ts=TS), {"roles": Role(0)}, None),
    ],
)
def test_key_validity_role_scope_and_region(
    message: UrgentMessage,
    changes: dict[str, Any],  # Any: fields of a certificate
    reason: Rejection | None,
) -> None:
    found = judged(signed(message), Verifier(keyring(certificate(**changes)), [OWN]))
    assert (found if isinstance(found, Rejection) else None) is reason


def test_one_who_looks_on_has_no_region() -> None:
    assert isinstance(judged(signed(curtail(region="13FFF")), Verifier(keyring())), Trusted)


def test_without_certificates_there_is_no_verdict_but_no_key() -> None:
    verifier = Verifier(Keyring(DOMAIN))
    assert verifier.standing(signed(curtail())) is Standing.WORTHLESS
    assert judged(signed(curtail()), verifier) is Rejection.NO_KEY


def test_overlapping_certificates_and_a_changed_key_under_one_id() -> None:
    old = certificate(not_after=TS)
    new = certificate(STRANGER, not_before=TS - 10)
    verifier = Verifier(keyring(old, new))
    assert isinstance(judged(signed(curtail()), verifier), Trusted)
    assert isinstance(judged(signed(curtail(), STRANGER), verifier), Trusted)
    assert judged(signed(curtail(ts=TS + 1)), verifier) is Rejection.NO_LONGER_VALID
    # Two certificates of one key: what either allows counts.
    wide, narrow = certificate(), certificate(roles=Role.HEARTBEAT)
    assert isinstance(judged(signed(curtail()), Verifier(keyring(narrow, wide))), Trusted)


def test_only_the_highest_epoch_counts() -> None:
    verifier = Verifier(keyring(certificate(), certificate(STRANGER, epoch=1, key=2)))
    assert judged(signed(curtail()), verifier) is Rejection.UNKNOWN_KEY
    assert isinstance(judged(signed(curtail(key=2), STRANGER), verifier), Trusted)


def test_unknown_kinds_and_types_cost_no_verification() -> None:
    envelope = signed(curtail())
    verifier = Verifier(keyring())
    for first in (0x03, 0x83, 0x63, 0x4F, 0x49):
        other = bytes([first]) + envelope[1:]
        assert verifier.standing(other) is Standing.WORTHLESS
        assert judged(other, verifier) is Rejection.UNKNOWN_TYPE
    reserved = signed(curtail())[:5] + b"\x1f\x3f" + envelope[7:]
    assert verifier.standing(reserved) is Standing.WORTHLESS


def test_the_last_sixteen_are_remembered() -> None:
    verifier = Verifier(keyring())
    envelopes = [signed(curtail(ts=TS + number)) for number in range(PROVEN_REMEMBERED + 1)]
    assert all(verifier.verify(envelope) for envelope in envelopes)
    assert [verifier.standing(envelope) for envelope in envelopes[:2]] == [Standing.OPEN, Standing.PROVEN]


def test_every_rejection_has_a_word_of_its_own() -> None:
    assert len({rejection.word for rejection in Rejection}) == len(Rejection)
    assert all(rejection.text for rejection in Rejection)


def test_trusted_is_made_in_verify_alone() -> None:
    receiver = Path(__file__).parents[2] / "receiver"
    makers = {
        str(path.relative_to(receiver))
        for path in receiver.rglob("*.py")
        if re.search(r"\bTrusted(Record)?\(", path.read_text()) or re.search(r"replace\(\w*trusted", path.read_text())
    }
    assert makers == {"verify.py"}
    assert {field.name for field in fields(Trusted)} == {"message", "certificate", "envelope"}
    assert replace(certificate(), key=2).key == 2
