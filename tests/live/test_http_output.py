"""A webhook's real server: what it is told, how often it is asked again, and when not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from receiver.outlets import Outlets
from receiver.outputs import _output, open_output
from tests.live.broker import free_port
from tests.live.waiting import until
from tests.receiver.outputs.records import ACCEPTED, EVENING, STATUS, limit


class Hook:
    """A server that answers as it is told, and keeps what it was sent."""

    def __init__(self, port: int) -> None:
        self.answers: list[int] = []
        self.heard: list[tuple[str, str | None, Any]] = []  # Any: as JSON gives it
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.heard.append((self.path, self.headers["Authorization"], json.loads(body)))
                self.send_response(hook.answers.pop(0) if hook.answers else 204)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the library's name
                pass

        self._server = HTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def bodies(self) -> list[Any]:  # Any: as above
        return [body for _, _, body in self.heard]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setattr(_output, "FIRST_PAUSE_S", 0.01)
    hook = Hook(0)
    yield hook
    hook.close()


def outlets(port: int) -> Outlets:
    return Outlets([open_output(f"http://user:p%40ss@127.0.0.1:{port}/hook?to=me")])


def test_messages_and_limits_are_posted_in_order(hook: Hook) -> None:
    with outlets(hook.port) as running:
        for record in EVENING:
            running.tell(record)
    assert hook.bodies == [one for one in EVENING if one["type"] in ("message", "limit")]
    assert {head[:2] for head in hook.heard} == {("/hook?to=me", "Basic dXNlcjpwQHNz")}


def test_a_server_in_trouble_is_asked_again_a_few_times(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    hook.answers = [503, 429, 200, *5 * [500]]
    with outlets(hook.port) as running:
        for number in range(3):
            running.tell(limit(6000 + number))
            until(lambda: len(hook.heard) >= (3, 8, 9)[number])  # noqa: B023  # it is over before the next
    assert [body["limit_a"] for body in hook.bodies] == [*3 * [6.0], *5 * [6.001], 6.002]
    assert caplog.messages[0].endswith("the server answered 503; not said again until it works")
    assert caplog.messages[-1].endswith("1 records were not delivered")


def test_a_refusal_is_not_asked_again(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    hook.answers = [401, 302]
    with outlets(hook.port) as running:
        for record in (limit(), ACCEPTED, limit(), STATUS):
            running.tell(record)
    assert len(hook.heard) == 3
    assert "the server answered 401" in caplog.messages[0]
    assert "the server answered 302" in caplog.messages[1]
    assert caplog.messages[2].endswith("works again")


def test_a_server_that_comes_late_gets_what_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_output, "FIRST_PAUSE_S", 0.1)
    port = free_port()
    with outlets(port) as running:
        running.tell(ACCEPTED)
        hook = Hook(port)
        try:
            until(lambda: hook.bodies == [ACCEPTED])
        finally:
            hook.close()
