"""Keys and signatures: cited vectors, then what must never verify, then garbage."""

from typing import Final

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from rds.oda.keys import parse_private_key, parse_public_key, private_key_pem, public_key_pem
from rds.oda.signature import Domain, is_public_key, sign, verify
from tests.vectors.ed25519 import (
    RFC8032_SIGNATURES,
    RFC8410_PRIVATE_PEM,
    RFC8410_PUBLIC_PEM,
    SMALL_ORDER_POINTS,
)

_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_DOMAIN: Final = Domain(0xC0DE, 7)
_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_PUBLIC: Final = _KEY.public_key().public_bytes_raw()


@pytest.mark.parametrize(("private", "public", "message", "signature"), RFC8032_SIGNATURES)
def test_rfc_8032_through_the_key_functions(private: str, public: str, message: str, signature: str) -> None:
    key = parse_private_key(private_key_pem(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))))
    public_key = parse_public_key(public_key_pem(bytes.fromhex(public)))
    assert key.public_key().public_bytes_raw() == public_key == bytes.fromhex(public)
    assert is_public_key(public_key)
    assert key.sign(bytes.fromhex(message)) == bytes.fromhex(signature)
    Ed25519PublicKey.from_public_bytes(public_key).verify(bytes.fromhex(signature), bytes.fromhex(message))


def test_rfc_8410_pem() -> None:
    key = parse_private_key(RFC8410_PRIVATE_PEM)
    public_key = parse_public_key(RFC8410_PUBLIC_PEM)
    assert key.public_key().public_bytes_raw() == public_key
    assert public_key.hex() == "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
    assert private_key_pem(key) == RFC8410_PRIVATE_PEM
    assert public_key_pem(public_key) == RFC8410_PUBLIC_PEM


@pytest.mark.parametrize("sign_bit", [0, 0x80])
@pytest.mark.parametrize("point", SMALL_ORDER_POINTS)
def test_small_order_keys_are_refused(point: str, sign_bit: int) -> None:
    octets = bytearray.fromhex(point)
    octets[31] |= sign_bit
    assert not is_public_key(bytes(octets))
    pem = public_key_pem(bytes(octets))
    with pytest.raises(ValueError, match="no safe Ed25519 key"):
        parse_public_key(pem)


def test_why_they_are_refused() -> None:
    """Under the neutral point the signature R = neutral, S = 0 holds for whatever was never signed."""
    neutral = (1).to_bytes(32, "little")
    assert verify(b"never signed", neutral + bytes(32), neutral, _DOMAIN)


@pytest.mark.parametrize("y", [_P, _P + 1, _P + 9, 2**255 - 1])
def test_keys_that_are_not_canonical_are_refused(y: int) -> None:
    assert not is_public_key(y.to_bytes(32, "little"))


def test_keys_off_the_curve_or_of_another_length_are_refused() -> None:
    assert not is_public_key((2).to_bytes(32, "little"))  # (4 - 1) / (4 d + 1) has no root
    assert not is_public_key(_PUBLIC[:31])
    assert not is_public_key(_PUBLIC + b"\0")
    assert is_public_key((3).to_bytes(32, "little")) == _decodes(3)


def _decodes(y: int) -> bool:
    """Whether a point of the curve has this y: the slow way, through RFC 8032's formula for the square root."""
    d = -121665 * pow(121666, _P - 2, _P) % _P
    u, v = (y * y - 1) % _P, (d * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    return v * x * x % _P in (u, -u % _P)


@given(st.integers(3, _P - 3))
def test_on_the_curve_agrees_with_the_square_root(y: int) -> None:
    assert is_public_key(y.to_bytes(32, "little")) == _decodes(y)


@given(st.binary(min_size=32, max_size=32))
def test_every_made_key_is_one(seed: bytes) -> None:
    assert is_public_key(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def test_a_signature_with_s_plus_l_is_refused() -> None:
    signature = sign(b"content", _KEY, _DOMAIN)
    s = int.from_bytes(signature[32:], "little")
    for multiple in range(1, 16):
        if s + multiple * _ORDER < 1 << 256:
            other = signature[:32] + (s + multiple * _ORDER).to_bytes(32, "little")
            assert not verify(b"content", other, _PUBLIC, _DOMAIN)
    assert verify(b"content", signature, _PUBLIC, _DOMAIN)


@pytest.mark.parametrize(
    "domain", [Domain(0xC0DF, 7), Domain(0xC0DE, 8), Domain(0, 7), Domain(0xDEC0, 7), Domain(0xC0DE, 0)]
)
def test_another_application_or_network_is_refused(domain: Domain) -> None:
    assert not verify(b"content", sign(b"content", _KEY, _DOMAIN), _PUBLIC, domain)


def test_the_signed_bytes_have_no_second_reading() -> None:
    """No content moves bytes from one field to the next: the three in front have fixed widths."""
    assert Domain(0x0102, 3).signed(b"\4") == b"evrds/1\0\1\2\3\4"


@pytest.mark.parametrize(("aid", "network"), [(-1, 7), (0x10000, 7), (0xC0DE, -1), (0xC0DE, 256)])
def test_a_domain_out_of_range(aid: int, network: int) -> None:
    with pytest.raises(ValueError, match="allowed"):
        Domain(aid, network)


@given(st.binary(max_size=90), st.binary(max_size=70), st.binary(max_size=40))
def test_verify_is_total(content: bytes, signature: bytes, public_key: bytes) -> None:
    assert not verify(content, signature, public_key, _DOMAIN)


@given(st.binary(min_size=64, max_size=64), st.binary(min_size=32, max_size=32))
def test_verify_is_total_on_the_right_sizes(signature: bytes, public_key: bytes) -> None:
    if is_public_key(public_key):
        assert not verify(b"content", signature, public_key, _DOMAIN)
        assert not verify(b"content", signature[:32] + bytes(32), public_key, _DOMAIN)


@given(st.binary(max_size=200))
def test_parsing_garbage(pem: bytes) -> None:
    for parse in (parse_private_key, parse_public_key):
        with pytest.raises(ValueError, match="needed"):
            parse(pem)


@given(st.binary(max_size=80))
def test_parsing_garbage_between_good_labels(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"needed|allowed"):
        parse_private_key(b"-----BEGIN PRIVATE KEY-----\n" + body + b"\n-----END PRIVATE KEY-----\n")
    with pytest.raises(ValueError, match=r"needed|allowed"):
        parse_public_key(b"-----BEGIN PUBLIC KEY-----\n" + body + b"\n-----END PUBLIC KEY-----\n")


def test_the_wrong_half_of_a_pair() -> None:
    with pytest.raises(ValueError, match="this is a public key; a private key is needed"):
        parse_private_key(RFC8410_PUBLIC_PEM)
    with pytest.raises(ValueError, match="this is a private key, which belongs at the head-end alone"):
        parse_public_key(RFC8410_PRIVATE_PEM)


def test_an_encrypted_key() -> None:
    pem = _KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    with pytest.raises(ValueError, match="encrypted"):
        parse_private_key(pem)


def test_a_key_of_another_algorithm() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    private = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(ValueError, match="allowed: Ed25519"):
        parse_private_key(private)
    with pytest.raises(ValueError, match="allowed: Ed25519"):
        parse_public_key(public)


def test_the_library_raises_for_a_forgery() -> None:
    """Our oracle can say no: a vector with one bit changed."""
    _, public, message, signature = RFC8032_SIGNATURES[2]
    changed = bytearray.fromhex(signature)
    changed[0] ^= 1
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes(changed), bytes.fromhex(message))
