"""Commands in, charging profiles out to a charge point that speaks OCPP 1.6J; our side is its central system.

The charge point connects to `ws://LISTEN:PORT/ITS-NAME` (sub-protocol ocpp1.6) and is told the chain's time. A limit is
one ChargePointMaxProfile that ends by itself (see `_ocpp16_profile`). When the charge point comes back after a lost
connection or a restart, it gets the wanted limit again.

Without us: OCPP 1.6 has no watchdog. The charge point keeps the last limit to the profile's end, which is the command's
`until` or `profile_s` after it was last heard of, whichever is earlier, and then returns to its own default.
"""

import asyncio
import contextlib
import http
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from rds.errors import DeviceAbsentError, EvrdsError
from receiver.chargers._ocpp16_meter import Meter
from receiver.chargers._ocpp16_profile import Options
from receiver.chargers._ocpp16_session import GREETING_S, WIRE_LOG, Session
from receiver.chargers._options import read_options
from receiver.chargers.driver import ChargerCommand, ChargerDriver, ChargerReading, Fallback, ProbeReport

SUBPROTOCOL: Final = Subprotocol("ocpp1.6")
RETRY_S: Final = 30.0
"""How often a limit that was not accepted is tried again, and a profile that will end is looked at."""
CLOSE_S: Final = 2.0
"""How long a connection that we close may take for its goodbye."""
NAME_CHARACTERS: Final = 48
MESSAGE_BYTES: Final = 1 << 16
"""The longest message let in; a charge point's own are a few hundred bytes."""

_log = logging.getLogger(__name__)


class Driver(ChargerDriver):
    """The central system of one charge point."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self._meter = Meter()
        self._server: Server | None = None
        self._session: Session | None = None
        self._hang_up: Callable[[], object] = lambda: None
        self._ready = asyncio.Event()
        self._delivering = asyncio.Lock()
        self._wanted: ChargerCommand | None = None
        self._turned_away = ""

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        """See `ChargerDriver` and `Options`."""
        return cls(read_options(Options, options, driver="ocpp16"), now)

    @property
    def port(self) -> int:
        """The TCP port that is listened on, once started; of use when 0 was asked for."""
        port: int = next(iter(self._server.sockets)).getsockname()[1] if self._server else self._options.port
        return port

    async def start(self) -> None:
        """Listen. Charge points connect by themselves."""
        try:
            self._server = await serve(
                self._serve,
                self._options.listen,
                self._options.port,
                subprotocols=[SUBPROTOCOL],
                process_request=self._let_in,
                close_timeout=CLOSE_S,
                max_size=MESSAGE_BYTES,
                logger=WIRE_LOG,
            )
        except OSError as fault:
            raise DeviceAbsentError(
                f"charger ocpp16 cannot listen on {self._options.listen} port {self._options.port}: "
                f"{fault.strerror or fault}; set listen to an address of this machine and port to a free one"
            ) from fault
        _log.info("waiting for a charge point on ws://%s:%d/", self._options.listen, self.port)

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
                f"no charge point on ws://{self._options.listen}:{self.port}/ within "
                f"{self._options.connect_timeout_s:g} s{self._turned_away}; "
                "enter this address as central system in the charge point"
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
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _let_in(self, connection: ServerConnection, request: Request) -> Response | None:
        """None for the charge point that is ours, else the HTTP answer that turns it away."""
        name = _name(request.path)
        offered = [
            item.strip() for line in request.headers.get_all("Sec-WebSocket-Protocol") for item in line.split(",")
        ]
        if SUBPROTOCOL not in offered:
            cause = f"offers {', '.join(offered) or 'no sub-protocol'}, allowed: {SUBPROTOCOL}"
        elif not name.isprintable() or not 0 < len(name) <= NAME_CHARACTERS:
            cause = f"gives no name of 1 to {NAME_CHARACTERS} printable characters at the end of the address"
        elif name != (self._options.charge_point_id or name):
            cause = f"is not {self._options.charge_point_id}"
        elif self._session is not None and self._session.id != name:
            cause = f"came while {self._session.id} is connected; set charge_point_id"
        else:
            return None
        self._turned_away = f" (turned away: {name[:NAME_CHARACTERS]!r} {cause})"
        _log.warning("charge point %r turned away: it %s", name[:NAME_CHARACTERS], cause)
        return connection.respond(http.HTTPStatus.BAD_REQUEST, f"{cause}\n")

    async def _serve(self, connection: ServerConnection) -> None:
        """One connection from its first message to its end; a newer one of the same charge point ends it."""
        self._hang_up()
        name = _name(connection.request.path) if connection.request else ""
        session = Session(name, connection, options=self._options, now=self._now, meter=self._meter)
        receiving = asyncio.create_task(session.receive())
        keeping = asyncio.create_task(self._keep(session))
        self._session, self._hang_up = session, receiving.cancel
        self._ready.clear()
        try:
            await asyncio.wait((receiving,))
        finally:
            receiving.cancel()
            keeping.cancel()
            if self._session is session:
                self._session, self._hang_up = None, lambda: None
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


def _name(path: str) -> str:
    """The charge point's name: the last part of the address that it calls (OCPP-J 1.6, 3.1.1)."""
    return unquote(urlsplit(path).path.rstrip("/").rpartition("/")[2])
