"""The receiver on librtlsdr and pyrtlsdr as they are, and under them a stick that is not there (`fake_stick.c`).

Two minutes of running instead of ten seconds: EVRDS_STICK_SECONDS=120 pytest tests/live/test_rtlsdr.py -k counted
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rds.group import groups_to_bits
from rds.hex_line import format_words
from receiver.sources.sample_clock import LEAST_LOSS_S
from tests.live.sticks import (
    CAPTURES,
    RATE_HZ,
    RECEIVER,
    Program,
    Stick,
    built,
    capture_mpx,
    counting,
    libusb_headers_found,
    on_the_air,
)
from tests.receiver.signals import Signal, mpx, programme

pytestmark = pytest.mark.peer("libusb headers", debian="gcc libusb-1.0-0-dev", found=libusb_headers_found)

STATION = ("-f", "98.1M")
LONG_S = float(os.environ.get("EVRDS_STICK_SECONDS", "10"))
GROUPS = programme(40)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signal of this project's making, 3.5 s."""
    return on_the_air(mpx(groups_to_bits(GROUPS), Signal(rate_hz=256_000)), tmp_path_factory.mktemp("own") / "own.cu8")


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of PiFmRds's, 3 s."""
    return on_the_air(capture_mpx("pifmrds-known.wav", 3), tmp_path_factory.mktemp("others") / "pifmrds.cu8")


def words(path: Path) -> set[str]:
    return set(path.read_text().split("\n"))


def test_others_groups_and_what_arrives_at_the_tuner(library: Path, others: Path, tmp_path: Path) -> None:
    """At an end of the recording the stick is gone: all its groups, and exit code 5."""
    stick = Stick(library, tmp_path, others, FAKE_STICK_ONCE="1")
    heard = stick.receiver("decode", "rtlsdr:0", *STATION, "-g", "19.7")
    assert heard.wait() == 5
    assert heard.errors[-1] == "evrds-receiver: rtlsdr:0: no stick is plugged in; it was there and is lost"
    complete = [line for line in heard.lines if "-" not in line]
    assert len(complete) > 25
    assert set(complete) <= words(CAPTURES / "pifmrds-known.groups.hex")
    centre_hz, rate_hz, opens, lna, mixer = stick.tuned()
    assert centre_hz == pytest.approx(98_100_000 - 256_000, abs=100)
    assert (rate_hz, opens) == (RATE_HZ, 1)
    # librtlsdr's way to 19.7 dB: its steps of LNA and mixer in turn.
    assert 0 < lna + mixer < 16


def test_own_groups_through_unplugging_and_a_stall(library: Path, own: Path, tmp_path: Path) -> None:
    stick = Stick(library, tmp_path, own)
    heard = stick.receiver("decode", "rtlsdr:serial=00000001", *STATION, "-F", "json", "--patience", "1")
    heard.wait_for(lambda: len(heard.records("group")) > 5)
    assert heard.said("gain 25.4 dB by level")
    stick.be("unplugged")
    heard.wait_for(lambda: heard.said("the stick was unplugged; opening it again"))
    heard.wait_for(lambda: heard.said("no stick is plugged in; trying again"))
    stick.be("")
    before = len(heard.records("group"))
    heard.wait_for(lambda: len(heard.records("group")) > before + 5)
    stick.be("stalled")
    heard.wait_for(lambda: heard.said("no sample for 3 s; opening it again"))
    stick.be("")
    before = len(heard.records("group"))
    heard.wait_for(lambda: len(heard.records("group")) > before + 5 and heard.records("status"))
    gaps = heard.records("status")[-1]["gaps"]
    assert gaps["the stick was unplugged"] >= 1
    assert heard.stop() == 130
    sent = {format_words(group.words) for group in GROUPS}
    whole = [" ".join(one["words"]) for one in heard.records("group") if None not in one["words"]]
    assert whole
    # The recording's end joins its beginning anyhow: a group or two at the seam may be of no recording.
    assert sum(line not in sent for line in whole) <= len(whole) // 20


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("unplugged", "no stick is plugged in"),
        ("busy", "another program has it"),
        ("forbidden", "install the udev rule"),
    ],
)
def test_what_cannot_be_opened_is_one_line_and_exit_4(
    library: Path, own: Path, tmp_path: Path, words: str, remedy: str
) -> None:
    stick = Stick(library, tmp_path, own)
    stick.be(words)
    heard = stick.receiver("decode", "rtlsdr:0", *STATION)
    assert heard.wait() == 4
    (line,) = [line for line in heard.errors if line.startswith("evrds-receiver")]
    assert remedy in line


