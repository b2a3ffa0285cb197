"""How fast the encoder is: seconds of signal for one second of processor time, by kind of work."""

from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Final

import numpy as np
import numpy.typing as npt

from encoder.bitstream import transmission_bits
from encoder.fm import FmModulator
from encoder.levels import MpxLevels
from encoder.mpx import AudioSource, MpxSynthesiser
from rds.constants import BIT_RATE_HZ
from rds.group import Group

_GROUPS: Final = 350
_RUNS: Final = 5
_AUDIO_RATE_HZ: Final = 44_100


class Music:
    """Ten seconds of stereo noise that falls by 3 dB an octave, as music does, over and over."""

    rate_hz = _AUDIO_RATE_HZ

    def __init__(self, peak: float) -> None:
        random = np.random.default_rng(1)
        spectrum = np.fft.rfft(random.standard_normal((10 * _AUDIO_RATE_HZ, 2)), axis=0)
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))[:, np.newaxis]
        frames = np.fft.irfft(spectrum, axis=0)
        self._frames: npt.NDArray[np.float32] = (frames * peak / np.abs(frames).max()).astype(np.float32)
        self._at = 0

    def read(self, frames: int) -> npt.NDArray[np.float32]:
        """The next frames."""
        if self._at + frames > len(self._frames):
            self._at = 0
        self._at += frames
        return self._frames[self._at - frames : self._at]


def _synthesise(rate_hz: int, programme: AudioSource | None, *, iq: bool) -> None:
    """Makes the whole signal and drops it."""
    random = np.random.default_rng(2)
    groups = [Group(tuple(map(int, words))) for words in random.integers(0, 1 << 16, (_GROUPS, 4))]  # type: ignore[arg-type]
    synthesiser = MpxSynthesiser(rate_hz, levels=MpxLevels(), programme=programme)
    modulator = FmModulator(rate_hz)
    for bits in transmission_bits(groups):
        for mpx in synthesiser.feed(bits):
            if iq:
                modulator.feed(mpx)
    for mpx in synthesiser.flush():
        if iq:
            modulator.feed(mpx)


def measure() -> list[tuple[str, float]]:
    """What was made, and seconds of it for one second of processor time: the median of five runs."""
    quiet, loud = Music(0.2), Music(0.9)
    works: list[tuple[str, Callable[[], None]]] = [
        ("MPX at 228 kHz, pilot and RDS", lambda: _synthesise(228_000, None, iq=False)),
        ("MPX at 228 kHz, stereo programme", lambda: _synthesise(228_000, quiet, iq=False)),
        ("MPX at 228 kHz, stereo programme that is limited", lambda: _synthesise(228_000, loud, iq=False)),
        ("IQ at 250 kHz, stereo programme that is limited", lambda: _synthesise(250_000, loud, iq=True)),
    ]
    duration_s = (_GROUPS + 1) * 104 / BIT_RATE_HZ
    results = []
    for name, work in works:
        seconds = []
        for _ in range(_RUNS):
            start = process_time()
            work()
            seconds.append(process_time() - start)
        results.append((name, duration_s / median(seconds)))
    return results


if __name__ == "__main__":
    for line, speed in measure():
        print(f"{line}: {speed:.0f} x real time")  # noqa: T201 - run by hand
