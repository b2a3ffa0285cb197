"""Minutes of signal through a pipe: what decoding keeps does not grow, and nothing in it is lost."""

import io
import sys
import tracemalloc
from collections.abc import Iterator
from itertools import cycle, islice

import pytest

from rds.constants import BIT_RATE_HZ
from rds.group import groups_to_bits
from receiver.app import DecodeOptions, decode_file
from receiver.sources.stream import SourceOptions
from tests.receiver.signals import Signal, fm, mpx, programme
from tests.receiver.sources import recordings

_ROUND = 19
"""Groups: 19 x 104 bits are 1.664 s, whole samples and whole cycles of pilot and subcarrier."""


class Endless(io.RawIOBase):
    """A pipe that gives a header and then the same samples over and over."""

    def __init__(self, header: bytes, samples: bytes, *, rounds: int) -> None:
        self._pieces: Iterator[bytes] = islice(cycle([samples]), rounds)
        self._rest = header

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a buffer is a memoryview here
        if not self._rest:
            self._rest = next(self._pieces, b"")
        piece = self._rest[: len(buffer)]
        buffer[: len(piece)] = piece
        self._rest = self._rest[len(piece) :]
        return len(piece)


@pytest.mark.parametrize("kind", ["mpx", "iq"])
def test_minutes_need_the_memory_of_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rate_hz = 128_000 if kind == "mpx" else 250_000
    bits = groups_to_bits(programme(_ROUND))
    period = round(len(bits) / BIT_RATE_HZ * rate_hz)
    signal = Signal(rate_hz=rate_hz, lead_s=0.0)
    multiplex = mpx(bits, signal)[:period]
    if kind == "mpx":
        header = recordings.wav(b"", "f32", rate_hz=rate_hz, form="stream")
        samples, options = multiplex.tobytes(), SourceOptions(format="wav")
    else:
        header, options = b"", SourceOptions(format="cu8", rate_hz=rate_hz)
        samples = recordings.cu8(fm(multiplex, rate_hz))
    rounds = 60 if kind == "mpx" else 40
    pipe = Endless(header, samples, rounds=rounds)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(pipe)))
    tracemalloc.start()
    try:
        early = late = complete = 0
        for record in decode_file("-", DecodeOptions(options)):
            complete += record["type"] == "group" and None not in record["words"]  # type: ignore[operator]  # a list
            if record["type"] == "status":
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.reset_peak()
                seconds = float(str(record["seconds"]))
                early, late = (max(early, peak), 0) if seconds < 36 else (early, max(late, peak))
    finally:
        tracemalloc.stop()
    # Where a round joins the next, the differential code may stumble over a bit or two.
    assert complete > 0.8 * rounds * _ROUND
    # Histories fill for two minutes, by 115 kB from 37 s to 209 s; groups that were kept would take 400 kB in a minute.
    assert late < early + 200_000
    assert early < 20_000_000
