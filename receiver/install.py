"""A bundle in, a configuration that trusts it out: checked as the receiver will check it, then put in place by rename.

    receiver.toml          the configuration; only its trust and its own region codes are changed, or it is made
    receiver.trust.toml    the bundle as it came, beside it

The bundle comes first: a power cut between the two leaves a configuration that holds, with the codes of before.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from rds.errors import EvrdsError, InputError, TrustError, UsageError
from rds.oda.aid import DEFAULT_AID
from rds.oda.bundle import LARGEST_BUNDLE, Bundle, fingerprint, parse_bundle
from rds.oda.certificate import ROOT_KEYS, Certificate, Role
from rds.oda.key_warnings import current, end_of, key_warnings
from rds.oda.published_keys import is_test_key
from rds.oda.region import Region
from rds.oda.ticks import moment_of
from receiver.config import INSTEAD_OF_TRUST, TRUST_FIELD, parse_config
from receiver.configuration_edit import with_fields
from receiver.keyring import Keyring

_NEW: Final = "# Made by evrds-receiver install; examples/receiver.toml shows what else can stand here.\n\n"
_TRUST_SUFFIX: Final = ".trust.toml"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the installer says beside the bundle.

    Attributes:
        regions: the charger's own codes; none: the bundle's, or those of the configuration that there is.
        rating_a: the charger's, for a configuration that is to be made.
        replace: whether another network's trust may be overwritten.
    """

    regions: tuple[Region, ...] = ()
    rating_a: int | None = None
    replace: bool = False


def read_bundle(path: Path) -> tuple[bytes, Bundle]:
    """A bundle's bytes and what they say, verified.

    Raises:
        InputError: it cannot be read, or is damaged.
        TrustError: something in it does not hold.
    """
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST_BUNDLE + 1)
    except OSError as error:
        raise InputError(f"bundle {path}: {error.strerror}; give a file of evrds-encoder keys export") from None
    return octets, parse_bundle(octets, source=str(path))


def describe(bundle: Bundle, now: datetime) -> list[str]:
    """What a bundle is, for a person who compares it with what the operator says on the telephone."""
    aid, network = bundle.domain.aid, bundle.domain.network
    lines = [f"network {network}, AID {aid:04X}{' (an unregistered test value)' if aid == DEFAULT_AID else ''}"]
    lines += [f"issued {bundle.issued:%Y-%m-%d %H:%M} UTC"]
    for key_id, root in zip(ROOT_KEYS, bundle.roots, strict=False):
        lines.append(f"root {key_id}: {fingerprint(root)}{' (test key)' if is_test_key(root) else ''}")
    lines += map(_certificate_line, current(bundle.certificates))
    if bundle.regions:
        lines.append(f"region codes: {', '.join(map(str, bundle.regions))}")
    return [*lines, *(f"warning: {line}" for line in key_warnings(bundle.certificates, bundle.roots, now))]


def _certificate_line(one: Certificate) -> str:
    roles = ", ".join(role.name.lower().replace("_", " ") for role in Role if role in one.roles and role.name)
    first, end = moment_of(one.not_before), end_of(one)
    tested = " (test key)" if is_test_key(one.public_key) else ""
    return f"key {one.key}{tested}: {roles or 'nothing'}; region {one.scope}; {first:%Y-%m-%d} to {end:%Y-%m-%d}"


