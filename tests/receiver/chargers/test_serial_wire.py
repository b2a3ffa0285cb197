"""Bytes over pseudo-terminals and TCP, both ways; ports that are absent, locked, forbidden, unplugged."""

import asyncio
import contextlib
import errno
import os
import pty
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from rds.errors import DeviceAbsentError, UsageError
from receiver.chargers._serial_wire import (
    CHUNK_BYTES,
    Wire,
    WireAddress,
    open_wire,
    parse_wire_address,
    wire_address,
)


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """The device's end of a pseudo-terminal, and the path of ours."""
    device, ours = pty.openpty()
    tty.setraw(ours)
    yield device, os.ttyname(ours)
    for end in (device, ours):
        with contextlib.suppress(OSError):
            os.close(end)


async def exactly(wire: Wire, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += await wire.read()
    return data


def test_bytes_of_every_value_go_both_ways_at_the_baud_rate(terminal: tuple[int, str]) -> None:
    device, path = terminal
    every = bytes(range(256))

    async def whole() -> None:
        wire = await open_wire(WireAddress(path), baud_rate=19200)
        assert termios.tcgetattr(device)[4:6] == [termios.B19200, termios.B19200]
        await wire.write(every)
        assert os.read(device, 1000) == every
        os.write(device, every)
        assert await exactly(wire, 256) == every
        reading = asyncio.create_task(wire.read())
        await asyncio.sleep(0)
        os.write(device, b"late")
        assert await reading == b"late"
        await wire.close()
        await wire.close()
        for use in (wire.read(), wire.write(b"x")):
            with pytest.raises(OSError, match="closed"):
                await use

    asyncio.run(whole())


def test_what_came_before_the_port_was_opened_is_thrown_away(terminal: tuple[int, str]) -> None:
    device, path = terminal

    async def whole() -> None:
        os.write(device, b"stale")
        wire = await open_wire(WireAddress(path), baud_rate=115200)
        os.write(device, b"fresh")
        assert await exactly(wire, 5) == b"fresh"
        await wire.close()

    asyncio.run(whole())


def test_a_reader_that_was_given_up_leaves_the_next_bytes_to_the_next(terminal: tuple[int, str]) -> None:
    device, path = terminal

    async def whole() -> None:
        wire = await open_wire(WireAddress(path), baud_rate=115200)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await wire.read()
        os.write(device, b"next")
        assert await exactly(wire, 4) == b"next"
        await wire.close()

    asyncio.run(whole())


def test_more_than_the_port_takes_at_once_is_written_in_parts(terminal: tuple[int, str]) -> None:
    device, path = terminal

    async def whole() -> None:
        wire = await open_wire(WireAddress(path), baud_rate=115200)
        writing = asyncio.create_task(wire.write(b"x" * 50_000))
        taken = 0
        while taken < 50_000:
            taken += len(await asyncio.to_thread(os.read, device, 4096))
        await writing
        await wire.close()

    asyncio.run(whole())


def test_an_unplugged_port_ends_a_reader_that_waits(terminal: tuple[int, str]) -> None:
    device, path = terminal

    async def whole() -> None:
        wire = await open_wire(WireAddress(path), baud_rate=115200)
        reading = asyncio.create_task(wire.read())
        await asyncio.sleep(0)
        os.close(device)
        with pytest.raises(OSError):  # noqa: PT011  # EIO or an end of file, as the driver likes
            await reading
        await wire.close()

    asyncio.run(whole())


def test_a_port_that_is_absent_locked_or_none_is_named_with_what_to_do(
    terminal: tuple[int, str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    async def refusal(path: str) -> str:
        with pytest.raises(DeviceAbsentError) as refused:
            await open_wire(WireAddress(path), baud_rate=115200)
        assert "\n" not in str(refused.value)
        return str(refused.value)

    async def whole() -> None:
        assert "none of this name" in await refusal(str(tmp_path / "ttyUSB9"))
        assert "must be a serial port" in await refusal(str(tmp_path / "file"))
        wire = await open_wire(WireAddress(terminal[1]), baud_rate=115200)
        assert "another program has it" in await refusal(terminal[1])
        await wire.close()
        again = await open_wire(WireAddress(terminal[1]), baud_rate=115200)
        await again.close()

    asyncio.run(whole())


def test_a_forbidden_port_names_the_group(terminal: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may open everything, so the system's answer is given here.
    def forbid(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "could not open port")

    monkeypatch.setattr(serial, "Serial", forbid)
    with pytest.raises(DeviceAbsentError, match=r"no permission.*dialout"):
        asyncio.run(open_wire(WireAddress(terminal[1]), baud_rate=115200))


def test_the_same_over_tcp() -> None:
    async def whole() -> None:
        held: list[asyncio.StreamWriter] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.append(writer)
            writer.write(await reader.readexactly(3) * 1000)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        wire = await open_wire(WireAddress("127.0.0.1", port), baud_rate=115200)
        await wire.write(b"abc")
        first = await wire.read()
        assert 0 < len(first) <= CHUNK_BYTES
        assert first + await exactly(wire, 3000 - len(first)) == b"abc" * 1000
        held[0].close()
        with pytest.raises(OSError, match="hung up"):
            await wire.read()
        await wire.close()
        await wire.close()
        server.close()
        await server.wait_closed()
        with pytest.raises(DeviceAbsentError, match=f"tcp://127.0.0.1:{port} cannot be reached"):
            await open_wire(WireAddress("127.0.0.1", port), baud_rate=115200)

    asyncio.run(whole())


def test_addresses() -> None:
    assert parse_wire_address("/dev/ttyUSB0") == WireAddress("/dev/ttyUSB0")
    assert parse_wire_address("tcp://evse.local:23") == WireAddress("evse.local", 23)
    assert str(parse_wire_address("tcp://[::1]:23")) == "tcp://[::1]:23"
    for wrong in ("", "ttyUSB0", "tcp://host", "tcp://:23", "tcp://h:0", "tcp://h:70000", "tcp://h:1/x", "tcp://[::1"):
        with pytest.raises(UsageError, match=r"charger openevse option url is .*allowed: "):
            wire_address(wrong, driver="openevse", option="url")