def count(stick: Stick, seconds: float, pause_s: float = 0, name: str = "rtlsdr:0") -> Program:
    """What `count_samples.py` finds on a stick."""
    return stick.start(
        sys.executable, str(Path(__file__).with_name("count_samples.py")), f"{seconds}", f"{pause_s}", name
    )


def missing(counted: Program) -> tuple[int, int]:
    """By the samples' own count, and by the gaps."""
    assert counted.wait() == 0, counted.errors
    true, found = (int(number) for number in counted.lines[-1].split())
    return true, found


def test_what_is_lost_is_counted(library: Path, tmp_path: Path) -> None:
    """Four sticks at a time: all is well; lost in the driver; the process stands still; its consumer is slow."""
    recording = counting(tmp_path / "count.cu8")
    folders = [tmp_path / name for name in ("well", "lossy", "still", "slow")]
    for folder in folders:
        folder.mkdir()
    well, lossy, still, slow = (
        Stick(library, folder, recording, **({"FAKE_STICK_LOSES_MS": "40"} if folder.name == "lossy" else {}))
        for folder in folders
    )
    runs = count(well, LONG_S)
    loses, stands, sleeps = count(lossy, 4.3), count(still, 4), count(slow, 3.2, pause_s=3)

    stands.wait_for(lambda: "started" in stands.lines)
    time.sleep(1.2)
    os.kill(stands.process.pid, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(stands.process.pid, signal.SIGCONT)
    true, found = missing(stands)
    assert true > 0.5 * RATE_HZ
    assert found == pytest.approx(true, abs=LEAST_LOSS_S * RATE_HZ)

    true, found = missing(sleeps)
    assert true == pytest.approx(1.0 * RATE_HZ, abs=0.2 * RATE_HZ)
    assert found == pytest.approx(true, abs=64), "what the queue cannot hold is known exactly"

    true, found = missing(loses)
    assert true == pytest.approx(0.04 * RATE_HZ, abs=128)
    assert found == pytest.approx(true, abs=0.01 * RATE_HZ)

    runs.process.wait(LONG_S + 20)
    assert missing(runs) == (0, 0)


def without(what: str) -> str:
    """The receiver where a part of the driver is not as it should be."""
    return f"import sys, receiver.cli\n{what}\nsys.exit(receiver.cli.main(['decode', 'rtlsdr:0', '-f', '98.1M']))"


NO_LIBRARY = """
import ctypes
load = ctypes.CDLL
ctypes.CDLL = lambda name, *rest, **more: load("none" if "rtlsdr" in str(name) else name, *rest, **more)
sys.modules["pyrtlsdrlib"] = None
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("sys.modules['rtlsdr'] = None", "a stick needs pyrtlsdr"),
        (
            NO_LIBRARY,
            "pyrtlsdr finds no librtlsdr",
        ),
    ],
)
def test_a_driver_that_is_not_there_is_one_line(what: str, said: str) -> None:
    done = subprocess.run([RECEIVER[0], "-c", without(what)], capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line
    assert "evrds[rtlsdr]" in line


@pytest.mark.peer("rtl_tcp", debian="rtl-sdr")
def test_debians_library_is_too_old_and_that_is_one_line() -> None:
    done = subprocess.run(
        [RECEIVER[0], "-c", without("sys.modules['pyrtlsdrlib'] = None")], capture_output=True, text=True
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "the librtlsdr of this system is too old" in line
    assert "rtlsdr_set_dithering" in line
