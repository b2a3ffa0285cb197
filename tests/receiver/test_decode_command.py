"""The script `evrds-receiver decode` in a process of its own: what it prints, and how it ends."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rds.errors import InputError, NoSyncError, UsageError
from rds.group import groups_to_bits
from rds.hex_line import format_words
from receiver.app import DecodeOptions, decode_file
from receiver.cli import main
from receiver.sources.stream import SourceOptions
from tests.receiver.signals import Signal, fm, mpx, noise, programme
from tests.receiver.sources import recordings

SCRIPT = Path(sys.executable).with_name("evrds-receiver")
GROUPS = programme(15)
HEX = [format_words(group.words) for group in GROUPS]
MPX = mpx(groups_to_bits(GROUPS), Signal(rate_hz=128_000))
CU8 = recordings.cu8(fm(mpx(groups_to_bits(GROUPS), Signal(rate_hz=250_000)), 250_000))


def start(*arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    environ = {**os.environ, **environment}
    return subprocess.Popen([SCRIPT, "decode", *arguments], stdin=pipe, stdout=pipe, stderr=pipe, env=environ)


def decode(*arguments: str, stdin: bytes = b"", **environment: str) -> tuple[int, list[str], list[str]]:
    """Exit code, lines on stdout, lines on stderr."""
    with start(*arguments, **environment) as process:
        output, errors = process.communicate(stdin, timeout=60)
    assert "Traceback" not in errors.decode()
    return process.returncode, output.decode().splitlines(), errors.decode().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of the same fifteen groups."""
    place = tmp_path_factory.mktemp("recordings")
    (place / "mpx.wav").write_bytes(recordings.mpx_wav(MPX, "s16", rate_hz=128_000, full_scale_hz=100_000))
    (place / "x_250k.cu8").write_bytes(CU8)
    (place / "groups.hex").write_text("\n".join(HEX))
    return place


def test_groups_in_hex_and_what_was_assumed(folder: Path) -> None:
    name = str(folder / "x_250k.cu8")
    assert decode(name) == (0, HEX, [f"evrds-receiver: {name}: cu8 at 250000 S/s"])
    name = str(folder / "mpx.wav")
    assert decode(name) == (0, HEX, [f"evrds-receiver: {name}: MPX at 128000 S/s, s16"])
    assert decode(str(folder / "groups.hex")) == (0, HEX, [])


def test_bits_from_standard_input() -> None:
    bits = "".join(map(str, groups_to_bits(GROUPS))).encode()
    assert decode("-", "--format", "bits", stdin=bits) == (0, HEX, [])


def test_json_records_have_their_moments(folder: Path) -> None:
    name = str(folder / "mpx.wav")
    code, lines, _ = decode(name, "-F", "json", "--start-time", "2026-12-01T18:00:00+01:00")
    records = [json.loads(line) for line in lines]
    assert code == 0
    assert {record["type"] for record in records} >= {"group", "station", "status"}
    for record in records:
        assert record["v"] == 1
        moment = datetime.fromisoformat(record["time"])
        since = moment - datetime(2026, 12, 1, 17, tzinfo=UTC)
        assert since.total_seconds() == pytest.approx(record["seconds"], abs=2e-6)
    groups = [record for record in records if record["type"] == "group"]
    assert [" ".join(record["words"]) for record in groups] == HEX
    # The first bit begins 50 ms on.
    assert groups[0]["sample"] == pytest.approx(0.05 * 128_000, abs=6)
    last = [record for record in records if record["type"] == "station"][-1]
    assert (last["pi"], last["ps"]) == ("9331", "EVRDS FM")


def test_decode_file_gives_the_commands_records(folder: Path) -> None:
    for name, options in (("mpx.wav", ()), ("x_250k.cu8", ("--rate", "250k"))):
        _, lines, _ = decode(str(folder / name), "-F", "json", *options)
        rate_hz = 250_000 if options else None
        records = decode_file(folder / name, DecodeOptions(SourceOptions(rate_hz=rate_hz)))
        assert [json.loads(line) for line in lines] == list(records)


def test_decode_file_raises_at_once() -> None:
    with pytest.raises(InputError, match="no such file"):
        decode_file("none.cu8")
    with pytest.raises(UsageError, match="has no zone"):
        DecodeOptions(start=datetime(2026, 12, 1))  # noqa: DTZ001  # that is the point


def test_kv_lines(folder: Path) -> None:
    code, lines, _ = decode(str(folder / "mpx.wav"), "-F", "kv")
    assert code == 0
    first = f'group_type="0A" words={json.dumps(HEX[0].split(), separators=(",", ":"))}'
    assert lines[0].startswith('v=1 type="group" sample=')
    assert first in lines[0]


