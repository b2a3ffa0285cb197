"""An urgent message and its signature as 75 bytes, and apart again (protocol, Urgent envelope)."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rds.oda.erasure_code import ENVELOPE_OCTETS
from rds.oda.messages import KIND_URGENT, MESSAGE_OCTETS, VERSION, UrgentMessage, pack_message
from rds.oda.signature import Domain, sign, verify


def sign_urgent(message: UrgentMessage, private_key: Ed25519PrivateKey, domain: Domain) -> bytes:
    """The 75-byte envelope of a message.

    Raises:
        ValueError: a field does not fit its width.
    """
    head = pack_message(message)
    return head + sign(head, private_key, domain)


def is_urgent_envelope(envelope: bytes) -> bool:
    """Whether 75 bytes are of this version and kind; nothing is said of the signature."""
    return len(envelope) == ENVELOPE_OCTETS and envelope[0] >> 4 == VERSION << 2 | KIND_URGENT


def urgent_head(envelope: bytes) -> bytes:
    """The 11 message bytes."""
    return envelope[:MESSAGE_OCTETS]


def verify_urgent(envelope: bytes, public_key: bytes, domain: Domain) -> bool:
    """Whether the envelope's signature is the key's."""
    return verify(urgent_head(envelope), envelope[MESSAGE_OCTETS:], public_key, domain)
