"""A recording's file name to its rate and centre frequency, by the conventions of the programs that write them.

g001_98.1M_250k.cu8                              rtl_433
gqrx_20260102_030405_98100000_1800000_fc.raw     gqrx
baseband_98100000Hz_12-00-00_01-02-2026.wav      SDR++, SDR#
wxrt-93.1MHz-256k.cs16                           by hand
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_GQRX: Final = re.compile(r"gqrx_\d{8}_\d{6}_(\d+)_(\d+)_fc$")
_HERTZ: Final = re.compile(r"(\d{7,10})Hz", re.IGNORECASE)
_TOKEN: Final = re.compile(r"(\d+(?:\.\d+)?)([kM])(?:Hz|sps|S)?", re.IGNORECASE)
_LOWEST_TUNED_HZ: Final = 24_000_000
"""A tuner's lowest frequency lies above a recording's highest rate, so the two cannot be mistaken."""


@dataclass(frozen=True, slots=True)
class NamedFacts:
    """What a name tells; None where it does not."""

    rate_hz: int | None = None
    centre_hz: int | None = None


def facts_of(name: str) -> NamedFacts:
    """Rate and centre in a file's name."""
    stem = Path(name).stem
    if gqrx := _GQRX.fullmatch(stem):
        return NamedFacts(rate_hz=int(gqrx[2]), centre_hz=int(gqrx[1]))
    rates: list[int] = []
    centres = [int(match[1]) for match in _HERTZ.finditer(stem)]
    for token in re.split(r"[_\s-]", stem):
        if match := _TOKEN.fullmatch(token):
            value_hz = round(float(match[1]) * (1e6 if match[2] in "Mm" else 1e3))
            (centres if value_hz >= _LOWEST_TUNED_HZ else rates).append(value_hz)
    return NamedFacts(rates[-1] if rates else None, centres[-1] if centres else None)
