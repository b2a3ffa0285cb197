"""Certificates, bulletins and their armour: what is refused, bit by bit, and garbage (the good bytes: the document)."""

import base64
from dataclasses import replace
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from rds.oda.bulletin import Bulletin, Record, crc16, is_bulletin_envelope, open_bulletin, sign_bulletin
from rds.oda.certificate import ALL_ROLES, Certificate, Role
from rds.oda.certificate_pem import CertificateFile, armour, parse_armour, sign_certificates, verified_certificates
from rds.oda.records import pack_record, unpack_record
from rds.oda.region import EVERYONE, Region
from rds.oda.signature import Domain, sign
from tests.vectors.ed25519 import SMALL_ORDER_POINTS

_DOMAIN: Final = Domain(0xC0DE, 7)
_ROOT: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
_ROOT_PUBLIC: Final = _ROOT.public_key().public_bytes_raw()
_OPERATOR: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_CERTIFICATE: Final = Certificate(
    key=1,
    epoch=0,
    not_before=7620480,
    not_after=11024640,
    roles=ALL_ROLES,
    scope=EVERYONE,
    public_key=_OPERATOR.public_key().public_bytes_raw(),
)
_FILE: Final = sign_certificates([_CERTIFICATE], _ROOT, _DOMAIN, root_id=14, ts=7520040)
_400_DAYS: Final = 400 * 86_400 // 10


def _unpacked(body: bytes) -> Certificate | None:
    record = unpack_record(Record(Certificate.TYPE, body))
    assert record is None or isinstance(record, Certificate)
    return record


@given(
    st.integers(0, 13),
    st.integers(0, 4095),
    st.integers(0, 2**28 - 1 - _400_DAYS),
    st.integers(0, _400_DAYS),
    st.integers(0, 127),
    st.sampled_from(["FFFFF", "1FFFF", "12FFF", "12345"]),
)
def test_a_certificate_both_ways(key: int, epoch: int, begin: int, ticks: int, roles: int, scope: str) -> None:
    certificate = replace(
        _CERTIFICATE,
        key=key,
        epoch=epoch,
        not_before=begin,
        not_after=begin + ticks,
        roles=Role(roles << 1),
        scope=Region.parse(scope),
    )
    body = certificate.pack_body()
    assert len(body) == Certificate.LAYOUT.octets == 45
    assert _unpacked(body) == _unpacked(body + b"more") == certificate


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"key": 14}, "key id 14"),
        ({"key": 15}, "key id 15"),
        ({"not_after": 7620479}, "validity"),
        ({"not_after": 7620480 + _400_DAYS + 1}, "validity"),
        ({"scope": Region(0x1F3FF)}, "scope 1F3FF"),
    ],
)
def test_a_certificate_that_is_refused(change: dict[str, Any], why: str) -> None:  # Any: values of several fields
    with pytest.raises(ValueError, match=why):
        replace(_CERTIFICATE, **change)


@pytest.mark.parametrize("key", [14, 15])
def test_a_root_is_not_certified_from_the_air(key: int) -> None:
    body = bytearray(_CERTIFICATE.pack_body())
    body[0] = key << 4
    assert _unpacked(bytes(body)) is None


def test_a_validity_is_at_most_400_days_and_includes_both_ends() -> None:
    certificate = replace(_CERTIFICATE, not_after=7620480 + _400_DAYS)
    assert _unpacked(certificate.pack_body()) == certificate
    ends = (7620479, 7620480, 7620480 + _400_DAYS, 7620480 + _400_DAYS + 1)
    assert [certificate.valid_at(ts) for ts in ends] == [False, True, True, False]


@pytest.mark.parametrize("point", SMALL_ORDER_POINTS)
def test_a_key_that_anyone_could_sign_for(point: str) -> None:
    with pytest.raises(ValueError, match="not of small order"):
        replace(_CERTIFICATE, public_key=bytes.fromhex(point))
    assert _unpacked(_CERTIFICATE.pack_body()[:-32] + bytes.fromhex(point)) is None


def test_reserved_bits_are_not_looked_at() -> None:
    body = bytearray(_CERTIFICATE.pack_body())
    body[9] |= 1  # the role 01
    body[12] |= 0xF  # the four before the public key
    assert _unpacked(bytes(body)) == _CERTIFICATE


@given(st.binary(max_size=60))
def test_any_body_is_a_certificate_or_none(body: bytes) -> None:
    certificate = _unpacked(body)
    assert certificate is None or 0 <= certificate.key <= 13


def test_only_a_root_certifies() -> None:
    assert verified_certificates(_FILE, []) is None
    assert verified_certificates(_FILE, [bytes(range(32))]) is None
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    assert verified_certificates(_FILE, [other, _ROOT_PUBLIC]) == (_CERTIFICATE,)
    with pytest.raises(ValueError, match="allowed: 14 and 15"):
        sign_certificates([_CERTIFICATE], _ROOT, _DOMAIN, root_id=13, ts=1)


