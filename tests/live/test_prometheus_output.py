"""/metrics over real sockets, asked by clients of every kind."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from receiver.outlets import Outlets
from receiver.outputs import open_output
from receiver.outputs.prometheus import CLIENTS, FORMAT
from tests.live.broker import free_port
from tests.live.waiting import until
from tests.receiver.outputs.records import EVENING


@pytest.fixture
def port() -> Iterator[int]:
    port = free_port()
    with Outlets([open_output(f"prometheus://127.0.0.1:{port}")]) as outlets:
        for record in EVENING:
            outlets.tell(record)
        until(lambda: "evrds_limit_amperes" in ask(port), OSError)
        yield port


def ask(port: int, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        assert answer.headers["Content-Type"] == FORMAT
        text: str = answer.read().decode()
        return text


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(request)
        return client.makefile("rb").read()


def test_it_is_served_to_whoever_asks_however_often(port: int) -> None:
    for _ in range(CLIENTS + 2):
        assert 'evrds_limit_amperes{charger=""} 16' in ask(port)
    assert "evrds_status_age_seconds" in ask(port, "/metrics?of=all")


def test_other_requests_are_refused(port: int) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as refusal:
        ask(port, "/")
    refusal.value.close()
    assert raw(port, b"POST /metrics HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 405 ")
    head = raw(port, b"HEAD /metrics HTTP/1.1\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n")


def test_garbage_and_clients_that_say_nothing_hold_nobody_up(port: int) -> None:
    assert raw(port, b"\x00\xff\r\n\r\n").startswith(b"HTTP/1.1 405 ")
    assert raw(port, b"x" * 100_000) == b""
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(CLIENTS - 1)]
    try:
        assert "evrds_limit_amperes" in ask(port)
    finally:
        for one in silent:
            one.close()
