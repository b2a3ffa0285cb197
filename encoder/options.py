"""What a user may ask of a signal, checked: rates, levels, programme, impairments."""

from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Final

from encoder.levels import MpxLevels
from encoder.sinks import format_of
from rds.errors import UsageError
from rds.quantity import format_rate

MPX_RATES_HZ: Final = (171_000, 190_000, 192_000, 228_000, 250_000)
IQ_RATES_HZ: Final = (228_000, 240_000, 250_000, 256_000, 300_000, 1_024_000, 1_200_000, 2_048_000, 2_400_000)
DEFAULT_RATES_HZ: Final = {"mpx": 228_000, "iq": 250_000}
FULL_SCALE_HZ: Final = 100_000
"""Deviation that full scale of a multiplex file stands for."""


@dataclass(frozen=True, slots=True)
class SignalOptions:
    """What `modulate` and `build` may be told about a signal.

    Attributes:
        rate_hz: of the output, None for the format's usual one.
        levels: of the multiplex.
        programme: a WAV file, None for pilot and RDS alone.
        full_scale_hz: deviation of a multiplex file's full scale.
        cn_db: carrier over noise in 200 kHz, None for no noise. IQ only.
        offset_hz: of the carrier from the middle of the IQ.
        clock_ppm: by which the sender's sample clock is too fast.
        seed: of the noise.
    """

    rate_hz: int | None = None
    levels: MpxLevels = field(default_factory=MpxLevels)
    programme: Path | None = None
    full_scale_hz: int = FULL_SCALE_HZ
    cn_db: float | None = None
    offset_hz: float = 0.0
    clock_ppm: float = 0.0
    seed: int = 0


def _check_range(name: str, value: float, low: float, high: float) -> None:
    """Raises UsageError for a value that is not from `low` to `high`."""
    if not (isfinite(value) and low <= value <= high):
        raise UsageError(f"{name} {value:.10g}; allowed: {low:.10g} to {high:.10g}")


def checked_rate(options: SignalOptions, kind: str) -> int:
    """The rate of the output; every option checked against the kind of signal.

    Raises:
        UsageError: a value out of its range, or one that this kind of signal has no use for.
    """
    rate_hz = options.rate_hz or DEFAULT_RATES_HZ[kind]
    allowed = MPX_RATES_HZ if kind == "mpx" else IQ_RATES_HZ
    if rate_hz not in allowed:
        name = "a multiplex file" if kind == "mpx" else "IQ"
        raise UsageError(f"rate {rate_hz} for {name}; allowed: {', '.join(map(format_rate, allowed))}")
    levels = options.levels
    _check_range("RDS deviation in Hz", levels.rds_deviation_hz, 1000, 7500)
    if levels.rds_phase_deg not in (0, 90):
        raise UsageError(f"RDS phase {levels.rds_phase_deg}; allowed: 0, 90")
    if levels.preemphasis_s not in (50e-6, 75e-6):
        raise UsageError(f"pre-emphasis {levels.preemphasis_s * 1e6:g} microseconds; allowed: 50, 75")
    _check_range("full scale in Hz", options.full_scale_hz, 75_000, 1_000_000)
    _check_range("clock error in ppm", options.clock_ppm, -1000, 1000)
    _check_range("seed", options.seed, 0, 2**63)
    _check_range("carrier offset in Hz", options.offset_hz, -rate_hz / 2, rate_hz / 2)
    if options.cn_db is not None:
        _check_range("carrier-to-noise ratio in dB", options.cn_db, -40, 200)
    if kind == "mpx" and (options.cn_db is not None or options.offset_hz):
        raise UsageError(
            "a multiplex file has no carrier to give noise or an offset; name an IQ file: .sigmf-meta, .cu8, .cf32"
        )
    return rate_hz


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files that `build` writes; each is left out if None."""

    hex_list: Path | None = None
    """One group a line; - for standard output."""
    mpx: Path | None = None
    iq: Path | None = None

    def check(self, plan: Path) -> None:
        """Refuses outputs that are none, of the wrong kind, or one file twice.

        Raises:
            UsageError: one of these.
        """
        given = [path for path in (self.hex_list, self.mpx, self.iq) if path is not None]
        if not given:
            raise UsageError("no output; give one or more of --hex OUT, --mpx OUT.wav, --iq OUT")
        for name, path, kind in (("--mpx", self.mpx, "mpx"), ("--iq", self.iq, "iq")):
            if path is not None and kind != format_of(path).KIND:
                wanted = ".wav" if kind == "mpx" else ".sigmf-meta, .cf32, .cu8"
                raise UsageError(f"{name} {path}; allowed: a name that ends in {wanted}")
        places = [path.absolute() for path in (plan, *given)]
        for path in given:
            if places.count(path.absolute()) > 1:
                raise UsageError(f"output {path} is named twice, or is the plan itself; name another file")
