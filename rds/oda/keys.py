"""Ed25519 keys to PEM text and back (RFC 8410: PKCS #8 for private, SubjectPublicKeyInfo for public keys)."""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from rds.oda.signature import is_public_key

PrivateKey = Ed25519PrivateKey
SEED_OCTETS: Final = 32
PRIVATE_LABEL: Final = b"-----BEGIN PRIVATE KEY-----"
PUBLIC_LABEL: Final = b"-----BEGIN PUBLIC KEY-----"
_PRIVATE_WANTED: Final = "a private key is needed (-----BEGIN PRIVATE KEY-----)"
_PUBLIC_WANTED: Final = "a public key is needed (-----BEGIN PUBLIC KEY-----)"


def private_key_of(seed: bytes) -> PrivateKey:
    """The private key of a 32-byte seed, which has to be random: the key is no better than it."""
    return Ed25519PrivateKey.from_private_bytes(seed)


def private_key_pem(key: Ed25519PrivateKey) -> bytes:
    """The unencrypted PKCS #8 PEM of a private key; the file that holds it is for its owner alone."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_key_pem(public_key: bytes) -> bytes:
    """The SubjectPublicKeyInfo PEM of a 32-byte public key."""
    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def parse_private_key(pem: bytes) -> Ed25519PrivateKey:
    """The private key in PEM text.

    Raises:
        ValueError: it is a public key, encrypted, of another algorithm or no PEM at all.
    """
    if PUBLIC_LABEL in pem:
        raise ValueError(f"this is a public key; {_PRIVATE_WANTED}")
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError(f"the private key is encrypted; {_PRIVATE_WANTED} without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"no key in PEM form; {_PRIVATE_WANTED}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"a key of another algorithm ({type(key).__name__}); allowed: Ed25519")
    return key


def parse_public_key(pem: bytes) -> bytes:
    """The 32 bytes of the public key in PEM text.

    Raises:
        ValueError: it is a private key, of another algorithm, one that anyone could sign for, or no PEM at all.
    """
    if PRIVATE_LABEL in pem:
        raise ValueError(f"this is a private key, which belongs at the head-end alone; {_PUBLIC_WANTED}")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"no key in PEM form; {_PUBLIC_WANTED}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"a key of another algorithm ({type(key).__name__}); allowed: Ed25519")
    public_key = key.public_bytes_raw()
    if not is_public_key(public_key):
        raise ValueError(f"public key {public_key.hex()} is no safe Ed25519 key; create a new pair")
    return public_key
