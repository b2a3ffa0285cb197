"""Commands in, charging profiles out to a charge point that speaks OCPP 1.6J; our side is its central system.

The charge point connects to `ws://LISTEN:PORT/ITS-NAME` (sub-protocol ocpp1.6) and is told the chain's time. A limit is
one ChargePointMaxProfile that ends by itself (see `_ocpp16_profile`). When the charge point comes back after a lost
connection or a restart, it gets the wanted limit again.

Without us: OCPP 1.6 has no watchdog. The charge point keeps the last limit to the profile's end, which is the command's
`until` or `profile_s` after it was last heard of, whichever is earlier, and then returns to its own default.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Self

from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from rds.errors import DeviceAbsentError, EvrdsError
from receiver.chargers._ocpp16_meter import Meter
from receiver.chargers._ocpp16_profile import Options
from receiver.chargers._ocpp16_session import GREETING_S, Session
from receiver.chargers._ocpp_hub import Berth
from receiver.chargers._options import read_options
from receiver.chargers.driver import ChargerCommand, ChargerDriver, ChargerReading, Fallback, ProbeReport

SUBPROTOCOL: Final = Subprotocol("ocpp1.6")
RETRY_S: Final = 30.0
"""How often a limit that was not accepted is tried again, and a profile that will end is looked at."""

_log = logging.getLogger(__name__)


class Driver(ChargerDriver):
    """The central system of one charge point."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self._meter = Meter()
        self._berth = Berth("ocpp16", options, protocols=[SUBPROTOCOL], serve=self._serve)
        self._session: Session | None = None
        self._ready = asyncio.Event()
        self._delivering = asyncio.Lock()
        self._wanted: ChargerCommand | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        """See `ChargerDriver` and `Options`."""
        return cls(read_options(Options, options, driver="ocpp16"), now)

    @property
    def port(self) -> int:
        """The TCP port that is listened on, once started; of use when 0 was asked for."""
        return self._berth.port

    async def start(self) -> None:
        """Listen. Charge points connect by themselves."""
        await self._berth.open()

    async def apply(self, command: ChargerCommand) -> None:
        """Wait for the charge point to be there, then for its yes. An absent one gets the command when it connects."""
        self._wanted = command
        await self._await_charge_point()
        if self._session is not None:
            await self._deliver(self._session)

    async def _await_charge_point(self) -> None:
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                await self._ready.wait()
        except TimeoutError as late:
            raise DeviceAbsentError(
                f"no charge point on {self._berth.url} within {self._options.connect_timeout_s:g} s"
                f"{self._berth.turned_away}; enter this address as central system in the charge point"
            ) from late

    @property
    def reading(self) -> ChargerReading:
        """What the charge point last told of its meter and its cable, in this connection or an earlier one."""
        return self._meter.reading

    async def probe(self) -> ProbeReport:
        """Wait for the charge point; what it does without us is the protocol's."""
        await self._await_charge_point()
        name = self._session.id if self._session is not None else "gone again"
        fallback = Fallback(None, None, "no watchdog: the last limit stays to its profile's end, then its own default")
        return ProbeReport(f"charge point {name}, OCPP 1.6J", ("limits by ChargePointMaxProfile",), fallback)

    async def close(self) -> None:
        """Stop listening and hang up. The profile stays and ends by itself."""
        await self._berth.close()

    async def _serve(self, name: str, connection: ServerConnection) -> None:
        """One connection from its first message to its end; a newer one of the same charge point cancels it."""
        session = Session(name, connection, options=self._options, now=self._now, meter=self._meter)
        keeping = asyncio.create_task(self._keep(session))
        self._session = session
        self._ready.clear()
        try:
            await session.receive()
        finally:
            keeping.cancel()
            if self._session is session:
                self._session = None
                self._ready.clear()
            _log.info("charge point %s is gone", name)

    async def _keep(self, session: Session) -> None:
        """See that the charge point has the wanted limit, as long as it is connected."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(session.spoken.wait(), GREETING_S)
        self._ready.set()
        while True:
            session.wake.clear()
            try:
                await self._deliver(session)
            except EvrdsError as fault:
                _log.warning("%s; trying again in %d s", fault, RETRY_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(session.wake.wait(), RETRY_S)

    async def _deliver(self, session: Session) -> None:
        """Bring the wanted command to the charge point unless it has it; `apply` and `_keep` take turns."""
        async with self._delivering:
            if self._wanted is not None and session.is_due(self._wanted):
                await session.deliver(self._wanted)
