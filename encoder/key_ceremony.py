"""What the keeper of a root decides, to files: new keys and certificates, rotation, revocation. It writes nothing.

A receiver that hears a certificate forgets older ones of the same epoch and key id (protocol, Epoch). So keys that
shall overlap have different ids, or their certificates stand in one bulletin.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from encoder.key_files import CERTIFICATE_SUFFIX, PRIVATE_SUFFIX, PUBLIC_SUFFIX, ROOT_NAMES, Issued, KeyFile, Network
from rds.errors import TrustError, UsageError
from rds.oda.bundle import Bundle
from rds.oda.certificate import LONGEST_VALIDITY, OPERATOR_KEYS, ROOT_KEYS, Certificate, Role
from rds.oda.certificate_pem import armour, sign_certificates
from rds.oda.key_warnings import end_of
from rds.oda.keys import SEED_OCTETS, PrivateKey, private_key_of, private_key_pem, public_key_pem
from rds.oda.region import Region
from rds.oda.signature import Domain
from rds.oda.ticks import tick_of

_NAME: Final = re.compile("[a-z0-9][a-z0-9_-]{0,31}", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"(.+?)(?:-(\d+))?")
_PURPOSE: Final = {
    ROOT_KEYS[0]: "the root: take it off this computer, into a safe",
    ROOT_KEYS[1]: "the spare root: take it off this computer, into another safe",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What an operator's certificate says."""

    key: int
    roles: Role
    scope: Region
    not_before: datetime
    days: int


@dataclass(frozen=True, slots=True)
class Root:
    """A root that is at hand to sign."""

    key_id: int
    private_key: PrivateKey


def make_keys(domain: Domain, grant: Grant, *, now: datetime, name: str = "operator") -> tuple[KeyFile, ...]:
    """Two root key pairs, an operator key pair and its certificate, fresh.

    Raises:
        UsageError: a value that no certificate may have.
    """
    check_name(name)
    roots = {key_id: _fresh_key() for key_id in ROOT_KEYS}
    files: list[KeyFile] = []
    for key_id, private_key in roots.items():
        stem = ROOT_NAMES[key_id]
        public = public_key_pem(private_key.public_key().public_bytes_raw())
        files += [
            KeyFile(stem + PRIVATE_SUFFIX, private_key_pem(private_key), _PURPOSE[key_id], private=True),
            KeyFile(stem + PUBLIC_SUFFIX, public, f"root {key_id}: for every charger and the plan"),
        ]
    root = Root(ROOT_KEYS[0], roots[ROOT_KEYS[0]])
    return (*files, *_operator_files(domain, grant, root, name=name, epoch=0, now=now))


def add_key(network: Network, grant: Grant, root: Root, *, now: datetime, name: str) -> tuple[KeyFile, ...]:
    """Another operator's key pair and certificate.

    Raises:
        UsageError: a value that no certificate may have, or the key id is in use.
    """
    check_name(name)
    free = free_ids(network, now)
    if grant.key not in free and grant.key in OPERATOR_KEYS:
        raise UsageError(f"key id {grant.key} is in use; allowed: {', '.join(map(str, free)) or 'none is free'}")
    return _operator_files(network.domain, grant, root, name=name, epoch=network.epoch, now=now)


def rotate(
    network: Network,
    key: int,
    root: Root,
    *,
    now: datetime,
    not_before: datetime,
    days: int,
    new_key: int | None = None,
) -> tuple[KeyFile, ...]:
    """A successor of a key: a new pair with the same roles and scope, and its certificate.

    Args:
        network: What there is.
        key: The id of the key that is to be followed.
        root: Signs.
        now: The time.
        not_before: When the successor begins, no later than the old one's end.
        days: How long it is valid.
        new_key: The successor's id; None takes the next that is free. With the same id both certificates go into one
            bulletin.

    Raises:
        UsageError: no such key, an id in use, a gap between the two, or a value that no certificate may have.
    """
    old = standing_key(network, key)
    free = free_ids(network, now)
    if new_key is None:
        after = [*(one for one in free if one > key), *free]
        if not after:
            raise UsageError(f"no key id is free; revoke one, or give --new-id {key}")
        new_key = after[0]
    if new_key not in (*free, key) and new_key in OPERATOR_KEYS:
        raise UsageError(f"key id {new_key} is in use; allowed: {', '.join(map(str, free))}, or {key} again")
    beside = [one.certificate for one in living(network, now) if one.certificate.key == new_key]
    if len(beside) > 1:
        raise UsageError(f"key id {key} has two keys already; wait for the end of the older, or give another --new-id")
    if not_before > end_of(old.certificate) > now:
        raise UsageError(
            f"key {key} ends {end_of(old.certificate):%Y-%m-%d} and its successor would begin {not_before:%Y-%m-%d}; "
            "give a --not-before before that end"
        )
    grant = Grant(new_key, old.certificate.roles, old.certificate.scope, not_before, days)
    name = _next_name(network, old)
    return _operator_files(
        network.domain,
        grant,
        root,
        name=name,
        epoch=network.epoch,
        now=now,
        beside=beside,
        above=old.signed.vouched.ts if beside else -1,
    )


