"""Commands in, charging profiles out to a charge point that speaks OCPP 1.6J; our side is its central system.

The charge point connects to `ws://LISTEN:PORT/ITS-NAME` (sub-protocol ocpp1.6) and is told the chain's time. A limit is
a charging profile that ends by itself (see `_ocpp16_profile`) and is read back as composite schedule. When the charge
point comes back after a lost connection or a restart, it gets the wanted limit again.

Without us: OCPP 1.6 has no watchdog. The charge point keeps the last limit to the profile's end, which is the command's
`until` or `profile_s` after it was last heard of, whichever is earlier, and then returns to its own default.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, Self

from ocpp.v16.enums import ChargingRateUnitType, MessageTrigger
from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from rds.errors import DeviceAbsentError, DeviceLostError, EvrdsError, UsageError
from receiver.chargers._ocpp16_delivery import Delivery, words
from receiver.chargers._ocpp16_profile import PURPOSES, Options
from receiver.chargers._ocpp16_session import Session
from receiver.chargers._ocpp16_settings import currents_without_us, installer_warnings, random_delays, read_abilities
from receiver.chargers._ocpp16_station import Station
from receiver.chargers._ocpp_hub import Berth
from receiver.chargers._ocpp_link import EXTRA_ANSWER_S
from receiver.chargers._options import read_options
from receiver.chargers.driver import ChargerCommand, ChargerDriver, ChargerReading, Fallback, ProbeReport

SUBPROTOCOL: Final = Subprotocol("ocpp1.6")
GREETING_S: Final = 5.0
"""How long a charge point that connects may stay silent before we speak: OCPP wants its BootNotification first."""
LOOK_S: Final = 1.0
"""How often a profile that will end is looked at."""
RETRY_S: Final = 30.0
"""How often a limit that was not accepted is tried again."""
SETTLE_S: Final = 1.0
"""How long an accepted command waits for its limit to be read back, so that the reading is of this one."""
CALM_S: Final = 10.0
"""When a limit that is read back and differs is read again: some charge points take their time."""
READ_S: Final = 300.0
"""How often the limit is read back."""

_log = logging.getLogger(__name__)


class Driver(ChargerDriver):
    """The central system of one charge point."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        if options.purpose not in PURPOSES:
            raise UsageError(f"charger ocpp16 option purpose is {options.purpose!r}; allowed: {', '.join(PURPOSES)}")
        self._options = options
        self._now = now
        self._station = Station()
        self._berth = Berth("ocpp16", options, protocols=[SUBPROTOCOL], serve=self._serve)
        self._session: Session | None = None
        self._delivery: Delivery | None = None
        self._ready = asyncio.Event()
        self._turn = asyncio.Lock()
        self._wanted: ChargerCommand | None = None
        self._trouble: EvrdsError | None = None

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
        session, delivery = await self._await_charge_point()
        await self._deliver(session, delivery)
        session.wake.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(delivery.settled.wait(), SETTLE_S)

    @property
    def reading(self) -> ChargerReading:
        """What the charge point last told, in this connection or an earlier one."""
        said, delivery, trouble = self._station.reading, self._delivery, self._trouble
        alarms = list(said.alarms)
        alarms += [
            f"charge point's own random delay is on: {line}" for line in random_delays(self._station.settings or {})
        ]
        if delivery is not None and delivery.difference is not None:
            alarms.append(delivery.difference)
        if trouble is not None:
            alarms.append(str(trouble))
        is_lost = self._session is None or (trouble is not None and type(trouble) is DeviceLostError)
        return replace(
            said,
            limit_ma=None if delivery is None else delivery.limit_ma,
            answers=None if delivery is None and trouble is None else not is_lost,
            alarms=tuple(alarms),
        )

    async def probe(self) -> ProbeReport:
        """What the charge point says of itself and of its limits. Nothing is set but its clock."""
        session, delivery = await self._await_charge_point()
        async with self._turn:
            if not self._station.identity and await session.trigger(MessageTrigger.boot_notification):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._has_booted(session), EXTRA_ANSWER_S)
            await delivery.look_around()
            await delivery.read_back()
        settings = self._station.settings or {}
        abilities = read_abilities(settings)
        supports = [self._limits_in(abilities.unit), f"{abilities.connectors} connector(s)"]
        supports.append(words(delivery.way) if delivery.way else f"stack levels up to {abilities.stack_level}")
        warnings = installer_warnings(settings)
        if delivery.mute is None:
            supports.append("read-back of the limit")
        else:
            warnings.append(f"no read-back of the limit: {delivery.mute}")
        fallback = "no watchdog: the last limit stays to its profile's end, then its own default"
        if own := currents_without_us(settings):
            fallback += f" ({', '.join(own)} by its settings)"
        found = f"charge point {session.id}, {self._station.identity or 'which does not say what it is'}, OCPP 1.6J"
        return ProbeReport(found, tuple(supports), Fallback(None, None, fallback), tuple(warnings))

    def _limits_in(self, unit: ChargingRateUnitType) -> str:
        if unit is ChargingRateUnitType.amps:
            return "limits in A, steps of 0.1 A"
        phases, voltage_v = self._options.phases, self._options.voltage_v
        if phases is None or voltage_v is None:
            return "limits in W only: set phases and voltage_v"
        return f"limits in W, {phases} phase(s) of {voltage_v:g} V"

    async def close(self) -> None:
        """Stop listening and hang up. The profile stays and ends by itself."""
        await self._berth.close()

    async def _has_booted(self, session: Session) -> None:
        while not self._station.identity:
            session.wake.clear()
            await session.wake.wait()

    async def _await_charge_point(self) -> tuple[Session, Delivery]:
        """The charge point once it is there and may be spoken to.

        Raises:
            DeviceAbsentError: it does not come in time.
        """
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                while self._session is None or self._delivery is None or not self._ready.is_set():
                    await self._ready.wait()
        except TimeoutError as late:
            root = "" if self._options.tls_certificate is None else ", and the root of our certificate"
            self._trouble = DeviceAbsentError(
                f"no charge point on {self._berth.url} within {self._options.connect_timeout_s:g} s"
                f"{self._berth.turned_away}; enter this address as central system in the charge point{root}"
            )
            raise self._trouble from late
        return self._session, self._delivery

    async def _serve(self, name: str, connection: ServerConnection) -> None:
        """One connection from its first message to its end; a newer one of the same charge point cancels it."""
        timeout_s = self._options.answer_timeout_s
        session = Session(name, connection, answer_timeout_s=timeout_s, now=self._now, station=self._station)
        delivery = Delivery(session, self._options, self._now, self._station)
        keeping = asyncio.create_task(self._keep(session, delivery))
        self._session, self._delivery = session, delivery
        self._ready.clear()
        try:
            await session.receive()
        finally:
            keeping.cancel()
            if self._session is session:
                self._session = None
                self._ready.clear()
                self._trouble = DeviceLostError(f"charge point {name} is not connected; look at its power and its link")
            _log.info("charge point %s is gone", name)

    async def _keep(self, session: Session, delivery: Delivery) -> None:
        """See that the charge point has the wanted limit, as long as it is connected."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(session.spoken.wait(), GREETING_S)
        if self._session is session:
            self._trouble = None
            self._ready.set()
        retry_at_s, read_at_s, is_told_again = 0.0, loop.time() + READ_S, False
        while True:
            session.wake.clear()
            try:
                if loop.time() >= retry_at_s:
                    await self._deliver(session, delivery)
                async with self._turn:
                    if await delivery.settle():
                        is_doubtful = delivery.difference is not None and not is_told_again
                        read_at_s = loop.time() + (CALM_S if is_doubtful else READ_S)
                    elif loop.time() >= read_at_s:
                        await delivery.read_back()
                        read_at_s, is_told_again = loop.time() + READ_S, delivery.insist()
                    await delivery.look_around()
            except EvrdsError as fault:
                _log.warning("%s; trying again in %d s", fault, RETRY_S)
                retry_at_s = loop.time() + RETRY_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(session.wake.wait(), LOOK_S)

    async def _deliver(self, session: Session, delivery: Delivery) -> None:
        """Bring the wanted command to the charge point unless it has it; `apply` and `_keep` take turns."""
        async with self._turn:
            if self._wanted is None or not delivery.is_due(self._wanted):
                return
            try:
                await delivery.deliver(self._wanted)
                self._trouble = None
            except EvrdsError as fault:
                if self._session is session:  # else it is gone, and that is said already
                    self._trouble = fault
                raise
