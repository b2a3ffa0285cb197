"""Commands in, charging profiles out to a charging station of OCPP 2.0.1 or 2.1; our side is its central system (CSMS).

The station connects to `ws://LISTEN:PORT/ITS-NAME` (sub-protocol ocpp2.1 or ocpp2.0.1) and is told the chain's time. A
limit is one profile that ends by itself (see `_ocpp201_profile`); what the station makes of it is read back. When the
station comes back after a lost connection or a restart, it gets the wanted limit again.

Without us: a station of 2.1 that knows `maxOfflineDuration` falls to `fallback_a` after `watchdog_s`, but never above
the limit. OCPP 2.0.1 has no watchdog: the station keeps the last limit. Either holds to the profile's end, which is the
command's `until` or `profile_s` after it was last heard of, whichever is earlier; then comes the station's own default.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, Self

from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError, EvrdsError
from receiver.chargers._ocpp201_meter import Meter
from receiver.chargers._ocpp201_profile import Options, uses_watchdog
from receiver.chargers._ocpp201_session import PROTOCOLS, Session
from receiver.chargers._ocpp_hub import Berth
from receiver.chargers._options import read_options
from receiver.chargers.driver import (
    LOWEST_MA,
    ChargerCommand,
    ChargerDriver,
    ChargerReading,
    Fallback,
    ProbeReport,
)

GREETING_S: Final = 5.0
"""How long a station that connects may stay silent before we speak: OCPP wants its BootNotification first."""
SETTLE_S: Final = 0.5
"""How long a station may take to make a profile that it accepted count, before that is read back."""
RETRY_S: Final = 30.0
"""How often a limit that was not accepted is tried again, one that holds read back, and one that will end refreshed."""

_log = logging.getLogger(__name__)


class Driver(ChargerDriver):
    """The central system of one charging station."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self._meter = Meter()
        protocols = [Subprotocol(name) for name in PROTOCOLS]
        self._berth = Berth("ocpp201", options, protocols=protocols, serve=self._serve)
        self._session: Session | None = None
        self._ready = asyncio.Event()
        self._turn = asyncio.Lock()
        self._wanted: ChargerCommand | None = None
        self._answers: bool | None = None
        self._trouble: str | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        """See `ChargerDriver` and `Options`."""
        return cls(read_options(Options, options, driver="ocpp201"), now)

    @property
    def port(self) -> int:
        """The TCP port that is listened on, once started; of use when 0 was asked for."""
        return self._berth.port

    async def start(self) -> None:
        """Listen. Charging stations connect by themselves."""
        await self._berth.open()

    async def apply(self, command: ChargerCommand) -> None:
        """Wait for the station to be there, then for its yes. An absent one gets the command when it connects."""
        self._wanted = command
        session = await self._await_station()
        await self._deliver(session)
        session.wake.set()

    async def probe(self) -> ProbeReport:
        """Wait for the station, then ask what it is, what EVSEs it has and what limit."""
        session = await self._await_station()
        async with self._turn:
            abilities = await session.ask_abilities()
            await session.ask_inventory()
            await session.check()
        purpose = f"limits by {self._options.purpose} in {abilities.unit}, stack level {abilities.stack_level}"
        supports = [purpose, f"read-back by {session.reads_back}" if session.reads_back else "no read-back"]
        if session.evses is not None:
            supports.append(f"EVSEs: {session.evses}")
        name = (
            f"{abilities.name or 'charging station'} {session.id}, {session.protocol.upper().replace('OCPP', 'OCPP ')}"
        )
        return ProbeReport(name, tuple(supports), self._fallback(session), tuple(self._warnings(session)))

    @property
    def reading(self) -> ChargerReading:
        """What the station last told, in this connection or an earlier one; the limit only while it is there."""
        reading = replace(self._meter.reading, answers=self._answers)
        if self._session is None:
            return replace(reading, alarms=(self._trouble,) if self._trouble is not None else ())
        alarms = [line for line in (self._trouble, self._session.difference) if line is not None]
        alarms += self._warnings(self._session)
        return replace(reading, limit_ma=self._session.limit_ma, alarms=tuple(alarms))

    async def close(self) -> None:
        """Stop listening and hang up. The profile stays and ends by itself."""
        await self._berth.close()

    async def _await_station(self) -> Session:
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                await self._ready.wait()
        except TimeoutError as late:
            raise DeviceAbsentError(
                f"no charging station on {self._berth.url} within {self._options.connect_timeout_s:g} s"
                f"{self._berth.turned_away}; enter this address as central system (CSMS) in the charging station"
            ) from late
        if self._session is None:
            raise DeviceLostError(f"the charging station on {self._berth.url} is gone again; look at its link")
        return self._session

    async def _serve(self, name: str, connection: ServerConnection) -> None:
        """One connection from its first message to its end; a newer one of the same station cancels it."""
        session = Session(name, connection, options=self._options, now=self._now, meter=self._meter)
        keeping = asyncio.create_task(self._keep(session))
        self._session = session
        self._ready.clear()
        try:
            await session.receive()
        finally:
            keeping.cancel()
            if self._session is session:
                self._session, self._answers = None, False
                self._ready.clear()
            _log.info("charging station %s is gone", name)

    async def _keep(self, session: Session) -> None:
        """See that the station has the wanted limit, as long as it is connected."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(session.spoken.wait(), GREETING_S)
        self._ready.set()
        while True:
            session.wake.clear()
            try:
                await self._deliver(session)
                await asyncio.sleep(SETTLE_S)
                async with self._turn:
                    await session.check()
                self._note(None)
            except EvrdsError as fault:
                self._note(fault)
                _log.warning("%s; trying again in %d s", fault, RETRY_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(session.wake.wait(), RETRY_S)

    async def _deliver(self, session: Session) -> None:
        """Bring the wanted command to the station unless it has it; `apply` and `_keep` take turns."""
        async with self._turn:
            if self._wanted is None or not session.is_due(self._wanted):
                return
            try:
                await session.deliver(self._wanted)
            except EvrdsError as fault:
                self._note(fault)
                raise
            self._note(None)

    def _note(self, fault: EvrdsError | None) -> None:
        """Remember for the reading how the last exchange ended."""
        self._trouble = None if fault is None else str(fault)
        self._answers = fault is None or isinstance(fault, ChargerRefusedError)

    def _fallback(self, session: Session) -> Fallback:
        end = "at the limit's end its own default holds"
        if session.abilities is None or not uses_watchdog(self._options, session.abilities):
            return Fallback(None, None, f"no watchdog: the last limit stays to its profile's end; {end}")
        fallback_ma = 1000 * self._options.fallback_a
        words = (
            f"{self._options.fallback_a} A, or the limit if that is lower" if fallback_ma >= LOWEST_MA else "a pause"
        )
        after_s = self._options.watchdog_s
        return Fallback(
            fallback_ma if fallback_ma >= LOWEST_MA else 0, float(after_s), f"after {after_s} s {words}; {end}"
        )

    def _warnings(self, session: Session) -> list[str]:
        """What an installer should change at the station."""
        abilities, warnings = session.abilities, []
        if abilities is not None and not abilities.charges_smartly:
            warnings.append(
                "smart charging is off; set SmartChargingCtrlr Available and Enabled to true at the station"
            )
        if abilities is not None and abilities.resumption_s > 0:
            warnings.append(
                f"the station delays charging after an interruption by up to {abilities.resumption_s} s at random and "
                "cannot be told not to; set TxCtrlr EnergyTransferResumptionRandomRange to 0 there"
            )
        return warnings
