"""Charge points that connect in, each handed to its driver out: one listening server for all OCPP drivers of a port.

A charge point calls `ws://LISTEN:PORT/ITS-NAME` and offers sub-protocols (OCPP-J 1.6, 3.1). It goes to the berth that a
driver opened for this name and one of these sub-protocols, else to the berth without a name, which takes whichever
comes first. With a password it must give it as HTTP basic authentication, its name as the user (security profile 1 of
the OCPP 1.6 security whitepaper, and of OCPP 2.0.1, A00); with a certificate the wire is TLS (security profile 2).
"""

import asyncio
import http
import logging
import weakref
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from rds.errors import DeviceAbsentError, UsageError
from receiver.chargers._ocpp_credentials import is_authorised, secret_of, tls_of
from receiver.chargers._options import number

CLOSE_S: Final = 2.0
"""How long a connection that we close may take for its goodbye."""
NAME_CHARACTERS: Final = 48
"""The longest name of a charge point (OCPP 2.0.1, part 4, 3.1.1; OCPP 1.6 sets no bound)."""
MESSAGE_BYTES: Final = 1 << 16
"""The longest message let in; a charge point's own are a few hundred bytes."""

_log = logging.getLogger(__name__)


class WireLog(logging.LoggerAdapter[logging.Logger]):
    """What the libraries say about the wire, all of it for debugging: a charge point's nonsense is no fault of ours."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:  # noqa: ARG002  # Any: as the base class
        """Write at level DEBUG and without a traceback."""
        kwargs.pop("exc_info", None)
        super().log(logging.DEBUG, msg, *args, **kwargs)

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:  # Any: as there
        """Leave the message as it is."""
        return msg, kwargs


WIRE_LOG: Final = WireLog(_log)
Serve = Callable[[str, ServerConnection], Awaitable[None]]
"""A charge point's name and connection in; returns when it is done with the connection."""


@dataclass(frozen=True, slots=True)
class HubOptions:
    """What the tables of all OCPP drivers share.

    Attributes:
        listen: Address of ours that the charge point connects to.
        port: TCP port of ours; 0 takes a free one. Drivers with the same address and port share it.
        charge_point_id: The only charge point let in; None lets in whichever comes first.
        password: What the charge point must give, as text or as "hex:" and octets; None lets it in without.
        tls_certificate: File with our certificate and those up to its root (PEM); None listens without TLS.
        tls_key: File with the certificate's private key (PEM, without a passphrase); None: it is in the same file.
        connect_timeout_s: How long a command waits for a charge point.
    """

    listen: str = "127.0.0.1"
    port: int = number(9000, low=0, high=65535)
    charge_point_id: str | None = None
    password: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None
    connect_timeout_s: float = number(30.0, low=0, high=3600)


