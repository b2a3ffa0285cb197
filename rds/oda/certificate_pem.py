"""A certificate bulletin in PEM armour and back: what an operator is given and a charger is installed with.

The envelopes stand in base64 between the labels; two headers (as in RFC 1421) name the AID and network that the
root's signature covers, so that a file says for which application it is good:

    -----BEGIN EVRDS CERTIFICATE-----
    AID: C0DE
    Network: 7

    (base64 of the envelopes, 75 bytes each, index 0 first)
    -----END EVRDS CERTIFICATE-----
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rds.oda.bulletin import MAX_ENVELOPES, Bulletin, open_bulletin, sign_bulletin
from rds.oda.certificate import ROOT_KEYS, Certificate
from rds.oda.erasure_code import ENVELOPE_OCTETS
from rds.oda.records import pack_record, unpack_record
from rds.oda.signature import Domain

_BEGIN: Final = "-----BEGIN EVRDS CERTIFICATE-----"
_END: Final = "-----END EVRDS CERTIFICATE-----"
CERTIFICATE_LABEL: Final = _BEGIN.encode()
_ARMOUR: Final = re.compile(rf"{_BEGIN}\s+AID: ([0-9A-Fa-f]{{4}})\s+Network: ([0-9]{{1,3}})\s([A-Za-z0-9+/=\s]+){_END}")
_LINE: Final = 64
CERTIFICATE_BULLETIN: Final = 5
"""The bulletin number that certificates go under."""


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """What a certificate file says before anything is verified: for what, and the signed envelopes."""

    domain: Domain
    envelopes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Vouched:
    """Operators' certificates under a root's signature: whose, by which root key id, and stamped when."""

    root: bytes
    root_id: int
    ts: int
    certificates: tuple[Certificate, ...]


def sign_certificates(
    certificates: Sequence[Certificate], root: Ed25519PrivateKey, domain: Domain, *, root_id: int, ts: int
) -> CertificateFile:
    """The signed bulletin of a root over operators' certificates.

    Raises:
        ValueError: `root_id` is neither 14 nor 15, or the certificates do not fit a bulletin.
    """
    if root_id not in ROOT_KEYS:
        raise ValueError(f"root key id {root_id}; allowed: 14 and 15")
    records = tuple(map(pack_record, certificates))
    bulletin = Bulletin(number=CERTIFICATE_BULLETIN, key=root_id, ts=ts, records=records)
    return CertificateFile(domain, sign_bulletin(bulletin, root, domain))


def armour(file: CertificateFile) -> str:
    """The PEM text of a certificate bulletin."""
    body = base64.b64encode(b"".join(file.envelopes)).decode("ascii")
    lines = [body[start : start + _LINE] for start in range(0, len(body), _LINE)]
    headers = [f"AID: {file.domain.aid:04X}", f"Network: {file.domain.network}", ""]
    return "\n".join([_BEGIN, *headers, *lines, _END, ""])


def parse_armour(text: str) -> CertificateFile:
    """The certificate bulletin in PEM text, not yet verified.

    Raises:
        ValueError: no such armour, several of them, or a body that is not whole envelopes.
    """
    if text.count(_BEGIN) > 1:
        raise ValueError(f"{text.count(_BEGIN)} certificates in one text; allowed: one, give each its own file")
    match = _ARMOUR.search(text)
    if match is None:
        raise ValueError(f"no certificate in PEM form; it begins with {_BEGIN}, AID and Network")
    aid, network, body = match.groups()
    try:
        octets = base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error:
        raise ValueError("the certificate's base64 is damaged; take the file anew from its source") from None
    count, rest = divmod(len(octets), ENVELOPE_OCTETS)
    if rest or not 2 <= count <= MAX_ENVELOPES or int(network) > 0xFF:
        raise ValueError(
            f"a certificate of {len(octets)} bytes for network {network}; allowed: 2..16 envelopes, 0..255"
        )
    envelopes = tuple(octets[start : start + ENVELOPE_OCTETS] for start in range(0, len(octets), ENVELOPE_OCTETS))
    return CertificateFile(Domain(int(aid, 16), int(network)), envelopes)


def open_certificates(file: CertificateFile, roots: Sequence[bytes]) -> Vouched | None:
    """What a root signed in a certificate file, or None if none of the root public keys made it."""
    for root in roots:
        bulletin = open_bulletin(file.envelopes, root, file.domain)
        if bulletin is not None and bulletin.key in ROOT_KEYS:
            found = map(unpack_record, bulletin.records)
            certificates = tuple(record for record in found if isinstance(record, Certificate))
            return Vouched(root, bulletin.key, bulletin.ts, certificates)
    return None


def verified_certificates(file: CertificateFile, roots: Sequence[bytes]) -> tuple[Certificate, ...] | None:
    """The operators' certificates under a root's signature, or None if none of the root public keys made it."""
    vouched = open_certificates(file, roots)
    return None if vouched is None else vouched.certificates