def install(octets: bytes, bundle: Bundle, config: Path, wishes: Wishes) -> list[str]:
    """Puts a bundle in place and makes the configuration trust it; lines that say what was written.

    Raises:
        InputError: the configuration cannot be read.
        UsageError: it would not hold with the bundle, or cannot be written.
        TrustError: another network, other roots or a later epoch is trusted there now.
    """
    trust = config.with_name(config.stem + _TRUST_SUFFIX)
    old = _text_of(config)
    if old is not None and not wishes.replace:
        _require_successor(bundle, _trusted_now(old, config), config)
    regions = wishes.regions or bundle.regions
    with _partial(trust, octets) as partial:
        # The configuration is tried with the file that is not yet in place.
        tried = parse_config(
            _text(old, partial.name, regions, wishes, config), source=str(config), folder=config.parent
        )
        _require_reach(bundle, tried.regions)
        partial.replace(trust)
    new = _text(old, trust.name, regions, wishes, config)
    if new != old:
        mode = None if old is None else config.stat().st_mode & 0o777
        with _partial(config, new.encode(), mode=mode) as partial:
            partial.replace(config)
    _sync(config.parent)
    codes = ", ".join(map(str, tried.regions))
    changed = "made" if old is None else "unchanged" if new == old else "changed"
    return [f"{trust}: the bundle", f"{config}: {changed}; region codes {codes}"]


def _text(old: str | None, trust: str, regions: Sequence[Region], wishes: Wishes, config: Path) -> str:
    """The configuration's text that trusts a file beside it."""
    if old is None and wishes.rating_a is None:
        raise UsageError(f"there is no {config} yet; to make it give --rating-a, the charger's amperes per phase")
    put = {TRUST_FIELD: f'"{trust}"'}
    if regions:
        put["regions"] = f"[{', '.join(f'{chr(34)}{region}{chr(34)}' for region in regions)}]"
    if wishes.rating_a is not None:
        put["rating_a"] = str(wishes.rating_a)
    if old is None:
        put["state"] = f'"{config.stem}.sqlite3"'
    return with_fields(_NEW if old is None else old, put, drop=INSTEAD_OF_TRUST, source=str(config))


def _text_of(config: Path) -> str | None:
    try:
        return config.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"configuration {config}: {error.strerror}; give a TOML file") from None
    except UnicodeDecodeError:
        raise InputError(f"configuration {config} is no UTF-8 text; give a TOML file") from None


def _trusted_now(old: str, config: Path) -> Keyring | None:
    """What a configuration trusts; None where it does not hold, so that nothing is lost."""
    try:
        return parse_config(old, source=str(config), folder=config.parent).keyring
    except EvrdsError:
        return None


def _require_successor(bundle: Bundle, now: Keyring | None, config: Path) -> None:
    """Refuses what would exchange the network or its roots, or go back behind a revocation."""
    if now is None:
        return
    advice = "if that is meant, compare the fingerprints and give --replace"
    if now.domain != bundle.domain:
        seen, held = (f"AID {one.aid:04X}, network {one.network}" for one in (bundle.domain, now.domain))
        raise TrustError(f"the bundle is for {seen}; {config} is installed for {held}; {advice}")
    if not set(now.roots) & set(bundle.roots):
        raise TrustError(f"the bundle's roots are not those that {config} trusts now; {advice}")
    epoch = max(one.epoch for one in bundle.certificates)
    if epoch < now.epoch:
        raise TrustError(
            f"the bundle is of epoch {epoch} and {config} of {now.epoch}: a key was revoked since; {advice}"
        )


def _require_reach(bundle: Bundle, regions: Sequence[Region]) -> None:
    """Refuses codes that no key of the network has a say over."""
    scopes = sorted({str(one.scope) for one in current(bundle.certificates)})
    for code in regions:
        if not any(Region.parse(scope).matches(code) for scope in scopes):
            raise UsageError(f"region {code} is outside the scope of every key; allowed: within {', '.join(scopes)}")


@contextmanager
def _partial(path: Path, octets: bytes, *, mode: int | None = None) -> Iterator[Path]:
    """A file beside `path` that holds bytes safely, to be renamed to it; taken away if it is not."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("xb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.fchmod(file.fileno(), mode)
        yield partial
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; name a folder of yours with room") from None
    finally:
        with suppress(OSError):
            partial.unlink()


def _sync(folder: Path) -> None:
    """Makes new names in a folder safe from a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
