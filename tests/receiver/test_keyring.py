"""The keyring as certificates are heard: epochs, time stamps, what is dropped, and that it all survives a restart."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.oda.certificate import Certificate, Role
from rds.oda.certificate_pem import CertificateFile, Vouched, open_certificates
from receiver.bulletin_assembly import Envelopes
from receiver.keyring import CERTIFICATES_A_KEY, LAPSE_MS, Keyring, Taken
from tests.receiver.broadcast import DOMAIN, OPERATOR, STRANGER, TS, certificate
from tests.receiver.bulletins import ROOTS, SPARE_ROOT, certificates, rooted

FIRST, SECOND = certificate(), certificate(STRANGER, key=2)
NARROW = certificate(roles=Role.HEARTBEAT)
OPERATOR_KEY = OPERATOR.public_key().public_bytes_raw()
STRANGER_KEY = STRANGER.public_key().public_bytes_raw()


def vouched(envelopes: Envelopes) -> Vouched:
    found = open_certificates(CertificateFile(DOMAIN, envelopes), ROOTS)
    assert found is not None
    return found


def take(ring: Keyring, envelopes: Envelopes, at_ms: int = 0) -> list[Taken]:
    return ring.take(vouched(envelopes), envelopes, at_ms=at_ms)


def held(ring: Keyring) -> dict[int, list[Certificate]]:
    return {key: list(found) for key in range(14) if (found := ring.certificates(key))}


def test_a_key_is_added() -> None:
    ring = rooted()
    assert take(ring, certificates(SECOND, ts=5)) == [Taken.NEW]
    assert held(ring) == {1: [FIRST], 2: [SECOND]}


def test_at_the_same_epoch_and_key_id_the_higher_time_stamp_replaces() -> None:
    ring = Keyring(DOMAIN, roots=ROOTS)
    assert ring.empty
    assert take(ring, certificates(FIRST, ts=10)) == [Taken.NEW]
    assert take(ring, certificates(FIRST, ts=10)) == [Taken.HELD]
    assert take(ring, certificates(NARROW, ts=9)) == [Taken.OLDER]
    assert take(ring, certificates(NARROW, ts=10)) == [Taken.SECOND]
    assert take(ring, certificates(NARROW, ts=10, root=SPARE_ROOT, root_id=15)) == [Taken.OLDER]
    assert held(ring) == {1: [FIRST]}
    assert take(ring, certificates(NARROW, ts=11, root=SPARE_ROOT, root_id=15)) == [Taken.NEW]
    assert held(ring) == {1: [NARROW]}
    # The key is the same: it has not been without a certificate.
    assert ring.lapse_at_ms is None


def test_root_bulletins_need_no_rising_time_stamp() -> None:
    """A next epoch is signed long before it is sent."""
    ring = Keyring(DOMAIN, roots=ROOTS)
    take(ring, certificates(FIRST, ts=TS))
    assert take(ring, certificates(SECOND, ts=5)) == [Taken.NEW]
    assert take(ring, certificates(certificate(STRANGER, epoch=1), ts=1)) == [Taken.NEW]


def test_two_overlap_in_one_bulletin_and_no_third() -> None:
    ring = Keyring(DOMAIN, roots=ROOTS)
    old, new, third = certificate(not_after=TS), certificate(STRANGER, not_before=TS - 10), certificate(roles=Role.TEST)
    assert take(ring, certificates(old, new, third)) == [Taken.NEW, Taken.NEW, Taken.TOO_MANY]
    assert held(ring) == {1: [old, new]}
    assert ring.public_keys(1) == [OPERATOR_KEY, STRANGER_KEY]
    assert len(ring.certificates(1)) == CERTIFICATES_A_KEY


def test_a_higher_epoch_drops_all_older_certificates_and_a_lower_is_refused() -> None:
    ring = rooted(FIRST, SECOND)
    new = certificate(STRANGER, epoch=1)
    assert take(ring, certificates(new, certificate(epoch=0))) == [Taken.NEW, Taken.OLD_EPOCH]
    assert held(ring) == {1: [new]}
    assert take(ring, certificates(FIRST, ts=TS + 5)) == [Taken.OLD_EPOCH]
    assert held(ring) == {1: [new]}


def test_a_public_key_is_told_ten_minutes_after_its_last_certificate_went() -> None:
    ring = rooted(FIRST, SECOND)
    take(ring, certificates(certificate(STRANGER, epoch=1)), at_ms=1000)
    assert ring.retired(1) == [FIRST]
    assert ring.lapse_at_ms == 1000 + LAPSE_MS
    assert ring.lapse(1000 + LAPSE_MS - 1) == []
    assert ring.lapse(1000 + LAPSE_MS) == [OPERATOR_KEY]
    assert ring.lapse(1000 + LAPSE_MS) == []
    assert ring.retired(1) == []


def test_a_key_that_is_certified_in_the_epochs_next_bulletin_loses_nothing() -> None:
    ring = rooted(FIRST, SECOND)
    take(ring, certificates(certificate(STRANGER, epoch=1, key=2)), at_ms=0)
    # Under another id: state belongs to the public key.
    take(ring, certificates(certificate(epoch=1, key=3), ts=5), at_ms=LAPSE_MS - 1)
    assert ring.lapse_at_ms is None
    assert ring.lapse(LAPSE_MS) == []


def test_what_was_configured_is_not_stored_and_what_was_heard_is() -> None:
    ring = rooted()
    assert ring.snapshot() == ()
    heard = certificates(SECOND, certificate(STRANGER, key=3))
    take(ring, heard)
    assert ring.snapshot() == (heard,)


def test_a_restart_brings_back_what_was_heard_and_the_minutes_of_grace() -> None:
    ring, heard = rooted(), [certificates(SECOND), certificates(certificate(STRANGER, epoch=1))]
    for one in heard:
        take(ring, one)
    again = rooted()
    again.restore(reversed(ring.snapshot()))
    assert held(again) == held(ring)
    assert again.lapse(LAPSE_MS) == ring.lapse(LAPSE_MS) == [OPERATOR_KEY]
    # The old epoch's bulletin is stored no longer.
    assert ring.snapshot() == (heard[1],)


def test_stored_bulletins_are_verified_anew() -> None:
    forged = certificates(SECOND, root=STRANGER)
    ring = rooted()
    ring.restore([forged, certificates(SECOND)[:1], (b"",), ()])
    assert held(ring) == {1: [FIRST]}


def test_a_copy_goes_its_own_way() -> None:
    ring = rooted()
    twin = ring.copy()
    take(twin, certificates(certificate(STRANGER, epoch=3)))
    assert (ring.epoch, held(ring)) == (0, {1: [FIRST]})
    assert ring.lapse_at_ms is None
    assert (twin.roots, twin.domain) == (ring.roots, ring.domain)


POOL = [
    certificates(
        *(certificate((OPERATOR, STRANGER)[(ts + key) % 2], key=key, epoch=epoch) for key in keys), ts=100 * epoch + ts
    )
    for epoch, ts, keys in [(0, 1, (1, 2)), (0, 2, (1,)), (0, 3, (2, 3)), (1, 0, (2,)), (1, 4, (3, 1)), (1, 5, (1,))]
]


@given(st.lists(st.sampled_from(POOL), min_size=1, max_size=10), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_hearing_changes_nothing(heard: list[Envelopes], chance: random.Random) -> None:
    shuffled = chance.sample(heard, len(heard))
    one, other = Keyring(DOMAIN, roots=ROOTS), Keyring(DOMAIN, roots=ROOTS)
    for envelopes in heard:
        take(one, envelopes)
    for envelopes in shuffled:
        take(other, envelopes)
    assert (one.epoch, held(one)) == (other.epoch, held(other))
    restored = Keyring(DOMAIN, roots=ROOTS)
    restored.restore(one.snapshot())
    assert held(restored) == held(one)


@pytest.mark.parametrize("key", [1, 2])
def test_replacing_one_id_leaves_the_other(key: int) -> None:
    ring = rooted(FIRST, SECOND)
    take(ring, certificates(certificate(STRANGER, key=key, roles=Role.TEST)))
    other = 3 - key
    assert ring.certificates(other) == [{1: FIRST, 2: SECOND}[other]]
