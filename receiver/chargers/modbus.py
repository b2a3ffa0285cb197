"""Commands in, registers of a charger written and read back: Modbus TCP or RTU, with a data file for each charger.

Which registers, in which unit and with what watchdog is said by the table (`_modbus_table`, `_modbus_tables/`). At
connection the charger's fallback current and its watchdog are written where that is possible, each only if it differs,
for some keep them in memory that wears out; then the limit is written and read back every half watchdog. A charger
without a watchdog is asked instead, and written only when it has another limit.

Without us: the charger takes its failsafe current after its watchdog's time where it has one; else the last limit
stays. `probe` says which.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from rds.errors import ChargerRefusedError, UsageError
from receiver.chargers._kept import KeptCharger
from receiver.chargers._modbus_reading import Registers
from receiver.chargers._modbus_table import FOLDER, Table, load_table, table_names
from receiver.chargers._modbus_wire import Line, Wire
from receiver.chargers._options import choice, number, read_options
from receiver.chargers.driver import LOWEST_MA, ChargerCommand, ChargerReading, Fallback, ProbeReport

REFRESH_S: Final = 30.0
"""How often a charger without a watchdog is written and read."""
LEAST_REFRESH_S: Final = 0.2
HIGHEST_ADDRESS: Final = 0xFFFF
STEP_ANSWERS: Final = 12
"""A step asks so many times at most and takes so many times an answer's time."""


@dataclass(frozen=True, slots=True)
class Options:
    """The table of the driver `modbus` in the configuration.

    Attributes:
        table: Which charger it is: a name of `_modbus_tables`.
        table_file: A data file of one's own instead.
        host: Name or address of a charger on TCP.
        port: Its port.
        device: A serial device instead, for RTU.
        baudrate: Its speed; 0: as the table says.
        parity: Its parity; empty: as the table says.
        unit: The unit identifier; None: as the table says.
        connector: Which connector of a charger with several.
        fallback_a: The current that shall hold without us, 0 or 6 to 80, where the charger takes it over Modbus; None:
            6 A, or less if the charger has less already.
        watchdog_s: After how long it shall hold; 0: as the table says.
        refresh_s: How often to write and read; 0: half the watchdog, at most 30 s.
        answer_timeout_s: How long one answer may take.
    """

    table: str = ""
    table_file: str = ""
    host: str = ""
    port: int = number(502, low=1, high=65_535)
    device: str = ""
    baudrate: int = choice(0, 0, 9600, 19_200, 38_400, 57_600, 115_200)
    parity: str = choice("", "", "N", "E", "O")
    unit: int | None = number(None, low=0, high=255)
    connector: int = number(1, low=1, high=60)
    fallback_a: float | None = number(None, low=0, high=80)
    watchdog_s: float = number(0.0, low=0, high=3600)
    refresh_s: float = number(0.0, low=0, high=3600)
    answer_timeout_s: float = number(3.0, low=0.05, high=60)


