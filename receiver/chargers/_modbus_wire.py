"""Registers asked for and written in, words or one clear error out: the only place that speaks with pymodbus."""

import logging
import termios
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from rds.errors import ChargerRefusedError
from receiver.chargers._modbus_register import COIL

EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    10: "no path to the device",
    11: "the device behind the gateway does not answer",
}
"""By code of an exception response (Modbus Application Protocol 1.1b3, clause 7)."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where a charger is: a host and its port, or a serial device."""

    host: str
    port: int
    device: str
    baudrate: int
    parity: str

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.device or f"{self.host}:{self.port}"


class Wire:
    """One Modbus connection to one unit.

    Args:
        name: What errors call the charger.
        line: Where it is.
        unit: Its unit identifier.
        answer_timeout_s: How long one answer may take.
    """

    def __init__(self, name: str, line: Line, *, unit: int, answer_timeout_s: float) -> None:
        self._name = name
        self._line = line
        self._unit = unit
        self._answer_timeout_s = answer_timeout_s
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient | None = None

    async def connect(self) -> None:
        """Open the line.

        Raises:
            OSError: nobody is there, or there is no such device.
        """
        # The library logs as errors what we raise as errors.
        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
        self.close()
        self._client = self._make_client()
        try:
            opened = await self._client.connect()
        except (termios.error, ValueError) as fault:  # a device that is no serial line, or cannot do this speed
            self.close()
            raise OSError(f"it cannot be opened as a serial line ({fault})") from fault
        if not opened:
            self.close()
            raise OSError("nobody answers there")

    def _make_client(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        if not self._line.device:
            return AsyncModbusTcpClient(
                self._line.host,
                port=self._line.port,
                timeout=self._answer_timeout_s,
                retries=0,
                reconnect_delay=0,
            )
        return AsyncModbusSerialClient(
            self._line.device,
            framer=FramerType.RTU,
            baudrate=self._line.baudrate,
            parity=self._line.parity,
            timeout=self._answer_timeout_s,
            retries=0,
            reconnect_delay=0,
        )

    def close(self) -> None:
        """Close the line; also one that failed."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def read(self, kind: str, address: int, count: int) -> list[int]:
        """That many registers, or coils as 0 and 1, from an address on.

        Raises:
            OSError: no answer.
            ChargerRefusedError: an exception response or nonsense.
        """
        asked = f"{kind} {address}"
        answer = await self._ask(
            lambda client: _reader(client, kind)(address, count=count, device_id=self._unit), asked
        )
        words = [int(bit) for bit in answer.bits[:count]] if kind == COIL else [int(word) for word in answer.registers]
        if len(words) != count:
            raise self._refused(f"answered {asked} with {len(words)} values, {count} were asked for")
        return words

    async def write(self, function: int, address: int, words: Sequence[int]) -> None:
        """Write words, or one coil.

        Raises:
            OSError: no answer.
            ChargerRefusedError: an exception response or nonsense.
        """
        asked = f"{words[0] if len(words) == 1 else list(words)} to register {address}"
        unit = self._unit
        if function == 5:
            await self._ask(lambda client: client.write_coil(address, bool(words[0]), device_id=unit), asked)
        elif function == 6:
            await self._ask(lambda client: client.write_register(address, words[0], device_id=unit), asked)
        else:
            await self._ask(lambda client: client.write_registers(address, list(words), device_id=unit), asked)

    async def _ask(self, request: "Callable[[_Client], Awaitable[ModbusPDU]]", asked: str) -> ModbusPDU:
        if self._client is None or not self._client.connected:
            raise OSError("the connection was closed")
        try:
            answer = await request(self._client)
        except ModbusException as fault:
            if not self._client.connected:
                raise OSError("the connection was closed") from fault
            raise OSError(f"no answer to {asked} within {self._answer_timeout_s:g} s") from fault
        except (ValueError, IndexError, TypeError, AttributeError) as fault:  # what nonsense makes of the library
            raise self._refused(f"answered {asked} with nonsense") from fault
        if answer.isError():
            said = EXCEPTIONS.get(answer.exception_code, f"exception {answer.exception_code}")
            raise self._refused(f"refused {asked}: {said}")
        return answer

    def _refused(self, what: str) -> ChargerRefusedError:
        return ChargerRefusedError(f"{self._name} {what}; look at its table, unit and Modbus settings")


_Client = AsyncModbusTcpClient | AsyncModbusSerialClient


def _reader(
    client: _Client, kind: str
) -> Callable[..., Any]:  # Any: one of three methods of a class without such types
    """The method that reads this kind."""
    if kind == COIL:
        return client.read_coils
    return client.read_input_registers if kind == "input" else client.read_holding_registers
