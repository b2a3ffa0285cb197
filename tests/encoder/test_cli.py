"""The command line as a user meets it: files out, one line and an exit code where something is wrong."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from encoder.app import write_signal
from encoder.bitstream import first_group_sample, transmission_bits
from encoder.cli import main
from encoder.options import SignalOptions
from rds.hex_line import format_words
from rds.wav_header import build_wav_header, parse_wav_header
from tests.encoder.signals import random_groups, textbook_bits, windowed_power_db

GROUPS = random_groups(12)
BITS = np.concatenate(list(transmission_bits(GROUPS))).tolist()


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    path = tmp_path / "groups.hex"
    path.write_text("# a comment\n\n" + "".join(format_words(group.words) + "\n" for group in GROUPS))
    return path


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """A multiplex file by what its header says: 1.0 = 75 kHz."""
    octets = path.read_bytes()
    header = parse_wav_header(octets)
    assert header is not None
    assert header.full_scale_hz is not None
    assert header.data_octets == len(octets) - header.data_start
    scale = header.full_scale_hz / 75_000 / 32_768
    return np.frombuffer(octets[header.data_start :], dtype="<i2") * scale, header.rate_hz


@pytest.mark.parametrize("arguments", [[], ["--rate", "171k"], ["--full-scale-hz", "80000"], ["--rds-phase", "90"]])
def test_multiplex_holds_every_bit(
    tmp_path: Path, groups: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    assert main(["modulate", str(groups), str(out), *arguments]) == 0
    mpx, rate_hz = read_wav(out)
    assert rate_hz == (171_000 if "171k" in arguments else 228_000)
    assert list(textbook_bits(mpx, rate_hz, len(BITS), phase_deg=90 if "90" in arguments else 0)) == BITS
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"multiplex at {rate_hz} samples/s, 1.139 s, 12 groups" in captured.err


def test_every_option_of_the_signal_reaches_it(tmp_path: Path, groups: Path) -> None:
    programme = tmp_path / "programme.wav"
    tone = (8192 * np.sin(2 * np.pi * np.arange(48) / 48)).astype("<i2")
    programme.write_bytes(build_wav_header(48_000, samples=48, full_scale_hz=100_000) + tone.tobytes())
    out = tmp_path / "out.wav"

    def levels(*arguments: str) -> tuple[float, float, float]:
        assert main(["modulate", str(groups), str(out), *arguments]) == 0
        mpx, rate_hz = read_wav(out)
        bands = ((900, 1100), (18_900, 19_100), (54_600, 59_400))
        audio, pilot, rds = (windowed_power_db(mpx, rate_hz, low_hz, high_hz) for low_hz, high_hz in bands)
        return audio, pilot, rds

    audio, pilot, rds = levels()
    assert (audio < -80, pilot > -30) == (True, True)
    assert levels("--no-pilot")[1] < -80
    assert levels("--rds-deviation-hz", "4000")[2] == pytest.approx(rds + 6.02, abs=0.1)
    fifty, seventy_five = (levels("--programme", str(programme), "--preemphasis", us)[0] for us in ("50", "75"))
    assert fifty == pytest.approx(20 * np.log10(0.25 / np.sqrt(2) * 0.8833 * 1.048), abs=0.1)
    assert seventy_five - fifty == pytest.approx(0.454, abs=0.02)


@pytest.mark.parametrize("name", ["out.cu8", "out.cf32", "out.sigmf-meta", "out.wav"])
def test_same_input_same_octets(tmp_path: Path, groups: Path, name: str) -> None:
    noise = [] if name == "out.wav" else ["--cn-db", "20", "--seed", "7", "--offset-hz", "1e3"]
    outputs = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        arguments = ["modulate", str(groups), str(tmp_path / folder / name), "--clock-ppm", "50", *noise]
        assert main(arguments) == 0
        outputs.append([file.read_bytes() for file in sorted((tmp_path / folder).iterdir())])
    assert outputs[0] == outputs[1]


def test_sigmf_marks_groups_where_they_are(tmp_path: Path, groups: Path) -> None:
    assert main(["modulate", str(groups), str(tmp_path / "out.sigmf-data"), "--clock-ppm", "-500"]) == 0
    marks = json.loads((tmp_path / "out.sigmf-meta").read_text())["annotations"]
    assert [mark["rds:group"] for mark in marks] == [format_words(group.words) for group in GROUPS]
    assert marks[0]["core:sample_start"] == round(first_group_sample(250_000) / (1 - 500e-6))


def test_groups_from_standard_input(tmp_path: Path, groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(groups.read_bytes())))
    assert main(["modulate", "-", str(tmp_path / "stdin.cu8")]) == 0
    assert main(["modulate", str(groups), str(tmp_path / "file.cu8")]) == 0
    assert (tmp_path / "stdin.cu8").read_bytes() == (tmp_path / "file.cu8").read_bytes()


WAV, IQ = "out.wav", "out.cu8"


@pytest.mark.parametrize(
    ("out", "arguments", "code", "message"),
    [
        ("out.mp3", [], 2, "out.mp3 ends in '.mp3'; allowed: .cf32, .cu8, .sigmf, .wav"),
        ("none/out.wav", [], 2, "cannot write"),
        (WAV, ["--rate", "256k"], 2, "rate 256000 for a multiplex file; allowed: 171k, 190k, 192k, 228k, 250k"),
        (IQ, ["--rate", "171k"], 2, "rate 171000 for IQ; allowed: 228k, 240k, 250k, 256k, 300k, 1.024M"),
        (WAV, ["--rate", "fast"], 2, "rate 'fast' is no whole number"),
        (WAV, ["--rds-deviation-hz", "999"], 2, "RDS deviation in Hz 999; allowed: 1000 to 7500"),
        (WAV, ["--rds-deviation-hz", "nan"], 2, "RDS deviation in Hz nan; allowed"),
        (WAV, ["--rds-phase", "45"], 2, "invalid choice"),
        (WAV, ["--preemphasis", "60"], 2, "invalid choice"),
        (WAV, ["--full-scale-hz", "74999"], 2, "full scale in Hz 74999; allowed: 75000"),
        (WAV, ["--cn-db", "20"], 2, "a multiplex file has no carrier"),
        (WAV, ["--offset-hz", "5"], 2, "a multiplex file has no carrier"),
        (WAV, ["--clock-ppm", "1001"], 2, "clock error in ppm 1001; allowed: -1000 to 1000"),
        (IQ, ["--offset-hz", "126000"], 2, "carrier offset in Hz 126000; allowed: -125000 to 125000"),
        (IQ, ["--cn-db", "inf"], 2, "carrier-to-noise ratio in dB inf"),
        (IQ, ["--seed", "-1"], 2, "seed -1; allowed: 0"),
        (WAV, ["--programme", "no-such-file.wav"], 3, "cannot read programme no-such-file.wav"),
        (WAV, ["--louder"], 2, "unrecognized arguments: --louder"),
    ],
)
def test_wrong_options(
    tmp_path: Path,
    groups: Path,
    capsys: pytest.CaptureFixture[str],
    out: str,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    assert run_for_code(["modulate", str(groups), str(tmp_path / out), *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == [groups]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"9331 20B6 594C 554D\n9331 20B6 ---- 554D\n", "line 2: '9331 20B6 ---- 554D' lacks a block"),
        (b"9331 20B6 594C 554D\n\n9331 20B6\n", "line 3: '9331 20B6' is no group"),
        (b"\xff\xfe\x00\n", "line 1: "),
        (b"x" * 100_000, "line 1: 'xxxxxxxx"),
        (b"", "holds no groups"),
        (b"# nothing\n", "holds no groups"),
    ],
)
def test_wrong_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: bytes, message: str) -> None:
    path = tmp_path / "groups.hex"
    path.write_bytes(text)
    assert main(["modulate", str(path), str(tmp_path / "out.wav")]) == 3
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert len(error) < 300
    assert list(tmp_path.iterdir()) == [path]


def test_missing_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["modulate", str(tmp_path / "none.hex"), str(tmp_path / "out.wav")]) == 3
    assert "cannot read groups" in capsys.readouterr().err
    assert main(["modulate", str(tmp_path), str(tmp_path / "out.wav")]) == 3


def test_a_programme_is_not_overwritten(tmp_path: Path, groups: Path, capsys: pytest.CaptureFixture[str]) -> None:
    programme = tmp_path / "a.wav"
    programme.write_bytes(build_wav_header(48_000, samples=1, full_scale_hz=100_000) + bytes(2))
    assert main(["modulate", str(groups), str(programme), "--programme", str(programme)]) == 2
    assert "is the programme itself" in capsys.readouterr().err
    with pytest.raises(Exception, match="is the programme itself"):
        write_signal(GROUPS, programme, options=SignalOptions(programme=programme))


def run_for_code(arguments: list[str]) -> object:
    """The exit code, which the argument parser raises and the rest returns."""
    try:
        return main(arguments)
    except SystemExit as ended:
        return ended.code


def test_help_says_what_the_law_says(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["modulate", "--help"]):
        assert run_for_code(arguments) == 0
        assert "To transmit needs a licence" in " ".join(capsys.readouterr().out.split())


def test_version_and_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_for_code(["--version"]) == 0
    assert capsys.readouterr().out.startswith("evrds-encoder 0.")
    assert run_for_code([]) == 2
    assert capsys.readouterr().err.count("\n") == 1