def test_offset_picks_a_station_beside_the_centre(tmp_path: Path) -> None:
    signal_there = Signal(rate_hz=256_000)
    narrow = mpx(groups_to_bits(GROUPS), signal_there)
    wide = np.interp(np.arange(4 * len(narrow)) / 4, np.arange(len(narrow)), narrow).astype(np.float32)
    iq = fm(wide, 1_024_000, offset_hz=200_000, amplitude=0.3) + 0.02 * noise(len(wide), seed=1)
    name = str(tmp_path / "two_1.024M.cu8")
    Path(name).write_bytes(recordings.cu8(iq.astype(np.complex64)))
    for offset in ("200k", "+200000"):
        assert decode(name, "--offset", offset)[:2] == (0, HEX)
    code, lines, errors = decode(name, "--offset", "-200000")
    assert (code, lines) == (6, [])
    assert "does --offset point at it?" in errors[-1]


def test_lines_come_while_the_input_is_open() -> None:
    with start("-", "--format", "cu8", "--rate", "250k") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(CU8[: len(CU8) * 2 // 3])
        process.stdin.flush()
        assert process.stdout.readline().decode().strip() == HEX[0]
        process.stdin.write(CU8[len(CU8) * 2 // 3 :])
        process.stdin.close()
        assert process.stdout.read().decode().split("\n")[:-1] == HEX[1:]
        assert process.wait(60) == 0


def test_a_reader_that_leaves_ends_it_quietly(folder: Path) -> None:
    lines = folder / "many.hex"
    lines.write_text("\n".join(HEX * 2000))
    for arguments in ((), ("-F", "json")):
        with start(str(lines), *arguments) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(60) == 0


def test_a_full_disk_is_said(folder: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("wb") as full:
        arguments = [str(SCRIPT), "decode", str(folder / "groups.hex")]
        result = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, timeout=60)
    expected = b"evrds-receiver: standard output: No space left on device; make room or write elsewhere\n"
    assert (result.returncode, result.stderr) == (1, expected)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_quietly(number: int) -> None:
    with start("-", "--format", "hex") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(f"{HEX[0]}\n".encode())
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(60) == 130
        assert process.stderr.read() == b""


def test_a_poor_terminal_gets_utf_8(tmp_path: Path) -> None:
    name = tmp_path / "x.hex"
    # 2A, segment 0: per mille, carriage return.
    name.write_text("9331 2000 A30D 2020\n" * 2)
    code, lines, _ = decode(str(name), "-F", "json", PYTHONIOENCODING="ascii")
    assert code == 0
    stations = [record for record in map(json.loads, lines) if record["type"] == "station"]
    assert stations[-1]["radio_text"] == "‰"


def test_an_end_within_a_sample_is_said_at_the_end() -> None:
    code, lines, errors = decode("-", "--format", "cu8", "--rate", "250k", stdin=CU8[:-1])
    assert (code, lines) == (0, HEX)
    assert "the last 1 of its bytes are no sample of 2" in errors[-1]


def speech(rate_hz: int, channels: int) -> bytes:
    """Noise that comes and goes as words do, below 4 kHz."""
    random = np.random.default_rng(1)
    words = np.repeat(random.standard_normal((rate_hz // 40, channels)), 40, axis=0) / 6
    words *= (np.sin(np.arange(len(words)) / rate_hz * 20) > 0)[:, np.newaxis]
    return recordings.wav(recordings.pcm(words.reshape(-1), "s16"), "s16", rate_hz=rate_hz, channels=channels)


def bad_inputs(folder: Path) -> Iterator[tuple[list[str], int, str]]:
    """Arguments, exit code and the end of the last line on stderr."""

    def written(name: str, data: bytes) -> str:
        (folder / name).write_bytes(data)
        return str(folder / name)

    yield ["none.cu8"], 3, "none.cu8: no such file; give a file that exists, or - for standard input"
    yield [str(folder)], 3, "is a folder; give a file, or - for standard input"
    yield [written("empty.wav", b"")], 3, "is empty; was the recording stopped before it began?"
    yield [written("x.mp3", b"ID3")], 3, "give --format bits|cf32|cs16|cu8|hex|sdriq|sigmf|wav"
    yield [written("x.cu8", CU8)], 3, "does not tell its sample rate; give --rate, such as --rate 250k"
    yield [written("x.cu8", CU8), "--rate", "48k"], 3, "(is this programme audio, or is --rate wrong?)"
    yield [written("x.cu8", CU8), "--rate", "1.024M"], 6, "is --rate right, does --offset point at it?"
    yield [written("one.cs16", b"123"), "--rate", "250k"], 3, "holds 3 bytes, not one cs16 sample of 4"
    yield [written("a.wav", speech(48_000, 1))], 3, "(is this programme audio, or is --rate wrong?)"
    yield [written("b.wav", speech(44_100, 2))], 3, "(is this programme audio, or is --rate wrong?)"
    yield [written("c.wav", speech(192_000, 1))], 6, "is this the multiplex of a station with RDS, and is --rate right?"
    yield [written("text.wav", b"Dear listener, " * 9)], 3, "for bare samples give --format and --rate"
    yield [written("head.wav", recordings.mpx_wav(MPX, "s16", rate_hz=228_000)[:30])], 3, "take the recording anew"
    yield [written("no.wav", recordings.mpx_wav(MPX[:0], "s16", rate_hz=228_000))], 3, "holds no samples; was the"
    yield [written("noise_250k.cf32", recordings.cf32(noise(250_000, seed=2)))], 6, "does --offset point at it?"
    yield [written("x.hex", b"9331 20B6\n")], 3, "is no group; four words such as 9331 20B6 594C ----"
    yield [written("y.hex", b"# nothing\n")], 3, "holds no groups; was the recording stopped before it began?"
    yield [written("x.bits", b"01" * 900)], 6, "are these data bits, after differential decoding, in the order sent?"
    yield [written("y.bits", b"0120")], 3, "'2' in a list of bits; allowed: 0, 1 and white space"
    yield ["-"], 2, "give --format bits|cf32|cs16|cu8|hex|sdriq|sigmf|wav"
    yield ["-", "--format", "cu8", "--rate", "250k"], 3, "standard input holds no samples; was the"
    yield ["-", "--format", "sigmf"], 2, "give one of their names"
    yield [written("x.hex", b"1"), "--rate", "250k"], 2, "is text and has no sample rate; leave the option out"
    yield [written("x.hex", b"1"), "--offset", "5"], 2, "has stations beside its centre; leave the option out"
    yield [written("x_250k.cu8", CU8), "--offset", "200k"], 2, "allowed: less than 125000 Hz to each side"
    yield [written("x_250k.cu8", CU8), "--offset", "nan"], 2, "write 200000, 200k or -200000; see"
    yield [written("x_250k.cu8", CU8), "--rate", "fast"], 2, "write 228000, 228k or 1.024M; see"
    yield [written("x_250k.cu8", CU8), "--rate", "999999M"], 3, "--rate says another"
    yield [written("x_250k.cu8", CU8), "--start-time", "2026-12-01T17:00:00"], 2, "such as 2026-12-01T17:00:00Z; see"
    yield [written("x_250k.cu8", CU8), "--format", "mp3"], 2, "invalid choice: 'mp3'"
    yield ["rtlsdr:0"], 2, "no frequency to tune to; give one, such as --frequency 98.1M"
    yield ["rtlsdr:0", "-f", "98.1M", "-g", "loud"], 2, "allowed: auto, or dB such as 28 or 19.7; see"
    yield ["rtlsdr:0", "-f", "98.1M", "-p", "1.5"], 2, "allowed: whole numbers from -999 to 999; see"
    yield ["rtl_tcp://127.0.0.1:1", "-f", "98.1M"], 4, "is rtl_tcp running there, with -a for other computers?"
    yield ["rtl_tcp://127.0.0.1:1", "-f", "98.1M", "--patience", "ever"], 2, "write 0, 0.5 or 10; see"
    yield [], 2, "the following arguments are required: INPUT; see"


def assert_one_clear_line(errors: list[str], line: str) -> None:
    assert line in errors[-1], errors
    assert errors[-1].startswith("evrds-receiver")
    # What stands before it is what was assumed of the input.
    assert all(" S/s" in note or "full scale" in note for note in errors[:-1]), errors


def test_whatever_is_wrong_ends_in_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    for arguments, expected, line in bad_inputs(tmp_path):
        try:
            code: object = main(["decode", *arguments])
        except SystemExit as ended:
            code = ended.code
        output, errors = capsys.readouterr()
        assert (code, output) == (expected, ""), (arguments, errors)
        assert_one_clear_line(errors.splitlines(), line)


def test_the_script_ends_as_its_function_does(tmp_path: Path) -> None:
    for arguments, expected, line in list(bad_inputs(tmp_path))[::8]:
        code, output, errors = decode(*arguments)
        assert (code, output) == (expected, []), (arguments, errors)
        assert_one_clear_line(errors, line)


def test_where_nothing_is_heard_the_signal_is_told(tmp_path: Path) -> None:
    name = tmp_path / "noise_250k.cf32"
    name.write_bytes(recordings.cf32(noise(250_000, seed=2)))
    code, lines, _ = decode(str(name), "-F", "json")
    assert code == 6
    last = json.loads(lines[-1])
    assert (last["type"], last["synchronised"], last["pilot_hz"]) == ("status", False, None)
    assert last["sample"] == 250_000
    with pytest.raises(NoSyncError):
        list(decode_file(name))


def test_help_tells_the_exit_codes() -> None:
    code, lines, _ = decode("--help")
    assert code == 0
    assert "6 ended without any synchronisation" in " ".join(line.strip() for line in lines)
