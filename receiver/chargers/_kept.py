"""Commands in, a charger that is written, read back and written again until told otherwise: what polled drivers share.

A driver of a charger that only answers (Modbus, RAPI, HTTP, a pin) fills in five steps, `_connect`, `_write`, `_read`,
`_identify` and `_hang_up`; when each is called, how long it may take and what follows a failure is decided here. One
step runs at a time. The wanted command is written anew every `refresh_s`, at most half the charger's watchdog, and read
back each time; a wire that failed is opened anew after a pause that doubles from `FIRST_PAUSE_S` to `LAST_PAUSE_S`.
"""

import asyncio
import contextlib
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeVar

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError, EvrdsError
from receiver.chargers.driver import ChargerCommand, ChargerDriver, ChargerReading, ProbeReport

FIRST_PAUSE_S: Final = 1.0
LAST_PAUSE_S: Final = 60.0

Answer = TypeVar("Answer")
_log = logging.getLogger(__name__)


class KeptCharger(ChargerDriver, ABC):
    """A charger behind a wire that we open, ask and write.

    Args:
        name: What errors call it: driver and address.
        refresh_s: How often the wanted command is written again.
        answer_timeout_s: How long one step may take.
    """

    def __init__(self, name: str, *, refresh_s: float, answer_timeout_s: float) -> None:
        self._name = name
        self._refresh_s = refresh_s
        self._answer_timeout_s = answer_timeout_s
        self._wanted: ChargerCommand | None = None
        self._reading = ChargerReading()
        self._trouble: str | None = None
        self._difference: str | None = None
        self._connected = False
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        """Set by a driver that hears by itself that the charger has come back, gone or forgotten."""
        self._keeping: asyncio.Task[None] | None = None

    @abstractmethod
    async def _connect(self) -> None:
        """Open the wire and set what the charger must be told once: its watchdog, its fallback.

        Raises:
            OSError: nobody is there.
            EvrdsError: it is there and will not.
        """

    @abstractmethod
    async def _write(self, command: ChargerCommand) -> int | None:
        """Bring a command to the charger; return the limit that a read-back must show, mA; None: none must."""

    @abstractmethod
    async def _read(self) -> ChargerReading:
        """What the charger says of itself now; `answers` is filled in here."""

    @abstractmethod
    async def _identify(self) -> ProbeReport:
        """See `ChargerDriver.probe`."""

    @abstractmethod
    async def _hang_up(self) -> None:
        """Close the wire, also one that failed or never opened."""

    async def start(self) -> None:
        """Begin to keep the charger. One that is not there is waited for."""
        self._keeping = asyncio.create_task(self._keep())

    async def apply(self, command: ChargerCommand) -> None:
        """See `ChargerDriver`."""
        self._wanted = command
        async with self._turn:
            if self._wanted is command:  # else a newer one has come while this one waited
                await self._bring(command)

    async def probe(self) -> ProbeReport:
        """See `ChargerDriver`."""
        async with self._turn:
            await self._ensure_connected()
            return await self._step(self._identify, "what it is")

    @property
    def reading(self) -> ChargerReading:
        """See `ChargerDriver`."""
        alarms = tuple(line for line in (self._trouble, self._difference) if line is not None)
        return replace(self._reading, alarms=(*self._reading.alarms, *alarms))

    async def close(self) -> None:
        """Stop keeping and hang up. The limit stays until the charger's own watchdog ends it."""
        keeping, self._keeping = self._keeping, None
        while keeping is not None and not keeping.done():  # asyncio.wait_for of Python 3.11 may swallow a cancellation
            keeping.cancel()
            await asyncio.wait((keeping,), timeout=1)
        async with self._turn:
            await self._let_go()

    async def _keep(self) -> None:
        """Write and read every so often; after a failure less often, so that nobody is flooded."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._turn:
                    await self._bring(self._wanted)
                pause_s = FIRST_PAUSE_S
                await self._rest(self._refresh_s)
            except EvrdsError as fault:
                _log.warning("%s; trying again in %.0f s", fault, pause_s)
                self._wake.clear()  # what failed is known already
                await self._rest(pause_s * random.uniform(0.5, 1))
                pause_s = min(2 * pause_s, LAST_PAUSE_S)

    async def _rest(self, pause_s: float) -> None:
        """Until the time is up, or a little after someone set `_wake`: whatever wakes us, nobody is flooded."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
                await asyncio.sleep(FIRST_PAUSE_S)
        self._wake.clear()

    async def _bring(self, command: ChargerCommand | None) -> None:
        """Write a command, if there is one, and look at what came of it."""
        await self._ensure_connected()
        expected_ma = None
        if command is not None:
            expected_ma = await self._step(lambda: self._write(command), f"{command.limit_ma} mA")
        self._reading = replace(await self._step(self._read, "its state"), answers=True)
        said_ma = self._reading.limit_ma
        # What a person has set is respected and shown for itself.
        differs = None not in (expected_ma, said_ma) and expected_ma != said_ma and self._reading.overridden is None
        self._difference = f"{self._name} has {said_ma} mA, wanted {expected_ma}" if differs else None

    async def _ensure_connected(self) -> None:
        if not self._connected:
            await self._step(self._connect, "a connection", absent=True)
            self._connected = True

    async def _step(self, step: Callable[[], Awaitable[Answer]], what: str, *, absent: bool = False) -> Answer:
        """One step within its time; a wire that failed is closed, and the trouble stands in the reading."""
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                answer = await step()
        except ChargerRefusedError as refusal:  # the wire is fine
            self._trouble = str(refusal)
            raise
        except (EvrdsError, OSError, EOFError) as fault:  # TimeoutError is an OSError
            if absent or not isinstance(fault, DeviceAbsentError):  # nobody there behind a wire that is fine
                await self._let_go()
            error = self._error(fault, what, absent=absent)
            self._trouble, self._reading = str(error), replace(self._reading, answers=False)
            raise error from fault
        self._trouble = None
        return answer

    def _error(self, fault: Exception, what: str, *, absent: bool) -> EvrdsError:
        if isinstance(fault, EvrdsError):
            return fault
        if isinstance(fault, TimeoutError):
            cause = f"no answer within {self._answer_timeout_s:g} s"
        else:
            cause = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
        kind = DeviceAbsentError if absent else DeviceLostError
        return kind(f"{self._name}: asked for {what}, {cause}; look at its address, its power and its wires")

    async def _let_go(self) -> None:
        self._connected = False
        with contextlib.suppress(EvrdsError, OSError, EOFError, TimeoutError):
            async with asyncio.timeout(self._answer_timeout_s):
                await self._hang_up()
