"""A recording over a socket in rtl_tcp's protocol: header, codes, pace, commands, clients that come, go and sleep."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from rds.errors import InputError
from receiver.cli import main
from receiver.replay import Replay, ReplayOptions
from receiver.sources import open_input
from receiver.sources.stream import IqStream, SourceOptions
from receiver.stick_codes import stick_codes
from tests.receiver.sources import recordings

RATE_HZ = 250_000


def codes(seconds: float, *, seed: int = 1) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, 2 * round(seconds * RATE_HZ), dtype=np.uint8).tobytes()


def recording(folder: Path, octets: bytes) -> Path:
    return recordings.sigmf(folder, "a", octets, {"datatype": "cu8", "sample_rate": RATE_HZ}, frequency=98_000_000)


class Person:
    """Reads the notes and watches the bar."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.bars: list[tuple[str, int]] = []
        self.advanced = 0

    @property
    def port(self) -> int:
        return int(self.notes[0].split()[0].rsplit(":", 1)[1])

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        def advance(done: int) -> None:
            self.advanced += done

        self.bars.append((what, total))
        yield advance


@asynccontextmanager
async def served(path: Path, *, loop: bool = False, speed: float = 1.0) -> AsyncIterator[Person]:
    def opened() -> IqStream:
        stream = open_input(str(path), SourceOptions())
        assert isinstance(stream, IqStream)
        return stream

    person = Person()
    options = ReplayOptions(port=0, loop=loop, speed=speed)
    async with asyncio.timeout(20):
        serving = asyncio.create_task(Replay(opened, options, note=person.notes.append, bar=person.bar).serve())
        while not person.notes and not serving.done():
            await asyncio.sleep(0)
        try:
            yield person
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def settled(person: Person, notes: int) -> None:
    while len(person.notes) < notes:
        await asyncio.sleep(0.01)


def test_a_client_gets_the_header_and_every_code_in_its_time(tmp_path: Path) -> None:
    octets = codes(0.6)

    async def case() -> None:
        async with served(recording(tmp_path, octets)) as person:
            reader, writer = await asyncio.open_connection("127.0.0.1", person.port)
            began_s = time.monotonic()
            # osmocom's rtl_tcp.c: magic, tuner type 5 is an R820T, which has 29 gains.
            assert await reader.readexactly(12) == b"RTL0" + struct.pack(">II", 5, 29)
            assert await reader.read(-1) == octets
            assert 0.59 <= time.monotonic() - began_s < 2
            writer.close()
            await settled(person, 3)
            assert person.notes[2].endswith("left after 0.6 s of signal")
            assert person.bars == [("replaying", 150_000)]
            assert person.advanced == 150_000

    asyncio.run(case())


def test_commands_are_taken_and_what_a_recording_cannot_do_is_said(tmp_path: Path) -> None:
    async def case() -> None:
        async with served(recording(tmp_path, codes(0.3)), loop=True) as person:
            reader, writer = await asyncio.open_connection("127.0.0.1", person.port)
            commands = [
                (2, RATE_HZ),
                (1, 98_000_000),
                (3, 1),
                (4, 400),
                (0x0D, 5),
                (0xFF, 7),
                (2, 1_024_000),
                (1, 98_100_000),
            ]
            for code, value in [*commands, *commands]:
                writer.write(struct.pack(">BI", code, value))
            await settled(person, 4)
            # In a loop it does not end.
            await reader.readexactly(12 + len(codes(0.8)))
            writer.close()
            await settled(person, 5)
            assert "asks for 1024000 S/s; the recording stays at 250000" in person.notes[2]
            assert "tunes to 98.1 MHz; the recording stays at 98 MHz" in person.notes[3]
            assert "left" in person.notes[4]

    asyncio.run(case())


def test_a_second_client_waits_and_hears_it_from_the_beginning(tmp_path: Path) -> None:
    octets = codes(0.3)

    async def case() -> None:
        async with served(recording(tmp_path, octets), speed=3) as person:
            first, one = await asyncio.open_connection("127.0.0.1", person.port)
            head = await first.readexactly(100)
            second, other = await asyncio.open_connection("127.0.0.1", person.port)
            assert (head + await first.read(-1))[12:] == octets
            assert (await second.read(-1))[12:] == octets
            one.close()
            other.close()

    asyncio.run(case())


def test_a_client_that_sleeps_loses_the_oldest_and_it_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More is sent than the sockets of this machine hold."""
    monkeypatch.setattr("receiver.replay._QUEUE_S", 0.1)
    octets = codes(60)

    async def case() -> None:
        async with served(recording(tmp_path, octets), speed=60) as person:
            reader, writer = await asyncio.open_connection("127.0.0.1", person.port, limit=4096)
            while person.advanced < len(octets) // 2:
                await asyncio.sleep(0.05)
            heard = (await reader.read(-1))[12:]
            assert heard.endswith(octets[-100_000:])
            await settled(person, 3)
            dropped = int(person.notes[2].split("too slow for ")[1].split()[0])
            assert len(heard) // 2 + dropped == len(octets) // 2
            assert dropped > 0
            writer.close()

    asyncio.run(case())


def test_a_recording_that_became_empty_ends_the_server_with_its_own_words() -> None:
    async def case() -> None:
        person = Person()
        replay = Replay(
            lambda: IqStream(rate_hz=RATE_HZ, chunks=iter(())),
            ReplayOptions(port=0, loop=True),
            note=person.notes.append,
            bar=person.bar,
        )
        serving = asyncio.create_task(replay.serve())
        while not person.notes:
            await asyncio.sleep(0)
        _, writer = await asyncio.open_connection("127.0.0.1", person.port)
        with pytest.raises(InputError, match="no samples"):
            await asyncio.wait_for(serving, 10)
        writer.close()

    asyncio.run(case())


def test_quiet_floating_samples_are_brought_up_and_louder_ones_down() -> None:
    chunks = [np.array([0.001 + 0.0005j, -0.001j], np.complex64), np.array([0.002 + 0j, 0.001j], np.complex64)]
    stream = IqStream(rate_hz=RATE_HZ, chunks=iter(chunks))
    first, second = stick_codes(stream)
    # The gain is 700, then 350: 127.5 + 0.7 x 127.5 = 216.75, half of it 172.1; 127.5 - 0.7 x 127.5 = 38.25.
    assert first.tolist() == [[217, 172], [128, 38]]
    assert second.tolist() == [[217, 128], [128, 172]]


def test_silence_at_the_beginning_does_not_spoil_the_level() -> None:
    chunks = [np.zeros(3, np.complex64), np.array([0.5 + 0j], np.complex64)]
    silent, loud = stick_codes(IqStream(rate_hz=RATE_HZ, chunks=iter(chunks)))
    assert set(silent.ravel().tolist()) == {128}
    assert loud.tolist() == [[217, 128]]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-",), 2, "give a file instead of standard input"),
        (("absent.cu8", "--rate", "250k"), 3, "no such file"),
        (("a.hex",), 2, "is no recording of IQ"),
        (("a.cu8", "--rate", "250k", "--listen", "192.0.2.1"), 2, "cannot listen at 192.0.2.1, port 1234"),
    ],
)
def test_each_mistake_is_one_line(
    arguments: tuple[str, ...],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.hex").write_text("9331 20B6 594C 1234\n")
    Path("a.cu8").write_bytes(codes(0.1))
    assert main(["replay", *arguments]) == code
    errors = [line for line in capsys.readouterr().err.splitlines() if "cu8 at" not in line]
    assert len(errors) == 1
    assert message in errors[0]
