"""A receiver's TOML configuration to typed values; every complaint names file, line, value seen and values allowed.

regions = ["12345"]                 # 1 to 4 own codes of five digits 0..E; left out: the bundle's
trust = "receiver.trust.toml"       # the bundle that `install` put beside this file; or, instead of it:
aid = "C0DE"
network = 7
roots = ["root.public.pem"]         # files beside this one, or PEM text
certificates = ["operator.certificate.pem"]
rating_a = 32
installer_a = 32                    # what cable and breaker allow; the rating if left out
option = "medium"                   # high price, medium, low, fleet
state = "state.sqlite3"             # left out: nothing is remembered
outputs = ["mqtt://broker/evrds"]   # where records go beside standard output: docs/outputs.md
device_id = "000102030405060708090A0B0C0D0E0F"  # left out: made at the first start and kept in the state

Tables [tiers], [prices], [profile], [charge_by], [caps] are those of `policy_config`.

[charger]
driver = "simulated"                # its other fields are the driver's options
allow_high_fallback = true          # it may take more than rating and installer_a allow when nobody talks to it

Several chargers are tables [[charger]], as `chargers_config` reads them, and may share [site] limit_a.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rds.errors import InputError, TrustError, UsageError
from rds.oda.aid import DEFAULT_AID, parse_aid
from rds.oda.bundle import parse_bundle
from rds.oda.draw import DEVICE_ID_OCTETS
from rds.oda.region import Region
from rds.toml_table import TomlTable, parse_toml
from receiver.chargers_config import (
    HIGHEST_A,
    LOWEST_A,
    ChargerConfig,
    SiteConfig,
    read_charger_tables,
    read_option,
    read_site,
)
from receiver.keyring import Keyring
from receiver.outputs import open_output
from receiver.policy_config import read_caps, read_charge_by, read_prices, read_profile, read_tiers, read_timezone
from receiver.settings import ONLOOKER, Settings
from receiver.trust import TrustText, make_keyring, read_trust_file

if TYPE_CHECKING:
    from receiver.outputs._output import Output

REGIONS: Final = 4
TRUST_FIELD: Final = "trust"
INSTEAD_OF_TRUST: Final = ("aid", "network", "roots", "certificates")
"""What a configuration says where no bundle does."""
_PEM: Final = "-----BEGIN "
_SUBGROUPS: Final = 64
_PROGRAMMES: Final = 8


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that `run` needs besides its input."""

    keyring: Keyring
    regions: tuple[Region, ...]
    settings: Settings
    """What holds for every charger that says nothing else.

    Its device id is empty where the configuration names none: the store has it, or one is made.
    """
    state: Path | None
    source: str | None
    chargers: tuple[ChargerConfig, ...]
    site: SiteConfig | None
    outputs: "tuple[Output, ...]" = ()


def read_config(path: Path) -> Config:
    """The configuration in a file; other files are named relative to its folder.

    Raises:
        InputError: the file cannot be read.
        UsageError: a field is unknown, missing, of a wrong type or value.
        TrustError: a key or certificate does not hold.
    """
    return parse_config(read_text(path), source=str(path), folder=path.parent)


def read_chargers(path: Path) -> tuple[ChargerConfig, ...]:
    """The chargers of a configuration; whom to believe may still be missing: an installer tries the wiring first.

    Raises:
        InputError: the file cannot be read.
        UsageError: a field of the owner or of a charger is missing or wrong.
    """
    table = parse_toml(read_text(path), source=str(path))
    regions = tuple(table.parsed_list("regions", Region.parse_code, high=REGIONS))
    return read_charger_tables(table, _settings(table), regions)


def read_state_path(path: Path) -> Path | None:
    """The state file that a configuration names; the rest of it may be wrong: the owner's word counts all the same.

    Raises:
        InputError: the file cannot be read.
        UsageError: it is no TOML, or the name is no text.
    """
    return _state_path(parse_toml(read_text(path), source=str(path)), path.parent)


def read_charger_names(path: Path) -> tuple[str, ...]:
    """The names of a configuration's chargers, one empty name where there is only one; as lenient as the above.

    Raises:
        InputError: the file cannot be read.
        UsageError: it is no TOML, or a charger has no name.
    """
    table = parse_toml(read_text(path), source=str(path))
    if not table.has_tables("charger"):
        return ("",)
    return tuple(one.string("name") for one in table.tables("charger"))


