"""Deviations, phase and pre-emphasis of a multiplex to its levels and responses; 1.0 = 75 kHz deviation."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import FULL_DEVIATION_HZ

PILOT_LEVEL: Final = 0.09
"""Of 75 kHz; ITU-R BS.450 allows 8 to 10 %."""
AUDIO_EDGE_HZ: Final = 15_000
AUDIO_STOP_HZ: Final = 16_500
"""From here the low-pass gives nothing: 38 kHz and this stay under the RDS lobe at 54.6 kHz."""


@dataclass(frozen=True, slots=True)
class MpxLevels:
    """How the multiplex is put together.

    Attributes:
        rds_deviation_hz: the most that the RDS signal deviates the carrier, over all data there could be.
        rds_phase_deg: 0, in phase with the third harmonic of the pilot, or 90, in quadrature.
        pilot: whether 9 % of pilot are sent; without it the programme is mono.
        preemphasis_s: time constant of the programme's pre-emphasis.
    """

    rds_deviation_hz: float = 2000.0
    rds_phase_deg: int = 0
    pilot: bool = True
    preemphasis_s: float = 50e-6

    @property
    def programme_ceiling(self) -> float:
        """What pilot and RDS leave of 75 kHz: programme full scale at low frequencies, and where the limiter acts."""
        return 1.0 - PILOT_LEVEL * self.pilot - self.rds_deviation_hz / FULL_DEVIATION_HZ


def audio_response(frequency_hz: npt.NDArray[np.float64], preemphasis_s: float) -> npt.NDArray[np.complex128]:
    """Pre-emphasis 1 + j 2 pi f tau and a low-pass without phase: 1 to 15 kHz, a quarter cosine squared to 16.5 kHz."""
    fall = np.clip((frequency_hz - AUDIO_EDGE_HZ) / (AUDIO_STOP_HZ - AUDIO_EDGE_HZ), 0, 1)
    response: npt.NDArray[np.complex128] = (1 + 2j * np.pi * frequency_hz * preemphasis_s) * np.cos(
        np.pi / 2 * fall
    ) ** 2
    return response
