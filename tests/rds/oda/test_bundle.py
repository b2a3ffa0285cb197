"""Bundles: what is in one comes back; a bundle that is cut, damaged, foreign or forged is refused in one line."""

import hashlib
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.errors import EvrdsError, InputError, TrustError
from rds.oda.bundle import Bundle, bundle_text, fingerprint, is_bundle, parse_bundle
from rds.oda.certificate import ALL_ROLES, Certificate
from rds.oda.certificate_pem import CertificateFile, armour, sign_certificates
from rds.oda.keys import PrivateKey, private_key_of, private_key_pem, public_key_pem
from rds.oda.region import EVERYONE, Region
from rds.oda.signature import Domain

DOMAIN = Domain(0xC0DE, 7)
OPERATOR, ROOT, SPARE, STRANGER = (private_key_of(bytes(range(first, first + 32))) for first in (0, 32, 64, 100))
ROOTS = tuple(root.public_key().public_bytes_raw() for root in (ROOT, SPARE))
ISSUED = datetime(2026, 12, 1, 17, tzinfo=UTC)


def certified(key: int = 1, *, by_spare: bool = False, domain: Domain = DOMAIN) -> CertificateFile:
    one = Certificate(key, 0, 7_620_480, 11_024_640, ALL_ROLES, EVERYONE, OPERATOR.public_key().public_bytes_raw())
    return sign_certificates([one], SPARE if by_spare else ROOT, domain, root_id=15 if by_spare else 14, ts=7_520_040)


BUNDLE = Bundle(
    DOMAIN, ROOTS, (certified(), certified(2, by_spare=True)), (Region.parse("12345"), Region.parse("12346")), ISSUED
)
TEXT = bundle_text(BUNDLE)


def resealed(text: str) -> bytes:
    """A text with the checksum that belongs to it: what is wrong in it is no accident."""
    body = text[: text.rindex("checksum")]
    return f'{body}checksum = "{hashlib.sha256(body.encode()).hexdigest()}"\n'.encode()


def test_a_bundle_worked_by_hand() -> None:
    """The text put together piece by piece, its checksum by sha256sum(1) of the lines before."""
    root, file = public_key_pem(ROOTS[0]).decode(), armour(certified())
    text = (
        "# What a charger of this network is installed with: evrds-receiver install. Nothing in it is secret.\n"
        'evrds_bundle = 1\naid = "C0DE"\nnetwork = 7\nissued = 2026-12-01T17:00:00Z\nregions = ["12345"]\n'
        f"roots = ['''\n{root}''']\ncertificates = ['''\n{file}''']\n"
    )
    one = Bundle(DOMAIN, ROOTS[:1], (certified(),), (Region.parse("12345"),), ISSUED)
    assert bundle_text(one).startswith(text)
    assert bundle_text(one).removeprefix(text) == (
        'checksum = "fdbc838a11f942ea01043f7d67c64c6f273922695f1eb704ce88146969c1e576"\n'
    )


def test_what_is_in_comes_out() -> None:
    assert parse_bundle(TEXT.encode(), source="b.toml") == BUNDLE
    assert [one.key for one in BUNDLE.certificates] == [1, 2]
    assert is_bundle(TEXT.encode())
    assert not is_bundle(armour(certified()).encode())


def test_line_ends_and_a_byte_order_mark_of_another_system_are_no_damage() -> None:
    octets = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    assert parse_bundle(octets, source="b.toml") == BUNDLE


def test_a_fingerprint_is_the_start_of_the_key_s_sha_256() -> None:
    """Of root 14's test key by sha256sum(1)."""
    assert fingerprint(ROOTS[0]) == "24F6 ED6A CBFE 1009 C030 D7CA"


@pytest.mark.parametrize("length", range(0, len(TEXT) - 1, 37))
def test_a_bundle_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(InputError, match=r"is cut off|is no bundle"):
        parse_bundle(TEXT[:length].encode(), source="b.toml")


@given(st.integers(0, len(TEXT.encode()) - 2), st.integers(0, 255))
def test_any_changed_byte_is_refused(place: int, byte: int) -> None:
    octets = bytearray(TEXT.encode())
    if octets[place] == byte:
        return
    octets[place] = byte
    with pytest.raises((InputError, TrustError)) as caught:
        parse_bundle(bytes(octets), source="b.toml")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("b.toml")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_refused_in_one_line(octets: bytes) -> None:
    for variant in (
        octets,
        b"evrds_bundle = 1\n" + octets,
        resealed("evrds_bundle = 1\n" + octets.decode("latin-1") + "\nchecksum"),
    ):
        with pytest.raises(EvrdsError) as caught:
            parse_bundle(variant, source="b.toml")
        assert "\n" not in str(caught.value)


