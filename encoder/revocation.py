"""Stolen keys to the certificates of all that stay, under the next epoch: signed ahead for a safe, or now.

A receiver that hears a higher epoch drops all certificates below it (protocol, Epoch). It writes nothing.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from encoder.key_ceremony import Root, living, standing_key
from encoder.key_files import CERTIFICATE_SUFFIX, KeyFile, Network
from rds.errors import TrustError, UsageError
from rds.oda.certificate_pem import CertificateFile, armour, open_certificates, sign_certificates
from rds.oda.ticks import tick_of

LAST_EPOCH: Final = (1 << 12) - 1


def prepare_epoch(network: Network, root: Root, *, now: datetime) -> tuple[KeyFile, ...]:
    """For every key the certificates of all others under the next epoch: what its revocation will send.

    Raises:
        UsageError: there is but one key, so that nobody would be left.
    """
    keys = list(dict.fromkeys(one.certificate.key for one in living(network, now)))
    if len(keys) < 2:
        raise UsageError(
            f"{len(keys)} key is valid: without it nobody could sign; first `evrds-encoder keys add` one, "
            "and keep its private half in the safe"
        )
    epoch = network.epoch + 1
    return tuple(
        KeyFile(
            prepared_name(epoch, key),
            _next_epoch(network, {key}, root, now=now),
            f"revokes key {key}: into a safe, unseen; who sends it ends that key",
        )
        for key in keys
    )


def revoke(network: Network, keys: Iterable[int], root: Root, *, now: datetime) -> tuple[KeyFile, ...]:
    """The certificates of all other keys under the next epoch, signed now.

    Raises:
        UsageError: there is no such key, or nobody would be left.
    """
    revoked = set(keys)
    for key in sorted(revoked):
        standing_key(network, key)
    return (_epoch_file(network.epoch + 1, _next_epoch(network, revoked, root, now=now), revoked),)


def revoke_prepared(
    network: Network, key: int, file: CertificateFile, *, source: str, now: datetime
) -> tuple[KeyFile, ...]:
    """The same from a file that `prepare_epoch` made, checked against the keys as they are: no root is needed.

    Raises:
        UsageError: there is no such key.
        TrustError: the file is not for this network, key or epoch, or lacks a key that stays.
    """
    standing_key(network, key)
    revoked = _public_keys(network, {key})
    vouched = open_certificates(file, list(network.roots.values())) if file.domain == network.domain else None
    if vouched is None:
        raise TrustError(f"{source} is not of this network's roots; give the folder of `keys prepare-epoch`")
    epochs = {one.epoch for one in vouched.certificates}
    if epochs != {network.epoch + 1}:
        seen = ", ".join(map(str, sorted(epochs)))
        raise TrustError(f"{source} is for epoch {seen}; allowed: {network.epoch + 1}; prepare anew with the root")
    named = {one.public_key for one in vouched.certificates}
    if revoked & named:
        raise TrustError(f"{source} still certifies key {key}; give the file without it")
    for one in living(network, now):
        if one.certificate.public_key not in named | revoked:
            raise TrustError(
                f"{source} lacks key {one.certificate.key}, which is newer; leave --prepared out and sign with the root"
            )
    return (_epoch_file(network.epoch + 1, armour(file).encode("ascii"), {key}),)


def prepared_name(epoch: int, key: int) -> str:
    """The file that revokes a key in an epoch."""
    return f"epoch-{epoch}.without-{key}{CERTIFICATE_SUFFIX}"


def _next_epoch(network: Network, revoked: set[int], root: Root, *, now: datetime) -> bytes:
    """The armoured bulletin that certifies all keys but these under the next epoch, as they are certified now."""
    epoch = network.epoch + 1
    if epoch > LAST_EPOCH:
        raise UsageError(f"epoch {epoch}; allowed: 0..{LAST_EPOCH}; the network needs new roots")
    lost = _public_keys(network, revoked)
    kept = [one.certificate for one in living(network, now) if one.certificate.public_key not in lost]
    if not kept:
        raise UsageError("nobody would be left to sign; first `evrds-encoder keys add` a key that stays")
    certificates = [replace(one, epoch=epoch) for one in kept]
    file = sign_certificates(certificates, root.private_key, network.domain, root_id=root.key_id, ts=tick_of(now))
    return armour(file).encode("ascii")


def _public_keys(network: Network, keys: set[int]) -> set[bytes]:
    return {one.certificate.public_key for one in network.standing if one.certificate.key in keys}


def _epoch_file(epoch: int, content: bytes, revoked: Iterable[int]) -> KeyFile:
    keys = ", ".join(map(str, sorted(revoked)))
    return KeyFile(f"epoch-{epoch}{CERTIFICATE_SUFFIX}", content, f"without key {keys}: for every plan, at once")
