"""A recording's file name to its rate and its centre, by the conventions of the programs that write them.

g001_98.1M_250k.cu8                              rtl_433
gqrx_20260102_030405_98100000_1800000_fc.raw     gqrx
baseband_98100000Hz_03-04-05_02-01-2026.wav      SDR++; the rate is in the header
SDRSharp_20260102_030405Z_98100000Hz_IQ.wav      SDR#, likewise
wxrt-93.1MHz-256k.cs16                           by hand
"""

import re
from pathlib import Path
from typing import Final

_GQRX: Final = re.compile(r"gqrx_\d{8}_\d{6}_(\d{1,12})_(\d{1,12})_fc")
_TOKEN: Final = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)([kM])(?:Hz|sps|S)?", re.IGNORECASE)
_HERTZ: Final = re.compile(r"(\d{1,12})Hz", re.IGNORECASE)
_LOWEST_TUNED_HZ: Final = 24_000_000
"""A tuner's lowest frequency lies above a recording's highest rate, so the two cannot be mistaken."""


def rate_in_name(name: str) -> int | None:
    """The sample rate in a file's name; None where there is none."""
    if gqrx := _GQRX.fullmatch(Path(name).stem):
        return int(gqrx[2])
    return next((value_hz for value_hz in reversed(_values_hz(name)) if value_hz < _LOWEST_TUNED_HZ), None)


def centre_in_name(name: str) -> int | None:
    """The frequency in a file's name to which the receiver was tuned; None where there is none."""
    if gqrx := _GQRX.fullmatch(Path(name).stem):
        return int(gqrx[1])
    tokens = re.split(r"[_\s-]", Path(name).stem)
    hertz = [int(match[1]) for token in tokens if (match := _HERTZ.fullmatch(token))]
    tuned = [value_hz for value_hz in (*hertz, *_values_hz(name)) if value_hz >= _LOWEST_TUNED_HZ]
    return tuned[0] if tuned else None


def _values_hz(name: str) -> list[int]:
    """The numbers with a k or M in a name."""
    matches = (_TOKEN.fullmatch(token) for token in re.split(r"[_\s-]", Path(name).stem))
    return [round(float(match[1]) * (1e6 if match[2] in "Mm" else 1e3)) for match in matches if match]
