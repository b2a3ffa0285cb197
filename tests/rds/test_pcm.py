"""PCM octets to samples: values worked by hand."""

import numpy as np
import pytest

from rds.pcm import SampleFormat, decode_cu8, decode_pcm


@pytest.mark.parametrize(
    ("sample_format", "octets", "values"),
    [
        ("u8", b"\x80\x00\xc0\xff", [0, -1, 0.5, 127 / 128]),
        ("s16", b"\x00\x00\x00\x80\x00\x40\xff\xff", [0, -1, 0.5, -1 / 32768]),
        ("s24", b"\x00\x00\x00\x00\x00\x80\x00\x00\x40\xff\xff\xff", [0, -1, 0.5, -(2.0**-23)]),
        ("s32", b"\x00\x00\x00\x80\x00\x00\x00\x40", [-1, 0.5]),
        ("f32", b"\x00\x00\x80\x3f\x00\x00\x00\xc0", [1, -2]),
    ],
)
def test_values(sample_format: SampleFormat, octets: bytes, values: list[float]) -> None:
    samples = decode_pcm(octets, sample_format)
    assert samples.dtype == np.float32
    assert samples.tolist() == pytest.approx(values, rel=1e-7)


@pytest.mark.parametrize("sample_format", ["s16", "s24", "s32", "f32"])
def test_an_end_within_a_sample_is_refused(sample_format: SampleFormat) -> None:
    with pytest.raises(ValueError, match="5 octets are no whole number"):
        decode_pcm(bytes(5), sample_format)


def test_codes_of_a_stick_lie_about_a_zero_between_two_of_them() -> None:
    pairs = np.array([[127, 128], [0, 255]], np.uint8)
    expected = [(-1 + 1j) / 255, -1 + 1j]
    assert decode_cu8(pairs).tolist() == pytest.approx(expected, rel=1e-6)
    assert decode_cu8(pairs.reshape(-1)).tolist() == pytest.approx(expected, rel=1e-6)
