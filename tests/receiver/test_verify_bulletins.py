"""Bulletins under operators' keys and roots: which records are trusted, and under which word the others are refused."""

from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.fields import Layout
from rds.oda.bulletin import crc16
from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.records import BulletinRecord
from rds.oda.region import Region
from rds.oda.signature import Domain
from receiver.bulletin_assembly import Envelopes
from receiver.oda_tracker import Standing
from receiver.verify import Rejection, RootBulletin, TrustedBulletin, TrustedRecord, Verifier
from tests.receiver.broadcast import DOMAIN, OWN, STRANGER, TS, certificate, curtail
from tests.receiver.bulletins import (
    SPARE_ROOT,
    bulletin,
    certificates,
    notice,
    planned,
    prices,
    rooted,
    table,
    tiers,
    trusted_bulletin,
)
from tests.receiver.installation import ROOT

ALL_SORTS: tuple[BulletinRecord, ...] = (tiers(), prices(), planned(), planned(0), table(), notice())


def test_each_record_is_trusted_with_its_certificate_and_the_bulletins_time() -> None:
    found = trusted_bulletin(*ALL_SORTS)
    assert [one.rejection for one in found.records] == [None] * 6
    assert found.records[0].trusted == TrustedRecord(tiers(), certificate(), TS)
    assert found.public_key == certificate().public_key == found.records[0].trusted.public_key
    assert found.ts == TS


def test_a_planned_event_has_a_time_stamp_of_its_own() -> None:
    """Record 2 of the bulletin: its TS is the bulletin's + 2, whatever stands before it."""
    event = trusted_bulletin(tiers(), prices(), planned()).records[2].event
    assert event is not None
    assert event.message == curtail(ts=TS + 2)
    assert event.certificate == certificate()


def test_a_time_stamp_that_no_event_may_have_is_ignored() -> None:
    """The low 24 bits FFFFFF are the target of all."""
    ring = rooted(certificate(not_before=0xFFFF00, not_after=0x1000100))
    found = trusted_bulletin(planned(), planned(), ts=0xFFFFFE, ring=ring)
    assert [one.rejection for one in found.records] == [None, Rejection.UNKNOWN_TYPE]


@pytest.mark.parametrize(
    ("record", "changes", "reason"),
    [
        (tiers(), {"roles": ALL_ROLES & ~Role.TARIFF}, Rejection.ROLE_MISSING),
        (prices(), {"roles": ALL_ROLES & ~Role.TARIFF}, Rejection.ROLE_MISSING),
        (table(), {"roles": ALL_ROLES & ~Role.TARIFF}, Rejection.ROLE_MISSING),
        (notice(), {"roles": ALL_ROLES & ~Role.TARIFF}, Rejection.ROLE_MISSING),
        (planned(), {"roles": ALL_ROLES & ~Role.CURTAIL}, Rejection.ROLE_MISSING),
        (planned(0), {"roles": ALL_ROLES & ~Role.HALT}, Rejection.ROLE_MISSING),
        (planned(150, type=5), {"roles": ALL_ROLES & ~Role.LOAD_UP}, Rejection.ROLE_MISSING),
        (tiers(), {"roles": Role.TARIFF}, None),
        (planned(), {"roles": Role.CURTAIL}, None),
        (planned(0), {"roles": Role.HALT}, None),
        (tiers(), {"not_before": TS + 1}, Rejection.NOT_YET_VALID),
        (tiers(), {"not_after": TS - 1}, Rejection.NO_LONGER_VALID),
        (tiers(), {"not_before": TS, "not_after": TS}, None),
        (tiers(region="FFFFF"), {"scope": Region.parse("12FFF")}, Rejection.OUT_OF_SCOPE),
        (planned(region="1FFFF"), {"scope": Region.parse("12FFF")}, Rejection.OUT_OF_SCOPE),
        (table(region="13FFF"), {}, Rejection.OTHER_REGION),
        (notice(region="12346"), {}, Rejection.OTHER_REGION),
        (planned(region="12345"), {}, None),
        (certificate(STRANGER), {}, Rejection.ROLE_MISSING),
    ],
)
def test_role_validity_scope_and_region_of_each_record(
    record: BulletinRecord,
    changes: dict[str, Any],  # Any: fields of a certificate
    reason: Rejection | None,
) -> None:
    found = trusted_bulletin(record, tiers(), ring=rooted(certificate(**changes)))
    assert found.records[0].rejection is reason
    assert (found.records[0].trusted is None) == (reason is not None)


class Unknown:
    """A record of a later version."""

    TYPE: ClassVar[int] = 9
    NAME: ClassVar[str] = "unknown"
    LAYOUT: ClassVar[Layout] = Layout("region:20 item:4")
    region = OWN

    @property
    def role(self) -> int:
        return 0

    def pack_body(self) -> bytes:
        return b"\xff" * 7

    @classmethod
    def unpack_body(cls, body: bytes) -> "Unknown":
        raise AssertionError(body)


