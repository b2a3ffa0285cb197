"""Sources to SigMF recordings, and recordings to marks: what the files hold, checked by the `sigmf` package."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf

from rds.constants import GROUP_BITS
from rds.hex_line import format_words
from receiver.cli import main
from receiver.dsp.channel import Codes
from receiver.listening import Listening
from receiver.record import record
from receiver.sources import open_input
from receiver.sources.stream import Gap, LiveStream, SourceOptions, Stream
from tests.receiver.signals import Signal, cut, fm, programme, station_mpx
from tests.receiver.sources import recordings

RATE_HZ = 250_000
GROUPS = 24
LOST = Gap(50_001, "lost in a test")


@pytest.fixture(scope="module")
def octets() -> bytes:
    """Two seconds of a station."""
    return recordings.cu8(fm(station_mpx(GROUPS, Signal(rate_hz=RATE_HZ)), RATE_HZ))


@pytest.fixture
def folder(tmp_path: Path, octets: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a_250k.cu8").write_bytes(octets)
    return tmp_path


def run(*arguments: str) -> object:
    """The exit code, of the parser too."""
    with pytest.raises(SystemExit) as left:
        sys.exit(main(arguments))
    return left.value.code


def metadata(path: str) -> dict[str, Any]:
    sigmf.fromfile(path).validate()
    contents: dict[str, Any] = json.loads(Path(path).read_text())
    return contents


def marks(contents: dict[str, Any]) -> list[str]:
    return [one["rds:group"] for one in contents["annotations"]]


def sent() -> list[str]:
    return [format_words(group.words) for group in programme(GROUPS)]


def decoded(path: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["decode", path, "-F", "json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line["type"] == "group"]


def test_a_recording_has_the_samples_as_they_came_and_a_mark_on_every_group(
    folder: Path, octets: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", "a_250k.cu8", "b.sigmf-meta", "--start-time", "2026-12-01T17:00:00Z"]) == 0
    assert "wrote b.sigmf-meta: 2.2 s, 24 groups" in capsys.readouterr().err
    assert Path("b.sigmf-data").read_bytes() == octets
    contents = metadata("b.sigmf-meta")
    assert contents["captures"] == [
        {"core:sample_start": 0, "core:global_index": 0, "core:datetime": "2026-12-01T17:00:00.000000Z"}
    ]
    assert marks(contents) == sent()
    first, second = contents["annotations"][:2]
    assert first["core:label"] == "RDS 0A"
    assert second["core:label"] == "RDS 11A"
    # The signal begins 0.05 s into the recording; 104 bits take 21894.7 samples.
    assert first["core:sample_start"] == pytest.approx(12_500, abs=60)
    assert first["core:sample_count"] == 21_895
    assert second["core:sample_start"] == pytest.approx(12_500 + 21_894.7, abs=60)
    assert [group["sample"] for group in decoded("b.sigmf-meta", capsys)] == [
        one["core:sample_start"] for one in contents["annotations"]
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["a_250k.cu8", "b.sigmf-data", "b.sigmf-meta"]


def test_a_part_has_its_seconds_and_the_groups_that_are_whole_in_it(folder: Path) -> None:
    assert main(["record", "a_250k.cu8", "b.sigmf-meta", "--seconds", "1"]) == 0
    assert Path("b.sigmf-data").stat().st_size == 2 * RATE_HZ
    # (1 - 0.05) s / 87.6 ms = 10.8
    assert marks(metadata("b.sigmf-meta")) == sent()[:10]


@pytest.mark.parametrize("kind", ["cs16", "wav"])
def test_other_formats_become_floats(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    mpx = station_mpx(GROUPS, Signal(rate_hz=RATE_HZ))
    if kind == "cs16":
        Path("a_250k.cs16").write_bytes(recordings.cs16(fm(mpx, RATE_HZ)))
    else:
        Path("a_250k.wav").write_bytes(recordings.mpx_wav(mpx, "s16", rate_hz=RATE_HZ, full_scale_hz=100_000))
    assert main(["record", f"a_250k.{kind}", "b.sigmf-meta"]) == 0
    contents = metadata("b.sigmf-meta")
    assert contents["global"]["core:datatype"] == {"cs16": "cf32_le", "wav": "rf32_le"}[kind]
    assert marks(contents) == sent()
    # Its first groups need what a recording tells of its level, too.
    assert len(decoded("b.sigmf-meta", capsys)) == GROUPS


def test_a_loss_begins_a_new_capture(folder: Path, octets: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = np.frombuffer(octets, np.uint8).reshape(-1, 2)
    before, after = codes[:270_000], codes[270_000 + LOST.samples :]

    def pieces() -> Iterator[Codes | Gap]:
        yield from cut(before, [16_384])
        yield LOST
        yield from cut(after, [16_384])

    def opened(name: str, options: SourceOptions) -> Stream:
        if name != "live":
            return open_input(name, options)
        return LiveStream(rate_hz=RATE_HZ, centre_hz=98_000_000, pieces=pieces())

    monkeypatch.setattr("receiver.listening.open_input", opened)
    recorded = record(Listening("live", SourceOptions()), Path("b.sigmf-meta"))
    contents = metadata("b.sigmf-meta")
    assert Path("b.sigmf-data").read_bytes() == before.tobytes() + after.tobytes()
    first, second = contents["captures"]
    assert (first["core:sample_start"], first["core:global_index"]) == (0, 0)
    assert (second["core:sample_start"], second["core:global_index"]) == (270_000, 270_000 + LOST.samples)
    assert first["core:frequency"] == 98_000_000
    # Group n lies (0.05 + n x 0.0876) s into the stream; none that the loss touches has a mark.
    period = GROUP_BITS / 1187.5 * RATE_HZ
    assert recorded.marks >= 18
    for one in contents["annotations"]:
        place = one["core:sample_start"]
        assert not 270_000 - 21_895 < place < 270_000
        number, off = divmod(place + (LOST.samples if place >= 270_000 else 0) - 12_500 + 60, period)
        # The first group after the loss may lack its beginning.
        assert off < 120 or (place == 270_000 and one["rds:group"].startswith("----"))
        pairs = zip(one["rds:group"].split(), sent()[int(number)].split(), strict=True)
        assert all(heard in (word, "----") for heard, word in pairs)


def test_without_rds_the_samples_are_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("n_250k.cu8").write_bytes(np.random.default_rng(1).integers(0, 256, 300_000, dtype=np.uint8).tobytes())
    assert main(["record", "n_250k.cu8", "b.sigmf-meta"]) == 0
    assert "no RDS found" in capsys.readouterr().err
    assert marks(metadata("b.sigmf-meta")) == []
    assert Path("b.sigmf-data").stat().st_size == 300_000


def test_an_interruption_ends_a_recording_and_keeps_it(
    folder: Path, octets: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = np.frombuffer(octets, np.uint8).reshape(-1, 2)

    def pieces() -> Iterator[Codes | Gap]:
        yield codes[:250_000]
        raise KeyboardInterrupt

    monkeypatch.setattr("receiver.listening.open_input", lambda *_: LiveStream(rate_hz=RATE_HZ, pieces=pieces()))
    assert main(["record", "live", "b.sigmf-meta"]) == 0
    contents = metadata("b.sigmf-meta")
    assert Path("b.sigmf-data").read_bytes() == octets[:500_000]
    assert "core:datetime" in contents["captures"][0]


def test_annotate_marks_what_is_found_once_and_keeps_the_rest(folder: Path, octets: bytes) -> None:
    common = {"datatype": "cu8", "sample_rate": RATE_HZ, "author": "ö"}
    path = recordings.sigmf(folder, "c", octets, common, frequency=98_000_000)
    contents = json.loads(path.read_text())
    foreign = {"core:sample_start": 20_000, "core:sample_count": 5, "core:label": "a click"}
    path.write_text(json.dumps(contents | {"annotations": [foreign]}))
    for _ in range(2):
        assert main(["annotate", "c.sigmf-meta"]) == 0
    contents = metadata("c.sigmf-meta")
    assert contents["global"]["core:author"] == "ö"
    assert contents["global"]["core:extensions"] == [{"name": "rds", "version": "1.0.0", "optional": True}]
    assert contents["captures"] == [{"core:sample_start": 0, "core:frequency": 98_000_000}]
    assert contents["annotations"].pop(1) == foreign
    assert marks(contents) == sent()
    assert (folder / "c.sigmf-data").read_bytes() == octets


def test_a_recording_without_rds_is_left_as_it_was(folder: Path) -> None:
    path = recordings.sigmf(folder, "n", bytes(range(256)) * 1000, {"datatype": "cu8", "sample_rate": RATE_HZ})
    before = path.read_bytes()
    assert main(["annotate", "n.sigmf-meta"]) == 6
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("record", "a_250k.cu8", "b.wav"),
            2,
            "b.wav is no SigMF recording's name; write one that ends in .sigmf-meta",
        ),
        (("record", "a_250k.cu8", "no/b.sigmf-meta"), 2, "No such file or directory; name a folder that exists"),
        (("record", "a_250k.cu8", "b.sigmf-meta", "--seconds", "0"), 2, "are no seconds"),
        (("record", "b.sigmf-meta", "b.sigmf-data"), 2, "would be replaced while it is read"),
        (("record", "a.hex", "b.sigmf-meta"), 2, "has no samples to record"),
        (("record", "a_250k.cu8", "b.sigmf-meta", "--offset", "0", "--offset", "5k"), 2, "one station"),
        (("annotate", "a_250k.cu8"), 2, "is no SigMF recording's name"),
        (("annotate", "absent.sigmf-meta"), 3, "no such file"),
    ],
)
def test_each_mistake_is_one_line_and_leaves_no_file(
    folder: Path, arguments: tuple[str, ...], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.hex").write_text("9331 20B6 594C 1234\n")
    before = set(folder.iterdir())
    assert run(*arguments) == code
    [line] = [one for one in capsys.readouterr().err.splitlines() if "cu8 at" not in one]
    assert message in line
    assert set(folder.iterdir()) == before


def test_a_full_disk_is_said_before_and_while(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(_: Path) -> Any:
        return type("Usage", (), {"free": 1_000_000})

    with monkeypatch.context() as patched:
        patched.setattr("receiver.sigmf_recording.shutil.disk_usage", usage)
        assert main(["record", "a_250k.cu8", "b.sigmf-meta", "--seconds", "3"]) == 2
    assert "has 1.0 MB free, 1.1 MB are needed; make room" in capsys.readouterr().err
    assert not Path("b.sigmf-data").exists()
