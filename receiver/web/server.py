"""A board, pictures, a token and an open socket to answers over HTTP: the page, server-sent events, the override.

GET  /                     the page and its parts, which hold no secret
GET  /events               the installer's view, once a second, as event `standing`
GET  /events?view=engineer the same, `reception` once a second and `pictures` every two
POST /override             {"charger": NAME, "what": event|today|always|clear}: as the command `override` asks for it
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rds.errors import InputError
from receiver.override import OverrideKind
from receiver.owner_records import outcome_text, override_fields
from receiver.owner_store import CLEAR, OwnerStore
from receiver.records import Record
from receiver.store import Store
from receiver.web.access import Address, Token, is_own_name
from receiver.web.board import Board
from receiver.web.stretch import Stretch

_STATIC: Final = Path(__file__).parent / "static"
_BETWEEN_S: Final = 1.0
_PICTURES_EVERY_S: Final = 2.0
_PATIENCE_S: Final = 3.0
"""For the receiver to read a request; it looks every second."""
_LOOK_S: Final = 0.1
_VIEWERS: Final = 8
"""At once: a page that is left open everywhere must not take the receiver's time."""
_REQUEST_OCTETS: Final = 1000
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
Answer = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class _Shared:
    """The pictures that all engineers who look share."""

    pictures: Record | None = None
    number: int = 0
    viewers: int = 0
    task: asyncio.Task[None] | None = None


class Page:
    """The application: what is answered to whom.

    Args:
        board: What is known.
        stretch: What draws the signal.
        state: The state file, by which a request reaches the receiver; None: there is none, so nothing can be changed.
        token: What a change must bring.
        address: Where the page is served; beyond loopback all must bring the token.
    """

    def __init__(self, board: Board, stretch: Stretch, *, state: Path | None, token: Token, address: Address) -> None:
        self._board, self._stretch, self._state = board, stretch, state
        self._token, self._is_open = token, address.is_loopback
        self._viewers = 0
        self._shared = _Shared()
        self.closing = asyncio.Event()
        """Set when the receiver ends: open streams end too."""
        routes = [
            Route("/events", self._events),
            Route("/override", self._override, methods=["POST"]),
            Mount("/", StaticFiles(directory=_STATIC, html=True)),
        ]
        self.app: ASGIApp = _Guarded(Starlette(routes=routes), machine=socket.gethostname())

    @property
    def is_watched(self) -> bool:
        """Whether anyone looks."""
        return self._viewers > 0

    async def _events(self, request: Request) -> Response:
        if not (self._is_open or self._has_token(request)):
            return _refusal(401, "this page asks for the receiver's token")
        if self._viewers >= _VIEWERS:
            return _refusal(503, f"{_VIEWERS} others look at this page; close one of them")
        engineer = request.query_params.get("view") == "engineer"
        return StreamingResponse(self._stream(engineer=engineer), media_type="text/event-stream")

    async def _stream(self, *, engineer: bool) -> AsyncIterator[str]:
        seen = 0
        with self._viewing(engineer=engineer):
            while not self.closing.is_set():
                yield _event("standing", self._standing())
                if engineer:
                    yield _event("reception", self._board.reception() | {"has_signal": self._stretch.has_signal})
                if engineer and self._shared.pictures is not None and seen != self._shared.number:
                    seen = self._shared.number
                    yield _event("pictures", self._shared.pictures)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.closing.wait(), _BETWEEN_S)
            yield _event("end", {})

    @contextmanager
    def _viewing(self, *, engineer: bool) -> Iterator[None]:
        """Counts who looks; the signal is drawn from the first engineer's coming to the last one's leaving."""
        shared, draws = self._shared, engineer and self._stretch.has_signal
        self._viewers += 1
        shared.viewers += draws
        if draws and shared.task is None:
            shared.task = asyncio.create_task(self._draw())
        try:
            yield
        finally:
            self._viewers -= 1
            shared.viewers -= draws
            if shared.viewers == 0 and shared.task is not None:
                shared.task.cancel()
                shared.task, shared.pictures = None, None

    async def _draw(self) -> None:
        while True:
            drawn = await self._stretch.look()
            if drawn is not None:
                self._shared.pictures = drawn
                self._shared.number += 1
            await asyncio.sleep(_PICTURES_EVERY_S)

    def _standing(self) -> Record:
        """What the board says, and what the state file says of overrides."""
        held: dict[str, Record | None] = {}
        asked: list[str] = []
        error = None
        if self._state is not None:
            try:
                with Store(self._state, beside=True) as store:
                    for name in self._board.charger_names:
                        tables = OwnerStore(store, name)
                        held[name] = override_fields(tables.override())
                        asked += [name] if tables.request() is not None else []
            except InputError as failure:
                error = str(failure)
        return self._board.standing() | {
            "overrides": held,
            "asked": asked,
            "may_ask": self._state is not None,
            "store_error": error,
        }

    async def _override(self, request: Request) -> Response:
        if not self._has_token(request):
            return _refusal(401, "a change needs the receiver's token")
        if self._state is None:
            return _refusal(409, 'the configuration names no state file; add state = "receiver.sqlite3"')
        asked = await _asked(request)
        charger, what = asked.get("charger", ""), asked.get("what", "")
        if charger not in self._board.charger_names:
            return _refusal(400, f"charger {charger!r}; allowed: {', '.join(self._board.charger_names) or 'none'}")
        if what not in (*OverrideKind, CLEAR):
            return _refusal(400, f"override {what!r}; allowed: {', '.join((*OverrideKind, CLEAR))}")
        try:
            return JSONResponse({"text": await self._ask(charger, None if what == CLEAR else OverrideKind(what))})
        except InputError as error:
            return _refusal(500, str(error))

    async def _ask(self, charger: str, kind: OverrideKind | None) -> str:
        """Leave the request where the command line leaves it, and wait a while for what becomes of it."""
        assert self._state is not None
        with Store(self._state, beside=True) as store:
            tables = OwnerStore(store, charger)
            tables.ask(kind)
            for _ in range(round(_PATIENCE_S / _LOOK_S)):
                if tables.request() is None:
                    return outcome_text(kind, tables.override())
                await asyncio.sleep(_LOOK_S)
        return "noted; the receiver obeys as soon as it knows the time"

    def _has_token(self, request: Request) -> bool:
        return self._token.is_in(request.headers.get("authorization", ""))


class _Guarded:
    """Every answer with the headers of a page that runs only its own scripts, and only for a name of this machine."""

    def __init__(self, app: ASGIApp, *, machine: str) -> None:
        self._app, self._machine = app, machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                kept = [one for one in message.get("headers", []) if one[0].decode().lower() not in _HEADERS]
                message = {**message, "headers": kept + added}
            await send(message)

        request = Request(scope)
        if not is_own_name(request.headers.get("host", ""), machine=self._machine):
            answer = _refusal(421, "this is not the name of this receiver; open it by its number or as localhost")
            await answer(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone: the command line has them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


async def serve(page: Page, listener: socket.socket) -> None:
    """Answer until `page.closing` is set."""
    config = uvicorn.Config(
        page.app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        limit_concurrency=4 * _VIEWERS,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    closing = asyncio.create_task(page.closing.wait())
    await asyncio.wait((serving, closing), return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    closing.cancel()
    await serving


async def _asked(request: Request) -> dict[str, str]:
    """The texts of a small object of JSON; empty if it is none."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _REQUEST_OCTETS:
            return {}
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}


def _refusal(code: int, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=code)


def _event(name: str, value: Record) -> str:
    return f"event: {name}\ndata: {json.dumps(value, separators=(',', ':'))}\n\n"
