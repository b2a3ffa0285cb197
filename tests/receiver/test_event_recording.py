"""A stream with an order in it to a recording around it: the ring against a plain list, then what the files hold."""

import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf
from hypothesis import given
from hypothesis import strategies as st

from rds.errors import UsageError
from rds.hex_line import format_words
from receiver.event_recording import Around, EventRecorder
from receiver.listening import Listening
from receiver.received_group import ReceivedGroup
from receiver.recording_cli import recording_events
from receiver.sample_ring import SampleRing
from receiver.sigmf_recording import SigmfFacts
from receiver.sources.stream import Gap, SourceOptions

RATE_HZ = 1000
FACTS = SigmfFacts("cu8", 2, RATE_HZ, 98_300_000)
WORDS = (0x9331, 0xB0B6, 0x594C, None)


def codes(first: int, samples: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Samples that tell their own number."""
    numbers = np.arange(first, first + samples, dtype=">u2")
    return numbers.view(np.uint8).reshape(-1, 2)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=20), st.integers(1, 40), st.integers(1, 50))
def test_a_ring_holds_the_latest_samples_and_knows_their_numbers(
    pieces: list[tuple[int, int]], size: int, most: int
) -> None:
    ring, at = SampleRing(size, sample_octets=2), 0
    plain: list[int] = []
    for samples, lost in pieces:
        ring.put(codes(at, samples).tobytes(), at)
        plain += range(at, at + samples)
        at += samples + lost
    plain = plain[-size:]
    assert ring.oldest == (plain[0] if plain else None)
    told, position = [], 0
    while (found := ring.get(position, most)) is not None:
        first, octets = found
        numbers = np.frombuffer(octets, ">u2").tolist()
        assert numbers == list(range(first, first + len(numbers)))
        assert 0 < len(numbers) <= most
        told += numbers
        position = told[-1] + 1
    ring.close()
    assert told == plain


class Stream:
    """Feeds a recorder: seconds of samples, each group a second after its end, notes kept."""

    def __init__(self, folder: Path, around: Around, *, piece: int = 250) -> None:
        self.notes: list[str] = []
        self.recorder = EventRecorder(folder, FACTS, around, note=self.notes.append, offset_hz=-200_000)
        self.done, self.piece = 0, piece

    def hear(self, seconds: float) -> None:
        for _ in range(round(seconds * RATE_HZ / self.piece)):
            self.recorder.take(codes(self.done, self.piece), self.done)
            self.done += self.piece
            if self.done % 500 == 0 and self.done >= 2000:
                first = self.done - 1500
                self.recorder.mark([ReceivedGroup(WORDS, first, (first + 88) / RATE_HZ)])

    def lose(self, seconds: float) -> None:
        samples = round(seconds * RATE_HZ)
        self.recorder.take(Gap(samples, "lost"), self.done)
        self.done += samples

    def order(
        self, *, name: str = "curtail", verdict: str = "accepted", time: str | None = "2026-12-01T17:00:20Z"
    ) -> None:
        """An order that was just heard."""
        message = {"name": name, "asks": "16 A"} if name != "heartbeat" else {"name": name}
        seconds = self.done / RATE_HZ
        record = {"type": "message", "verdict": verdict, "message": message, "seconds": seconds, "time": time}
        self.recorder.heed(record)


@pytest.fixture
def opened() -> Iterator[Callable[..., Stream]]:
    """Makes streams, and ends them."""
    with ExitStack() as ends:

        def make(*arguments: Any, **options: Any) -> Stream:
            stream = Stream(*arguments, **options)
            ends.callback(stream.recorder.close)
            return stream

        yield make


def read(path: Path) -> tuple[dict[str, Any], list[int]]:
    """The metadata and the numbers of the samples."""
    sigmf.fromfile(str(path)).validate()
    numbers = np.fromfile(path.with_suffix(".sigmf-data"), ">u2").tolist()
    return json.loads(path.read_text()), numbers


@pytest.mark.parametrize("piece", [50, 250, 1000])
def test_what_came_before_an_order_and_after_it_is_kept_with_its_groups(
    opened: Callable[..., Stream], tmp_path: Path, piece: int
) -> None:
    stream = opened(tmp_path, Around(5, 3), piece=piece)
    stream.hear(20)
    stream.order()
    stream.hear(10)
    contents, numbers = read(tmp_path / "20261201T170020Z_98.1MHz_curtail.sigmf-meta")
    assert numbers == list(range(15_000, 23_000))
    assert contents["captures"] == [
        {
            "core:sample_start": 0,
            "core:global_index": 15_000,
            "core:frequency": 98_300_000,
            "core:datetime": "2026-12-01T17:00:15.000000Z",
        }
    ]
    annotations = contents["annotations"]
    assert {one["rds:group"] for one in annotations} == {format_words(WORDS)}
    if piece <= 500:
        assert [one["core:sample_start"] for one in annotations] == list(range(0, 8000, 500))
    assert len(stream.notes) == 1
    assert "8.0 s" in stream.notes[0]
    stream.recorder.close()
    assert len(list(tmp_path.iterdir())) == 2


def test_an_order_at_the_beginning_and_the_stream_at_an_end(opened: Callable[..., Stream], tmp_path: Path) -> None:
    stream = opened(tmp_path, Around(5, 3))
    stream.hear(2)
    stream.order(time=None)
    stream.hear(1)
    stream.recorder.close()
    contents, numbers = read(tmp_path / "2s_98.1MHz_curtail.sigmf-meta")
    assert numbers == list(range(3000))
    assert "core:datetime" not in contents["captures"][0]


def test_a_loss_is_a_new_capture_and_a_second_order_makes_it_longer(
    opened: Callable[..., Stream], tmp_path: Path
) -> None:
    stream = opened(tmp_path, Around(5, 3))
    stream.hear(10)
    stream.lose(2)
    stream.hear(1)
    stream.order()
    stream.hear(1)
    stream.order(name="halt")
    stream.lose(1)
    stream.hear(9)
    [meta] = tmp_path.glob("*.sigmf-meta")
    contents, numbers = read(meta)
    assert numbers == [*range(8000, 10_000), *range(12_000, 14_000), *range(15_000, 17_000)]
    places = [(one["core:sample_start"], one["core:global_index"]) for one in contents["captures"]]
    assert places == [(0, 8000), (2000, 12_000), (4000, 15_000)]


def test_a_recording_has_an_end_however_many_orders_come_and_no_name_is_used_twice(
    opened: Callable[..., Stream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.event_recording.LONGEST_S", 10.0)
    stream = opened(tmp_path, Around(2, 3))
    for _ in range(20):
        stream.order()
        stream.hear(1)
    stream.recorder.close()
    names = sorted(path.name for path in tmp_path.glob("*.sigmf-meta"))
    assert names == ["20261201T170020Z_98.1MHz_curtail.sigmf-meta", "20261201T170020Z_98.1MHz_curtail_2.sigmf-meta"]
    assert read(tmp_path / names[0])[1] == list(range(10_000))


@pytest.mark.parametrize(
    ("name", "verdict"), [("heartbeat", "accepted"), ("curtail", "bad signature"), ("curtail", "other region")]
)
def test_what_is_no_order_or_is_not_believed_records_nothing(
    opened: Callable[..., Stream], tmp_path: Path, name: str, verdict: str
) -> None:
    stream = opened(tmp_path, Around(1, 1))
    stream.order(name=name, verdict=verdict)
    stream.hear(6)
    stream.recorder.close()
    assert stream.notes == []
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_warning_and_nothing_half_remains(
    opened: Callable[..., Stream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = opened(tmp_path, Around(2, 2))
    stream.hear(3)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        stream.order()
        stream.hear(1)
        patched.setattr("receiver.sigmf_recording.SigmfRecording.write", full)
        stream.hear(4)
        stream.order()
        stream.hear(6)
    assert stream.notes == ["warning: not recorded: No space left on device; the receiver goes on"]
    assert list(tmp_path.iterdir()) == []
    stream.order()
    stream.hear(6)
    assert stream.notes[1].startswith("wrote ")


def test_room_is_left_for_the_receiver_itself(
    opened: Callable[..., Stream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 200_000_000

    monkeypatch.setattr("receiver.sigmf_recording.shutil.disk_usage", lambda _: Usage)
    stream = opened(tmp_path, Around(2, 2))
    stream.order()
    stream.hear(6)
    [note] = stream.notes
    assert "200.0 MB free, 0.0 MB are needed beside the 200 MB that stay free" in note
    assert list(tmp_path.iterdir()) == []


def asked(folder: Path) -> Namespace:
    return Namespace(record=folder, record_before=1.0, record_after=1.0)


def test_without_room_for_the_ring_the_receiver_starts_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("receiver.sample_ring.os.posix_fallocate", full)
    (tmp_path / "a.cu8").write_bytes(bytes(1000))
    listening = Listening(str(tmp_path / "a.cu8"), SourceOptions(rate_hz=250_000))
    notes: list[str] = []
    with recording_events(asked(tmp_path), listening, notes.append) as heed:
        heed({"type": "limit"})
    assert listening.witness is None
    [note] = notes
    assert note.startswith("warning: events are not recorded: cannot keep 2 MB of samples in ")
    assert note.endswith("No space left on device; name a folder with room by TMPDIR")


@pytest.mark.parametrize(
    ("name", "folder", "message"), [("a.cu8", "absent", "name a folder that exists"), ("a.hex", ".", "has no samples")]
)
def test_what_cannot_be_recorded_is_said_at_once(tmp_path: Path, name: str, folder: str, message: str) -> None:
    (tmp_path / "a.cu8").write_bytes(bytes(1000))
    (tmp_path / "a.hex").write_text("9331 20B6 594C 1234\n")
    rate_hz = 250_000 if name == "a.cu8" else None
    listening = Listening(str(tmp_path / name), SourceOptions(rate_hz=rate_hz))
    with pytest.raises(UsageError, match=message), recording_events(asked(tmp_path / folder), listening, print):
        pass
