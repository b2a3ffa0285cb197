"""`doctor`: each thing found or what to do, the exit code of the first fault; of groups and of samples."""

import shutil
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rds.errors import DeviceAbsentError, DeviceLostError, EvrdsError, UsageError
from rds.group import Group, groups_to_bits, make_group
from receiver import listening
from receiver.cli import main
from receiver.received_group import ReceivedGroup
from receiver.sources.stream import Gap, LiveStream, SourceOptions, Stream
from receiver.store import Store
from tests.receiver.broadcast import TS, Broadcast, heartbeat
from tests.receiver.installation import install
from tests.receiver.signals import Signal, fm, mpx
from tests.receiver.sources.recordings import cu8

Codes = npt.NDArray[np.uint8]
Capture = pytest.CaptureFixture[str]
RATE_HZ = 250_000
ORDER = ["configuration", "keys", "state file", "disk", "charger", "source", "rate", "samples", "level", "clipping"]
HEARD = ["pilot", "RDS", "AID", "heartbeat", "clock"]


@pytest.fixture(scope="module")
def codes() -> Codes:
    """A stick's codes of seven seconds of a station, a heartbeat of the trusted key among them."""
    filler = [make_group("0A", pi=0x1234, free5=8 | turn % 4, block3=0xE0CD, block4=0x4556) for turn in range(25)]
    told = [Group(words) for words in map(whole, Broadcast().say(heartbeat(TS)).groups)]
    bits = groups_to_bits([*filler[:10], *told, *filler, *filler])
    octets = cu8(fm(mpx(bits, Signal(rate_hz=RATE_HZ)), RATE_HZ))
    return np.frombuffer(octets, np.uint8).reshape(-1, 2)


def whole(group: ReceivedGroup) -> tuple[int, int, int, int]:
    one, two, three, four = (word or 0 for word in group.words)
    return one, two, three, four


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    install(tmp_path)
    return tmp_path


@pytest.fixture
def stick(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterator[Codes | Gap]], None]:
    """A live source in place of any input."""

    def take(pieces: Iterator[Codes | Gap]) -> None:
        stream = LiveStream(rate_hz=RATE_HZ, notes=["a stick of the test"], pieces=pieces)
        monkeypatch.setattr(listening, "open_input", lambda *_: stream)

    return take


def doctor(capsys: Capture, *arguments: object) -> tuple[int, dict[str, str]]:
    """The exit code and each finding's line by what it is about, in order."""
    code = main(["doctor", *map(str, arguments)])
    output = capsys.readouterr()
    assert ("fault" in output.err) == bool(code)
    return code, {line[9:23].strip(): line for line in output.out.splitlines()}


