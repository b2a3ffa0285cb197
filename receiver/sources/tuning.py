"""What a caller says of a station to what a stick is told: centre, rate, gain, and where in the stream the station is.

A direct-converting stick has a spike at the centre of all it receives, so it is tuned beside the station.
"""

from dataclasses import dataclass
from typing import Final

from rds.errors import UsageError
from rds.quantity import format_rate
from receiver.sources.stream import SourceOptions

DEFAULT_RATE_HZ: Final = 1_024_000
"""Room for a station beside the centre, exact in the stick's ratio, well below what USB carries without loss."""
_RATES_HZ: Final = ((225_001, 300_000), (900_001, 3_200_000))
"""What the RTL2832U's resampler can do."""
_LOSS_FREE_HZ: Final = 2_400_000
_TUNED_HZ: Final = (24_000_000, 1_766_000_000)
"""What an R820T tunes to; band II lies within."""
_CRYSTAL_HZ: Final = 28_800_000


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a stick is told."""

    centre_hz: int
    rate_hz: int
    """As it is asked for."""
    offset_hz: float
    """The station's distance from the centre."""
    gain_db: float | None
    """None: by level."""
    ppm: int
    bias_tee: bool

    @property
    def exact_rate_hz(self) -> float:
        """The rate that comes of it: the stick resamples by a ratio of 22 bits after the point, the last two zero."""
        ratio = (_CRYSTAL_HZ << 22) // self.rate_hz & 0x0FFFFFFC
        return _CRYSTAL_HZ * 2**22 / (ratio | (ratio & 0x08000000) << 1)

    def notes(self, name: str) -> list[str]:
        """What was assumed, for people."""
        beside = f", the station {self.offset_hz:+.10g} Hz beside, away from the spike" if self.offset_hz else ""
        gain = "by level" if self.gain_db is None else f"{self.gain_db:g} dB"
        power = ", bias tee on" if self.bias_tee else ""
        rate = format_rate(self.rate_hz)
        said = [f"{name}: tuned to {self.centre_hz / 1e6:.10g} MHz{beside}; {rate} S/s; gain {gain}{power}"]
        if self.rate_hz > _LOSS_FREE_HZ:
            said.append(f"{name}: above {format_rate(_LOSS_FREE_HZ)} S/s a stick loses samples")
        return said


def plan_tuning(name: str, options: SourceOptions) -> Tuning:
    """The tuning for a station, or, where `--offset` is given, for a centre.

    Raises:
        UsageError: no frequency, or a value that no stick can be told.
    """
    if options.format is not None:
        raise UsageError(f"--format {options.format}: {name} is no file; leave the option out")
    if options.frequency_hz is None:
        raise UsageError(f"{name}: no frequency to tune to; give one, such as --frequency 98.1M")
    rate_hz = options.rate_hz or DEFAULT_RATE_HZ
    if not any(low <= rate_hz <= high for low, high in _RATES_HZ):
        allowed = " or ".join(f"{low}..{high}" for low, high in _RATES_HZ)
        raise UsageError(f"--rate {format_rate(rate_hz)}: no stick can do it; allowed: {allowed} S/s, such as 1.024M")
    if options.offset_hz is not None:
        centre_hz, offset_hz = options.frequency_hz, options.offset_hz
    else:
        # A quarter of the rate from the centre is as far from the spike as from the edge.
        beside_hz = rate_hz // 4 if rate_hz > _RATES_HZ[0][1] else 0
        centre_hz, offset_hz = options.frequency_hz - beside_hz, float(beside_hz)
    low_hz, high_hz = _TUNED_HZ
    if not low_hz <= centre_hz <= high_hz:
        raise UsageError(
            f"--frequency {format_rate(options.frequency_hz)}: a stick tunes from {format_rate(low_hz)} to "
            f"{format_rate(high_hz)}; FM stations are from 87.5M to 108M"
        )
    return Tuning(centre_hz, rate_hz, offset_hz, options.gain_db, options.ppm, options.bias_tee)
