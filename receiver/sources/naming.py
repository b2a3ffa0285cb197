"""A recording's file name to its rate, by the conventions of the programs that write them.

g001_98.1M_250k.cu8                              rtl_433
gqrx_20260102_030405_98100000_1800000_fc.raw     gqrx
wxrt-93.1MHz-256k.cs16                           by hand
"""

import re
from pathlib import Path
from typing import Final

_GQRX: Final = re.compile(r"gqrx_\d{8}_\d{6}_\d+_(\d{1,12})_fc")
_TOKEN: Final = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)([kM])(?:Hz|sps|S)?", re.IGNORECASE)
_LOWEST_TUNED_HZ: Final = 24_000_000
"""A tuner's lowest frequency lies above a recording's highest rate, so the two cannot be mistaken."""


def rate_in_name(name: str) -> int | None:
    """The sample rate in a file's name; None where there is none."""
    stem = Path(name).stem
    if gqrx := _GQRX.fullmatch(stem):
        return int(gqrx[1])
    rate_hz = None
    for token in re.split(r"[_\s-]", stem):
        if match := _TOKEN.fullmatch(token):
            value_hz = round(float(match[1]) * (1e6 if match[2] in "Mm" else 1e3))
            rate_hz = value_hz if value_hz < _LOWEST_TUNED_HZ else rate_hz
    return rate_hz
