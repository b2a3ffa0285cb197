"""The commands `evrds-encoder keys ...`: arguments to files of keys and lines about them."""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from encoder.arguments import EXIT_CODES, Parser, argument
from encoder.key_ceremony import (
    Grant,
    Root,
    add_key,
    make_bundle,
    make_keys,
    rotate,
    standing_key,
)
from encoder.key_files import (
    PRIVATE_SUFFIX,
    ROOT_NAMES,
    KeyFile,
    Network,
    load_root,
    parsed_certificate,
    read_network,
    write_keys,
)
from encoder.key_table import key_table, root_lines
from encoder.operator_key import parse_roles
from encoder.output_file import whole_file
from encoder.revocation import prepare_epoch, prepared_name, revoke, revoke_prepared
from rds.errors import UsageError
from rds.moment import parse_moment
from rds.oda.aid import DEFAULT_AID, parse_aid
from rds.oda.bundle import CODES, bundle_text
from rds.oda.certificate import ALL_ROLES
from rds.oda.region import EVERYONE, Region
from rds.oda.signature import Domain

Commands = argparse._SubParsersAction  # the type has no public name
_DAYS: Final = 395


def add_keys(commands: "Commands[Parser]") -> None:
    """The commands `keys ...`."""
    keys = commands.add_parser(
        "keys",
        help="the keys that messages are signed with",
        description="Keys of a network, in a folder: two roots, operators' keys, certificates. See docs/keys.md.",
        epilog=EXIT_CODES,
    )
    below = keys.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_create, _add_add, _add_list, _add_rotate, _add_prepare, _add_revoke, _add_export):
        add(below)


def _add_create(commands: "Commands[Parser]") -> None:
    parser = commands.add_parser(
        "create",
        help="make two roots, an operator key and its certificate",
        description="Makes a root key, a spare root, an operator key and the certificate by which the root vouches for "
        "the operator, in PEM. Private files are readable by their owner alone; nothing is ever overwritten.",
        epilog="Example: evrds-encoder keys create keys --network 7 --scope 12FFF. " + EXIT_CODES,
    )
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="where to; made, for its owner alone, if it is missing"
    )
    add = parser.add_argument
    add("--network", type=int, default=0, metavar="N", help="network id, 0 to 255 (default 0)")
    add(
        "--aid",
        type=argument(parse_aid),
        default=DEFAULT_AID,
        metavar="HEX",
        help="application (default C0DE, a test value)",
    )
    _add_name(parser, default="operator")
    _add_grant(parser, key_id=1)
    _add_validity(parser)
    parser.set_defaults(run=_create)


def _add_add(commands: "Commands[Parser]") -> None:
    parser = commands.add_parser(
        "add",
        help="make another operator's key",
        description="Makes another operator's key pair and certificate. One whose private half stays in the safe is a "
        "reserve for the day on which another key is revoked.",
        epilog="Example: evrds-encoder keys add keys --name reserve --key-id 13. " + EXIT_CODES,
    )
    _add_folder(parser)
    _add_name(parser, default=None)
    _add_grant(parser, key_id=None)
    _add_validity(parser)
    _add_root(parser)
    parser.set_defaults(run=_add)


def _add_list(commands: "Commands[Parser]") -> None:
    parser = commands.add_parser(
        "list",
        help="show certificates, validities, roots and what is wrong with them",
        description="Shows every certificate in a folder, the roots' fingerprints, and warnings.",
        epilog="Example: evrds-encoder keys list keys. " + EXIT_CODES,
    )
    _add_folder(parser)
    parser.set_defaults(run=_list)


def _add_rotate(commands: "Commands[Parser]") -> None:
    parser = commands.add_parser(
        "rotate",
        help="make a key's successor",
        description="Makes a successor of an operator's key: a pair of the same roles and scope under the next free "
        "id, or of the same one, valid beside the old. The old key's head-end sends the new certificate too.",
        epilog="Example: evrds-encoder keys rotate keys --key-id 1. " + EXIT_CODES,
    )
    _add_folder(parser)
    parser.add_argument("--key-id", type=int, required=True, metavar="N", help="the key that is to be followed")
    parser.add_argument("--new-id", type=int, metavar="N", help="the successor's key id (default: the next free one)")
    _add_validity(parser)
    _add_root(parser)
    parser.set_defaults(run=_rotate)


def _add_prepare(commands: "Commands[Parser]") -> None:
    parser = commands.add_parser(
        "prepare-epoch",
        help="sign ahead what revokes each key",
        description="Signs, for each key, the certificates of all others under the next epoch, for a safe: with them a "
        "stolen key is revoked without a root. To be made anew whenever a key is added or rotated.",
        epilog="Example: evrds-encoder keys prepare-epoch keys --out safe. " + EXIT_CODES,
    )
    _add_folder(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to; made if it is missing")
    _add_root(parser)
    parser.set_defaults(run=_prepare)


def _add_revoke(commands: "Commands[Parser]") -> None:
    parser = commands.add_parser(
        "revoke",
        help="make what ends a stolen key",
        description="Makes the certificates of all keys that stay under the next epoch. Every plan names that file as "
        "its certificate from now on; a receiver that hears it believes the stolen key no more.",
        epilog="Example: evrds-encoder keys revoke keys --key-id 3 --prepared safe. " + EXIT_CODES,
    )
    _add_folder(parser)
    parser.add_argument(
        "--key-id",
        type=int,
        required=True,
        action="append",
        metavar="N",
        help="the stolen key; with a root also several",
    )
    parser.add_argument("--prepared", type=Path, metavar="DIR", help="what prepare-epoch made; then no root is needed")
    _add_root(parser)
    parser.set_defaults(run=_revoke)


def _add_export(commands: "Commands[Parser]") -> None:
    parser = commands.add_parser(
        "export",
        help="put into one file what a charger is installed with",
        description="Writes the bundle that `evrds-receiver install` takes: roots, certificates, application, network, "
        "and the charger's region codes if given. Nothing in it is secret; the installer compares the fingerprints.",
        epilog="Example: evrds-encoder keys export keys network7.toml. " + EXIT_CODES,
    )
    _add_folder(parser)
    parser.add_argument("bundle", metavar="OUT.toml", type=Path, help="the bundle; replaced if it exists")
    parser.add_argument(
        "--region",
        type=argument(Region.parse_code),
        action="append",
        default=[],
        metavar="CODE",
        help=f"a code of the charger, five digits 0..E; up to {CODES} (default: the installer says)",
    )
    parser.set_defaults(run=_export)


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path, help="the network's keys")


