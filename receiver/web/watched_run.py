"""A configuration, an open input and an address in; `run` with its page beside it, in one event loop."""

import asyncio
import os
import socket
from collections.abc import Callable
from datetime import datetime

from rds.errors import UsageError
from receiver.config import Config
from receiver.following import Hearing
from receiver.records import Record
from receiver.run import Emit, run
from receiver.service import Service
from receiver.web.access import Address, Token, keep_token
from receiver.web.board import Board
from receiver.web.stretch import Stretch

Note = Callable[[str], None]


def run_watched(
    config: Config,
    listening: Hearing,
    address: Address,
    *,
    emit: Emit,
    note: Note,
    start: datetime | None = None,
    realtime: bool = False,
    service: Service | None = None,
) -> None:
    """`run_to_end` with a page; the arguments beyond its own are where to serve it, and how to tell the person.

    Raises:
        UsageError: the packages are missing or the address cannot be had; else as `run`.
    """
    try:
        import receiver.web.server  # noqa: F401
    except ImportError as error:
        raise UsageError(f"--web needs the package {error.name}; install evrds[web]") from None
    token = keep_token(config.state)
    with _listener(address) as listener:
        host, port = listener.getsockname()[:2]
        here = Address(host, port)
        note(f"page at http://{here}/")
        if token.is_new:
            where = "for this run alone: there is no state file" if token.path is None else f"kept in {token.path}"
            note(f"token for changes, {where}, shown this once: {token.text}")
        asyncio.run(
            _both(config, listening, listener, here, token, emit=emit, start=start, realtime=realtime, service=service)
        )


async def _both(
    config: Config,
    listening: Hearing,
    listener: socket.socket,
    here: Address,
    token: Token,
    *,
    emit: Emit,
    start: datetime | None,
    realtime: bool,
    service: Service | None,
) -> None:
    from receiver.web.server import Page, serve

    board = Board(config, listening)
    page = Page(board, Stretch(listening), state=config.state, token=token, address=here)

    def tell(record: Record) -> None:
        board.tell(record)
        emit(record)

    serving = asyncio.create_task(serve(page, listener))
    try:
        await run(config, listening, emit=tell, start=start, realtime=realtime, service=service, hear=board.hear)
    finally:
        page.closing.set()
        await serving


def _listener(address: Address) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise UsageError(
            f"--web {address}: {os.strerror(error.errno or 0)}; name an address of this machine and a free port"
        ) from None
