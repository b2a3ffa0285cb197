"""A recording served by `replay` in a process of its own: to our own rtl_tcp source, and to a program of others."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rds.hex_line import format_words
from tests.loopback.scripts import script
from tests.receiver.signals import Signal, fm, programme, station_mpx
from tests.receiver.sources import recordings

RATE_HZ = 250_000
GROUPS = 20


@pytest.fixture(scope="module")
def octets() -> bytes:
    """1.85 s of a station."""
    return recordings.cu8(fm(station_mpx(GROUPS, Signal(rate_hz=RATE_HZ)), RATE_HZ))


@pytest.fixture
def server(tmp_path: Path, octets: bytes) -> Iterator[str]:
    """Its address; it ends by a signal, without a word more, although Ctrl-C is kept from it as from a shell's job."""
    meta = recordings.sigmf(tmp_path, "a", octets, {"datatype": "cu8", "sample_rate": RATE_HZ}, frequency=98_100_000)
    command = [str(script("receiver")), "replay", str(meta), "--port", "0"]
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while (found := re.search(r"rtl_tcp://(127\.0\.0\.1:\d+) gives", line := process.stderr.readline())) is None:
            assert line
        yield found[1]
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(10) == 130
    assert " came" in rest
    assert "asks for" not in rest
    assert "tunes to" not in rest
    assert "Traceback" not in rest


def test_our_own_source_hears_every_group(server: str) -> None:
    """It would go on: when it is sent away at the end it comes back, and hears all again."""
    tuned = ["-f", "98.1M", "-s", "250k", "-g", "20", "--offset", "0"]
    command = [str(script("receiver")), "decode", f"rtl_tcp://{server}", *tuned]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        heard = [process.stdout.readline().strip() for _ in range(GROUPS)]
        process.terminate()
    assert heard == [format_words(group.words) for group in programme(GROUPS)]


@pytest.mark.peer("rtl_433", debian="rtl-433")
def test_rtl_433_gets_the_samples(server: str, octets: bytes, tmp_path: Path) -> None:
    """It writes down what it gets; at most its last, not quite full, buffer is missing."""
    subprocess.run(
        ["rtl_433", "-d", f"rtl_tcp:{server}", "-f", "98.1M", "-s", "250k", "-R", "0", "-w", tmp_path / "heard.cu8"],
        timeout=20, capture_output=True, check=False,
    )  # fmt: skip
    heard = (tmp_path / "heard.cu8").read_bytes()
    assert len(heard) >= len(octets) - 2 * 262_144
    assert np.array_equal(np.frombuffer(heard, np.uint8), np.frombuffer(octets[: len(heard)], np.uint8))
