"""A table and a wire in, values out: what a charger's registers say, in mA, s and Wh, nonsense left out and told."""

from collections.abc import Awaitable
from typing import Final, TypeVar

from rds.errors import ChargerRefusedError
from receiver.chargers._modbus_register import TEXT, Register
from receiver.chargers._modbus_table import HIGHEST_MA, Setting, Switch, Table
from receiver.chargers._modbus_wire import Wire

HIGHEST_WH: Final = 10**10
"""More than a wallbox meters in a thousand years."""

Answer = TypeVar("Answer")


class Registers:
    """One connector's registers.

    Args:
        name: What errors call the charger.
        table: Where everything stands.
        wire: How it is reached.
        offset: What is added to the addresses that are not shared by all connectors.
    """

    def __init__(self, name: str, table: Table, wire: Wire, *, offset: int) -> None:
        self._name = name
        self._table = table
        self._wire = wire
        self._offset = offset

    def _address(self, register: Register) -> int:
        return register.address + (0 if register.shared else self._offset)

    async def words(self, register: Register) -> list[int]:
        """Its words, asked for at once or one value after the other."""
        address = self._address(register)
        if not register.apart:
            return await self._wire.read(register.kind, address, register.size)
        step = register.value_words
        parts = [await self._wire.read(register.kind, address + at, step) for at in range(0, register.size, step)]
        return [word for part in parts for word in part]

    async def highest(self, register: Register) -> float | None:
        """The highest of its values in the unit of the role; None if none is told."""
        told = [value for value in register.values(await self.words(register)) if value is not None]
        return max(told, default=None)

    async def told(self, register: Register, alarms: list[str]) -> float | None:
        """As `highest`; a refusal is an alarm more and None."""
        return await self._told(self.highest(register), alarms)

    async def write(self, register: Register, value: float) -> None:
        """Write a value that is given in the unit of the role."""
        await self._wire.write(register.write, self._address(register), register.encode(value))

    async def set_value(self, register: Register, read: Register | None, value: float) -> bool:
        """Write a value unless it is there, and look whether it then is; whether it was written.

        Raises:
            ChargerRefusedError: it answered with an exception, or shows another value.
        """
        place = read or (register if register.readable else None)
        wanted = register.encode(value)
        if place is not None and await self._shows(place, value, register):
            return False
        await self._wire.write(register.write, self._address(register), wanted)
        if place is not None and not await self._shows(place, value, register):
            raise ChargerRefusedError(
                f"{self._name} took {value:g} for register {register.address} and shows another; set it in the charger"
            )
        return True

    async def _shows(self, place: Register, value: float, register: Register) -> bool:
        said = await self.highest(place)
        return said is not None and abs(said - value) < register.scale

    async def set_up(self, setting: Setting) -> str | None:
        """Write a setting unless it is there or must be repeated; what is wrong, if it cannot be."""
        address = self._address(setting)
        try:
            if (
                setting.readable
                and not setting.every_s
                and await self._wire.read(setting.kind, address, 1) == [setting.value]
            ):
                return None
            await self._wire.write(setting.write, address, [setting.value])
        except ChargerRefusedError as refusal:
            return f"{refusal} ({setting.why or 'a setting'})"
        return None

    async def switch(self, switch: Switch, *, paused: bool) -> None:
        """Pause or resume, unless that is so already."""
        value, address = switch.pause if paused else switch.resume, self._address(switch)
        if not switch.readable or await self._wire.read(switch.kind, address, 1) != [value]:
            await self._wire.write(switch.write, address, [value])

    async def limit_ma(self, *, paused: bool | None) -> int | None:
        """The limit that the charger says it has; 0 if it says that it pauses; None if it does not tell.

        Args:
            paused: Whether we have paused it, for a charger that does not tell; None: we have done nothing yet.
        """
        switch = self._table.pause
        if switch is not None:
            if switch.readable:
                if await self._wire.read(switch.kind, self._address(switch), 1) == [switch.pause]:
                    return 0
            elif paused:
                return None
        place = self._table.limit_read or (self._table.limit if self._table.limit.readable else None)
        said_ma = None if place is None else await self.highest(place)
        return None if said_ma is None else round(said_ma)

    async def told_limit(self, *, paused: bool | None) -> tuple[int | None, tuple[str, ...]]:
        """As `limit_ma`, but what cannot be or is not answered is an alarm and no limit."""
        alarms: list[str] = []
        said_ma = await self._told(self.limit_ma(paused=paused), alarms)
        if said_ma is not None and not 0 <= said_ma <= HIGHEST_MA:
            alarms.append(f"{self._name} says its limit is {said_ma} mA, which no charger has; look at its table")
            said_ma = None
        return said_ma, tuple(alarms)

    async def measure(self) -> tuple[int | None, bool | None, int | None, tuple[str, ...]]:
        """Energy in Wh, whether a car is plugged in, current in mA, and what is wrong with them."""
        alarms: list[str] = []
        energy = await self._measured(self._table.energy, "Wh", HIGHEST_WH, alarms)
        current = await self._measured(self._table.current, "mA", HIGHEST_MA, alarms)
        plugged = await self._told(self._plugged(), alarms)
        return energy, plugged, current, tuple(alarms)

    async def _measured(self, register: Register | None, unit: str, highest: int, alarms: list[str]) -> int | None:
        if register is None:
            return None
        said = await self.told(register, alarms)
        if said is None:
            return None
        if not 0 <= said <= highest:
            alarms.append(f"{self._name} says {said:g} {unit}, which is impossible; look at its table")
            return None
        return round(said)

    async def _plugged(self) -> bool | None:
        state = self._table.state
        if state is None:
            return None
        [first, *_] = state.raw(await self.words(state))
        if first is None:
            return None
        value = int(first) >> 8 if state.type == TEXT else int(first) & state.mask
        return True if value in state.plugged else False if value in state.unplugged else None

    async def _told(self, question: Awaitable[Answer], alarms: list[str]) -> Answer | None:
        """The answer to what we can do without: a charger without a meter refuses its registers."""
        try:
            return await question
        except ChargerRefusedError as refusal:
            alarms.append(str(refusal))
            return None

    async def names(self) -> list[str]:
        """What the charger calls itself; what it does not tell is left out."""
        told = []
        for register in self._table.named:
            text = await self._told(self.words(register), [])
            if text is not None:
                told.append(f"{register.name} {register.text(text) or 'none'}")
        return told
