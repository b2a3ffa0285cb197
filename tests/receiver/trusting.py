"""Messages to trusted ones, through the verifier: nobody else makes them."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rds.oda.messages import UrgentMessage
from receiver.keyring import Keyring
from receiver.verify import Trusted, Verifier
from tests.receiver.broadcast import OPERATOR, certificate, keyring, signed


def trusted(
    message: UrgentMessage, ring: Keyring | None = None, private_key: Ed25519PrivateKey = OPERATOR
) -> Trusted[UrgentMessage]:
    found = Verifier(ring or keyring(certificate(private_key))).examine_envelope(signed(message, private_key))
    assert isinstance(found, Trusted), found
    return found