@given(st.sampled_from(TEXT.splitlines()[:-1]), st.text(max_size=80))
def test_any_line_in_the_place_of_another_is_refused_or_means_the_same(line: str, other: str) -> None:
    """As an editor who mends the checksum could do it."""
    told = ""
    try:
        bundle = parse_bundle(resealed(TEXT.replace(line, other, 1)), source="b.toml")
    except EvrdsError as error:
        bundle, told = BUNDLE, str(error)
    assert "\n" not in told
    assert set(bundle.roots) <= set(ROOTS)
    assert bundle.domain == DOMAIN


@pytest.mark.parametrize(
    ("old", "new", "error", "why"),
    [
        ("evrds_bundle = 1", "evrds_bundle = 2", InputError, ":2: evrds_bundle = 2; allowed: 1; install a newer evrds"),
        ("evrds_bundle = 1", "evrds_bundle = 'x'", InputError, ":2: evrds_bundle = 'x'; allowed: a whole number"),
        (
            'aid = "C0DE"',
            'aid = "BEEF"',
            TrustError,
            ": certificate 1 is for AID C0DE, network 7; allowed here: AID BEEF",
        ),
        ('aid = "C0DE"', 'aid = "CD46"', InputError, "CD46 is registered to"),
        ("network = 7", "network = 8", TrustError, "is for AID C0DE, network 7; allowed here: AID C0DE, network 8"),
        ("network = 7", "network = 256", InputError, ":4: network = 256; allowed: 0..255"),
        ("network = 7", "network = 7\nx = 1", InputError, "unknown field 'x'"),
        ('"12346"', '"12FFF"', InputError, "region code '12FFF'; allowed: five digits 0..E"),
        ('"12346"', ", ".join(['"12346"'] * 4), InputError, r"allowed: an array of 0\.\.4 strings"),
        (
            "issued = 2026-12-01T17:00:00Z",
            "issued = 2026-12-01T17:00:00",
            InputError,
            "issued = .* RFC 3339 with an offset",
        ),
        ("roots = [", "roots = [] #", InputError, "not TOML|allowed: an array"),
        (
            "certificates = [",
            "certificates = []\nold = [",
            InputError,
            "certificates = .*; allowed: an array of 1 or more",
        ),
        ("AID: C0DE", "AID: C0DF", TrustError, "certificate 1 is for AID C0DF"),
        (public_key_pem(ROOTS[1]).decode(), public_key_pem(ROOTS[0]).decode(), TrustError, "the two roots are one"),
        (
            public_key_pem(ROOTS[1]).decode(),
            public_key_pem(STRANGER.public_key().public_bytes_raw()).decode(),
            TrustError,
            "certificate 2 is not signed by the bundle's roots; take it anew",
        ),
        (
            public_key_pem(ROOTS[1]).decode(),
            private_key_pem(SPARE).decode(),
            TrustError,
            "holds a private key, which belongs",
        ),
        (public_key_pem(ROOTS[1]).decode(), "junk", InputError, "no key in PEM form"),
        ("VQEo", "VQEp", TrustError, "certificate 1 is not signed by the bundle's roots"),
    ],
)
def test_what_is_wrong_though_the_checksum_is_right(old: str, new: str, error: type[EvrdsError], why: str) -> None:
    assert old in TEXT
    with pytest.raises(error) as caught:
        parse_bundle(resealed(TEXT.replace(old, new, 1)), source="b.toml")
    told = str(caught.value)
    assert told.startswith("b.toml")
    assert "\n" not in told
    assert re.search(why, told), told


def test_a_certificate_bulletin_that_names_no_operator() -> None:
    empty = sign_certificates([], ROOT, DOMAIN, root_id=14, ts=7_520_040)
    text = bundle_text(Bundle(DOMAIN, ROOTS, (empty,), (), ISSUED))
    with pytest.raises(TrustError, match="certificate 1 names no operator"):
        parse_bundle(text.encode(), source="b.toml")


def test_what_an_operator_signs_is_no_certificate() -> None:
    """A stolen key that certifies a key of its own."""
    forged = sign_certificates([certified_key(STRANGER)], OPERATOR, DOMAIN, root_id=14, ts=7_520_040)
    text = bundle_text(Bundle(DOMAIN, ROOTS, (certified(), forged), (), ISSUED))
    with pytest.raises(TrustError, match="certificate 2 is not signed by the bundle's roots"):
        parse_bundle(text.encode(), source="b.toml")


def certified_key(private_key: PrivateKey) -> Certificate:
    public_key = private_key.public_key().public_bytes_raw()
    return Certificate(3, 0, 7_620_480, 11_024_640, ALL_ROLES, EVERYONE, public_key)


def test_a_huge_file_is_not_read() -> None:
    with pytest.raises(InputError, match="is larger than"):
        parse_bundle(b"#" * ((1 << 18) + 1), source="b.toml")
