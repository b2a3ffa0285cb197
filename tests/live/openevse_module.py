"""HTTP requests in, claims held: an OpenEVSE WiFi module on a real web server, as its maker's API describes it.

Claims are ranked: the API's 500 below the manual override's 1000. What wins reaches the controller a moment later.
"""

import base64
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

MANUAL: Final = 0x10001
SCHEDULE: Final = 0x10004
RANKS: Final = {MANUAL: 1000, SCHEDULE: 100}
API_RANK: Final = 500
SLEEPING: Final = 254
CHARGING: Final = 3
NAMES: Final = ("state", "max_current", "charge_current")


@dataclass
class Module:
    """One WiFi module with its controller.

    Attributes:
        claims: By client, what it claims.
        settle_s: How long the controller takes to follow.
        raw: What every request is answered with instead, byte for byte, if anything.
        pieces_s: The pause between the bytes of `raw`.
    """

    configured_a: int = 32
    settle_s: float = 0.0
    target_page: bool = True
    user: str | None = None
    password: str = ""
    raw: bytes | None = None
    pieces_s: float = 0.0
    config: dict[str, object] = field(default_factory=dict)
    status: dict[str, object] = field(default_factory=dict)
    claims: dict[int, dict[str, object]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    _before: tuple[int, int] = (CHARGING, 0)
    _changed: float = 0.0

    def restart(self) -> None:
        """Claims are volatile."""
        self.claims.clear()

    def winner(self, name: str) -> tuple[int, object] | None:
        """Who claims a property with the highest rank, and what."""
        held = [(RANKS.get(client, API_RANK), client) for client, claim in self.claims.items() if name in claim]
        if not held:
            return None
        client = max(held)[1]
        return client, self.claims[client][name]

    def outcome(self) -> tuple[int, int]:
        """The state and the current that the claims come to."""
        state, cap, wish = (self.winner(name) for name in NAMES)
        amps = self.configured_a
        for chosen in (cap, wish):
            if chosen is not None and isinstance(chosen[1], int):
                amps = min(amps, chosen[1])
        return (SLEEPING if state is not None and state[1] == "disabled" else CHARGING), max(6, amps)

    def now(self) -> tuple[int, int]:
        """The state and the current that the controller has."""
        return self.outcome() if time.monotonic() >= self._changed + self.settle_s else self._before

    def change(self, client: int, claim: dict[str, object] | None) -> bool:
        """Make a claim, or release one; whether there was one."""
        self._before, self._changed = self.now(), time.monotonic()
        if claim is None:
            return self.claims.pop(client, None) is not None
        self.claims[client] = claim
        return True

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        self.requests.append(f"{method} {path}")
        state, amps = self.now()
        match method, path.strip("/").split("/"):
            case "GET", ["status"]:
                shown = {"pilot": amps, "state": state, "vehicle": 1, "amp": 15700, "total_energy": 12.345}
                return 200, {**shown, "evse_connected": 1, "manual_override": int(MANUAL in self.claims), **self.status}
            case "GET", ["config"]:
                return 200, {
                    "firmware": "8.2.1",
                    "version": "v5.1.2",
                    "max_current_soft": self.configured_a,
                    **self.config,
                }
            case "GET", ["claims", "target"] if self.target_page:
                won = {name: chosen for name in NAMES if (chosen := self.winner(name)) is not None}
                return 200, {
                    "properties": {"state": "active", **{name: value for name, (_, value) in won.items()}},
                    "claims": {name: client for name, (client, _) in won.items()},
                }
            case "POST", ["claims", client] if client.isdecimal():
                self.change(int(client), json.loads(body))
                return 200, {"msg": "done"}
            case "DELETE", ["claims", client] if client.isdecimal():
                return (200, {"msg": "done"}) if self.change(int(client), None) else (404, {"msg": "Not found"})
        return 404, {"msg": "Not found"}


def _handler(module: Module) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if module.raw is not None:
                return self._send_raw(module.raw)
            token = base64.b64encode(f"{module.user}:{module.password}".encode()).decode()
            if module.user is not None and self.headers.get("Authorization") != f"Basic {token}":
                status, value = 401, None
            else:
                status, value = module.answer(self.command, self.path, body)
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            return None

        def _send_raw(self, raw: bytes) -> None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                for place in range(len(raw)) if module.pieces_s else ():
                    self.wfile.write(raw[place : place + 1])
                    time.sleep(module.pieces_s)
                if not module.pieces_s:
                    self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815  # the names that http.server asks for

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle, or does not trust us, is a case of the tests."""


@contextlib.contextmanager
def serving(module: Module, *, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Yield the address of a web server with this module behind it."""
    server = _Server(("127.0.0.1", port), _handler(module))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
