"""Bare interleaved I and Q to IQ: cu8 (rtl_sdr), cs16, cf32; the rate comes from the option or the file's name."""

from datetime import datetime
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from rds.errors import InputError
from rds.pcm import decode_cu8, decode_pcm
from receiver.sources.floats import tame
from receiver.sources.naming import rate_in_name
from receiver.sources.octets import Octets
from receiver.sources.rate import NAME, OPTION, settle_rate
from receiver.sources.stream import IqStream, SourceOptions

FORMATS = ("cu8", "cs16", "cf32")
SUFFIXES = (".cu8", ".cs16", ".cf32", ".raw")

IqFormat = Literal["cu8", "cs16", "cf32"]
PAIR_OCTETS: Final[dict[IqFormat, int]] = {"cu8": 2, "cs16": 4, "cf32": 8}

_CHUNK_S: Final = 0.25
"""What is read at once: every chunk makes its way through all stages, and not all of their data fit the caches."""
_MOST_OCTETS: Final = 1 << 22


def decode_iq(octets: bytes, iq_format: IqFormat) -> npt.NDArray[np.complex64]:
    """Complex64 of interleaved I and Q, 1.0 = full scale; what is no number in a cf32 becomes 0."""
    if iq_format == "cu8":
        return decode_cu8(np.frombuffer(octets, np.uint8))
    parts = decode_pcm(octets, "s16") if iq_format == "cs16" else tame(decode_pcm(octets, "f32"))
    return parts.view(np.complex64)


def iq_stream(
    octets: Octets,
    iq_format: IqFormat,
    *,
    rate_hz: float,
    samples: int | None,
    start: datetime | None = None,
    centre_hz: float | None = None,
) -> IqStream:
    """The IQ of an input's bytes, to its end."""
    pair = PAIR_OCTETS[iq_format]
    pieces = octets.records(pair, at_once=min(_MOST_OCTETS, pair * max(1, round(rate_hz * _CHUNK_S))))
    codes = (np.frombuffer(piece, np.uint8).reshape(-1, 2) for piece in pieces)
    return IqStream(
        rate_hz=rate_hz,
        notes=octets.notes,
        start=start,
        samples=samples,
        centre_hz=centre_hz,
        chunks=(decode_iq(piece, iq_format) for piece in pieces),
        codes=codes if iq_format == "cu8" else None,
        has_limits=iq_format != "cf32",
    )


def open_stream(name: str, options: SourceOptions) -> IqStream:
    """IQ of a bare file.

    Raises:
        InputError: nothing tells the rate, or there is not one sample.
    """
    octets = Octets.open(name)
    iq_format = _format_of(name, options)
    notes, pair = octets.notes, PAIR_OCTETS[iq_format]
    rate_hz = settle_rate(octets.name, {OPTION: options.rate_hz, NAME: rate_in_name(name)}, notes)
    if octets.length is not None and octets.length < pair:
        raise InputError(f"{octets.name} holds {octets.length} bytes, not one {iq_format} sample of {pair}")
    notes.append(f"{octets.name}: {iq_format} at {rate_hz:.10g} S/s")
    samples = None if octets.length is None else octets.length // pair
    return iq_stream(octets, iq_format, rate_hz=rate_hz, samples=samples)


def _format_of(name: str, options: SourceOptions) -> IqFormat:
    for iq_format in PAIR_OCTETS:
        if options.format == iq_format or (options.format is None and name.lower().endswith(f".{iq_format}")):
            return iq_format
    return "cf32"  # gqrx's .raw