def halves(codes: Codes) -> Iterator[Codes]:
    return iter([codes[start : start + RATE_HZ // 2] for start in range(0, len(codes), RATE_HZ // 2)])


def test_all_is_found_with_a_sound_recording(folder: Path, codes: Codes, capsys: Capture) -> None:
    (folder / "x_250k.cu8").write_bytes(codes.tobytes())
    code, lines = doctor(capsys, folder / "12345.toml", "--source", folder / "x_250k.cu8")
    assert code == 0
    assert list(lines) == ORDER + HEARD
    faulty = [line for line in lines.values() if not line.startswith("found")]
    # The keys of the tests are published, which is to be looked at.
    assert len(faulty) == 1
    assert "test key" in lines["keys"]
    assert "-6.0 dBFS" in lines["level"]
    assert "6.7 kHz" in lines["pilot"] or "6.8 kHz" in lines["pilot"]
    assert "PI 1234" in lines["RDS"]
    assert "C0DE in group 11A" in lines["AID"]
    assert "authentic, of key 1" in lines["heartbeat"]
    assert "2026-12-01 17:00" in lines["clock"]


def test_a_stick_that_loses_samples_is_told_apart(
    folder: Path, codes: Codes, stick: Callable[[Iterator[Codes | Gap]], None], capsys: Capture
) -> None:
    stick(chain([Gap(RATE_HZ, "it was unplugged")], halves(codes)))
    code, lines = doctor(capsys, folder / "12345.toml", "--source", "any")
    assert code == 0
    assert lines["samples"].startswith("look at")
    assert "it was unplugged (1 times)" in lines["samples"]
    assert "this computer's is" in lines["clock"], "a live source's time is now"


def test_a_silent_stick_is_a_fault_of_its_own(
    folder: Path, stick: Callable[[Iterator[Codes | Gap]], None], capsys: Capture
) -> None:
    stick(repeat(Gap(RATE_HZ // 2, "nothing came")))
    code, lines = doctor(capsys, folder / "12345.toml", "--source", "any", "--seconds", "20")
    assert code == 5
    assert "none came in 20 s" in lines["samples"]


@pytest.mark.parametrize(
    ("error", "what", "code"),
    [
        (DeviceAbsentError("rtlsdr:0: no stick is plugged in"), "stick", 4),
        (UsageError("a stick needs pyrtlsdr; install evrds with its extra"), "driver", 2),
    ],
)
def test_driver_and_stick_are_two_things(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, error: EvrdsError, what: str, code: int
) -> None:
    def refuse(name: str, options: SourceOptions) -> Stream:
        raise error

    monkeypatch.setattr(listening, "open_input", refuse)
    found, lines = doctor(capsys, "--source", "rtlsdr:0")
    assert found == code
    assert lines[what].endswith(str(error))
    assert list(lines)[-1] == what


def test_a_stick_that_goes_is_told(
    folder: Path, codes: Codes, stick: Callable[[Iterator[Codes | Gap]], None], capsys: Capture
) -> None:
    def pieces() -> Iterator[Codes | Gap]:
        yield codes[:RATE_HZ]
        raise DeviceLostError("rtlsdr:0 was lost: no stick is plugged in")

    stick(pieces())
    code, lines = doctor(capsys, folder / "12345.toml", "--source", "rtlsdr:0")
    assert code == 5
    assert lines["samples"].startswith("FAULT")


def test_clipping_and_a_weak_signal(folder: Path, codes: Codes, capsys: Capture) -> None:
    iq = (codes.astype(np.float32) - 127.5) / 127.5
    for name, gain, what in (("loud", 4.0, "clipping"), ("quiet", 0.01, "level")):
        changed = np.clip(np.round(iq * gain * 127.5 + 127.5), 0, 255).astype(np.uint8)
        (folder / f"{name}_250k.cu8").write_bytes(changed.tobytes())
        _, lines = doctor(capsys, folder / "12345.toml", "--source", folder / f"{name}_250k.cu8")
        assert lines[what].startswith("look at"), lines


def test_noise_has_no_rds(folder: Path, capsys: Capture) -> None:
    octets = np.random.default_rng(4).integers(90, 166, 2 * 3 * RATE_HZ, dtype=np.uint8).tobytes()
    (folder / "noise_250k.cu8").write_bytes(octets)
    code, lines = doctor(capsys, folder / "12345.toml", "--source", folder / "noise_250k.cu8")
    assert code == 6
    assert lines["RDS"].startswith("FAULT")
    assert "AID" not in lines


def test_another_application_is_named(folder: Path, capsys: Capture) -> None:
    code, lines = doctor(capsys, "--source", folder / "groups.hex", "--aid", "1234")
    assert code == 6
    assert "1234 is not announced here (announced: C0DE)" in lines["AID"]


def test_a_service_of_keys_that_nobody_trusts(folder: Path, capsys: Capture) -> None:
    code, lines = doctor(capsys, "--source", folder / "groups.hex")
    assert code == 7
    assert "no key 5" in lines["heartbeat"]
    assert "none" in lines["keys"]


def test_all_faults_are_told_and_the_first_ends_it(folder: Path, capsys: Capture) -> None:
    path = folder / "12345.toml"
    path.write_text(path.read_text().replace("12345.sqlite3", "no/state").replace("rating_a = 32", "rating_a = 6"))
    code, lines = doctor(capsys, path, "--source", folder / "no.cu8")
    assert code == 3
    assert lines["state file"].startswith("FAULT")
    assert lines["source"].startswith("FAULT")


def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    code, lines = doctor(capsys, folder / "12345.toml", "--source", folder / "groups.hex")
    assert code == 3
    assert "1 MB are free" in lines["disk"]


def test_a_charger_that_a_receiver_has_is_left_to_it(folder: Path, capsys: Capture) -> None:
    with Store(folder / "12345.sqlite3"):
        _, lines = doctor(capsys, folder / "12345.toml", "--source", folder / "groups.hex")
    assert "a receiver runs on it" in lines["state file"]
    assert "the receiver that runs has it" in lines["charger"]


def test_a_charger_that_is_not_there(folder: Path, capsys: Capture) -> None:
    path = folder / "12345.toml"
    path.write_text(path.read_text().replace('"simulated"', '"command"\ncommand = "/no/such/program"'))
    code, lines = doctor(capsys, path, "--source", folder / "groups.hex")
    assert code == 4
    assert lines["charger"].startswith("FAULT")


@pytest.mark.parametrize("arguments", [(), ("x.toml", "--aid", "C0DE"), ("--source", "x", "--seconds", "0")])
def test_what_it_cannot_look_at(arguments: tuple[str, ...], capsys: Capture) -> None:
    try:
        code = main(["doctor", *arguments])
    except SystemExit as left:
        code = int(str(left.code))
    assert code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