def test_an_unknown_record_leaves_the_others_alone() -> None:
    found = Verifier(rooted(), [OWN]).examine_bulletin(bulletin(Unknown(), tiers()))
    assert isinstance(found, TrustedBulletin)
    assert [one.rejection for one in found.records] == [Rejection.UNKNOWN_TYPE, None]


@pytest.mark.parametrize(("root", "root_id"), [(ROOT, 14), (SPARE_ROOT, 15)])
def test_of_a_roots_bulletin_only_certificates_count(root: Any, root_id: int) -> None:  # Any: a private key
    envelopes = bulletin(tiers(), certificate(STRANGER, key=2), key=root_id, private_key=root, ts=5)
    found = Verifier(rooted(), [OWN]).examine_bulletin(envelopes)
    assert isinstance(found, RootBulletin)
    assert found.vouched.certificates == (certificate(STRANGER, key=2),)
    assert (found.vouched.root_id, found.vouched.ts) == (root_id, 5)


def judged(envelopes: Envelopes, verifier: Verifier) -> TrustedBulletin | RootBulletin | Rejection:
    standing = verifier.bulletin_standing(envelopes)
    if standing is Standing.OPEN and not verifier.verify_bulletin(envelopes):
        return Rejection.BAD_SIGNATURE
    return verifier.examine_bulletin(envelopes)


def test_forged_bulletins_are_refused() -> None:
    verifier = Verifier(rooted(), [OWN])
    for domain in (Domain(DOMAIN.aid, 8), Domain(0xC0DF, DOMAIN.network)):
        assert judged(bulletin(tiers(), domain=domain), verifier) is Rejection.BAD_SIGNATURE
    assert judged(bulletin(tiers(), private_key=STRANGER), verifier) is Rejection.BAD_SIGNATURE
    # An operator who calls itself a root, and a root that calls itself an operator.
    assert judged(certificates(certificate(STRANGER), root=STRANGER), verifier) is Rejection.BAD_SIGNATURE
    assert judged(bulletin(tiers(), private_key=ROOT), verifier) is Rejection.BAD_SIGNATURE


def test_unknown_keys_and_wrong_headers_cost_nothing() -> None:
    verifier = Verifier(rooted(), [OWN])
    good, other = bulletin(tiers()), bulletin(tiers(), ts=TS + 256)
    assert verifier.bulletin_standing(bulletin(tiers(), key=2)) is Standing.WORTHLESS
    assert verifier.bulletin_standing(good[::-1]) is Standing.WORTHLESS
    assert verifier.bulletin_standing(good[:1]) is Standing.WORTHLESS
    assert Verifier(rooted(), []).bulletin_standing(good) is Standing.OPEN
    # Two with one name are mixed: only the signature tells.
    assert judged((good[0], bulletin(tiers(slot=1), ts=TS + 256)[1]), verifier) is Rejection.BAD_SIGNATURE
    assert isinstance(judged((other[0], good[1]), verifier), TrustedBulletin)  # the records are the same


def test_the_last_sixteen_proven_cost_nothing() -> None:
    verifier = Verifier(rooted(), [OWN])
    many = [bulletin(tiers(), ts=TS + number) for number in range(17)]
    assert all(verifier.verify_bulletin(one) for one in many)
    assert verifier.bulletin_standing(many[0]) is Standing.OPEN
    assert verifier.bulletin_standing(many[16]) is Standing.PROVEN


WHOLE = bulletin(*ALL_SORTS)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 73 * 8 - 1))
@settings(deadline=None, max_examples=200)
def test_with_any_bit_changed_and_a_good_crc_it_is_refused(index: int, bit: int) -> None:
    changed = bytearray(WHOLE[index][:73])
    changed[bit // 8] ^= 0x80 >> bit % 8
    mutated = bytes(changed) + crc16(bytes(changed)).to_bytes(2, "big")
    found = judged((*WHOLE[:index], mutated, *WHOLE[index + 1 :]), Verifier(rooted(), [OWN]))
    assert isinstance(found, Rejection)


def test_a_key_without_a_certificate_counts_no_more_though_it_was_proven() -> None:
    ring = rooted()
    verifier = Verifier(ring, [OWN])
    assert isinstance(judged(bulletin(tiers()), verifier), TrustedBulletin)
    new = verifier.examine_bulletin(certificates(certificate(STRANGER, epoch=1)))
    assert isinstance(new, RootBulletin)
    ring.take(new.vouched, new.envelopes)
    assert judged(bulletin(tiers()), verifier) is Rejection.UNKNOWN_KEY
    assert isinstance(verifier.examine_bulletin(bulletin(tiers()), restoring=True), TrustedBulletin)
    assert isinstance(judged(bulletin(tiers(), private_key=STRANGER), verifier), TrustedBulletin)