class Driver(KeptCharger):
    """One charger with registers."""

    def __init__(self, options: Options, table: Table) -> None:
        line = Line(
            host=options.host,
            port=options.port,
            device=options.device,
            baudrate=options.baudrate or table.top.baudrate,
            parity=options.parity or table.top.parity,
        )
        name = f"charger modbus {table.name} at {line.name}"
        super().__init__(name, refresh_s=REFRESH_S, answer_timeout_s=STEP_ANSWERS * options.answer_timeout_s)
        unit = table.top.unit if options.unit is None else options.unit
        wire = Wire(name, line, unit=unit, answer_timeout_s=options.answer_timeout_s)
        self._options = options
        self._table = table
        self._wire = wire
        self._registers = Registers(name, table, wire, offset=table.top.connector_step * options.connector)
        self._set_ma: int | None = None
        self._lowered_ma: int | None = None
        self._fallback = Fallback(None, None, table.top.without_us)
        self._settings_alarms: tuple[str, ...] = ()

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:  # noqa: ARG003  # by contract
        """See `ChargerDriver` and `Options`."""
        checked = read_options(Options, options, driver="modbus")
        table = _choose_table(checked)
        last = table.last_address(checked.connector)
        if last > HIGHEST_ADDRESS:
            raise UsageError(
                f"charger modbus option connector is {checked.connector}, which makes addresses up to {last}; "
                f"allowed: up to {HIGHEST_ADDRESS}"
            )
        if bool(checked.host) == bool(checked.device) or (checked.host and table.top.transport == "rtu"):
            needed = "device alone, for RTU" if table.top.transport == "rtu" else "one of the two"
            raise UsageError(
                f"charger modbus option host is {checked.host!r} and device {checked.device!r}; allowed: {needed}"
            )
        if 0 < (checked.fallback_a or 0) < LOWEST_MA / 1000:
            raise UsageError(f"charger modbus option fallback_a is {checked.fallback_a}; allowed: 0, or 6 to 80")
        return cls(checked, table)

    async def _connect(self) -> None:
        """Open the line and set fallback and watchdog, in this order: a watchdog must not fall to an old fallback."""
        await self._wire.connect()
        self._set_ma = self._lowered_ma = None
        troubles = [await self._registers.set_up(setting) for setting in self._table.setting]
        changed = []
        for write in (self._write_failsafe, self._write_watchdog):
            try:
                changed.append(await write())
            except ChargerRefusedError as refusal:
                troubles.append(str(refusal))
        if any(changed):
            for setting in self._table.persist:
                troubles.append(await self._registers.set_up(setting))
        self._fallback, doubts = await self._read_fallback()
        self._settings_alarms = tuple(line for line in (*troubles, *doubts) if line is not None)
        self._refresh_s = self._choose_refresh_s()

    async def _write_failsafe(self) -> bool:
        """Write the wanted fallback current unless it is there; whether it was written."""
        failsafe = self._table.failsafe
        if failsafe is None or not failsafe.write:
            return False
        if self._options.fallback_a is None:
            said_ma = await self._registers.highest(self._table.failsafe_read or failsafe)
            if said_ma is not None and said_ma <= LOWEST_MA:
                return False
        wanted_ma = failsafe.fit_ma(self._fallback_ma)
        if not wanted_ma and not failsafe.zero:
            wanted_ma = failsafe.low_ma
        return await self._registers.set_value(failsafe, self._table.failsafe_read, wanted_ma)

    async def _write_watchdog(self) -> bool:
        """Write the wanted watchdog unless it is there; whether it was written."""
        watchdog = self._table.watchdog
        if watchdog is None or not watchdog.write:
            return False
        wanted_s = min(max(self._options.watchdog_s or watchdog.default_s, watchdog.low_s), watchdog.high_s)
        return await self._registers.set_value(watchdog, self._table.watchdog_read, wanted_s)

    async def _read_fallback(self) -> tuple[Fallback, list[str]]:
        """What the charger does without us, as it says itself, and what is wrong with that."""
        without_us = self._table.top.without_us
        watchdog, failsafe = self._table.watchdog, self._table.failsafe
        if watchdog is None:
            return Fallback(None, None, without_us), []
        alarms: list[str] = []
        after_s: float | None = watchdog.default_s
        if self._table.watchdog_read or watchdog.readable:
            after_s = await self._registers.told(self._table.watchdog_read or watchdog, alarms)
        said_ma = None
        if failsafe is not None:
            said_ma = await self._registers.told(self._table.failsafe_read or failsafe, alarms)
        if not after_s:
            off = "its watchdog is off: the last limit stays when nobody talks to it"
            words = "an unreadable watchdog: perhaps the last limit stays" if alarms else off
            return Fallback(None, None, words), [*alarms, f"{self._name}: {words}; look at it in the charger"]
        limit_ma = None if said_ma is None else round(said_ma)
        if limit_ma is not None and limit_ma > self._fallback_ma:
            wanted = f"wanted {self._fallback_ma} mA; set it in the charger"
            alarms.append(f"{self._name} falls back to {limit_ma} mA, {wanted}")
        return Fallback(limit_ma, after_s, without_us), alarms

    @property
    def _fallback_ma(self) -> int:
        return LOWEST_MA if self._options.fallback_a is None else round(1000 * self._options.fallback_a)

    def _choose_refresh_s(self) -> float:
        """Half the watchdog at most, and often enough for what must be written again and again."""
        periods = [self._options.refresh_s or REFRESH_S]
        if self._fallback.after_s is not None:
            periods.append(self._fallback.after_s / 2)
        if self._table.alive is not None and self._table.alive.every_s:
            periods.append(self._table.alive.every_s)
        return max(min(periods), LEAST_REFRESH_S)

    async def _write(self, command: ChargerCommand) -> int | None:
        """Write the limit, then resume; or pause, by whichever register pauses."""
        limit, pause = self._table.limit, self._table.pause
        said_ma = await self._ask_before_writing()
        wanted_ma = command.limit_ma if self._lowered_ma is None else min(command.limit_ma, self._lowered_ma)
        fitting_ma = limit.fit_ma(wanted_ma)
        if (fitting_ma or limit.zero) and fitting_ma != said_ma:
            await self._registers.write(limit, fitting_ma)
        if pause is not None:
            await self._registers.switch(pause, paused=not fitting_ma)
        self._set_ma = fitting_ma
        return fitting_ma

    async def _ask_before_writing(self) -> int | None:
        """The limit of a charger whose watchdog needs no writing; less than ours was set by somebody at the charger."""
        limit = self._table.limit
        if self._table.watchdog is not None or not limit.readable:
            return None
        said_ma = await self._registers.limit_ma(paused=None)
        if limit.person_may_lower and None not in (said_ma, self._set_ma) and said_ma != self._set_ma:
            self._lowered_ma = said_ma if (said_ma or 0) < (self._set_ma or 0) else None
        return said_ma

    async def _read(self) -> ChargerReading:
        """Everything that the table knows of."""
        if self._table.alive is not None:
            await self._registers.set_up(self._table.alive)
        paused = None if self._set_ma is None else not self._set_ma
        said_ma, alarms = await self._registers.told_limit(paused=paused)
        if said_ma != self._set_ma and None not in (said_ma, self._set_ma):
            await asyncio.sleep(self._table.top.settle_s)  # some show a new value a second later
            said_ma, alarms = await self._registers.told_limit(paused=paused)
        energy, plugged, current, more = await self._registers.measure()
        if plugged is False:
            self._lowered_ma = None  # it was for the car that has left
        return ChargerReading(
            energy_wh=energy,
            plugged=plugged,
            limit_ma=said_ma,
            current_ma=current,
            overridden=self._overridden(said_ma),
            alarms=(*self._settings_alarms, *alarms, *more),
        )

    def _overridden(self, said_ma: int | None) -> str | None:
        if self._lowered_ma is not None:
            return f"{self._lowered_ma / 1000:g} A set at the charger" if self._lowered_ma else "paused at the charger"
        limit = self._table.limit_read or self._table.limit
        lower = said_ma is not None and self._set_ma is not None and LOWEST_MA <= said_ma < self._set_ma
        return f"the charger itself allows {(said_ma or 0) / 1000:g} A" if lower and limit.lower_is_own else None

    async def _identify(self) -> ProbeReport:
        """What it calls itself, and the fallback as it says it now; what has no such limit is another charger."""
        await self._registers.limit_ma(paused=None)
        names = await self._registers.names()
        self._fallback, doubts = await self._read_fallback()
        limit = self._table.limit
        read_back = limit.readable or self._table.limit_read is not None
        supports = (
            f"limits from {limit.low_ma / 1000:g} to {limit.high_ma / 1000:g} A in steps of {limit.least_step_ma} mA",
            "a pause by " + ("the limit 0" if limit.zero else "a register of its own"),
            "read-back of the limit" if read_back else "no read-back of the limit",
            *(("its meter's energy",) if self._table.energy else ()),
            *(("its current",) if self._table.current else ()),
            *(("whether a car is plugged in",) if self._table.state else ()),
        )
        warnings = (self._table.top.trap, *self._settings_alarms, *doubts)
        found = ", ".join((self._table.top.charger, *names))
        return ProbeReport(found, supports, self._fallback, tuple(dict.fromkeys(line for line in warnings if line)))

    async def _hang_up(self) -> None:
        """Close the line."""
        self._wire.close()


def _choose_table(options: Options) -> Table:
    """The data file that is meant, read."""
    own = Path(options.table_file)
    if options.table_file and not own.is_file():
        raise UsageError(f"charger modbus option table_file is {options.table_file!r}; allowed: a file that is there")
    if bool(options.table) == bool(options.table_file) or (options.table and options.table not in table_names()):
        names = ", ".join(table_names())
        raise UsageError(f"charger modbus option table is {options.table!r}; allowed: {names}; or table_file alone")
    return load_table(own if options.table_file else FOLDER / f"{options.table}.toml")
