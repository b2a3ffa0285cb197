"""A recording to an RTL-SDR stick that is not there: the stand-in for libusb built, and programs run on it.

The stick is `fake_stick.c`; everything above it, librtlsdr and pyrtlsdr or Debian's rtl_tcp, is what a real one has.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from receiver.sources.stream import MpxStream, SourceOptions
from receiver.sources.wav import open_stream
from tests.receiver.signals import Mpx, fm, noise
from tests.receiver.sources import recordings

CAPTURES = Path(__file__).parents[2] / "captures"
RATE_HZ = 1_024_000
OFFSET_HZ = 256_000
RECEIVER = [sys.executable, "-c", "import sys; from receiver.cli import main; sys.exit(main())"]


def libusb_headers_found() -> bool:
    """Whether gcc and libusb's header are here."""
    try:
        return not subprocess.run(
            ["gcc", "-E", "-x", "c", "-"], input=b"#include <libusb-1.0/libusb.h>", capture_output=True
        ).returncode
    except OSError:
        return False


def built(folder: Path) -> Path:
    """The stand-in's library."""
    library = folder / "fake_stick.so"
    source = Path(__file__).with_name("fake_stick.c")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, source, "-lpthread"], check=True)
    return library


def capture_mpx(name: str, seconds: float) -> Mpx:
    """The beginning of a capture of `captures/` at 256 kS/s."""
    stream = open_stream(str(CAPTURES / name), SourceOptions())
    assert isinstance(stream, MpxStream)
    mpx = np.concatenate(list(stream.chunks))[: round(seconds * stream.rate_hz)]
    moments = np.arange(round(len(mpx) * 256_000 / stream.rate_hz)) * stream.rate_hz / 256_000
    slowly: Mpx = np.interp(moments, np.arange(len(mpx)), mpx).astype(np.float32)
    return slowly


def on_the_air(mpx: Mpx, path: Path, *, amplitude: float = 0.3) -> Path:
    """What a stick receives that is tuned to 256 kHz below the station of this multiplex, at 256 kS/s."""
    wide = np.interp(np.arange(4 * len(mpx)) / 4, np.arange(len(mpx)), mpx).astype(np.float32)
    iq = fm(wide, RATE_HZ, offset_hz=OFFSET_HZ, amplitude=amplitude) + np.float32(0.02) * noise(len(wide), seed=1)
    path.write_bytes(recordings.cu8(iq.astype(np.complex64)))
    return path


def counting(path: Path) -> Path:
    """Samples that count: each 64 of them one further, modulo 65 536; 4.1 s."""
    path.write_bytes(np.repeat(np.arange(1 << 16, dtype="<u2"), 64).tobytes())
    return path


class Stick:
    """The environment of programs that see the stick, and a hand that pulls it."""

    def __init__(self, library: Path, folder: Path, recording: Path, **more: str) -> None:
        self.control, self.state = folder / "control", folder / "state"
        self.control.write_text("")
        self.environment = os.environ | {
            "LD_PRELOAD": str(library),
            "FAKE_STICK_FILE": str(recording),
            "FAKE_STICK_CONTROL": str(self.control),
            "FAKE_STICK_STATE": str(self.state),
            **more,
        }

    def be(self, words: str) -> None:
        """Puts words into the control file; none: all is well."""
        self.control.write_text(words)

    def tuned(self) -> list[int]:
        """Hz, S/s, how often it was opened, LNA and mixer gain as they stand in its registers."""
        return [int(word) for word in self.state.read_text().split()]

    def start(self, *command: str) -> "Program":
        """A program on the stick."""
        return Program([*command], self.environment)

    def receiver(self, *arguments: str) -> "Program":
        """The receiver on the stick."""
        return self.start(*RECEIVER, *arguments)


class Program:
    """A process whose lines are gathered as they come."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        self.errors: list[str] = []
        pairs = ((self.process.stdout, self.lines), (self.process.stderr, self.errors))
        self._threads = [threading.Thread(target=self._gather, args=pair, daemon=True) for pair in pairs]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _gather(stream: Any, lines: list[str]) -> None:  # Any: a pipe of text
        with stream:
            lines.extend(line.rstrip("\n") for line in iter(stream.readline, ""))

    def wait_for(self, what: Callable[[], object], *, seconds: float = 20) -> None:
        """Until something holds of the lines."""
        until_s = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < until_s, f"{self.lines[-3:]} {self.errors}"
            assert self.process.poll() is None or what(), self.errors
            time.sleep(0.05)

    def said(self, text: str) -> bool:
        """Whether a line of the errors holds a text."""
        return any(text in line for line in list(self.errors))

    def records(self, kind: str) -> list[dict[str, Any]]:  # Any: JSON
        """The records of a kind so far."""
        return [record for record in map(json.loads, list(self.lines)) if record["type"] == kind]

    def stop(self) -> int:
        """Ends it; the exit code."""
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Its exit code, when it has ended of itself."""
        try:
            code = self.process.wait(20)
        finally:
            self.process.kill()
        for thread in self._threads:
            thread.join(5)
        return code
