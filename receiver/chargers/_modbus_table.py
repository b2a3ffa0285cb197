"""A charger's data file in, its checked table out: which register limits, pauses, watches and tells.

A table is TOML: some names at the top, then one section a role. `_modbus_tables/` holds the tables that come with
evrds; each says at its top where its numbers are from. Which sections there are is told by `Table`, which names they
take by the classes here and in `_modbus_register`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from rds.errors import UsageError
from receiver.chargers._modbus_register import COIL, TEXT, Register
from receiver.chargers._options import choice, number, read_options

FOLDER: Final = Path(__file__).with_name("_modbus_tables")
HIGHEST_MA: Final = 100_000
"""More than any charging cable of IEC 61851 carries in AC."""


@dataclass(frozen=True, slots=True)
class Current(Register):
    """A register with a current in mA that can be set.

    Attributes:
        low_ma: The lowest that it takes, but for a zero.
        high_ma: The highest that it takes.
        step_ma: Written in multiples of this.
        zero: Whether it takes 0, for a pause.
        lower_is_own: Whether a value that is read and is lower than ours tells the charger's own limit.
        person_may_lower: Whether a person at the charger changes this very number.
    """

    low_ma: int = number(6000, low=1000, high=16_000)
    high_ma: int = number(32_000, low=6000, high=HIGHEST_MA)
    step_ma: int = number(1, low=1, high=6000)
    zero: bool = False
    lower_is_own: bool = False
    person_may_lower: bool = False

    @property
    def least_step_ma(self) -> int:
        """How finely it can be set: `step_ma`, and no less than one count."""
        return self.step_ma if self.type.startswith("float") else max(self.step_ma, round(self.scale))

    def fit_ma(self, wanted_ma: int) -> int:
        """The highest current that it takes and that is not above the wanted one; 0 if there is none."""
        fitting_ma = min(wanted_ma, self.high_ma) // self.least_step_ma * self.least_step_ma
        return fitting_ma if fitting_ma >= self.low_ma else 0


@dataclass(frozen=True, slots=True)
class Switch(Register):
    """A register that pauses and resumes, written only when it is not as wanted already or cannot be read."""

    pause: int = number(0, low=0, high=0xFFFF)
    resume: int = number(1, low=0, high=0xFFFF)


@dataclass(frozen=True, slots=True)
class Watchdog(Register):
    """The time in s without a word from us after which the charger takes its failsafe current.

    Attributes:
        default_s: What is written unless the options say otherwise; what holds, if it can be neither read nor written.
        low_s: The shortest that the register takes.
        high_s: The longest that it takes.
    """

    default_s: float = number(60.0, low=1, high=3600)
    low_s: float = number(1.0, low=0, high=600)
    high_s: float = number(600.0, low=1, high=65_535)


@dataclass(frozen=True, slots=True)
class Setting(Register):
    """A register that must have one value.

    Attributes:
        value: This one, as it stands in the register.
        why: What for, in a few words for people.
        every_s: How often it is written again; 0: at connection, if it differs.
    """

    value: int = number(0, low=0, high=0xFFFF)
    why: str = ""
    every_s: float = number(0.0, low=0, high=600)


@dataclass(frozen=True, slots=True)
class State(Register):
    """A register that tells whether a car is there.

    Attributes:
        mask: The bits that count; of a text, its first character alone.
        plugged: The values with a car.
        unplugged: The values without; any other does not tell.
    """

    mask: int = number(0xFFFF, low=1, high=0xFFFF_FFFF)
    plugged: tuple[int, ...] = ()
    unplugged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Named(Register):
    """A register that tells what the charger is."""

    name: str = "serial number"


@dataclass(frozen=True, slots=True)
class _Top:
    """The names at the top of a table."""

    charger: str = ""
    source: str = ""
    setup: str = ""
    without_us: str = ""
    trap: str = ""
    transport: str = choice("tcp", "tcp", "rtu")
    unit: int = number(1, low=0, high=255)
    connector_step: int = number(0, low=0, high=10_000)
    settle_s: float = number(1.0, low=0, high=10)
    baudrate: int = choice(19_200, 9600, 19_200, 38_400, 57_600, 115_200)
    parity: str = choice("E", "N", "E", "O")


@dataclass(frozen=True, slots=True)
class Table:
    """One charger's registers.

    Attributes:
        name: Of the file, without its ending.
        top: Who made it, where the numbers are from, what an installer sets up and must know.
        limit: The current that we set.
        limit_read: Where it is read back, if not in the same place.
        pause: What pauses, if 0 in `limit` does not.
        failsafe: The current that holds without us.
        failsafe_read: Where it is read back, if not in the same place.
        watchdog: When it begins to hold.
        watchdog_read: Where that is read back, if not in the same place.
        setting: What must be set at connection.
        persist: What is written after the failsafe current or the watchdog was changed, so that they outlive a restart.
        alive: What is written again and again.
        state: Whether a car is there.
        current: What it draws, in mA.
        energy: What its meter has counted, in Wh.
        named: What it calls itself.
    """

    name: str
    top: _Top
    limit: Current
    limit_read: Current | None = None
    pause: Switch | None = None
    failsafe: Current | None = None
    failsafe_read: Register | None = None
    watchdog: Watchdog | None = None
    watchdog_read: Register | None = None
    setting: tuple[Setting, ...] = ()
    persist: tuple[Setting, ...] = ()
    alive: Setting | None = None
    state: State | None = None
    current: Register | None = None
    energy: Register | None = None
    named: tuple[Named, ...] = ()

    def last_address(self, connector: int) -> int:
        """The highest address that it uses for a connector."""
        roles: list[Register | None] = [getattr(self, role) for role in _ROLES]
        used = [one for one in (*roles, *self.setting, *self.persist, *self.named) if one is not None]
        offset = self.top.connector_step * connector
        return max(one.address + one.size - 1 + (0 if one.shared else offset) for one in used)


_ROLES: Final[dict[str, type[Register]]] = {
    "limit": Current,
    "limit_read": Current,
    "pause": Switch,
    "failsafe": Current,
    "failsafe_read": Register,
    "watchdog": Watchdog,
    "watchdog_read": Register,
    "alive": Setting,
    "state": State,
    "current": Register,
    "energy": Register,
}
_LISTS: Final[dict[str, type[Register]]] = {"setting": Setting, "persist": Setting, "named": Named}


def table_names() -> list[str]:
    """The tables that come with evrds, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_table(path: Path) -> Table:
    """Read one data file.

    Raises:
        UsageError: it cannot be read, or says what no table may; the section, the name and what is allowed are told.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        cause = fault.strerror if isinstance(fault, OSError) else " ".join(str(fault).split())
        raise UsageError(
            f"charger table {path} cannot be read ({cause}); allowed: a TOML file, see _modbus_tables"
        ) from fault
    return parse_table(content, path.stem)


def parse_table(content: Mapping[str, object], name: str) -> Table:
    """A table from what its file says.

    Raises:
        UsageError: see `load_table`.
    """
    top = {key: value for key, value in content.items() if not isinstance(value, (dict, list))}
    sections = {key: value for key, value in content.items() if key not in top}
    unknown = sorted(set(sections) - set(_ROLES) - set(_LISTS))
    if unknown:
        allowed = ", ".join(sorted([*_ROLES, *_LISTS]))
        raise UsageError(f"charger table {name} has a section [{unknown[0]}]; allowed: {allowed}")
    if "limit" not in sections:
        raise UsageError(f"charger table {name} has no section [limit]; allowed: one with the register that limits")
    one = {key: _register(_ROLES[key], sections[key], f"{name} [{key}]") for key in sections if key in _ROLES}
    many = {
        key: tuple(
            _register(_LISTS[key], part, f"{name} [[{key}]]") for part in _parts(sections[key], f"{name} [[{key}]]")
        )
        for key in sections
        if key in _LISTS
    }
    table = Table(name, read_options(_Top, top, driver=f"table {name}"), **one, **many)  # type: ignore[arg-type]  # by _ROLES
    _check(table)
    return table


def _parts(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise UsageError(f"charger table {where} is {value!r}; allowed: a list of sections")
    return value


Form = TypeVar("Form", bound=Register)


def _register(form: type[Form], section: object, where: str) -> Form:
    if not isinstance(section, dict):
        raise UsageError(f"charger table {where} is {section!r}; allowed: a section with an address")
    lists = {key: _numbers(section[key], f"{where} {key}") for key in ("plugged", "unplugged") if key in section}
    plain = {key: value for key, value in section.items() if key not in lists or form is not State}
    made = read_options(form, plain, driver=f"table {where}")
    if isinstance(made, State):
        made = type(made)(**{**plain, **lists})
    if made.address < 0:
        raise UsageError(f"charger table {where} has no address; allowed: a whole number from 0 to 65535")
    _check_writing(made, where)
    return made


def _numbers(value: object, where: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(isinstance(one, int) and not isinstance(one, bool) for one in value):
        raise UsageError(f"charger table {where} is {value!r}; allowed: a list of whole numbers")
    return tuple(value)


def _check_writing(made: Register, where: str) -> None:
    """A function must be able to write what the register holds."""
    allowed = {COIL: (0, 5), "input": (0,)}.get(made.kind, (0, 6, 16) if made.size == 1 else (0, 16))
    if made.write not in allowed:
        listed = ", ".join(str(one) for one in allowed)
        size = f"{made.size} of kind {made.kind}"
        raise UsageError(f"charger table {where} write is {made.write}; allowed for {size}: {listed}")
    if made.write and made.type == TEXT:
        raise UsageError(f"charger table {where} type is text and write {made.write}; allowed for a text: write 0")


def _check(table: Table) -> None:
    """What one section needs of another."""
    writers = {"limit": table.limit, "pause": table.pause, "alive": table.alive}
    for role, register in writers.items():
        if register is not None and not register.write:
            raise UsageError(f"charger table {table.name} [{role}] write is 0; allowed: 5, 6 or 16")
    if not table.limit.zero and table.pause is None:
        raise UsageError(f"charger table {table.name} [limit] zero is False; allowed: true, or a section [pause]")
    for word in ("charger", "source", "without_us"):
        if not getattr(table.top, word):
            raise UsageError(f"charger table {table.name} has no {word}; allowed: a text for people")
