"""Ed25519 over what is sent, bound to application and network (protocol, Signature; RFC 8032, pure)."""

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE_OCTETS: Final = 64
PUBLIC_KEY_OCTETS: Final = 32
_PREFIX: Final = b"evrds/1\0"
_GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""L of RFC 8032, 5.1: a signature with S >= L is another writing of a valid one. Not every library refuses it."""
_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
"""The field and d of the curve -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032, 5.1)."""
_COFACTOR_LOG2: Final = 3


@dataclass(frozen=True, slots=True)
class Domain:
    """The application and network that a signature holds for: configured, never taken from the air.

    Raises:
        ValueError: an AID of more than 16 bits, or a network id of more than 8.
    """

    aid: int
    network: int

    def __post_init__(self) -> None:
        if not 0 <= self.aid <= 0xFFFF:
            raise ValueError(f"AID {self.aid:#x}; allowed: 0000..FFFF")
        if not 0 <= self.network <= 0xFF:
            raise ValueError(f"network id {self.network}; allowed: 0..255")

    def signed(self, content: bytes) -> bytes:
        """The bytes that the signature covers: "evrds/1", a zero, AID, network id, then the content."""
        return _PREFIX + self.aid.to_bytes(2, "big") + bytes([self.network]) + content


def is_public_key(public_key: bytes) -> bool:
    """Whether bytes are a key whose signatures only its owner makes: 32 bytes, canonical, on the curve, no small order.

    Verification alone (RFC 8032, 5.1.7) lets forged signatures pass under a point of order 1, 2, 4 or 8.
    """
    y = int.from_bytes(public_key, "little") & (1 << 255) - 1
    if len(public_key) != PUBLIC_KEY_OCTETS or y >= _P or pow(_x_squared(y), (_P - 1) // 2, _P) > 1:
        return False
    for _ in range(_COFACTOR_LOG2):
        x_squared, y_squared = _x_squared(y), y * y % _P
        y = (y_squared + x_squared) * pow(2 - y_squared + x_squared, -1, _P) % _P  # of the point's double
    return y != 1  # the neutral point is (0, 1)


def _x_squared(y: int) -> int:
    return (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P


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
