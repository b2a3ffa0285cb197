"""Key and certificate files in and out: a folder's roots and certificates, an operator's key; nothing is overwritten.

root.pem root.public.pem          root 14; the private half belongs in a safe
spare.pem spare.public.pem        root 15, the offline spare; in another safe
NAME.pem NAME.certificate.pem     an operator's key and what a root says of it
epoch-N.certificate.pem           after a revocation: all keys that stay
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from encoder.operator_key import OperatorKey
from rds.errors import InputError, TrustError, UsageError
from rds.oda.certificate import ROOT_KEYS, Certificate
from rds.oda.certificate_pem import (
    CertificateFile,
    Vouched,
    open_certificates,
    parse_armour,
)
from rds.oda.keys import PrivateKey, parse_private_key, parse_public_key
from rds.oda.signature import Domain

T = TypeVar("T")

ROOT_NAMES: Final = dict(zip(ROOT_KEYS, ("root", "spare"), strict=True))
PRIVATE_SUFFIX: Final = ".pem"
PUBLIC_SUFFIX: Final = ".public.pem"
CERTIFICATE_SUFFIX: Final = ".certificate.pem"
_LARGEST_FILE: Final = 65536
_PRIVATE_MODE: Final = 0o600
_PUBLIC_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file that is to be made, and what it is for."""

    name: str
    content: bytes
    purpose: str
    private: bool = False


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A certificate file, as it stands in a folder, verified."""

    name: str
    file: CertificateFile
    vouched: Vouched


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate and the file it came in."""

    certificate: Certificate
    signed: SignedFile


@dataclass(frozen=True, slots=True)
class Network:
    """What a folder says of a network's keys; nothing private."""

    domain: Domain
    roots: dict[int, bytes]
    """Public keys by key id."""
    signed: tuple[SignedFile, ...]

    @property
    def issued(self) -> tuple[Issued, ...]:
        """Every certificate, by epoch, key id and stamp."""
        all_issued = (Issued(one, signed) for signed in self.signed for one in signed.vouched.certificates)
        return tuple(
            sorted(all_issued, key=lambda one: (one.certificate.epoch, one.certificate.key, one.signed.vouched.ts))
        )

    @property
    def epoch(self) -> int:
        """The highest: certificates below it no longer count."""
        return max(one.certificate.epoch for one in self.issued)

    @property
    def standing(self) -> tuple[Issued, ...]:
        """What a receiver that has heard all holds: of the highest epoch, for each key id the newest bulletin's."""
        newest: dict[int, list[Issued]] = {}
        for one in self.issued:
            held = newest.setdefault(one.certificate.key, [])
            if one.certificate.epoch == self.epoch:
                # One after the other by stamp: two of one id count together only if they stand in one bulletin.
                held[:] = [*(other for other in held if other.signed == one.signed), one]
        return tuple(one for held in newest.values() for one in held)


def read_network(folder: Path) -> Network:
    """The roots and certificates in a folder.

    Raises:
        InputError: one is missing, cannot be read or is something else.
        TrustError: a certificate is not of these roots, or the certificates are for several networks.
    """
    roots = {}
    for key_id, name in ROOT_NAMES.items():
        path = folder / f"{name}{PUBLIC_SUFFIX}"
        if key_id == ROOT_KEYS[0] or path.exists():
            roots[key_id] = parsed_public(path)
    signed = []
    for path in sorted(folder.glob(f"*{CERTIFICATE_SUFFIX}")):
        file = parsed_certificate(path)
        vouched = open_certificates(file, list(roots.values()))
        if vouched is None or not vouched.certificates:
            raise TrustError(f"{path} is not signed by a root in {folder}; take it away, or give its own folder")
        signed.append(SignedFile(path.name, file, vouched))
    domains = {one.file.domain for one in signed}
    if len(domains) != 1:
        what = "holds no certificate" if not domains else "holds certificates of several networks"
        raise TrustError(f"{folder} {what}; name a folder that `evrds-encoder keys create` made")
    return Network(domains.pop(), roots, tuple(signed))


