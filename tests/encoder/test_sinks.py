"""What the files hold, value by value, and what other readers make of them."""

import json
import wave
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import sigmf

from encoder.sinks import SignalFacts, cf32, wav
from encoder.sinks import sigmf as sigmf_sink
from rds.group import Group
from rds.pcm import encode_cu8
from rds.wav_header import parse_wav_header

IQ = np.array([0.5 + 0.25j, -1 + 1j, 3 - 3j, (1 - 1j) / 255], dtype=np.complex64)


def test_cu8_is_offset_by_127_5_and_clips() -> None:
    # 127.5 + 63.75 = 191.25, 127.5 + 31.875 = 159.375; 128 and 127 are half a step either side of zero.
    assert encode_cu8(IQ).tolist() == [191, 159, 0, 255, 255, 0, 128, 127]


def test_cu8_has_no_bias() -> None:
    values = np.random.default_rng(1).uniform(-0.9, 0.9, 400_000).astype(np.float32)
    error = encode_cu8(values.view(np.complex64)) - 127.5 - 127.5 * values.astype(np.float64)
    assert abs(error.mean()) < 0.002
    assert np.abs(error).max() <= 0.5001


def test_cf32_is_what_numpy_calls_complex64(tmp_path: Path) -> None:
    with cf32.open_sink(tmp_path / "a.cf32", SignalFacts(250_000, 100_000)) as sink:
        sink.write(IQ)
    assert np.array_equal(np.fromfile(tmp_path / "a.cf32", dtype="<c8"), IQ)


@pytest.mark.parametrize(("full_scale_hz", "values"), [(100_000, [24_576, -12_288, 0]), (75_000, [32_767, -16_384, 0])])
def test_wav_full_scale(tmp_path: Path, full_scale_hz: int, values: list[int]) -> None:
    path = tmp_path / "a.wav"
    with wav.open_sink(path, SignalFacts(228_000, full_scale_hz)) as sink:
        sink.write(np.array([1.0, -0.5, 0.0], dtype=np.float32))
    with wave.open(str(path)) as reader:
        assert reader.getparams()[:4] == (1, 2, 228_000, 3)
        assert np.frombuffer(reader.readframes(3), dtype="<i2").tolist() == values
    header = parse_wav_header(path.read_bytes())
    assert header is not None
    assert header.full_scale_hz == full_scale_hz


def test_sigmf_is_valid_and_marks_groups(tmp_path: Path) -> None:
    start = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=timezone(timedelta(hours=1)))
    with sigmf_sink.open_sink(tmp_path / "a.sigmf-meta", SignalFacts(250_000, 100_000, start)) as sink:
        sink.mark_group(Group((0x9331, 0x20B6, 0x594C, 0x554D)), first_sample=1, samples=2)
        sink.write(IQ)
        sink.mark_group(Group((0x9331, 0xB0B6, 0x594C, 0)), first_sample=3, samples=1)
    recording = sigmf.fromfile(str(tmp_path / "a.sigmf-meta"))
    recording.validate()
    assert np.array_equal(recording.read_samples(), IQ)
    metadata = json.loads((tmp_path / "a.sigmf-meta").read_text())
    assert metadata["captures"] == [{"core:sample_start": 0, "core:datetime": "2026-01-02T02:04:05.000600Z"}]
    assert [mark["core:label"] for mark in metadata["annotations"]] == ["RDS 2A", "RDS 11A"]
    assert metadata["annotations"][0]["rds:group"] == "9331 20B6 594C 554D"
    assert datetime.fromisoformat(metadata["captures"][0]["core:datetime"]).tzinfo == UTC


def test_sigmf_without_a_clock_or_groups_is_valid_too(tmp_path: Path) -> None:
    with sigmf_sink.open_sink(tmp_path / "a.sigmf", SignalFacts(1_024_000, 100_000)) as sink:
        sink.write(IQ)
    recording = sigmf.fromfile(str(tmp_path / "a.sigmf-data"))
    recording.validate()
    assert recording.sample_rate == 1_024_000
    assert recording.get_annotations() == []
