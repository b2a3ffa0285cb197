"""Inputs of every format to their samples, rates and notes; what is wrong with one, said in a line."""

import contextlib
import errno
import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rds.errors import EvrdsError, InputError, UsageError
from receiver.received_group import ReceivedGroup
from receiver.sources import formats, open_input
from receiver.sources.naming import rate_in_name
from receiver.sources.octets import Octets
from receiver.sources.raw_iq import decode_iq
from receiver.sources.stream import BitStream, GroupStream, IqStream, LiveStream, MpxStream, SourceOptions
from tests.receiver.signals import Iq, Mpx, noise
from tests.receiver.sources import recordings

IQ: Iq = (noise(3000, seed=1) / 8).astype(np.complex64)
MPX: Mpx = (np.sin(np.arange(3001) / 7) * 0.6).astype(np.float32)
RATE = SourceOptions(rate_hz=250_000)


def written(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def iq_of(name: str, options: SourceOptions | None = None) -> tuple[IqStream, Iq]:
    stream = open_input(name, options or SourceOptions())
    assert isinstance(stream, IqStream)
    return stream, np.concatenate([np.empty(0, np.complex64), *stream.chunks])


def mpx_of(name: str, options: SourceOptions | None = None) -> tuple[MpxStream, Mpx]:
    stream = open_input(name, options or SourceOptions())
    assert isinstance(stream, MpxStream)
    return stream, np.concatenate([np.empty(0, np.float32), *stream.chunks])


class Dribble(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data, self._sizes, self._turn = data, sizes, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a buffer is a memoryview here
        self._turn += 1
        piece = self._data[: min(self._sizes[self._turn % len(self._sizes)], len(buffer))]
        buffer[: len(piece)] = piece
        self._data = self._data[len(piece) :]
        return len(piece)


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes, sizes: list[int]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Dribble(data, sizes))))


@pytest.mark.parametrize(("kind", "error"), [("cu8", 0.6 / 100), ("cs16", 1e-4), ("cf32", 0)])
def test_bare_iq(tmp_path: Path, kind: str, error: float) -> None:
    data: bytes = getattr(recordings, kind)(IQ)
    name = written(tmp_path, f"x.{kind}", data)
    stream, samples = iq_of(name, RATE)
    assert (stream.rate_hz, stream.samples) == (250_000, 3000)
    assert np.max(np.abs(samples - IQ)) <= error
    assert stream.notes == [f"{name}: {kind} at 250000 S/s"]


def test_zero_of_cu8_lies_between_127_and_128() -> None:
    np.testing.assert_allclose(decode_iq(bytes([127, 128, 0, 255]), "cu8"), [(-1 + 1j) / 255, -1 + 1j], rtol=1e-6)


def test_a_sticks_codes_come_as_they_are(tmp_path: Path) -> None:
    data = recordings.cu8(IQ)
    bare = written(tmp_path, "x_250k.cu8", data)
    described = recordings.sigmf(tmp_path, "m", data, {"datatype": "cu8", "sample_rate": 250_000})
    for name in (bare, str(described)):
        stream = open_input(name, SourceOptions())
        assert isinstance(stream, IqStream)
        assert stream.codes is not None
        codes = np.concatenate(list(stream.codes))
        assert (codes.shape, codes.tobytes()) == ((3000, 2), data)
        assert codes.dtype == np.uint8
    samples, _ = iq_of(written(tmp_path, "x_250k.cs16", recordings.cs16(IQ)))
    assert samples.codes is None


def test_full_scale_of_cs16_is_32768() -> None:
    assert decode_iq(b"\x00\x80\x00\x40", "cs16")[0] == -1 + 0.5j


def test_raw_is_what_gqrx_writes(tmp_path: Path) -> None:
    name = written(tmp_path, "gqrx_20260102_030405_98100000_1800000_fc.raw", recordings.cf32(IQ))
    stream, samples = iq_of(name)
    assert stream.rate_hz == 1_800_000
    np.testing.assert_array_equal(samples, IQ)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38, -3e38])
