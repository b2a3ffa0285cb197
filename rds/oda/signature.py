"""Ed25519 over what is sent, bound to application and network (protocol, Signature; RFC 8032, pure)."""

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE_OCTETS: Final = 64
PUBLIC_KEY_OCTETS: Final = 32
_PREFIX: Final = b"evrds/1\0"
_GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""L of RFC 8032, 5.1: a signature with S >= L is another writing of a valid one."""


@dataclass(frozen=True, slots=True)
class Domain:
    """The application and network that a signature holds for: configured, never taken from the air."""

    aid: int
    network: int

    def signed(self, content: bytes) -> bytes:
        """The bytes that the signature covers: "evrds/1", a zero, AID, network id, then the content."""
        return _PREFIX + self.aid.to_bytes(2, "big") + bytes([self.network]) + content


def sign(content: bytes, private_key: Ed25519PrivateKey, domain: Domain) -> bytes:
    """The 64-byte signature of `content`."""
    return private_key.sign(domain.signed(content))


def verify(content: bytes, signature: bytes, public_key: bytes, domain: Domain) -> bool:
    """Whether the signature over `content` is the key's (32 bytes): total, for any bytes off the air."""
    if len(signature) != SIGNATURE_OCTETS or int.from_bytes(signature[32:], "little") >= _GROUP_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, domain.signed(content))
    except (InvalidSignature, ValueError):
        return False
    return True
