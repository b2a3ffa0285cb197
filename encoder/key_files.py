"""A new network's keys to files: a root, an operator and the certificate by which the root vouches for the operator."""

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from encoder.operator_key import OperatorKey
from rds.errors import InputError, TrustError, UsageError
from rds.oda.certificate import LONGEST_VALIDITY, ROOT_KEYS, Certificate, Role
from rds.oda.certificate_pem import CertificateFile, armour, parse_armour, sign_certificates, verified_certificates
from rds.oda.keys import (
    SEED_OCTETS,
    parse_private_key,
    parse_public_key,
    private_key_of,
    private_key_pem,
    public_key_pem,
)
from rds.oda.region import Region
from rds.oda.signature import Domain
from rds.oda.ticks import tick_of

ROOT: Final = "root.pem"
ROOT_PUBLIC: Final = "root.public.pem"
OPERATOR: Final = "operator.pem"
CERTIFICATE: Final = "operator.certificate.pem"
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
class Grant:
    """What the operator's certificate says."""

    key: int
    roles: Role
    scope: Region
    not_before: datetime
    days: int


def make_keys(domain: Domain, grant: Grant, *, now: datetime) -> tuple[KeyFile, ...]:
    """A root key pair, an operator key pair and its certificate, fresh.

    Raises:
        UsageError: a value that no certificate may have.
    """
    longest = LONGEST_VALIDITY // timedelta(days=1)
    if not 1 <= grant.days <= longest:
        raise UsageError(f"days {grant.days}; allowed: 1..{longest}")
    root, operator = (private_key_of(secrets.token_bytes(SEED_OCTETS)) for _ in range(2))
    try:
        not_before = tick_of(grant.not_before)
        certificate = Certificate(
            key=grant.key,
            epoch=0,
            not_before=not_before,
            not_after=tick_of(grant.not_before + timedelta(days=grant.days)),
            roles=grant.roles,
            scope=grant.scope,
            public_key=operator.public_key().public_bytes_raw(),
        )
        # Never in the future of a receiver whose clock stands inside the validity.
        ts = min(tick_of(now), not_before)
        vouched = sign_certificates([certificate], root, domain, root_id=ROOT_KEYS[0], ts=ts)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return (
        KeyFile(ROOT, private_key_pem(root), "the root: take it off this computer, into a safe", private=True),
        KeyFile(ROOT_PUBLIC, public_key_pem(root.public_key().public_bytes_raw()), "for every charger and the plan"),
        KeyFile(OPERATOR, private_key_pem(operator), f"key {grant.key}: for the head-end alone", private=True),
        KeyFile(CERTIFICATE, armour(vouched).encode("ascii"), f"key {grant.key}'s: for every charger and the plan"),
    )


def write_keys(folder: Path, files: tuple[KeyFile, ...]) -> None:
    """Writes all files or none, over nothing; a private one is its owner's alone from its first moment.

    Raises:
        UsageError: a file of such a name exists, or the folder cannot be written.
    """
    written: list[Path] = []
    try:
        folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        for file in files:
            if os.path.lexists(folder / file.name):
                raise UsageError(f"{folder / file.name} exists; keys are never overwritten: name another folder")
        for file in files:
            path = folder / file.name
            descriptor = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE if file.private else _PUBLIC_MODE
            )
            written.append(path)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(file.content)
                stream.flush()
                os.fsync(stream.fileno())
    except BaseException as error:
        for path in written:
            with suppress(OSError):
                path.unlink()
        if isinstance(error, OSError):
            raise UsageError(f"cannot write keys in {folder}: {error.strerror}; name a folder of yours") from None
        raise


@dataclass(frozen=True, slots=True)
class Vouched:
    """A certificate file whose signature is the root's, and what it certifies."""

    file: CertificateFile
    certificates: tuple[Certificate, ...]


def load_certificates(paths: Sequence[Path], root: Path, *, domain: Domain) -> list[Vouched]:
    """The certificates that a plan sends, verified as a receiver would.

    Raises:
        InputError: a file that cannot be read or holds something else.
        TrustError: a certificate is for another application or network, or not of this root.
    """
    root_key = _load_root(root)
    return [_load_vouched(path, root, root_key, domain) for path in paths]


def load_operator(operator: Path, certificate: Path, root: Path, *, domain: Domain) -> OperatorKey:
    """The operator key of a plan, its certificate verified as a receiver would.

    Raises:
        InputError: a file that cannot be read or holds something else.
        TrustError: the certificate is for another key, application or network, or not of this root.
    """
    try:
        private_key = parse_private_key(_read(operator))
    except ValueError as error:
        raise InputError(f"{operator}: {error}") from None
    public_key = private_key.public_key().public_bytes_raw()
    for candidate in _load_vouched(certificate, root, _load_root(root), domain).certificates:
        if candidate.public_key == public_key:
            return OperatorKey(private_key, candidate, domain=domain)
    raise TrustError(f"{certificate} is for another key than {operator}; give the two that were made together")


def _load_root(root: Path) -> bytes:
    try:
        return parse_public_key(_read(root))
    except ValueError as error:
        raise InputError(f"{root}: {error}") from None


def _load_vouched(certificate: Path, root: Path, root_key: bytes, domain: Domain) -> Vouched:
    try:
        file = parse_armour(_read(certificate).decode("ascii", errors="replace"))
    except ValueError as error:
        raise InputError(f"{certificate}: {error}") from None
    if file.domain != domain:
        raise TrustError(
            f"{certificate} is for AID {file.domain.aid:04X}, network {file.domain.network}; "
            f"the plan says {domain.aid:04X}, {domain.network}: make them equal"
        )
    certificates = verified_certificates(file, [root_key])
    if certificates is None:
        raise TrustError(f"{certificate} is not signed by the root in {root}; give the root that made it")
    return Vouched(file, certificates)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_FILE)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; `evrds-encoder keys create` makes such files"
        ) from None


def parse_roles(text: str) -> Role:
    """The roles of "all" or of names with commas between, such as "heartbeat,curtail,load-up".

    Raises:
        ValueError: another name.
    """
    names = {role.name.lower().replace("_", "-"): role for role in Role if role.name is not None}
    roles = Role(0)
    for name in text.split(",") if text != "all" else names:
        if name not in names:
            raise ValueError(f"role {name!r}; allowed: all, or with commas between: {', '.join(names)}")
        roles |= names[name]
    return roles
