"""A wide IQ stream to the FM carriers in it: a power spectrum, and where on the band's raster it has its peaks."""

from typing import Final

import numpy as np
import numpy.typing as npt

from receiver.dsp.channel import Codes, Iq, as_iq

RASTER_HZ: Final = 100_000
"""Of band II in all of the world; in part of it stations stand 200 kHz apart on the odd ones."""
MARGIN_HZ: Final = 100_000
"""A station's half; nearer to the stream's edge none is looked for."""
_BLOCK: Final = 1024
_BLOCKS_AT_ONCE: Final = 64
"""Out of each chunk: a quarter of a second is told by a tenth of its samples."""
_HALF_HZ: Final = 60_000
_PROMINENCE: Final = 10**0.1
"""1 dB above what lies between it and the next; the spectrum of noise alone is flat to a tenth of that."""
_SPIKE_BINS: Final = 2


class CarrierSearch:
    """A stage with state: chunks in, at any time the carriers heard so far."""

    def __init__(self, rate_hz: float, *, centre_hz: int | None = None) -> None:
        """`centre_hz` says where the stream lies in the band; None: its centre is taken for a place on the raster."""
        self._rate_hz = rate_hz
        self._centre_hz = centre_hz or 0
        self._power = np.zeros(_BLOCK)
        self._window = np.hanning(_BLOCK).astype(np.float32)

    def feed(self, chunk: Iq | Codes) -> None:
        """Takes complex64, or a stick's codes, uint8 of shape (samples, 2)."""
        whole = len(chunk) // _BLOCK
        step = max(1, whole // _BLOCKS_AT_ONCE)
        for number in range(0, whole, step):
            block = as_iq(chunk[number * _BLOCK : (number + 1) * _BLOCK]).reshape(-1)
            bins = np.fft.fft(block * self._window)
            self._power += bins.real**2 + bins.imag**2

    def offsets_hz(self) -> list[float]:
        """The carriers' distances from the stream's centre, lowest first; whatever their power."""
        half_hz = self._rate_hz / 2 - MARGIN_HZ
        first = int(-((half_hz - self._centre_hz) // RASTER_HZ))
        last = int((half_hz + self._centre_hz) // RASTER_HZ)
        places = [float(number * RASTER_HZ - self._centre_hz) for number in range(first, last + 1)]
        power = self._channel_power(places)
        return [place for number, place in enumerate(places) if _is_peak(power, number)]

    def _channel_power(self, places: list[float]) -> npt.NDArray[np.float64]:
        """What lies about each of the places."""
        spectrum = self._power.copy()
        # A stick's own spike at the centre is no carrier.
        beside = (*range(-2 * _SPIKE_BINS, -_SPIKE_BINS), *range(_SPIKE_BINS + 1, 2 * _SPIKE_BINS + 1))
        spectrum[list(range(-_SPIKE_BINS, _SPIKE_BINS + 1))] = spectrum[list(beside)].mean()
        frequency_hz = np.fft.fftfreq(_BLOCK, 1 / self._rate_hz)
        return np.array([spectrum[np.abs(frequency_hz - place) <= _HALF_HZ].sum() for place in places])


def _is_peak(power: npt.NDArray[np.float64], number: int) -> bool:
    """Whether a channel has more than its neighbours, and clearly more than the valley to each side."""
    own, left, right = power[number], power[max(0, number - 2) : number], power[number + 1 : number + 3]
    if own <= 0 or (len(left) and left[-1] >= own) or (len(right) and right[0] > own):
        return False
    return all(own > _PROMINENCE * side.min() for side in (left, right) if len(side))