def make_bundle(network: Network, regions: Sequence[Region], *, now: datetime) -> Bundle:
    """What a charger is installed with today.

    Raises:
        TrustError: no certificate is valid any more.
    """
    alive = living(network, now)
    if not alive:
        raise TrustError("every certificate has ended; first `evrds-encoder keys rotate`")
    files = dict.fromkeys(one.signed.file for one in alive)
    return Bundle(
        domain=network.domain,
        roots=tuple(network.roots.values()),
        files=tuple(files),
        regions=tuple(regions),
        issued=now.replace(microsecond=0),
    )


def standing_key(network: Network, key: int) -> Issued:
    """The certificate of a key id, of two the one that begins later.

    Raises:
        UsageError: there is none.
    """
    standing = sorted(network.standing, key=lambda one: (one.certificate.key, one.certificate.not_before))
    held = {one.certificate.key: one for one in standing}
    if key not in held:
        raise UsageError(f"no certificate for key id {key}; allowed: {', '.join(map(str, held))}")
    return held[key]


def free_ids(network: Network, now: datetime) -> list[int]:
    """The operator key ids without a certificate that a receiver may still believe."""
    held = {one.certificate.key for one in living(network, now)}
    return [key for key in OPERATOR_KEYS if key not in held]


def check_name(name: str) -> None:
    """Refuses a name that is no plain file name, or stands for something else in a folder of keys.

    Raises:
        UsageError: it does.
    """
    if not _NAME.fullmatch(name) or name in ROOT_NAMES.values() or name.startswith("epoch-"):
        taken = ", ".join(ROOT_NAMES.values())
        raise UsageError(f"name {name!r}; allowed: 1 to 32 letters, digits, - and _, but not {taken} or epoch-...")


def living(network: Network, now: datetime) -> list[Issued]:
    """What a receiver may still believe: standing, and not at its end."""
    return [one for one in network.standing if end_of(one.certificate) > now]


def _fresh_key() -> PrivateKey:
    return private_key_of(secrets.token_bytes(SEED_OCTETS))


def _operator_files(
    domain: Domain,
    grant: Grant,
    root: Root,
    *,
    name: str,
    epoch: int,
    now: datetime,
    beside: Sequence[Certificate] = (),
    above: int = -1,
) -> tuple[KeyFile, KeyFile]:
    """An operator's key pair and its certificate, which stands `beside` others and is stamped `above` their stamp."""
    longest = LONGEST_VALIDITY // timedelta(days=1)
    if not 1 <= grant.days <= longest:
        raise UsageError(f"days {grant.days}; allowed: 1..{longest}")
    operator = _fresh_key()
    try:
        not_before = tick_of(grant.not_before)
        certificate = Certificate(
            key=grant.key,
            epoch=epoch,
            not_before=not_before,
            not_after=tick_of(grant.not_before + timedelta(days=grant.days)),
            roles=grant.roles,
            scope=grant.scope,
            public_key=operator.public_key().public_bytes_raw(),
        )
        # Never in the future of a receiver whose clock stands inside the validity.
        ts = max(min(tick_of(now), not_before), above + 1)
        vouched = sign_certificates([*beside, certificate], root.private_key, domain, root_id=root.key_id, ts=ts)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return (
        KeyFile(name + PRIVATE_SUFFIX, private_key_pem(operator), f"key {grant.key}: for the head-end alone", True),
        KeyFile(
            name + CERTIFICATE_SUFFIX,
            armour(vouched).encode("ascii"),
            f"key {grant.key}'s: for every charger and the plan",
        ),
    )


def _next_name(network: Network, old: Issued) -> str:
    """The name of a successor's files: operator, operator-2, operator-3."""
    own = [one.signed.name for one in network.issued if one.certificate.public_key == old.certificate.public_key]
    stems = [name.removesuffix(CERTIFICATE_SUFFIX) for name in own if not name.startswith("epoch-")]
    base = _NUMBERED.fullmatch(stems[0] if stems else f"key{old.certificate.key}")
    assert base is not None, "the pattern takes any name"
    names = {signed.name for signed in network.signed}
    number = int(base[2] or 1) + 1
    while f"{base[1]}-{number}{CERTIFICATE_SUFFIX}" in names:
        number += 1
    return f"{base[1]}-{number}"