def _add_name(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    usual = f" (default {default})" if default else ""
    parser.add_argument(
        "--name", default=default, required=default is None, help=f"of the operator's two files: NAME.pem{usual}"
    )


def _add_grant(parser: argparse.ArgumentParser, *, key_id: int | None) -> None:
    add = parser.add_argument
    usual = "" if key_id is None else f" (default {key_id})"
    add(
        "--key-id",
        type=int,
        default=key_id,
        required=key_id is None,
        metavar="N",
        help=f"the operator's key id, 0 to 13{usual}",
    )
    add(
        "--scope",
        type=argument(Region.parse),
        default=EVERYONE,
        metavar="REGION",
        help="the operator's region (default FFFFF, all)",
    )
    add(
        "--roles",
        type=argument(parse_roles),
        default=ALL_ROLES,
        metavar="ROLES",
        help="what the operator may send, such as heartbeat,curtail,load-up (default all)",
    )


def _add_validity(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--not-before",
        type=argument(parse_moment),
        metavar="RFC3339",
        help="first moment of the validity (default now)",
    )
    add("--days", type=int, default=_DAYS, metavar="N", help=f"length of the validity, 1 to 400 (default {_DAYS})")


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, metavar="FILE", help="the root that signs (default DIR/root.pem)")


def _create(arguments: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    if not 0 <= arguments.network <= 0xFF:
        raise UsageError(f"network {arguments.network}; allowed: 0..255")
    domain = Domain(arguments.aid, arguments.network)
    _write(arguments.folder, make_keys(domain, _grant(arguments, now), now=now, name=arguments.name))


def _add(arguments: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    network = read_network(arguments.folder)
    root = _root(arguments, network)
    _write(arguments.folder, add_key(network, _grant(arguments, now), root, now=now, name=arguments.name))


def _list(arguments: argparse.Namespace) -> None:
    for line in key_table(read_network(arguments.folder), datetime.now(UTC)):
        print(line)
    private = [f"{name}{PRIVATE_SUFFIX}" for name in ROOT_NAMES.values()]
    found = [name for name in private if os.path.lexists(arguments.folder / name)]
    if found:
        print(f"note: {', '.join(found)} in this folder: each belongs in a safe of its own, off every network")


def _rotate(arguments: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    network = read_network(arguments.folder)
    files = rotate(
        network,
        arguments.key_id,
        _root(arguments, network),
        now=now,
        not_before=arguments.not_before or now,
        days=arguments.days,
        new_key=arguments.new_id,
    )
    _write(arguments.folder, files)


def _prepare(arguments: argparse.Namespace) -> None:
    network = read_network(arguments.folder)
    _write(arguments.out, prepare_epoch(network, _root(arguments, network), now=datetime.now(UTC)))


def _revoke(arguments: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    network = read_network(arguments.folder)
    if arguments.prepared is None:
        files = revoke(network, arguments.key_id, _root(arguments, network), now=now)
    else:
        if len(arguments.key_id) != 1:
            raise UsageError(f"{len(arguments.key_id)} keys with --prepared; allowed: one, or several with a root")
        [key] = arguments.key_id
        standing_key(network, key)
        path = arguments.prepared / prepared_name(network.epoch + 1, key)
        files = revoke_prepared(network, key, parsed_certificate(path), source=str(path), now=now)
    _write(arguments.folder, files)


def _export(arguments: argparse.Namespace) -> None:
    if len(arguments.region) > CODES:
        raise UsageError(f"{len(arguments.region)} regions; allowed: up to {CODES}")
    network = read_network(arguments.folder)
    bundle = make_bundle(network, arguments.region, now=datetime.now(UTC))
    with whole_file(arguments.bundle) as file:
        file.write(bundle_text(bundle).encode("ascii"))
    print(f"{arguments.bundle}: for every charger of this network; compare by voice:")
    for line in root_lines(network):
        print(f"  {line}")


def _grant(arguments: argparse.Namespace, now: datetime) -> Grant:
    not_before = arguments.not_before or now
    return Grant(arguments.key_id, arguments.roles, arguments.scope, not_before, arguments.days)


def _root(arguments: argparse.Namespace, network: Network) -> Root:
    """The root at hand."""
    path = arguments.root or arguments.folder / f"{next(iter(ROOT_NAMES.values()))}{PRIVATE_SUFFIX}"
    return Root(*load_root(path, network))


def _write(folder: Path, files: tuple[KeyFile, ...]) -> None:
    """Writes the files and says what each is for."""
    write_keys(folder, files)
    for file in files:
        print(f"{folder / file.name}: {file.purpose}")
