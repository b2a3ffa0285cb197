"""What a charger is installed with, to one text and back: roots, certificates, application, network, region codes.

TOML with PEM inside, so that a person can read it; the last line is a checksum over all before it, against damage on
the way. It proves nothing: the certificates prove themselves by the roots, and the roots are compared by voice, by
their fingerprints. There is never anything secret in it.

    evrds_bundle = 1
    aid = "C0DE"
    network = 7
    issued = 2026-12-01T17:00:00Z
    regions = ["12345"]          # the charger's own codes; none: the installer gives them
    roots = [three quotes, PEM text, three quotes, ...]
    certificates = [the same]
    checksum = "64 hex digits"   # SHA-256 of the text before this line, its line ends as LF
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rds.errors import InputError, TrustError, UsageError
from rds.oda.aid import parse_aid
from rds.oda.certificate import Certificate
from rds.oda.certificate_pem import CertificateFile, armour, open_certificates, parse_armour
from rds.oda.keys import parse_public_key, public_key_pem
from rds.oda.region import Region
from rds.oda.signature import Domain
from rds.toml_table import TomlTable, parse_toml

BUNDLE_VERSION: Final = 1
BUNDLE_LABEL: Final = b"evrds_bundle = "
LARGEST_BUNDLE: Final = 1 << 18
"""Bytes: far above what two roots and the certificates of fourteen keys take."""
ROOTS: Final = 2
CODES: Final = 4
_HEAD: Final = "# What a charger of this network is installed with: evrds-receiver install. Nothing in it is secret.\n"
_CHECKSUM: Final = re.compile(r'checksum = "([0-9a-f]{64})"\n*\Z')
_PRIVATE: Final = "PRIVATE KEY"
_ANEW: Final = "take it anew from its source"
_FINGERPRINT_OCTETS: Final = 12


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle's content; every certificate is signed by one of the roots.

    Attributes:
        domain: the application and network.
        roots: public keys of one or two roots, key id 14 first.
        files: certificates, as the roots signed them.
        regions: the charger's own codes, none to four.
        issued: when it was put together.
    """

    domain: Domain
    roots: tuple[bytes, ...]
    files: tuple[CertificateFile, ...]
    regions: tuple[Region, ...]
    issued: datetime

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """All operators' certificates."""
        opened = (open_certificates(file, self.roots) for file in self.files)
        return tuple(one for vouched in opened if vouched is not None for one in vouched.certificates)


def bundle_text(bundle: Bundle) -> str:
    """The text of a bundle."""
    body = "".join(
        (
            f"{_HEAD}{BUNDLE_LABEL.decode()}{BUNDLE_VERSION}\n",
            f'aid = "{bundle.domain.aid:04X}"\nnetwork = {bundle.domain.network}\n',
            f"issued = {bundle.issued.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}\n",
            f"regions = [{', '.join(f'{chr(34)}{region}{chr(34)}' for region in bundle.regions)}]\n",
            _array("roots", (public_key_pem(root).decode("ascii") for root in bundle.roots)),
            _array("certificates", map(armour, bundle.files)),
        )
    )
    return f'{body}checksum = "{_digest(body)}"\n'


def _array(name: str, texts: Iterable[str]) -> str:
    """PEM texts as an array; PEM has neither quotes nor backslashes."""
    items = ", ".join(f"'''\n{text}'''" for text in texts)
    return f"{name} = [{items}]\n"


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def is_bundle(octets: bytes) -> bool:
    """Whether a file's bytes call themselves a bundle."""
    return any(line.startswith(BUNDLE_LABEL) for line in octets.splitlines())


def parse_bundle(octets: bytes, *, source: str) -> Bundle:
    """The bundle in a file's bytes, every signature checked.

    Args:
        octets: The file.
        source: What messages call it.

    Raises:
        InputError: it is no bundle, of another version, damaged or cut off.
        TrustError: a private key stands in it, or a certificate is not of its roots, application and network.
    """
    text = _whole_text(octets, source)
    try:
        return _bundle(parse_toml(text, source=source))
    except UsageError as error:
        raise InputError(str(error)) from None


def _whole_text(octets: bytes, source: str) -> str:
    """The text, its checksum found right."""
    if len(octets) > LARGEST_BUNDLE:
        raise InputError(f"{source} is larger than {LARGEST_BUNDLE} bytes; a bundle is a text of a few kilobytes")
    try:
        text = octets.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        text = ""
    if _PRIVATE in text:
        raise TrustError(f"{source} holds a private key, which belongs at the head-end alone; give a bundle")
    if not is_bundle(text.encode()):
        raise InputError(f"{source} is no bundle; give a file that evrds-encoder keys export has made")
    checksum = _CHECKSUM.search(text)
    if checksum is None:
        raise InputError(f"{source} is cut off: its last line, the checksum, is missing; {_ANEW}")
    if checksum[1] != _digest(text[: checksum.start()]):
        raise InputError(f"{source} is damaged: its checksum is wrong; {_ANEW}")
    return text


def _bundle(table: TomlTable) -> Bundle:
    version = table.integer(BUNDLE_LABEL.decode().split()[0], low=1, high=1 << 31)
    if version != BUNDLE_VERSION:
        raise table.refusal("evrds_bundle", f"allowed: {BUNDLE_VERSION}; install a newer evrds")
    domain = Domain(table.parsed("aid", parse_aid), table.integer("network", low=0, high=0xFF))
    bundle = Bundle(
        domain=domain,
        issued=table.moment("issued"),
        regions=tuple(table.parsed_list("regions", Region.parse_code, high=CODES)),
        roots=tuple(table.parsed_list("roots", lambda text: parse_public_key(text.encode()), low=1, high=ROOTS)),
        files=tuple(table.parsed_list("certificates", parse_armour, low=1)),
    )
    table.string("checksum")
    table.close()
    if len(set(bundle.roots)) != len(bundle.roots):
        raise TrustError(f"{table.place('roots')}: the two roots are one; allowed: two different ones, or one alone")
    for number, file in enumerate(bundle.files, start=1):
        fault = _fault(file, bundle)
        if fault is not None:
            raise TrustError(f"{table.place('certificates')}: certificate {number} {fault}; {_ANEW}")
    return bundle


def _fault(file: CertificateFile, bundle: Bundle) -> str | None:
    """What is wrong with a certificate of the bundle."""
    if file.domain != bundle.domain:
        seen, wanted = (f"AID {one.aid:04X}, network {one.network}" for one in (file.domain, bundle.domain))
        return f"is for {seen}; allowed here: {wanted}"
    vouched = open_certificates(file, bundle.roots)
    if vouched is None:
        return "is not signed by the bundle's roots"
    return None if vouched.certificates else "names no operator"


def fingerprint(public_key: bytes) -> str:
    """What two people compare by voice: the first 96 bits of a key's SHA-256, six groups of four hex digits."""
    digits = hashlib.sha256(public_key).hexdigest()[: 2 * _FINGERPRINT_OCTETS].upper()
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))
