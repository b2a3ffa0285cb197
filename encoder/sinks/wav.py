"""Multiplex to a WAV file: 16 bits, mono, a comment that says the deviation of full scale."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from encoder.output_file import whole_file
from encoder.sinks import SampleFile, Samples, SignalFacts
from rds.constants import FULL_DEVIATION_HZ
from rds.wav_header import build_wav_header

KIND: Final[Literal["mpx", "iq"]] = "mpx"

_FULL_SCALE: Final = 1 << 15


def encode(mpx: Samples, full_scale_hz: int) -> npt.NDArray[np.int16]:
    """Nearest of -32767 to 32767 to 32768 x deviation over full scale; little endian."""
    values = np.asarray(mpx, dtype=np.float32) * np.float32(_FULL_SCALE * FULL_DEVIATION_HZ / full_scale_hz)
    np.rint(values, out=values)
    return np.clip(values, 1 - _FULL_SCALE, _FULL_SCALE - 1, out=values).astype("<i2")


@contextmanager
def open_sink(path: Path, facts: SignalFacts) -> Iterator[SampleFile]:
    """A WAV file, whose header gets its sizes at the end; RF64 beyond 4 GiB."""
    with whole_file(path) as file:
        file.write(build_wav_header(facts.rate_hz, samples=0, full_scale_hz=facts.full_scale_hz))
        sink = SampleFile(file, lambda mpx: encode(mpx, facts.full_scale_hz))
        yield sink
        file.seek(0)
        file.write(build_wav_header(facts.rate_hz, samples=sink.samples, full_scale_hz=facts.full_scale_hz))