def test_what_is_no_number_is_made_harmless(tmp_path: Path, bad: float) -> None:
    parts = IQ.view(np.float32).copy()
    parts[100:200] = bad
    with np.errstate(all="raise"):
        _, samples = iq_of(written(tmp_path, "x_250k.cf32", parts.tobytes()))
        power = np.sum(np.square(np.abs(samples)), dtype=np.float32)
    assert np.isfinite(power)
    np.testing.assert_array_equal(samples[100:], IQ[100:])
    _, mpx = mpx_of(written(tmp_path, "x.wav", recordings.wav(parts.tobytes(), "f32", rate_hz=228_000)))
    assert np.all(np.isfinite(mpx * mpx))


@pytest.mark.parametrize(("kind", "error"), [("u8", 1 / 250), ("s16", 1e-4), ("s24", 1e-6), ("s32", 1e-6), ("f32", 0)])
@pytest.mark.parametrize("form", ["RIFF", "RF64", "stream"])
def test_mpx_wav(tmp_path: Path, kind: str, error: float, form: str) -> None:
    name = written(tmp_path, "x.wav", recordings.mpx_wav(MPX, kind, rate_hz=192_000, form=form))
    stream, samples = mpx_of(name)
    assert stream.rate_hz == 192_000
    assert stream.samples == len(MPX)
    assert np.max(np.abs(samples - MPX)) <= error
    assert stream.notes == [
        f"{name}: MPX at 192000 S/s, {kind}",
        f"{name} does not say its full scale; it is taken for 75000 Hz deviation",
    ]


@pytest.mark.parametrize("full_scale_hz", [75_000, 100_000, 150_000])
def test_full_scale_is_read_from_the_comment(tmp_path: Path, full_scale_hz: int) -> None:
    data = recordings.mpx_wav(MPX, "s16", rate_hz=192_000, full_scale_hz=full_scale_hz)
    stream, samples = mpx_of(written(tmp_path, "x.wav", data))
    np.testing.assert_allclose(samples, MPX, atol=1e-4)
    assert len(stream.notes) == 1


@pytest.mark.parametrize("kind", ["u8", "s16", "s24", "f32"])
def test_wav_of_two_channels_is_iq(tmp_path: Path, kind: str) -> None:
    stream, samples = iq_of(written(tmp_path, "x.wav", recordings.iq_wav(IQ, kind, rate_hz=256_000)))
    assert (stream.rate_hz, stream.samples) == (256_000, 3000)
    np.testing.assert_allclose(samples, IQ, atol=0.01)


@pytest.mark.parametrize("given", ["a-93.1MHz.sigmf-meta", "a-93.1MHz.sigmf-data", "a-93.1MHz.sigmf"])
@pytest.mark.parametrize(("datatype", "kind"), [("cu8", "cu8"), ("ci16_le", "cs16"), ("cf32_le", "cf32")])
def test_sigmf_by_any_of_its_names(tmp_path: Path, given: str, datatype: str, kind: str) -> None:
    data: bytes = getattr(recordings, kind)(IQ)
    facts = {"datatype": datatype, "sample_rate": 1_024_000}
    recordings.sigmf(tmp_path, "a-93.1MHz", data, facts, datetime="2026-12-01T17:00:00.5Z")
    stream, samples = iq_of(str(tmp_path / given))
    assert (stream.rate_hz, stream.samples) == (1_024_000, 3000)
    assert stream.start == datetime(2026, 12, 1, 17, 0, 0, 500_000, tzinfo=UTC)
    assert "from 2026-12-01T17:00:00.500000+00:00" in stream.notes[0]
    np.testing.assert_allclose(samples, IQ, atol=0.01)


@pytest.mark.parametrize(("datatype", "kind"), [("ri16_le", "s16"), ("rf32_le", "f32")])
def test_sigmf_of_a_multiplex(tmp_path: Path, datatype: str, kind: str) -> None:
    data = recordings.pcm(MPX.astype(np.float64), kind)
    path = recordings.sigmf(tmp_path, "m", data, {"datatype": datatype, "sample_rate": 228e3})
    stream, samples = mpx_of(str(path))
    assert (stream.rate_hz, stream.start) == (228_000, None)
    np.testing.assert_allclose(samples, MPX, atol=1e-4)


def test_sigmf_beside_a_data_file_of_another_kind(tmp_path: Path) -> None:
    wav = recordings.mpx_wav(MPX, "s16", rate_hz=228_000)
    (tmp_path / "m.wav").write_bytes(wav)
    facts = {"datatype": "ri16_le", "sample_rate": 228_000, "dataset": "m.wav", "num_channels": 1}
    path = recordings.sigmf(tmp_path, "m", b"", facts, header_bytes=len(wav) - 2 * len(MPX))
    _, samples = mpx_of(str(path))
    np.testing.assert_allclose(samples, MPX, atol=1e-4)