class Berth:
    """A place for one charge point of one driver.

    Attributes:
        name: The charge point that is connected now; None: none is.
        turned_away: Who was turned away last and why, for the end of a sentence; empty: nobody.

    Args:
        driver: What errors call it.
        options: Where to listen and whom to let in.
        protocols: The driver's sub-protocols, best first.
        serve: Called with each charge point. A newer connection cancels it.

    Raises:
        UsageError: options that do not go together.
    """

    def __init__(self, driver: str, options: HubOptions, *, protocols: Sequence[Subprotocol], serve: Serve) -> None:
        self.driver = driver
        self.options = options
        self.protocols = tuple(protocols)
        self.name: str | None = None
        self.turned_away = ""
        self.secret = secret_of(driver, options.password)
        if options.tls_key is not None and options.tls_certificate is None:
            raise UsageError(
                f"charger {driver} option tls_key is {options.tls_key!r} without tls_certificate; allowed: both or none"
            )
        if options.charge_point_id is not None and not _is_name(options.charge_point_id):
            raise UsageError(
                f"charger {driver} option charge_point_id is {options.charge_point_id!r}; "
                f"allowed: 1 to {NAME_CHARACTERS} printable characters"
            )
        self._serve = serve
        self._hub: _Hub | None = None
        self._connection: ServerConnection | None = None
        self._serving: asyncio.Future[None] | None = None

    @property
    def port(self) -> int:
        """The TCP port that is listened on, once open; of use when 0 was asked for."""
        return self.options.port if self._hub is None else self._hub.port

    @property
    def url(self) -> str:
        """What to enter in the charge point as its central system."""
        scheme = "ws" if self.options.tls_certificate is None else "wss"
        host = f"[{self.options.listen}]" if ":" in self.options.listen else self.options.listen
        return f"{scheme}://{host}:{self.port}/"

    async def open(self) -> None:
        """Listen, with all others of this address.

        Raises:
            DeviceAbsentError: the address cannot be listened on.
            UsageError: another driver has this name there or has other TLS files, or they cannot be read.
        """
        hubs = _hubs_of.setdefault(asyncio.get_running_loop(), {})
        key = self.options.listen, self.options.port
        hub = hubs.get(key) or _Hub(self.options)
        if self.options.port:
            hubs[key] = hub
        try:
            await hub.open(self)
        except BaseException:
            if hub.is_empty:
                hubs.pop(key, None)
            raise
        self._hub = hubs[self.options.listen, hub.port] = hub
        _log.info("waiting for charge point %s on %s", self.options.charge_point_id or "(any)", self.url)

    async def close(self) -> None:
        """Hang up; the last berth of an address stops listening. Closing twice does no harm."""
        hub, self._hub = self._hub, None
        if hub is None:
            return
        if self._connection is not None:
            await self._connection.close(CloseCode.GOING_AWAY)
        if self._serving is not None:
            self._serving.cancel()
        await hub.leave(self)
        hubs = _hubs_of[asyncio.get_running_loop()]
        if hub.is_empty:
            hubs.pop((self.options.listen, hub.port), None)

    async def take(self, name: str, connection: ServerConnection) -> None:
        """Let the driver serve a connection; a newer one ends it."""
        if self._serving is not None:
            self._serving.cancel()
        serving = asyncio.ensure_future(self._serve(name, connection))
        self.name, self._connection, self._serving = name, connection, serving
        try:
            await asyncio.wait((serving,))
        finally:
            serving.cancel()
            if self._serving is serving:
                self.name = self._connection = self._serving = None