def test_a_root_under_an_operators_id_certifies_nobody() -> None:
    record = pack_record(_CERTIFICATE)
    envelopes = sign_bulletin(Bulletin(5, 1, 7520040, (record,)), _ROOT, _DOMAIN)
    assert open_bulletin(envelopes, _ROOT_PUBLIC, _DOMAIN) is not None
    assert verified_certificates(CertificateFile(_DOMAIN, envelopes), [_ROOT_PUBLIC]) is None


def test_of_a_roots_records_only_good_certificates_count() -> None:
    good = pack_record(_CERTIFICATE)
    root = Record(Certificate.TYPE, b"\xe0" + good.body[1:])
    records = (Record(6, b"text"), root, Record(Certificate.TYPE, good.body[:-1]), good)
    envelopes = sign_bulletin(Bulletin(5, 15, 7520040, records), _ROOT, _DOMAIN)
    assert verified_certificates(CertificateFile(_DOMAIN, envelopes), [_ROOT_PUBLIC]) == (_CERTIFICATE,)


def test_any_changed_bit_opens_nothing() -> None:
    """Also where the CRC has been made good again: then the signature or the heads' agreement refuses."""
    for bit in range(1200):
        octets = bytearray(b"".join(_FILE.envelopes))
        octets[bit // 8] ^= 0x80 >> bit % 8
        damaged = [bytes(octets[:75]), bytes(octets[75:])]
        assert open_bulletin(damaged, _ROOT_PUBLIC, _DOMAIN) is None, bit
        mended = [envelope[:-2] + crc16(envelope[:-2]).to_bytes(2, "big") for envelope in damaged]
        assert mended == list(_FILE.envelopes) or open_bulletin(mended, _ROOT_PUBLIC, _DOMAIN) is None, bit


@given(st.lists(st.binary(max_size=200), max_size=6), st.integers(0, 2**28 - 1), st.integers(0, 15))
def test_a_bulletin_both_ways(bodies: list[bytes], ts: int, key: int) -> None:
    records = tuple(Record(type=index + 1, body=body) for index, body in enumerate(bodies))
    if sum(len(body) + 2 for body in bodies) > 15 * 70:
        with pytest.raises(ValueError, match="a bulletin holds 1050"):
            sign_bulletin(Bulletin(3, key, ts, records), _ROOT, _DOMAIN)
        return
    envelopes = sign_bulletin(Bulletin(3, key, ts, records), _ROOT, _DOMAIN)
    assert 2 <= len(envelopes) <= 16
    assert all(len(envelope) == 75 and is_bulletin_envelope(envelope) for envelope in envelopes)
    assert open_bulletin(envelopes, _ROOT_PUBLIC, _DOMAIN) == Bulletin(3, key, ts, records)
    assert open_bulletin(envelopes[::-1], _ROOT_PUBLIC, _DOMAIN) is None
    assert open_bulletin(envelopes[:-1], _ROOT_PUBLIC, _DOMAIN) is None
    assert open_bulletin(envelopes, _ROOT_PUBLIC, Domain(0xC0DE, 8)) is None


def _signed_by_hand(head: bytes, content: bytes) -> tuple[bytes, ...]:
    """Envelopes of any head and content under the root's good signature: what `sign_bulletin` would never make."""
    content = content.ljust(70, b"\0")
    payloads = head + sign(head + content, _ROOT, _DOMAIN) + content
    stamp = head[4]
    parts = [bytes([0x55, index << 4 | 1, stamp]) + payloads[70 * index : 70 * index + 70] for index in range(2)]
    return tuple(part + crc16(part).to_bytes(2, "big") for part in parts)


def test_by_hand_is_as_the_document_says() -> None:
    record = b"\x04\x2d" + _CERTIFICATE.pack_body()
    assert _signed_by_hand(bytes.fromhex("55 E0 72 BF 28 01"), record) == _FILE.envelopes


@pytest.mark.parametrize("first", [0x45, 0x65, 0x95, 0xD5, 0x54])
def test_a_signed_head_of_another_version_kind_or_number(first: int) -> None:
    envelopes = _signed_by_hand(bytes([first]) + bytes.fromhex("E0 72 BF 28 00"), b"")
    assert open_bulletin(envelopes, _ROOT_PUBLIC, _DOMAIN) is None


@pytest.mark.parametrize(
    ("count", "content", "records"),
    [
        (2, b"\6\1x" + b"\6\xff" + b"y" * 65, (Record(6, b"x"),)),
        (2, b"\6\x43" + b"x" * 67 + b"\6", (Record(6, b"x" * 67),)),
        (255, b"", (Record(0, b""),) * 35),
        (0, b"\6\1x", ()),
        (1, b"\6\1x" + b"\6\1y", (Record(6, b"x"),)),
    ],
)
def test_where_the_parsing_of_records_stops(count: int, content: bytes, records: tuple[Record, ...]) -> None:
    envelopes = _signed_by_hand(bytes.fromhex("55 E0 72 BF 28") + bytes([count]), content)
    opened = open_bulletin(envelopes, _ROOT_PUBLIC, _DOMAIN)
    assert opened is not None
    assert opened.records == records


def test_a_body_has_at_most_255_bytes() -> None:
    with pytest.raises(ValueError, match="at most 255"):
        sign_bulletin(Bulletin(3, 14, 1, (Record(6, b"x" * 256),)), _ROOT, _DOMAIN)


@given(st.lists(st.binary(max_size=73), max_size=4))
def test_any_envelopes_open_or_not(contents: list[bytes]) -> None:
    envelopes = [b"\x55" + content.ljust(72, b"\0")[:72] for content in contents]
    sealed = [envelope + crc16(envelope).to_bytes(2, "big") for envelope in envelopes]
    assert all(map(is_bulletin_envelope, sealed))
    assert open_bulletin(sealed, _ROOT_PUBLIC, _DOMAIN) is None
    assert open_bulletin(contents, _ROOT_PUBLIC, _DOMAIN) is None


def test_armour_stands_among_other_text_and_line_ends() -> None:
    text = armour(_FILE)
    for variant in (
        text,
        text.replace("\n", "\r\n"),
        f"Certificate of operator 1\n\n{text}\nissued by root 14\n",
        text.replace("AID: C0DE", "AID: c0de"),
        text.replace("\nVQ", "\n\n  VQ"),
    ):
        assert parse_armour(variant) == _FILE


def test_certificates_of_several_operators() -> None:
    certificates = tuple(replace(_CERTIFICATE, key=key, epoch=key) for key in range(14))
    file = sign_certificates(certificates, _ROOT, _DOMAIN, root_id=15, ts=1)
    assert verified_certificates(parse_armour(armour(file)), [_ROOT_PUBLIC]) == certificates
    assert len(file.envelopes) == 1 + -(-14 * 47 // 70)


def _body(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("BEGIN EVRDS", "BEGIN", "no certificate in PEM form"),
        ("END EVRDS", "END", "no certificate in PEM form"),
        ("AID: C0DE\n", "", "no certificate in PEM form"),
        ("Network: 7", "Network: 1234", "no certificate in PEM form"),
        ("Network: 7", "Network: ٧", "no certificate in PEM form"),
        ("Network: 7", "Network: 256", "for network 256; allowed"),
        ("VQEo", "VQE", "base64 is damaged"),
        ("VQEo", "VQ=o", "base64 is damaged"),
        ("VQEo", "VQ*o", "no certificate in PEM form"),
        ("VQEo", "", "a certificate of 147 bytes"),
        (_body(_FILE.envelopes[0])[:64], "", "a certificate of 102 bytes"),
    ],
)
def test_armour_that_is_refused(old: str, new: str, why: str) -> None:
    text = armour(_FILE)
    assert old in text
    with pytest.raises(ValueError, match=why):
        parse_armour(text.replace(old, new))


@pytest.mark.parametrize("count", [1, 17])
def test_armour_of_too_few_or_many_envelopes(count: int) -> None:
    text = armour(CertificateFile(_DOMAIN, _FILE.envelopes[:1] * count))
    with pytest.raises(ValueError, match=r"allowed: 2\.\.16 envelopes"):
        parse_armour(text)


def test_two_armours_in_one_text() -> None:
    with pytest.raises(ValueError, match="2 certificates in one text"):
        parse_armour(armour(_FILE) * 2)


def test_a_changed_header_verifies_no_more() -> None:
    for old, new in (("AID: C0DE", "AID: C0DF"), ("Network: 7", "Network: 8")):
        assert verified_certificates(parse_armour(armour(_FILE).replace(old, new)), [_ROOT_PUBLIC]) is None


def test_a_megabyte_of_white_space_is_read_at_once() -> None:
    """The pattern must not try every way to share the white space out."""
    start = armour(_FILE).split("VQEo")[0]
    with pytest.raises(ValueError, match="no certificate in PEM form"):
        parse_armour(start + "\n" * 1_000_000)


@given(st.text(max_size=200))
def test_any_text_is_armour_or_refused(text: str) -> None:
    begin, end = "-----BEGIN EVRDS CERTIFICATE-----", "-----END EVRDS CERTIFICATE-----"
    for variant in (text, f"{begin}\nAID: C0DE\nNetwork: 7\n\n{text}{end}", f"{begin}\n{text}\n{end}"):
        with pytest.raises(ValueError, match="certificate"):
            parse_armour(variant)