def test_sigmf_whose_captures_are_odd_says_so(tmp_path: Path) -> None:
    path = recordings.sigmf(tmp_path, "m", recordings.cu8(IQ), {"datatype": "cu8", "sample_rate": 250_000})
    meta = json.loads(path.read_text())
    meta["captures"] = [{"core:sample_start": 5, "core:datetime": "2026-12-01T17:00:00Z"}, {"core:sample_start": 900}]
    path.write_text(json.dumps(meta))
    stream, _ = iq_of(str(path))
    assert stream.start is None
    assert any("begins at sample 5" in note for note in stream.notes)
    assert any("2 captures" in note for note in stream.notes)


def test_hex_list(tmp_path: Path) -> None:
    text = "# a comment\n<spy>\n\n9331 20B6 594C ----  2026/01/01 an hour\r\n  4e0d 0000 ---- FFFF\n%tail"
    stream = open_input(written(tmp_path, "x.spy", text.encode()), SourceOptions())
    assert isinstance(stream, GroupStream)
    groups = list(stream.chunks)
    assert [group.words for group in groups] == [(0x9331, 0x20B6, 0x594C, None), (0x4E0D, 0, None, 0xFFFF)]
    assert [group.sample_index for group in groups] == [0, 104]
    assert groups[1].end_s == pytest.approx(208 / 1187.5)
    assert groups[0].confidence == (1, 1, 1, 0)


def test_bit_list(tmp_path: Path) -> None:
    stream = open_input(written(tmp_path, "x.bits", b"01 1\n\t0\r\n1"), SourceOptions())
    assert isinstance(stream, BitStream)
    assert np.concatenate(list(stream.chunks)).tolist() == [0, 1, 1, 0, 1]


@pytest.mark.parametrize("sizes", [[1], [3, 1, 7], [100, 5], [70_000]])
def test_a_pipe_may_dribble(monkeypatch: pytest.MonkeyPatch, sizes: list[int]) -> None:
    pipe(monkeypatch, recordings.cs16(IQ), sizes)
    _, samples = iq_of("-", SourceOptions(format="cs16", rate_hz=250_000))
    np.testing.assert_allclose(samples, IQ, atol=1e-4)
    pipe(monkeypatch, recordings.mpx_wav(MPX, "s24", rate_hz=192_000, full_scale_hz=100_000, form="stream"), sizes)
    _, mpx = mpx_of("-", SourceOptions(format="wav"))
    np.testing.assert_allclose(mpx, MPX, atol=1e-5)
    pipe(monkeypatch, b"9331 20B6 594C ----\n9331 0000 1111 2222", sizes)
    stream = open_input("-", SourceOptions(format="hex"))
    assert isinstance(stream, GroupStream)
    assert len(list(stream.chunks)) == 2


