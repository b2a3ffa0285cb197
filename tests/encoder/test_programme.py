"""WAV files as programmes: what is in them, repeated for ever; what is no programme is refused in one line."""

import struct
from pathlib import Path

import numpy as np
import pytest

from encoder.programme import ProgrammeFile
from rds.errors import InputError
from rds.wav_header import build_wav_header


def wav(path: Path, samples: np.ndarray, rate_hz: int = 48_000, *, tag: int = 1, promised: int | None = None) -> Path:
    """Writes samples, shape (frames, channels), as they are typed."""
    channels, bits = samples.shape[1], samples.dtype.itemsize * 8
    align = channels * bits // 8
    octets = samples.tobytes()
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, channels, rate_hz, rate_hz * align, align, bits)
    size = len(octets) if promised is None else promised
    path.write_bytes(b"RIFF\0\0\0\0WAVE" + head + b"data" + struct.pack("<I", size) + octets)
    return path


def test_stereo_in_order_and_from_the_start_again(tmp_path: Path) -> None:
    frames = np.array([[1, -1], [2, -2], [3, -3]], dtype=np.int16) * 4096
    programme = ProgrammeFile(wav(tmp_path / "a.wav", frames, 44_100))
    assert programme.rate_hz == 44_100
    expected = np.resize(frames / 32_768, (11, 2))
    assert np.array_equal(np.concatenate([programme.read(count) for count in (2, 0, 7, 2)]), expected)
    programme.close()


def test_mono_is_both_sides(tmp_path: Path) -> None:
    programme = ProgrammeFile(wav(tmp_path / "a.wav", np.array([[64], [128], [255]], dtype=np.uint8)))
    assert programme.read(3).tolist() == [[-0.5, -0.5], [0, 0], [127 / 128, 127 / 128]]
    programme.close()


def test_floats_that_are_no_numbers_are_silence_and_loud_ones_full_scale(tmp_path: Path) -> None:
    frames = np.array([[np.nan, 7], [-np.inf, 0.25]], dtype="<f4")
    programme = ProgrammeFile(wav(tmp_path / "a.wav", frames, tag=3))
    assert programme.read(2).tolist() == [[0, 1], [-1, 0.25]]
    programme.close()


def test_a_stream_goes_on_to_the_end_of_the_file(tmp_path: Path) -> None:
    programme = ProgrammeFile(wav(tmp_path / "a.wav", np.ones((5, 2), dtype=np.int16), promised=0xFFFF_FFFF))
    assert programme.read(5).shape == (5, 2)
    programme.close()


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"", "ends within its header"),
        (b"RIFF\0\0\0\0WAVEfmt ", "ends within its header"),
        (b"ID3\4 some music", "not a WAV file"),
        (build_wav_header(48_000, samples=0, full_scale_hz=100_000), "holds no samples"),
        (build_wav_header(48_000, samples=9, full_scale_hz=100_000) + bytes(6), "is cut off: 6 octets of 18"),
        (
            build_wav_header(44_101, samples=1, full_scale_hz=100_000) + bytes(2),
            "has 44101 Hz; allowed: 8000 to 192000",
        ),
        (build_wav_header(228_000, samples=1, full_scale_hz=100_000) + bytes(2), "has 228000 Hz; allowed"),
    ],
)
def test_what_is_no_programme(tmp_path: Path, octets: bytes, message: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(octets)
    with pytest.raises(InputError, match=message) as caught:
        ProgrammeFile(path)
    assert "\n" not in str(caught.value)


def test_three_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 3 channels; allowed: 1 or 2"):
        ProgrammeFile(wav(tmp_path / "a.wav", np.zeros((4, 3), dtype=np.int16)))


def test_missing_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(InputError, match="cannot read programme"):
            ProgrammeFile(path)


def test_a_file_that_shrinks_is_said(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.zeros((400_000, 2), dtype=np.int16))
    programme = ProgrammeFile(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="became shorter"):
        programme.read(400_000)
    programme.close()