def load_root(path: Path, network: Network) -> tuple[int, PrivateKey]:
    """A root's key id and private key.

    Raises:
        InputError: the file cannot be read or holds something else.
        TrustError: it is none of the network's roots.
    """
    private_key = parsed_private(path, "bring the root from its safe, or name it with --root FILE")
    public_key = private_key.public_key().public_bytes_raw()
    for key_id, root in network.roots.items():
        if root == public_key:
            return key_id, private_key
    raise TrustError(f"{path} is no root of this network; give root.pem, or the spare root's spare.pem")


def write_keys(folder: Path, files: tuple[KeyFile, ...]) -> None:
    """Writes all files or none, over nothing; a private one is its owner's alone from its first moment.

    Each name is first taken by an empty file, so that nobody's is overwritten, and then given its content at once.

    Raises:
        UsageError: a file of such a name exists, or the folder cannot be written.
    """
    taken: list[Path] = []
    try:
        folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        for file in files:
            if os.path.lexists(folder / file.name):
                raise UsageError(f"{folder / file.name} exists; keys are never overwritten: name another folder")
        for file in files:
            os.close(_create(folder / file.name, private=file.private))
            taken.append(folder / file.name)
        for file in files:
            _fill(folder / file.name, file)
        _sync(folder)
    except BaseException as error:
        for path in taken:
            with suppress(OSError):
                path.unlink()
        if isinstance(error, OSError):
            raise UsageError(f"cannot write keys in {folder}: {error.strerror}; name a folder of yours") from None
        raise


def _create(path: Path, *, private: bool) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE if private else _PUBLIC_MODE)


def _fill(path: Path, file: KeyFile) -> None:
    """Gives a taken name its content by rename, safe from a power cut."""
    partial = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(_create(partial, private=file.private), "wb") as stream:
            stream.write(file.content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _sync(folder: Path) -> None:
    """Makes new names in a folder safe from a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_operator(operator: Path, certificate: Path, root: Path, *, domain: Domain) -> OperatorKey:
    """The operator key of a plan, its certificate verified as a receiver would.

    Raises:
        InputError: a file that cannot be read or holds something else.
        TrustError: the certificate is for another key, application or network, or not of this root.
    """
    private_key = parsed_private(operator)
    public_key = private_key.public_key().public_bytes_raw()
    for candidate in _load_signed(certificate, root, parsed_public(root), domain).vouched.certificates:
        if candidate.public_key == public_key:
            return OperatorKey(private_key, candidate, domain=domain)
    raise TrustError(f"{certificate} is for another key than {operator}; give the two that were made together")


def load_certificates(paths: Sequence[Path], root: Path, *, domain: Domain) -> list[SignedFile]:
    """The certificates that a plan sends, verified as a receiver would.

    Raises:
        InputError: a file that cannot be read or holds something else.
        TrustError: a certificate is for another application or network, or not of this root.
    """
    root_key = parsed_public(root)
    return [_load_signed(path, root, root_key, domain) for path in paths]


def _load_signed(certificate: Path, root: Path, root_key: bytes, domain: Domain) -> SignedFile:
    file = parsed_certificate(certificate)
    if file.domain != domain:
        raise TrustError(
            f"{certificate} is for AID {file.domain.aid:04X}, network {file.domain.network}; "
            f"the plan says {domain.aid:04X}, {domain.network}: make them equal"
        )
    vouched = open_certificates(file, [root_key])
    if vouched is None:
        raise TrustError(f"{certificate} is not signed by the root in {root}; give the root that made it")
    return SignedFile(certificate.name, file, vouched)


def parsed_private(path: Path, advice: str = "") -> PrivateKey:
    """The private key in a file; `advice` says what to do where there is none.

    Raises:
        InputError: it cannot be read or holds something else.
    """
    return _parsed(path, parse_private_key, advice)


def parsed_public(path: Path) -> bytes:
    """The public key in a file; raises as `parsed_private`."""
    return _parsed(path, parse_public_key)


def parsed_certificate(path: Path) -> CertificateFile:
    """The certificate bulletin in a file, not yet verified; raises as `parsed_private`."""
    return _parsed(path, lambda octets: parse_armour(octets.decode("ascii", errors="replace")))


def _parsed(path: Path, parse: Callable[[bytes], T], advice: str = "") -> T:
    octets = _read(path, advice)
    try:
        return parse(octets)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _read(path: Path, advice: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_FILE)
    except OSError as error:
        wanted = advice or "`evrds-encoder keys create` makes such files"
        raise InputError(f"cannot read {path}: {error.strerror}; {wanted}") from None
