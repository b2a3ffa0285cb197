"""A method, a path and a JSON value in; a status and the JSON value of the answer out, over HTTP/1.1 or HTTPS.

One connection for each request: small devices have few of them, and none that has been forgotten is in the way. Every
wait is one of asyncio's, so that a time limit around a request holds whatever the server does.
"""

import asyncio
import base64
import contextlib
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import h11

from rds.errors import ChargerRefusedError, UsageError

ANSWER_BYTES: Final = 1 << 16
"""The longest answer let in; a device's own are a few thousand bytes."""
CHUNK_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The status of an answer and its JSON value; None: it carried none."""

    status: int
    value: object


class HttpWire:
    """One server.

    Args:
        url: `http://HOST[:PORT]` or `https://...`, with or without a path that comes before every path.
        user: For basic authentication; None: without.
        password: The same.
        ca_file: What signs an https server, PEM; None: the system's authorities.

    Raises:
        ValueError: the address is of no such form.
        OSError: the file cannot be read, or holds no certificate.
    """

    def __init__(
        self, url: str, *, user: str | None = None, password: str | None = None, ca_file: str | None = None
    ) -> None:
        parts = urlsplit(url)
        plain = url.isascii() and url.isprintable() and " " not in url
        if not plain or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ValueError(f"{url!r} is no address of an HTTP server")
        self._host = parts.hostname
        self._port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        self._path = parts.path.rstrip("/")
        self._tls = None
        if parts.scheme == "https":
            authorities = None if ca_file is None else Path(ca_file).read_text("ascii", errors="ignore")
            self._tls = ssl.create_default_context(cadata=authorities)
        self._headers = [("Host", parts.netloc), ("Connection", "close"), ("Accept", "application/json")]
        if user is not None:
            token = base64.b64encode(f"{user}:{password or ''}".encode()).decode("ascii")
            self._headers.append(("Authorization", f"Basic {token}"))

    async def ask(self, method: str, path: str, value: object = None) -> HttpAnswer:
        """Ask once.

        Args:
            method: "GET", "POST" and so on.
            path: From its first "/".
            value: The JSON value of the body; None: no body.

        Raises:
            ChargerRefusedError: what comes back is no HTTP or no JSON, or too long.
            OSError: nobody is there, the certificate is not trusted, or the connection broke.
        """
        body = b"" if value is None else json.dumps(value).encode()
        headers = [*self._headers, ("Content-Length", str(len(body)))]
        if body:
            headers.append(("Content-Type", "application/json"))
        sender = h11.Connection(h11.CLIENT)
        request = h11.Request(method=method, target=self._path + path, headers=headers)
        data = b"".join(sender.send(part) or b"" for part in (request, h11.Data(data=body), h11.EndOfMessage()))
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        except UnicodeError as fault:  # a name with a part that is empty or too long
            raise OSError(f"{self._host!r} is no host's name") from fault
        try:
            writer.write(data)
            await writer.drain()
            return await _receive(sender, reader, f"{method} {path}")
        finally:
            writer.transport.abort()  # the answer is here, or will not come: no goodbye is waited for
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _receive(sender: h11.Connection, reader: asyncio.StreamReader, what: str) -> HttpAnswer:
    status, body = 0, b""
    try:
        while True:
            event = sender.next_event()
            if event is h11.NEED_DATA:
                sender.receive_data(await reader.read(CHUNK_BYTES))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > ANSWER_BYTES:
                    raise ChargerRefusedError(f"{what} was answered with more than {ANSWER_BYTES} bytes")
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                break
    except h11.RemoteProtocolError as fault:
        raise ChargerRefusedError(f"{what} was answered with something that is not HTTP: {fault}") from fault
    if status >= 300:  # an error page need not be JSON
        return HttpAnswer(status, None)
    try:
        return HttpAnswer(status, json.loads(body) if body else None)
    except (ValueError, RecursionError) as fault:
        raise ChargerRefusedError(f"{what} was answered with something that is not JSON: {body[:40]!r}") from fault


def http_wire(url: str, *, driver: str, user: str | None, password: str | None, ca_file: str | None) -> HttpWire:
    """A server from options; see `HttpWire`.

    Raises:
        UsageError: an address of another form, or a file without a certificate.
    """
    try:
        return HttpWire(url, user=user, password=password, ca_file=ca_file)
    except OSError as fault:  # an SSLError is one
        raise UsageError(
            f"charger {driver} option ca_file is {ca_file!r}; allowed: a PEM file of certificates ({fault})"
        ) from fault
    except ValueError as fault:
        raise UsageError(
            f"charger {driver} option url is {url!r}; allowed: http://HOST or https://HOST, without a user's name"
        ) from fault
