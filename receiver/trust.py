"""Bundles, or PEM texts of roots and certificates, in; the keyring out: whom to believe, for which application."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rds.errors import InputError, TrustError
from rds.oda.aid import DEFAULT_AID
from rds.oda.bundle import is_bundle, parse_bundle
from rds.oda.certificate_pem import (
    CERTIFICATE_LABEL,
    CertificateFile,
    Vouched,
    open_certificates,
    parse_armour,
)
from rds.oda.keys import parse_public_key
from rds.oda.signature import Domain
from receiver.keyring import Keyring


@dataclass(frozen=True, slots=True)
class TrustText:
    """One root, certificate or bundle of them, and what messages call it."""

    name: str
    text: bytes


def read_trust_file(path: Path) -> TrustText:
    """The text of a root's, a certificate's or a bundle's file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return TrustText(str(path), path.read_bytes())
    except OSError as error:
        raise InputError(f"key or certificate {path}: {error.strerror}; give a file of evrds-encoder keys") from None


def make_keyring(texts: Iterable[TrustText], *, aid: int | None = None, network: int | None = None) -> Keyring:
    """The keyring of root public keys and the certificates they signed, in any order.

    Args:
        texts: Bundles, public keys and armoured certificates in PEM; none gives a keyring that verifies nothing.
        aid: The application; None takes the certificates', or the test value without any.
        network: The network id; None takes the certificates', or 0 without any.

    Raises:
        InputError: a damaged bundle.
        TrustError: a private key, a damaged file, a certificate without its root, or of another application or network.
    """
    roots: list[bytes] = []
    files: list[tuple[str, CertificateFile]] = []
    for one in texts:
        try:
            if is_bundle(one.text):
                bundle = parse_bundle(one.text, source=one.name)
                roots += bundle.roots
                files += [(one.name, file) for file in bundle.files]
            elif CERTIFICATE_LABEL in one.text:
                files.append((one.name, parse_armour(one.text.decode("ascii", "replace"))))
            else:
                roots.append(parse_public_key(one.text))
        except ValueError as error:
            raise TrustError(f"{one.name}: {error}") from None
    if roots and not files:
        raise TrustError("a root key is given and no certificate; give the operator's certificate too")
    first = files[0][1].domain if files else Domain(DEFAULT_AID, 0)
    domain = Domain(first.aid if aid is None else aid, first.network if network is None else network)
    keyring = Keyring(domain, roots=roots)
    for name, file in files:
        keyring.take(_vouched(name, file, roots, domain))
    return keyring


def _vouched(name: str, file: CertificateFile, roots: list[bytes], domain: Domain) -> Vouched:
    if file.domain != domain:
        seen, wanted = (f"AID {one.aid:04X}, network {one.network}" for one in (file.domain, domain))
        raise TrustError(f"{name} is a certificate for {seen}; allowed here: {wanted}")
    found = open_certificates(file, roots)
    if found is None:
        given = f"{len(roots)} root key{'' if len(roots) == 1 else 's'} given"
        raise TrustError(f"{name} is not signed by a root that is trusted ({given}); give its root's public key too")
    if not found.certificates:
        raise TrustError(f"{name} holds no operator's certificate; take the file anew from its source")
    return found
