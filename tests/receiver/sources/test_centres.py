"""Names, metadata and headers to the frequency in the middle, and `--frequency` to a station's offset from it."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from rds.errors import InputError, UsageError
from receiver.sources import open_input
from receiver.sources.naming import centre_in_name
from receiver.sources.stream import IqStream, SourceOptions
from tests.receiver.sources.recordings import wav

STATION = SourceOptions(frequency_hz=98_300_000)
SAMPLES = np.arange(1000, dtype="<i2")


def sdriq(rate_hz: int = 250_000, bits: int = 16) -> bytes:
    """A recording by the description of its header in SDRangel's documentation of its file input."""
    header = struct.pack("<IQQII", rate_hz, 98_100_000, 1_767_323_045_678, bits, 0)
    return header + struct.pack("<I", zlib.crc32(header)) + SAMPLES.tobytes()


@pytest.mark.parametrize(
    ("name", "centre_hz"),
    [
        ("g001_98.1M_250k.cu8", 98_100_000),
        ("gqrx_20260102_030405_98100000_1800000_fc.raw", 98_100_000),
        ("baseband_98100000Hz_03-04-05_02-01-2026.wav", 98_100_000),
        ("SDRSharp_20260102_030405Z_98100000Hz_IQ.wav", 98_100_000),
        ("wxrt-93.1MHz-256k.cs16", 93_100_000),
        ("evening_250k.cu8", None),
        ("evening_20260102_030405.cu8", None),
    ],
)
def test_the_centre_in_a_name(name: str, centre_hz: int | None) -> None:
    assert centre_in_name(name) == centre_hz


def test_a_frequency_gives_the_offset(tmp_path: Path) -> None:
    """By the name, by the metadata, by the header."""
    named, meta, angel = (tmp_path / name for name in ("a_98.1M_1.024M.cu8", "b.sigmf-meta", "c.sdriq"))
    named.write_bytes(bytes(1000))
    meta.with_suffix(".sigmf-data").write_bytes(bytes(1000))
    whole = {"core:datatype": "cu8", "core:version": "1.2.0", "core:sample_rate": 1_024_000}
    first = {"core:sample_start": 0, "core:frequency": 98_100_000.0}
    meta.write_text(json.dumps({"global": whole, "captures": [first], "annotations": []}))
    angel.write_bytes(sdriq())
    baseband = tmp_path / "baseband_98100000Hz_03-04-05_02-01-2026.wav"
    baseband.write_bytes(wav(SAMPLES.tobytes(), "s16", rate_hz=1_024_000, channels=2))
    for path in (named, meta, angel, baseband):
        stream = open_input(str(path), STATION)
        assert stream.offset_hz == 200_000
        assert stream.notes[-1].endswith("its centre is 98.1 MHz, the station +200000 Hz beside")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a_250k.cu8", STATION, "does not tell its centre; give --offset instead"),
        ("a_98.1M_250k.cu8", SourceOptions(frequency_hz=98_300_000, offset_hz=0.0), "both say where the station is"),
        ("a.bits", STATION, "holds one station and no IQ; leave the option out"),
    ],
)
def test_a_frequency_that_tells_nothing_is_refused(
    tmp_path: Path, name: str, options: SourceOptions, message: str
) -> None:
    (tmp_path / name).write_bytes(b"0101")
    with pytest.raises(UsageError, match=message):
        open_input(str(tmp_path / name), options)


def test_sdrangels_recording(tmp_path: Path) -> None:
    path = tmp_path / "rec.sdriq"
    path.write_bytes(sdriq())
    stream = open_input(str(path), SourceOptions())
    assert isinstance(stream, IqStream)
    assert (stream.rate_hz, stream.samples, stream.centre_hz) == (250_000, 500, 98_100_000)
    parts = np.concatenate(list(stream.chunks)).view(np.float32)
    assert np.array_equal(parts, SAMPLES.astype(np.float32) / 32768)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (sdriq(bits=24), "has samples of 24 bits; allowed: 16"),
        (b"\1" + sdriq()[1:], "SDRangel's header is not there or damaged"),
        (b"short", "SDRangel's header is not there or damaged"),
    ],
)
def test_a_damaged_recording_of_sdrangels_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rec.sdriq"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_input(str(path), SourceOptions())
