"""Commands in, charging profiles out to a charge point that has an operator: we stand between it and his system.

The charge point connects to us as it would to the operator's central system, and we to that in its name, with its
sub-protocol and its Authorization; every message passes as it came (see `_ocpp_proxy_relay`). A limit is one more
profile, which carries the minimum of ours and the operator's (see `_ocpp_proxy_schedule`).

Without us: OCPP has no watchdog here. The charge point keeps the last limit to the profile's end, which is the
command's `until` or `profile_s` after it was last set, whichever is earlier; then the operator's limits hold alone.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, Self
from urllib.parse import quote, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from rds.errors import DeviceAbsentError, EvrdsError, UsageError
from receiver.chargers._ocpp_hub import CLOSE_S, WIRE_LOG, Berth
from receiver.chargers._ocpp_proxy_dialect import PROTOCOLS
from receiver.chargers._ocpp_proxy_relay import Relay
from receiver.chargers._ocpp_proxy_station import Options, Station
from receiver.chargers._options import read_options
from receiver.chargers.driver import ChargerCommand, ChargerDriver, ChargerReading, Fallback, ProbeReport

GREETING_S: Final = 5.0
"""How long a charge point that connects may stay silent before we speak."""
RETRY_S: Final = 30.0
"""How often a limit that was not accepted is tried again, and a profile that will end is looked at."""
MESSAGE_BYTES: Final = 1 << 20
"""The longest message that passes, either way; a longer one ends the connection that it came by."""
DIAL_S: Final = 10.0

_log = logging.getLogger(__name__)


class Driver(ChargerDriver):
    """The place between one charge point and its operator."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        protocols = [Subprotocol(one) for one in PROTOCOLS if options.protocol in (None, one)]
        self._berth = Berth("ocpp_proxy", options, protocols=protocols, serve=self._serve)
        self._tls: ssl.SSLContext | None = None
        self._station: Station | None = None
        self._relay: Relay | None = None
        self._ready = asyncio.Event()
        self._delivering = asyncio.Lock()
        self._wanted: ChargerCommand | None = None
        self._trouble: str | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        """See `ChargerDriver` and `Options`."""
        read = read_options(Options, options, driver="ocpp_proxy")
        if not _is_address(read.upstream):
            raise UsageError(
                f"charger ocpp_proxy option upstream is {read.upstream!r}; "
                "allowed: ws://HOST:PORT/PATH or wss://HOST:PORT/PATH of the operator's central system"
            )
        if read.protocol not in (None, *PROTOCOLS):
            raise UsageError(
                f"charger ocpp_proxy option protocol is {read.protocol!r}; allowed: {', '.join(PROTOCOLS)}"
            )
        return cls(read, now)

    @property
    def port(self) -> int:
        """The TCP port that is listened on, once started; of use when 0 was asked for."""
        return self._berth.port

    async def start(self) -> None:
        """Listen. Charge points connect by themselves."""
        if self._options.upstream.startswith("wss:"):
            try:
                self._tls = ssl.create_default_context(cafile=self._options.upstream_ca)
            except (OSError, ValueError) as fault:
                raise UsageError(
                    f"charger ocpp_proxy option upstream_ca is {self._options.upstream_ca!r}: "
                    f"{getattr(fault, 'strerror', None) or fault}; allowed: a PEM file of root certificates"
                ) from fault
        await self._berth.open()

    async def apply(self, command: ChargerCommand) -> None:
        """Wait for the charge point to be there, then for its yes. An absent one gets the command when it connects."""
        self._wanted = command
        await self._await_charge_point()
        if self._relay is not None:
            await self._deliver(self._relay)

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
        """Meter and cable as told to the operator, our limit, and whether the operator is there."""
        if self._station is None:
            return ChargerReading()
        station, relay = self._station, self._relay
        said = station.overheard.meter.reading
        alarms = [line for line in (self._trouble, station.overheard.trouble, *said.alarms) if line is not None]
        if relay is not None and relay.operator_trouble is not None:
            alarms.append(
                f"the operator at {self._options.upstream} is away ({relay.operator_trouble}); "
                "look at upstream and the network"
            )
        return replace(
            said,
            limit_ma=station.limit_ma,
            answers=relay is not None and self._trouble is None,
            alarms=tuple(alarms),
        )

    async def probe(self) -> ProbeReport:
        """Wait for the charge point; what it does without us is the protocol's."""
        await self._await_charge_point()
        station, relay = self._station, self._relay
        if station is None or relay is None:
            raise DeviceAbsentError(f"the charge point on {self._berth.url} is gone again; look at its link")
        identity = station.overheard.meter.identity
        model = f" ({identity})" if identity else ""
        away = f"its operator is away: {relay.operator_trouble}"
        return ProbeReport(
            f"charge point {station.name}{model}, {station.dialect.protocol}, operator {self._options.upstream}",
            (f"limits by {station.dialect.purpose}, never above the operator's",),
            Fallback(None, None, "no watchdog: the last limit stays to its profile's end, then the operator's alone"),
            (*station.notes, *([away] if relay.operator_trouble is not None else [])),
        )

    async def close(self) -> None:
        """Stop listening and hang up, on both sides. The profile stays and ends by itself."""
        await self._berth.close()

    async def _serve(self, name: str, connection: ServerConnection) -> None:
        """One connection of the charge point; a newer one cancels it."""
        protocol = connection.subprotocol or PROTOCOLS[-1]
        # The server's own bound is for messages that we read; these are the operator's to judge.
        connection.protocol.max_message_size = MESSAGE_BYTES
        if self._station is None or (self._station.name, self._station.dialect.protocol) != (name, protocol):
            self._station = Station(name, protocol, self._options, self._now)
        relay = Relay(
            name,
            connection,
            lambda: self._dial(name, connection),
            listener=self._station.overheard,
            hold_s=self._options.hold_s,
            answer_timeout_s=self._options.answer_timeout_s,
        )
        keeping = asyncio.create_task(self._keep(self._station, relay))
        self._relay = relay
        self._ready.clear()
        try:
            await relay.run()
        finally:
            keeping.cancel()
            if self._relay is relay:
                self._relay = None
                self._ready.clear()
            _log.info("charge point %s is gone", name)

    async def _dial(self, name: str, station: ServerConnection) -> ClientConnection:
        """The operator's central system, called as the charge point has called us."""
        headers = station.request.headers if station.request else {}
        passed = {key: headers[key] for key in ("Authorization",) if key in headers}
        return await connect(
            f"{self._options.upstream.rstrip('/')}/{quote(name, safe='')}",
            subprotocols=[station.subprotocol] if station.subprotocol else None,
            additional_headers=passed,
            user_agent_header=headers.get("User-Agent"),
            ssl=self._tls,
            proxy=None,
            compression=None,
            open_timeout=DIAL_S,
            close_timeout=CLOSE_S,
            max_size=MESSAGE_BYTES,
            logger=WIRE_LOG,
        )

    async def _keep(self, station: Station, relay: Relay) -> None:
        """See that the charge point has the wanted limit, as long as it is connected."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GREETING_S):
                await relay.spoken.wait()
            # Not while its greeting waits for an answer, unless that is long in coming.
            async with asyncio.timeout(min(GREETING_S, self._options.hold_s / 2)):
                await relay.answered.wait()
        self._ready.set()
        while True:
            station.overheard.changed.clear()
            try:
                await self._deliver(relay)
            except EvrdsError as fault:
                _log.warning("%s; trying again in %d s", fault, RETRY_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S):
                    await station.overheard.changed.wait()

    async def _deliver(self, relay: Relay) -> None:
        """Bring the wanted command to the charge point unless it has it; `apply` and `_keep` take turns."""
        async with self._delivering:
            if self._wanted is None or self._station is None or not self._station.is_due(self._wanted):
                return
            try:
                await self._station.deliver(self._wanted, relay)
            except EvrdsError as fault:
                self._trouble = str(fault)
                raise
            self._trouble = None


def _is_address(text: str) -> bool:
    """Whether a station's name can be put behind it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    extras = parts.query or parts.fragment or parts.username is not None or port == 0
    return parts.scheme in ("ws", "wss") and bool(parts.hostname) and not extras
