"""A charge point's request in, whether it may come in out: passwords and TLS of an OCPP server (profiles 1 and 2)."""

import base64
import binascii
import hmac
import ssl
from typing import Final

from websockets.http11 import Request

from rds.errors import UsageError

HEX: Final = "hex:"
"""How a password begins that is given as octets: OCPP 1.6 writes its AuthorizationKey so."""


def secret_of(driver: str, password: str | None) -> bytes | None:
    """A password's octets.

    Raises:
        UsageError: it is empty or not what its beginning promises. It is not repeated: it is a secret.
    """
    if password is None:
        return None
    try:
        octets = bytes.fromhex(password.removeprefix(HEX)) if password.startswith(HEX) else password.encode()
    except ValueError:
        octets = b""
    if not octets:
        raise UsageError(f"charger {driver} option password is empty or no hex; allowed: a text, or {HEX} and octets")
    return octets


def is_authorised(request: Request, name: str, secret: bytes) -> bool:
    """Whether a request carries the name and the secret (RFC 7617). Takes as long for a wrong secret as for the right.

    OCPP's keys may be any octets, so they are compared as such.
    """
    given = request.headers.get_all("Authorization")
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    try:
        octets = base64.b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    return hmac.compare_digest(octets, name.encode() + b":" + secret) and scheme.lower() == "basic"


def tls_of(driver: str, certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """A server's TLS from the files that the options name.

    Raises:
        UsageError: they cannot be read or do not belong together.
    """
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty passphrase: OpenSSL would ask for one at the terminal else.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as fault:
        cause = getattr(fault, "reason", None) or getattr(fault, "strerror", None) or fault
        raise UsageError(
            f"charger {driver} option tls_certificate is {certificate!r} and tls_key {key!r}: {cause}; "
            "allowed: PEM files of a certificate and of its key without a passphrase"
        ) from fault
    return context
