"""Pieces of input while somebody looks in, pictures of the signal out: multiplex spectrum, constellation, eye.

Once in a while a second of input is kept and demodulated a second time, in a thread of its own, plainly: before the
equaliser and all other mending, so that the picture shows what arrives. While nobody looks nothing is kept.
"""

import asyncio
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import FULL_DEVIATION_HZ
from receiver.following import Hearing
from receiver.observation import Observation, iq_multiplex, observe_multiplex
from receiver.records import Record
from receiver.sources.stream import Gap, IqStream, LiveStream, MpxStream, Stream

STRETCH_S: Final = 1.2
_PATIENCE_S: Final = 10.0
"""After that another place may be listened to (`Following`)."""
HIGHEST_HZ: Final = 100_000
_POINTS: Final = 400
"""Of the constellation."""
_LINES: Final = 400
"""Of the spectrum: the strongest of five neighbouring bins."""


class Stretch:
    """The last second of input, for whom it may concern.

    Args:
        hearing: What is listened to; of several stations that which is heard best is drawn.
    """

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._pieces: list[npt.NDArray[np.generic]] = []
        self._wanted = 0
        self._whole: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stream: Stream = hearing.stream
        self.has_signal = isinstance(self._stream, IqStream | LiveStream | MpxStream)
        """Whether there is anything to see: a list of groups or bits has no waveform."""

    def feed(self, piece: npt.NDArray[np.generic] | Gap) -> None:
        """Take a piece, in the thread that reads the input. A gap begins anew: across it there is no signal."""
        if self._wanted <= 0:
            return
        if isinstance(piece, Gap):
            self._pieces, self._wanted = [], self._whole_samples
            return
        self._pieces.append(piece.copy())
        self._wanted -= len(piece)
        if self._wanted <= 0 and self._loop is not None and self._whole is not None:
            self._loop.call_soon_threadsafe(self._whole.set)

    async def look(self) -> Record | None:
        """The pictures of the next second; waits for it. For one who asks at a time. None: the input is silent."""
        present = self._hearing.now
        self._loop, self._whole, self._stream = asyncio.get_running_loop(), asyncio.Event(), present.stream
        self._pieces, self._wanted = [], self._whole_samples
        present.onlooker = self.feed
        try:
            await asyncio.wait_for(self._whole.wait(), _PATIENCE_S)
            present.onlooker = None
            pieces, self._pieces = self._pieces, []
            return await asyncio.to_thread(self._draw, pieces, present.offsets_hz[present.best])
        except TimeoutError:
            return None
        finally:
            present.onlooker = None
            self._wanted, self._pieces = 0, []

    @property
    def _whole_samples(self) -> int:
        return round(STRETCH_S * self._stream.rate_hz)

    def _draw(self, pieces: list[npt.NDArray[np.generic]], offset_hz: float) -> Record:
        rate_hz = self._stream.rate_hz
        if isinstance(self._stream, MpxStream):
            return pictures(observe_multiplex(rate_hz, pieces))
        return pictures(observe_multiplex(*iq_multiplex(rate_hz, pieces, offset_hz=offset_hz)))


def pictures(seen: Observation) -> Record:
    """What a browser draws: kHz and dB, then Hz of deviation and bits."""
    inside = seen.frequency_hz < HIGHEST_HZ
    level_db = seen.deviation_db[inside]
    width = max(1, len(level_db) // _LINES)
    lines = level_db[: len(level_db) // width * width].reshape(-1, width)
    step_khz = float(seen.frequency_hz[1]) * width / 1000 if len(seen.frequency_hz) > 1 else 0.0
    points = seen.points[-_POINTS:]
    return {
        "spectrum": {"step_khz": step_khz, "db": np.round(lines.max(axis=1), 1).tolist() if len(lines) else []},
        "points": np.round(np.stack((points.real, points.imag), axis=1)).astype(int).tolist(),
        "eye": np.round(seen.eye).astype(int).tolist(),
        "full_hz": FULL_DEVIATION_HZ,
    }