class _Hub:
    """The server of one address and its berths."""

    def __init__(self, options: HubOptions) -> None:
        self.port = options.port
        self._options = options
        self._berths: list[Berth] = []
        self._server: Server | None = None
        self._turn = asyncio.Lock()

    @property
    def is_empty(self) -> bool:
        return not self._berths

    async def open(self, berth: Berth) -> None:
        """See `Berth.open`."""
        self._refuse_unfit(berth)
        self._berths.append(berth)
        try:
            async with self._turn:
                if self._server is None:
                    self._server = await self._listen(berth)
                    self.port = next(iter(self._server.sockets)).getsockname()[1]
        except BaseException:
            self._berths.remove(berth)
            raise

    async def leave(self, berth: Berth) -> None:
        """See `Berth.close`."""
        self._berths.remove(berth)
        async with self._turn:
            if not self._berths and self._server is not None:
                self._server.close()
                await self._server.wait_closed()
                self._server = None

    def _refuse_unfit(self, berth: Berth) -> None:
        options, here = berth.options, self._options
        where = f"{options.listen} port {options.port}"
        if (options.tls_certificate, options.tls_key) != (here.tls_certificate, here.tls_key):
            raise UsageError(
                f"charger {berth.driver} option tls_certificate is {options.tls_certificate!r} on {where}, where "
                f"another charger has {here.tls_certificate!r}; allowed: the same files for all of one port"
            )
        for other in self._berths:
            if other.options.charge_point_id == options.charge_point_id and set(other.protocols) & set(berth.protocols):
                raise UsageError(
                    f"charger {berth.driver} option charge_point_id is {options.charge_point_id!r} on {where}, which "
                    "another charger has; allowed: one of each name, and one without"
                )

    async def _listen(self, berth: Berth) -> Server:
        options = berth.options
        try:
            return await serve(
                self._hand_over,
                options.listen,
                options.port,
                ssl=tls_of(berth.driver, options.tls_certificate, options.tls_key),
                select_subprotocol=self._select,
                process_request=self._let_in,
                # Memory for each connection, and nothing to gain on messages this short.
                compression=None,
                close_timeout=CLOSE_S,
                max_size=MESSAGE_BYTES,
                logger=WIRE_LOG,
            )
        except OSError as fault:
            raise DeviceAbsentError(
                f"charger {berth.driver} cannot listen on {options.listen} port {options.port}: "
                f"{fault.strerror or fault}; set listen to an address of this machine and port to a free one"
            ) from fault

    def _let_in(self, connection: ServerConnection, request: Request) -> Response | None:
        """None for a charge point that has a berth, else the HTTP answer that turns it away."""
        name, offered = _name(request.path), _offered(request)
        found = self._berth(name, offered)
        if isinstance(found, str):
            self._turn_away(name, found)
            return connection.respond(http.HTTPStatus.BAD_REQUEST, f"{found}\n")
        berth, _ = found
        if berth.secret is None or is_authorised(request, name, berth.secret):
            return None
        self._turn_away(name, "gives no password or a wrong one")
        response = connection.respond(http.HTTPStatus.UNAUTHORIZED, "give your name and password\n")
        response.headers["WWW-Authenticate"] = 'Basic realm="OCPP", charset="UTF-8"'
        return response

    def _select(self, connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        found = self._berth(_name(connection.request.path), offered) if connection.request else ""
        return None if isinstance(found, str) else found[1]

    async def _hand_over(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        name = _name(connection.request.path)
        found = self._berth(name, [connection.subprotocol] if connection.subprotocol else [])
        if not isinstance(found, str):  # else it closed between the two
            await found[0].take(name, connection)

    def _berth(self, name: str, offered: Sequence[str]) -> tuple[Berth, Subprotocol] | str:
        """The berth of a charge point and the sub-protocol to speak, or why there is none."""
        served = {protocol for berth in self._berths for protocol in berth.protocols}
        if not served & set(offered):
            return f"offers {', '.join(offered) or 'no sub-protocol'}, allowed: {', '.join(sorted(served))}"
        if not _is_name(name):
            return f"gives no name of 1 to {NAME_CHARACTERS} printable characters at the end of the address"
        able = [berth for berth in self._berths if set(berth.protocols) & set(offered)]
        own = [berth for berth in able if berth.options.charge_point_id == name]
        free = [berth for berth in able if berth.options.charge_point_id is None and berth.name in (None, name)]
        for berth in [*own, *free]:
            return berth, next(protocol for protocol in berth.protocols if protocol in offered)
        taken = [berth.name for berth in able if berth.options.charge_point_id is None]
        if taken:
            return f"came while {taken[0]} is connected; set charge_point_id"
        return f"is not {' or '.join(str(berth.options.charge_point_id) for berth in able)[:200]}"

    def _turn_away(self, name: str, cause: str) -> None:
        text = f" (turned away: {name[:NAME_CHARACTERS]!r} {cause})"
        waiting = [berth for berth in self._berths if berth.name is None]
        # One that calls again and again is told of once.
        is_news = any(berth.turned_away != text for berth in waiting or self._berths)
        _log.log(
            logging.WARNING if is_news else logging.DEBUG,
            "charge point %r turned away: it %s",
            name[:NAME_CHARACTERS],
            cause,
        )
        for berth in waiting or self._berths:
            berth.turned_away = text


_hubs_of: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, int], _Hub]]] = (
    weakref.WeakKeyDictionary()
)
"""The servers of each event loop, by address and port: drivers do not know of one another."""


def _name(path: str) -> str:
    """The charge point's name: the last part of the address that it calls (OCPP-J 1.6, 3.1.1)."""
    return unquote(urlsplit(path).path.rstrip("/").rpartition("/")[2])


def _is_name(name: str) -> bool:
    return name.isprintable() and 0 < len(name) <= NAME_CHARACTERS


def _offered(request: Request) -> list[str]:
    """The sub-protocols that a charge point offers."""
    lines = request.headers.get_all("Sec-WebSocket-Protocol")
    return [item.strip() for line in lines for item in line.split(",")]