def test_a_pipe_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has come is given on before the next byte is asked for."""
    asked: list[int] = []

    class Pipe(Dribble):
        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # as above
            asked.append(len(buffer))
            return super().readinto(buffer)

    stdin = io.TextIOWrapper(io.BufferedReader(Pipe(recordings.cu8(IQ), [64])))
    monkeypatch.setattr(sys, "stdin", stdin)
    stream = open_input("-", SourceOptions(format="cu8", rate_hz=250_000))
    assert isinstance(stream, IqStream)
    for number, chunk in enumerate(stream.chunks, start=1):
        assert len(chunk) == 32
        assert len(asked) == number
        if number == 5:
            break


@pytest.mark.parametrize("length", [5999, 5998, 5997])
def test_an_end_within_a_sample_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    data = recordings.cs16(IQ)[:length]
    pipe(monkeypatch, data, [1000])
    for name in (written(tmp_path, "x.cs16", data), "-"):
        stream, samples = iq_of(name, SourceOptions(format="cs16", rate_hz=250_000))
        assert len(samples) == length // 4
        assert f"the last {length % 4} of its bytes are no sample of 4 and were left out" in stream.notes[-1]


def test_a_wav_cut_short_is_noted(tmp_path: Path) -> None:
    data = recordings.mpx_wav(MPX, "s16", rate_hz=192_000)[:-1001]
    stream, samples = mpx_of(written(tmp_path, "x.wav", data))
    assert len(samples) == len(MPX) - 501 == stream.samples
    assert any("cut short: 1001 of 6002 bytes" in note for note in stream.notes)


NAMES = [
    ("g001_98.1M_250k.cu8", 250_000),
    ("g012_433.92M_1024k.cu8", 1_024_000),
    ("gqrx_20260102_030405_98100000_1800000_fc.raw", 1_800_000),
    ("wxrt-93.1MHz-256k.cs16", 256_000),
    ("rec_2.4M.cf32", 2_400_000),
    ("rec 2.048Msps.cf32", 2_048_000),
    ("folder_1.2M/rec.cf32", None),
    ("98.1MHz.cu8", None),
    ("250k.cu8", 250_000),
    ("x250k.cu8", None),
    ("9" * 240 + "k.cu8", None),
]


@pytest.mark.parametrize(("name", "rate_hz"), NAMES)
def test_rates_in_names(name: str, rate_hz: int | None) -> None:
    assert rate_in_name(name) == rate_hz


def test_contradictions_are_said_and_the_nearer_word_taken(tmp_path: Path) -> None:
    bare = written(tmp_path, "x_250k.cu8", recordings.cu8(IQ))
    stream, _ = iq_of(bare, SourceOptions(rate_hz=300_000))
    assert stream.rate_hz == 300_000
    assert stream.notes[0] == f"{bare}: --rate says 300000 S/s, its name 250000; --rate is taken"
    wav = written(tmp_path, "x_250k.wav", recordings.iq_wav(IQ, "s16", rate_hz=256_000))
    stream, _ = iq_of(wav)
    assert stream.rate_hz == 256_000
    assert stream.notes[0] == f"{wav}: its header says 256000 S/s, its name 250000; its header is taken"
    meta = recordings.sigmf(tmp_path, "x_1.2M", recordings.cu8(IQ), {"datatype": "cu8", "sample_rate": 1e6})
    stream, _ = iq_of(str(meta), SourceOptions(rate_hz=1_200_000))
    assert stream.rate_hz == 1_200_000
    assert "--rate says 1200000 S/s, core:sample_rate 1000000; --rate is taken" in stream.notes[0]


def test_a_rate_that_metadata_lack_may_be_given(tmp_path: Path) -> None:
    for rate in ({}, {"sample_rate": None}):
        meta = recordings.sigmf(tmp_path, "x", recordings.cu8(IQ), {"datatype": "cu8", **rate})
        assert iq_of(str(meta), RATE)[0].rate_hz == 250_000
        with pytest.raises(InputError, match="does not tell its sample rate; give --rate"):
            open_input(str(meta), SourceOptions())


def read(name: str, options: SourceOptions) -> Iterator[Any]:  # Any: what the format gives
    """The chunks of a recording."""
    stream = open_input(name, options)
    assert not isinstance(stream, LiveStream)
    return stream.chunks


def complaint(name: str, options: SourceOptions | None = None) -> str:
    """The one line that an input ends with, opened and read to its end."""
    with pytest.raises((InputError, UsageError)) as raised:
        list(read(name, options or SourceOptions()))
    line = str(raised.value)
    assert "\n" not in line
    return line


def test_wrong_files_are_named_with_what_to_do(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.cu8")
    assert complaint(missing) == f"{missing}: no such file; give a file that exists, or - for standard input"
    assert "no such file" in complaint(str(tmp_path / "none.xyz"))
    assert "no such file" in complaint(str(tmp_path / "none.sigmf"))
    assert "is a folder; give a file" in complaint(str(tmp_path), SourceOptions(format="wav"))
    assert "is empty; was the recording stopped" in complaint(written(tmp_path, "x.wav", b""))
    assert "no known format has this name; give --format" in complaint(written(tmp_path, "x.xyz", b"1"))
    assert "File name too long" in complaint("x" * 300 + ".cu8", RATE)
    assert "does not tell its sample rate; give --rate" in complaint(written(tmp_path, "x.cu8", b"12"))
    assert "holds 3 bytes, not one cs16 sample of 4" in complaint(written(tmp_path, "x.cs16", b"123"), RATE)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = written(tmp_path, "x.cu8", b"12")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert complaint(name, RATE) == f"{name} cannot be read: Permission denied"


def test_a_disk_that_fails_while_it_is_read() -> None:
    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise OSError(errno.EIO, "Input/output error")

    failing = Octets(io.BufferedReader(Failing()), "x", length=None)
    with pytest.raises(InputError, match="x cannot be read further: Input/output error"):
        failing.peek(4)
    with pytest.raises(InputError, match="x cannot be read further: Input/output error"):
        failing.read()


def test_standard_input_needs_a_format_and_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "give --format bits|cf32|cs16|cu8|hex|sdriq|sigmf|wav" in complaint("-")
    assert "two files" in complaint("-", SourceOptions(format="sigmf"))
    assert "--format mp3; allowed: bits" in complaint("x", SourceOptions(format="mp3"))
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input is closed" in complaint("-", SourceOptions(format="cu8", rate_hz=250_000))


@pytest.mark.parametrize("rate_hz", [10**9, 10**18])
def test_rates_beyond_reason_are_refused(tmp_path: Path, rate_hz: int) -> None:
    name = written(tmp_path, "x.cu8", b"12")
    assert "S/s; allowed: more than 0, at most 100000000" in complaint(name, SourceOptions(rate_hz=rate_hz))


def test_text_lists_have_no_rate(tmp_path: Path) -> None:
    for name in (written(tmp_path, "x.hex", b"1"), written(tmp_path, "x.bits", b"1")):
        assert "is text and has no sample rate; leave the option out" in complaint(name, RATE)


def test_wrong_text_is_shown(tmp_path: Path) -> None:
    assert complaint(written(tmp_path, "x.hex", b"# ok\n9331 20B6\n")).endswith(
        "x.hex, line 2: '9331 20B6' is no group; four words such as 9331 20B6 594C ----"
    )
    assert complaint(written(tmp_path, "x.bits", b"0102")).endswith(
        "x.bits: '2' in a list of bits; allowed: 0, 1 and white space"
    )


def test_wrong_wavs_are_told_apart(tmp_path: Path) -> None:
    three = recordings.wav(bytes(600), "s16", rate_hz=228_000, channels=3)
    assert "has 3 channels; allowed: 1 (MPX) or 2 (I and Q)" in complaint(written(tmp_path, "x.wav", three))
    text = written(tmp_path, "y.wav", b"Dear listener, this is no recording at all. " * 9)
    assert "not a WAV file: it does not begin with RIFF" in complaint(text)
    whole = recordings.mpx_wav(MPX, "s16", rate_hz=228_000)
    for length in (3, 12, 30, 43):
        assert "ends within its WAV header" in complaint(written(tmp_path, "z.wav", whole[:length]))


WRONG_META: list[tuple[object, str]] = [
    ([], "the whole file is []; allowed: a JSON object"),
    ({}, '"global" is null; allowed: a JSON object'),
    ({"global": {}}, "core:datatype is null; allowed: cu8, ci16_le"),
    ({"global": {"core:datatype": ["cu8"]}}, 'core:datatype is ["cu8"]; allowed: cu8'),
    ({"global": {"core:datatype": "cu8", "core:sample_rate": "fast"}}, 'core:sample_rate is "fast"; allowed: a number'),
    ({"global": {"core:datatype": "cu8", "core:sample_rate": True}}, "core:sample_rate is true"),
    ({"global": {"core:datatype": "cu8", "core:sample_rate": -1}}, "core:sample_rate says -1 S/s"),
    ({"global": {"core:datatype": "cu8", "core:sample_rate": float("nan")}}, "core:sample_rate says inf S/s"),
    ({"global": {"core:datatype": "cu8", "core:sample_rate": 10**400}}, "core:sample_rate says inf S/s"),
    ({"global": {"core:datatype": "cu8", "core:num_channels": 2}}, "core:num_channels is 2; allowed: 1"),
    (
        {"global": {"core:datatype": "cu8", "core:dataset": "../x"}},
        'core:dataset is "../x"; allowed: the name of a file',
    ),
    ({"global": {"core:datatype": "cu8", "core:dataset": ".."}}, "is a folder"),
    ({"global": {"core:datatype": "cu8", "core:dataset": "a\0b"}}, "a\\x00b' can be no file's name"),
    ({"global": {"core:datatype": "cu8", "core:dataset": "a\ud800b"}}, "a\\ud800b' can be no file's name"),
    ({"global": {"core:datatype": "cu8"}, "captures": 5}, '"captures" is 5; allowed: a list'),
    ({"global": {"core:datatype": "cu8"}, "captures": [5]}, 'the first of "captures" is 5'),
    ({"global": {"core:datatype": "cu8"}, "captures": [{"core:header_bytes": -1}]}, "core:header_bytes is -1"),
    ({"global": {"core:datatype": "cu8"}, "captures": [{"core:datetime": "noon"}]}, "'noon' is no date and time"),
    ({"global": {"core:datatype": "cu8"}, "captures": [{"core:datetime": 7}]}, "'7' is no date and time"),
    ({"global": {"core:datatype": "cu8"}, "captures": [{"core:datetime": "9999-12-31T23:59:59Z"}]}, "out of reach"),
]


@pytest.mark.parametrize(("meta", "expected"), WRONG_META)
def test_wrong_metadata_are_shown(tmp_path: Path, meta: object, expected: str) -> None:
    (tmp_path / "x.sigmf-data").write_bytes(b"12")
    assert expected in complaint(written(tmp_path, "x.sigmf-meta", json.dumps(meta).encode()))


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"1" * 5000, b"PK\x03\x04"])
def test_metadata_that_are_no_json(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.sigmf-data").write_bytes(b"12")
    assert complaint(written(tmp_path, "x.sigmf-meta", text))


def test_a_sigmf_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    assert "unpack it with tar -xf" in complaint(written(tmp_path, "x.sigmf", b"a tar file"))


def test_half_a_sigmf_recording(tmp_path: Path) -> None:
    assert "x.sigmf-meta: no such file" in complaint(written(tmp_path, "x.sigmf-data", b"12"))
    meta = recordings.sigmf(tmp_path, "y", b"12", {"datatype": "cu8", "sample_rate": 250_000})
    meta.with_suffix(".sigmf-data").unlink()
    assert "y.sigmf-data: no such file" in complaint(str(meta))


def test_a_long_line_needs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"#" + b"x" * 300_000, [65_536])
    lines = list(Octets.open("-").lines())
    assert max(map(len, lines)) <= 4096
    assert sum(map(len, lines)) == 300_001


def outcome(name: str, options: SourceOptions) -> int:
    """How many samples or groups an input has; 0 if it ends with its one line."""
    with contextlib.suppress(EvrdsError):
        return sum(1 if isinstance(chunk, ReceivedGroup) else len(chunk) for chunk in read(name, options))
    return 0


_OPTIONS = st.builds(
    SourceOptions, format=st.sampled_from([*formats(), None]), rate_hz=st.sampled_from([None, 1, 250_000])
)
_STARTS = st.sampled_from([b"", b"RIFF\xff\xff\xff\xffWAVEfmt ", b"RF64\0\0\0\0WAVEds64", b"0101", b"9331 ", b"{"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=_STARTS, rest=st.binary(max_size=200), options=_OPTIONS, suffix=st.sampled_from(["wav", "cf32", "sigmf-meta"])
)
def test_any_bytes_end_in_samples_or_one_line(
    tmp_path: Path, start: bytes, rest: bytes, options: SourceOptions, suffix: str
) -> None:
    name = written(tmp_path, f"garbage.{suffix}", start + rest)
    assert outcome(name, options) <= 200


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
_NAMES = ["datatype", "sample_rate", "num_channels", "dataset", "datetime", "header_bytes", "sample_start"]
_FIELDS = st.dictionaries(st.sampled_from([f"core:{name}" for name in _NAMES]), _JSON | st.just("cu8"), max_size=5)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=_FIELDS, captures=st.lists(_FIELDS | _JSON, max_size=2) | _JSON)
@example(facts={"core:dataset": ""}, captures=[])
def test_any_metadata_end_in_samples_or_one_line(tmp_path: Path, facts: dict[str, object], captures: object) -> None:
    (tmp_path / "h.sigmf-data").write_bytes(bytes(64))
    meta = {"global": {"core:datatype": "cu8", "core:sample_rate": 250_000} | facts, "captures": captures}
    name = written(tmp_path, "h.sigmf-meta", json.dumps(meta).encode())
    assert outcome(name, SourceOptions()) <= 32
