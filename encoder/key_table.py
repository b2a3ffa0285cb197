"""A network's keys to lines that a person reads: each certificate, what is wrong with it, the roots' fingerprints."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from encoder.key_files import Issued, Network
from encoder.operator_key import role_names
from rds.oda.bundle import fingerprint
from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.key_warnings import WARNED_BEFORE, end_of, key_warnings
from rds.oda.published_keys import is_test_key
from rds.oda.ticks import moment_of

_HEADS: Final = (
    "key",
    "public key",
    "roles",
    "scope",
    "epoch",
    "from",
    "until",
    "days left",
    "root",
    "file",
    "remarks",
)
_PUBLIC_DIGITS: Final = 8


def key_table(network: Network, now: datetime) -> list[str]:
    """The lines: certificates as a table, roots with fingerprints, warnings."""
    rows = [_HEADS, *(_row(network, one, now) for one in network.issued)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    held = [one.certificate for one in network.standing]
    warnings = key_warnings(held, network.roots.values(), now)
    return [*table, "", *root_lines(network), *(f"warning: {line}" for line in warnings)]


def root_lines(network: Network) -> list[str]:
    """Application, network and the roots' fingerprints, to be compared by voice with what an installer sees."""
    lines = [f"AID {network.domain.aid:04X}, network {network.domain.network}"]
    for key_id, root in network.roots.items():
        lines.append(f"root {key_id}: {fingerprint(root)}{' (test key)' if is_test_key(root) else ''}")
    return lines


def roles_text(roles: Role) -> str:
    """Roles in words."""
    return "all" if roles == ALL_ROLES else ", ".join(role_names(roles)) or "none"


def _row(network: Network, one: Issued, now: datetime) -> Sequence[str]:
    certificate = one.certificate
    end = end_of(certificate)
    return (
        str(certificate.key),
        certificate.public_key.hex()[:_PUBLIC_DIGITS],
        roles_text(certificate.roles),
        str(certificate.scope),
        str(certificate.epoch),
        f"{moment_of(certificate.not_before):%Y-%m-%d}",
        f"{end:%Y-%m-%d}",
        str(max(0, (end - now) // timedelta(days=1))),
        str(one.signed.vouched.root_id),
        one.signed.name,
        ", ".join(_remarks(network, one, now)),
    )


def _remarks(network: Network, one: Issued, now: datetime) -> Iterable[str]:
    certificate = one.certificate
    if is_test_key(certificate.public_key):
        yield "test key"
    if certificate.epoch < network.epoch:
        yield f"void: the epoch is {network.epoch}"
        return
    if one not in network.standing:
        yield "replaced"
    if now < moment_of(certificate.not_before):
        yield "not yet valid"
    elif now >= end_of(certificate):
        yield "ended"
    elif end_of(certificate) - now <= WARNED_BEFORE:
        yield "ends soon"
