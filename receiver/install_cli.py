"""The installer's command `install`: a bundle's file to what it is, in lines, and a configuration that trusts it."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from rds.errors import UsageError
from rds.oda.region import Region
from receiver.arguments import argument
from receiver.config import REGIONS
from receiver.install import Wishes, describe, install, read_bundle

DEFAULT_CONFIG: Final = Path("receiver.toml")
Tell = Callable[[str], None]
P = TypeVar("P", bound=argparse.ArgumentParser)


def add_install_command(commands: "argparse._SubParsersAction[P]", *, exit_codes: str, tell: Tell) -> None:
    """The command, each line of output by `tell`."""
    parser = commands.add_parser(
        "install",
        help="trust a network: take in its bundle",
        description="Checks a bundle of evrds-encoder keys export, shows what it is, and makes the configuration trust "
        "it: its aid, network, roots and certificates give way to the bundle, all else stays. Compare the fingerprints "
        "with the operator by voice: with --show nothing is written yet.",
        epilog="Example: evrds-receiver install network7.toml --region 12345 --rating-a 16. " + exit_codes,
    )
    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help="the operator's file")
    add = parser.add_argument
    add(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="CONFIG.toml",
        help=f"the receiver's configuration, changed or made (default {DEFAULT_CONFIG})",
    )
    add(
        "--region",
        type=argument(Region.parse_code),
        action="append",
        default=[],
        metavar="CODE",
        help=f"a code of this charger, five digits 0..E, up to {REGIONS} (default: as bundle or configuration say)",
    )
    add("--rating-a", type=int, metavar="N", help="the charger's amperes per phase, for a configuration that is made")
    add("--show", action="store_true", help="check and show the bundle, write nothing")
    add("--replace", action="store_true", help="even if another network, other roots or a later epoch is trusted now")
    parser.set_defaults(run=lambda arguments: _install(arguments, tell))


def _install(arguments: argparse.Namespace, tell: Tell) -> None:
    """Runs `install`."""
    if len(arguments.region) > REGIONS:
        raise UsageError(f"{len(arguments.region)} region codes; allowed: up to {REGIONS}")
    octets, bundle = read_bundle(arguments.bundle)
    for line in describe(bundle, datetime.now(UTC)):
        tell(line)
    if arguments.show:
        return
    wishes = Wishes(tuple(arguments.region), arguments.rating_a, arguments.replace)
    for line in install(octets, bundle, arguments.config, wishes):
        tell(line)
