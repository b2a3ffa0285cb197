"""WAV headers: worked by hand, as Python's own writer makes them, cut off, and garbage."""

import io
import struct
import wave

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rds.wav_header import MAX_HEADER_OCTETS, WavHeader, build_wav_header, parse_wav_header

# Worked by hand from the RIFF layout: 2 channels, 48 kHz, 16 bits, 8 octets of samples.
PLAIN = bytes.fromhex(
    "52494646 2C000000 57415645"
    "666D7420 10000000 0100 0200 80BB0000 00EE0200 0400 1000"
    "64617461 08000000 0000000000000000".replace(" ", "")
)


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def fmt(tag: int, channels: int, rate_hz: int, bits: int, extra: bytes = b"") -> bytes:
    align = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * align, align, bits) + extra)


def riff(*chunks: bytes) -> bytes:
    return b"RIFF\xff\xff\xff\xffWAVE" + b"".join(chunks)


def test_a_header_worked_by_hand() -> None:
    assert parse_wav_header(PLAIN) == WavHeader(48_000, 2, "s16", data_start=44, data_octets=8)


def test_what_another_writer_makes() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 3, 44_100, 0, "NONE", ""))
        writer.writeframes(bytes(300))
    header = parse_wav_header(file.getvalue())
    assert header == WavHeader(44_100, 1, "s24", data_start=44, data_octets=300)
    assert header.frame_octets == 3


def test_another_reader_reads_ours() -> None:
    octets = build_wav_header(228_000, samples=50, full_scale_hz=100_000) + bytes(100)
    with wave.open(io.BytesIO(octets)) as reader:
        assert reader.getparams()[:4] == (1, 2, 228_000, 50)


@pytest.mark.parametrize(
    ("tag", "bits", "sample_format"), [(1, 8, "u8"), (1, 16, "s16"), (1, 24, "s24"), (1, 32, "s32"), (3, 32, "f32")]
)
def test_sample_formats_plain_and_extensible(tag: int, bits: int, sample_format: str) -> None:
    guid_tail = bytes.fromhex("000000001000800000AA00389B71")
    extension = struct.pack("<HHIH", 22, bits, 3, tag) + guid_tail
    for start in (fmt(tag, 2, 250_000, bits), fmt(0xFFFE, 2, 250_000, bits, extension)):
        header = parse_wav_header(riff(start, b"data\x10\0\0\0"))
        assert header is not None
        assert (header.sample_format, header.channels, header.rate_hz) == (sample_format, 2, 250_000)


def test_chunks_between_and_odd_lengths_are_passed_over() -> None:
    octets = riff(chunk(b"auxi", bytes(67)), fmt(1, 2, 250_000, 16), chunk(b"junk", b"x"), b"data\4\0\0\0")
    header = parse_wav_header(octets)
    assert header is not None
    assert header.data_start == len(octets)


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF])
def test_a_stream_does_not_know_its_length(size: int) -> None:
    header = parse_wav_header(riff(fmt(1, 1, 228_000, 16), b"data" + struct.pack("<I", size)))
    assert header is not None
    assert header.data_octets is None


def test_rf64_says_the_length_elsewhere() -> None:
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 5_000_000_100, 5_000_000_000, 2_500_000_000, 0))
    octets = b"RF64\xff\xff\xff\xffWAVE" + ds64 + fmt(1, 1, 228_000, 16) + b"data\xff\xff\xff\xff"
    header = parse_wav_header(octets)
    assert header is not None
    assert header.data_octets == 5_000_000_000


@given(
    st.sampled_from([171_000, 228_000, 250_000]),
    st.one_of(st.integers(1, 10**6), st.integers(2**31 - 200, 2**31 + 200), st.integers(2**31, 2**40)),
    st.integers(75_000, 1_000_000),
)
@example(228_000, 1, 100_000)
def test_ours_reads_back_whatever_its_length(rate_hz: int, samples: int, full_scale_hz: int) -> None:
    octets = build_wav_header(rate_hz, samples=samples, full_scale_hz=full_scale_hz)
    empty = build_wav_header(rate_hz, samples=0, full_scale_hz=full_scale_hz)
    assert len(octets) == len(empty)
    assert len(octets) % 2 == 0
    assert parse_wav_header(octets) == WavHeader(rate_hz, 1, "s16", len(octets), 2 * samples, full_scale_hz)
    for end in range(len(octets)):
        assert parse_wav_header(octets[:end]) is None


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"fLaC" + bytes(40), "not a WAV file"),
        (b"RIFF\0\0\0\0AVI " + bytes(40), "not a WAV file"),
        (riff(b"data\4\0\0\0"), "before it says their format"),
        (riff(fmt(1, 1, 48_000, 12), b"data\4\0\0\0"), "coding 1 of 12 bits"),
        (riff(fmt(7, 1, 48_000, 8), b"data\4\0\0\0"), "coding 7 of 8 bits"),
        (riff(fmt(1, 0, 48_000, 16), b"data\4\0\0\0"), "0 channels"),
        (riff(fmt(1, 1, 0, 16), b"data\4\0\0\0"), "damaged"),
        (riff(chunk(b"fmt ", bytes(14)), b"data\4\0\0\0"), "format chunk has 14 octets"),
        (riff(b"LIST\xff\xff\xff\x7f"), "no samples within"),
        (riff(b"junk\xff\xff\xff\xff"), "no samples within"),
    ],
)
def test_what_is_no_wav_file_is_refused(octets: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_wav_header(octets)


def test_many_small_chunks_end_at_the_bound() -> None:
    with pytest.raises(ValueError, match="no samples within"):
        parse_wav_header(riff(b"junk\0\0\0\0" * (MAX_HEADER_OCTETS // 8)))


@given(st.lists(st.tuples(st.sampled_from([b"fmt ", b"LIST", b"ds64", b"data", b"junk"]), st.binary(max_size=60))))
def test_hostile_octets_give_a_header_or_a_value_error(chunks: list[tuple[bytes, bytes]]) -> None:
    octets = b"RF64\xff\xff\xff\xffWAVE" + b"".join(name + body for name, body in chunks)
    try:
        header = parse_wav_header(octets)
    except ValueError:
        return
    assert header is None or header.data_start <= MAX_HEADER_OCTETS + 8
