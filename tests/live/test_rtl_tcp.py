"""The receiver on rtl_tcp servers: Debian's on a stick that is not there, and one of our own that misbehaves."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from rds.errors import DeviceAbsentError, DeviceLostError
from receiver.sources import open_input
from receiver.sources.inflow import Codes
from receiver.sources.stream import Gap, LiveStream, SourceOptions
from tests.live.sticks import CAPTURES, RATE_HZ, Stick, built, capture_mpx, libusb_headers_found, on_the_air

STATION = SourceOptions(frequency_hz=98_100_000, gain_db=19.7, ppm=-3, bias_tee=True)
HEADER = b"RTL0" + struct.pack(">II", 5, 29)
COMMAND = struct.Struct(">BI")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.peer("libusb headers", debian="gcc libusb-1.0-0-dev", found=libusb_headers_found)
@pytest.mark.peer("rtl_tcp", debian="rtl-sdr")
def test_debians_server_on_a_stick(tmp_path: Path) -> None:
    recording = on_the_air(capture_mpx("pifmrds-known.wav", 2.5), tmp_path / "pifmrds.cu8")
    stick, port = Stick(built(tmp_path), tmp_path, recording), free_port()
    server = stick.start("stdbuf", "-oL", "rtl_tcp", "-p", str(port))
    server.wait_for(lambda: any("listening" in line for line in server.lines + server.errors))
    heard = stick.receiver("decode", f"rtl_tcp://127.0.0.1:{port}", "-f", "98.1M", "-F", "json", "--patience", "1")
    heard.wait_for(lambda: len(heard.records("group")) > 10)
    heard.wait_for(lambda: heard.said("by level"))
    centre_hz, rate_hz, *_ = stick.tuned()
    assert centre_hz == pytest.approx(98_100_000 - 256_000, abs=100)
    assert rate_hz == RATE_HZ
    server.process.kill()
    heard.wait_for(lambda: heard.said("opening it again"))
    again = stick.start("stdbuf", "-oL", "rtl_tcp", "-p", str(port))
    before = len(heard.records("group"))
    heard.wait_for(lambda: len(heard.records("group")) > before + 5)
    sent = set((CAPTURES / "pifmrds-known.groups.hex").read_text().split("\n"))
    whole = [" ".join(one["words"]) for one in heard.records("group") if None not in one["words"]]
    assert sum(line not in sent for line in whole) <= 2, "where the recording begins anew"
    assert heard.stop() == 130
    again.process.kill()
    again.wait()
    server.wait()


class Server:
    """A server that sends what it is told to."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.name = f"rtl_tcp://127.0.0.1:{self._listening.getsockname()[1]}"
        self.commands: list[tuple[int, int]] = []
        self.clients: list[socket.socket] = []
        self.behave: Callable[[socket.socket], None] = lambda client: client.sendall(HEADER)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while True:
                client, _ = self._listening.accept()
                self.clients.append(client)
                self.behave(client)
                threading.Thread(target=self._hear, args=(client,), daemon=True).start()
        except OSError:
            return

    def _hear(self, client: socket.socket) -> None:
        try:
            while len(message := client.recv(COMMAND.size, socket.MSG_WAITALL)) == COMMAND.size:
                self.commands.append(COMMAND.unpack(message))
        except OSError:
            return

    def close(self) -> None:
        """At once, whatever a thread waits for."""
        for one in (self._listening, *self.clients):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def opened(server: Server, options: SourceOptions = STATION) -> Iterator[Codes | Gap]:
    stream = open_input(server.name, options)
    assert isinstance(stream, LiveStream)
    return stream.pieces


def test_commands_arrive_in_order(server: Server) -> None:
    server.behave = lambda client: client.sendall(HEADER + bytes(range(256)))
    piece = next(opened(server))
    assert isinstance(piece, np.ndarray)
    assert piece.reshape(-1).tolist() == list(range(256))
    want = [(2, RATE_HZ), (5, 0xFFFFFFFD), (1, 97_844_000), (8, 0), (3, 1), (4, 197), (14, 1)]
    until_s = time.monotonic() + 5
    while len(server.commands) < len(want) and time.monotonic() < until_s:
        time.sleep(0.01)
    assert server.commands == want


def test_an_odd_byte_waits_for_its_other_half(server: Server) -> None:
    pieces = opened(server)
    server.clients[0].sendall(b"\1\2\3")
    first = next(pieces)
    server.clients[0].sendall(b"\4\5")
    second = next(pieces)
    assert isinstance(first, np.ndarray)
    assert isinstance(second, np.ndarray)
    assert np.concatenate([first, second]).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "it is silent; another program is its one client"),
        (b"RTL", "it begins with b'RTL' instead of b'RTL0'"),
        (b"HTTP/1.1 400 Bad Request", "it begins with b'HTTP/1.1' instead of b'RTL0'"),
    ],
)
def test_what_is_no_server_is_one_line(server: Server, sent: bytes, said: str) -> None:
    def behave(client: socket.socket) -> None:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)

    server.behave = behave
    with pytest.raises(DeviceAbsentError) as caught:
        opened(server)
    assert said in str(caught.value)


def test_a_connection_that_ends_is_made_again_and_the_time_between_is_a_gap(server: Server) -> None:
    pieces = opened(server, SourceOptions(frequency_hz=98_100_000, patience_s=5))
    server.behave = lambda client: client.sendall(HEADER + bytes(512))
    server.clients[0].sendall(bytes(512))
    assert isinstance(next(pieces), np.ndarray)
    server.clients[0].shutdown(socket.SHUT_RDWR)
    gap, more = next(pieces), next(pieces)
    assert isinstance(gap, Gap)
    assert gap.why == "the server closed the connection"
    assert 0 < gap.samples < RATE_HZ
    assert isinstance(more, np.ndarray)


def test_a_server_that_is_gone_is_lost_at_once_without_patience(server: Server) -> None:
    pieces = opened(server)
    server.clients[0].sendall(bytes(512))
    assert isinstance(next(pieces), np.ndarray)
    server.close()
    with pytest.raises(DeviceLostError, match="it was there and is lost"):
        next(pieces)


def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    """Time passes meanwhile, and is told: a silence is one after 1.5 s."""
    options = SourceOptions(frequency_hz=98_100_000, patience_s=1, wait=True)
    stream = open_input(f"rtl_tcp://127.0.0.1:{free_port()}", options)
    assert isinstance(stream, LiveStream)
    told: list[int] = []
    with pytest.raises(DeviceAbsentError, match="Connection refused"):
        told.extend(piece.samples if isinstance(piece, Gap) else 0 for piece in stream.pieces)
    assert sum(told) >= 1.5 * RATE_HZ