def read_text(path: Path) -> str:
    """The text of a configuration's file.

    Raises:
        InputError: it cannot be read, or is none.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"configuration {path}: {error.strerror}; give a TOML file") from None
    except UnicodeDecodeError:
        raise InputError(f"configuration {path} is no UTF-8 text; give a TOML file") from None


def _state_path(table: TomlTable, folder: Path) -> Path | None:
    return folder / table.string("state") if "state" in table else None


def parse_config(text: str, *, source: str, folder: Path) -> Config:
    """The configuration in a text; see `read_config`."""
    table = parse_toml(text, source=source)
    texts, aid, network, codes = _trust(table, folder)
    regions = codes if codes and "regions" not in table else _regions(table)
    settings = _settings(table)
    state = _state_path(table, folder)
    named_source = table.string("source") if "source" in table else None
    chargers = read_charger_tables(table, settings, regions)
    site = read_site(table.table("site"), chargers) if "site" in table else None
    outputs = tuple(table.parsed_list("outputs", _output))
    table.close()
    keyring = _keyring(table, texts, aid, network)
    return Config(keyring, regions, settings, state, named_source, chargers, site, outputs)


def config_parts(table: TomlTable, folder: Path) -> Iterator[Callable[[], object]]:
    """What `parse_config` reads of a table, in parts that complain each by itself: for who wants all complaints.

    Each raises as `read_config` does. Fields that nobody knows, and what the parts are to each other, pass.
    """

    def inside(name: str, read: Callable[[TomlTable], object]) -> Callable[[], object]:
        return lambda: read(table.table(name)) if name in table else None

    def codes() -> tuple[Region, ...]:
        return _regions(table) if "regions" in table else _trust(table, folder)[-1]

    yield lambda: _keyring(table, *_trust(table, folder)[:-1])
    if "regions" in table or TRUST_FIELD not in table:
        yield lambda: _regions(table)
    yield lambda: _settings(table)
    yield inside("tiers", read_tiers)
    yield inside("prices", read_prices)
    yield inside("profile", read_profile)
    yield inside("charge_by", lambda charge_by: read_charge_by(charge_by, local_ma=1000 * HIGHEST_A))
    yield inside("caps", read_caps)
    yield lambda: _state_path(table, folder)
    yield lambda: read_charger_tables(table, ONLOOKER, codes())


def _regions(table: TomlTable) -> tuple[Region, ...]:
    return tuple(table.parsed_list("regions", Region.parse_code, low=1, high=REGIONS))


def _keyring(table: TomlTable, texts: list[TrustText], aid: int | None, network: int | None) -> Keyring:
    try:
        return make_keyring(texts, aid=aid, network=network)
    except TrustError as error:
        raise TrustError(f"{table.place(TRUST_FIELD if TRUST_FIELD in table else 'certificates')}: {error}") from None


def _output(address: str) -> "Output":
    output = open_output(address)
    if output.ON_TERMINAL:
        raise ValueError(f"output {address!r}; allowed: an address; what is shown on the terminal, option -F says")
    return output


def _trust(table: TomlTable, folder: Path) -> tuple[list[TrustText], int | None, int | None, tuple[Region, ...]]:
    """Whom to believe, for which application and network if a bundle does not say, and the codes that it names."""
    if TRUST_FIELD not in table:
        aid = table.parsed("aid", parse_aid, default=DEFAULT_AID)
        network = table.integer("network", low=0, high=255)
        texts = [*_trust_texts(table, "roots", folder), *_trust_texts(table, "certificates", folder)]
        return texts, aid, network, ()
    for name in INSTEAD_OF_TRUST:
        if name in table:
            raise table.refusal(name, f"allowed: nothing beside {TRUST_FIELD}, whose bundle says it; take the line out")
    try:
        text = read_trust_file(folder / table.string(TRUST_FIELD))
        bundle = parse_bundle(text.text, source=text.name)
    except InputError as error:
        raise InputError(f"{table.place(TRUST_FIELD)}: {error}") from None
    except TrustError as error:
        raise TrustError(f"{table.place(TRUST_FIELD)}: {error}") from None
    return [text], None, None, bundle.regions


def _settings(table: TomlTable) -> Settings:
    rating_a = table.integer("rating_a", low=LOWEST_A, high=HIGHEST_A)
    installer_a = table.integer("installer_a", low=LOWEST_A, high=HIGHEST_A, default=rating_a)
    local_ma = 1000 * min(rating_a, installer_a)
    return Settings(
        device_id=table.parsed("device_id", _device_id, default=b""),
        rating_ma=1000 * rating_a,
        installer_ma=1000 * installer_a,
        option=read_option(table),
        fleet_percent=table.integer("fleet_percent", low=0, high=100, default=50),
        subgroup=table.integer("subgroup", low=0, high=_SUBGROUPS - 1) if "subgroup" in table else None,
        programme=table.integer("programme", low=0, high=_PROGRAMMES - 1) if "programme" in table else None,
        release_minimum_s=table.integer("release_minimum_s", low=0, high=14_400, default=60),
        release_default_s=table.integer("release_default_s", low=0, high=14_400, default=3600),
        tiers_ma=read_tiers(table.table("tiers")),
        prices=read_prices(table.table("prices")) if "prices" in table else None,
        profile=read_profile(table.table("profile")) if "profile" in table else None,
        charge_by=read_charge_by(table.table("charge_by"), local_ma=local_ma) if "charge_by" in table else None,
        timezone=table.parsed("timezone", read_timezone) if "timezone" in table else None,
        **read_caps(table.table("caps")),
    )


def _device_id(text: str) -> bytes:
    try:
        device_id = bytes.fromhex(text)
    except ValueError:
        device_id = b""
    if len(device_id) != DEVICE_ID_OCTETS:
        raise ValueError(f"device id {text!r}; allowed: 32 hex digits, random and kept for life; or leave it out")
    return device_id


def _trust_texts(table: TomlTable, name: str, folder: Path) -> list[TrustText]:
    """The PEM texts of an array: text as it stands, else a file's."""

    def read(item: str) -> TrustText:
        if item.lstrip().startswith(_PEM):
            return TrustText(table.place(name), item.encode())
        try:
            return read_trust_file(folder / item)
        except InputError as error:
            raise UsageError(f"{table.place(name)}: {error}") from None

    return table.parsed_list(name, read, low=1)
