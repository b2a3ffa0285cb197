"""Bare interleaved I and Q to IQ: cu8 (rtl_sdr), cs16, cf32; the rate comes from the option or the file's name."""

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from rds.errors import InputError
from rds.pcm import decode_pcm
from receiver.sources.naming import facts_of
from receiver.sources.octets import Octets
from receiver.sources.stream import IqStream, SourceOptions

FORMATS = ("cu8", "cs16", "cf32")
SUFFIXES = (".cu8", ".cs16", ".cf32", ".raw")


IqFormat = Literal["cu8", "cs16", "cf32"]
PAIR_OCTETS: Final[dict[IqFormat, int]] = {"cu8": 2, "cs16": 4, "cf32": 8}
_CU8_ZERO: Final = np.float32(127.5)
"""A stick's converter has no code for zero: it lies between 127 and 128."""


def decode_iq(octets: bytes, iq_format: IqFormat) -> npt.NDArray[np.complex64]:
    """Complex64 of interleaved I and Q, 1.0 = full scale. NaN and infinity, which a cf32 may hold, become 0."""
    if iq_format == "cu8":
        parts = np.frombuffer(octets, np.uint8).astype(np.float32)
        parts -= _CU8_ZERO
        parts *= 1 / _CU8_ZERO
    else:
        parts = decode_pcm(octets, "s16" if iq_format == "cs16" else "f32")
    if iq_format == "cf32":
        np.nan_to_num(parts, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return parts.view(np.complex64)


def iq_chunks(octets: Octets, iq_format: IqFormat, *, limit: int | None = None) -> Iterator[npt.NDArray[np.complex64]]:
    """IQ of an input's bytes, to its end or `limit` bytes."""
    return (decode_iq(piece, iq_format) for piece in octets.records(PAIR_OCTETS[iq_format], limit=limit))


def open_stream(octets: Octets, options: SourceOptions) -> IqStream:
    """IQ of a bare file.

    Raises:
        InputError: nothing tells the rate.
    """
    named = facts_of(octets.name)
    rate_hz = options.rate_hz or named.rate_hz
    if rate_hz is None:
        raise InputError(f"{octets.name}: a bare IQ file does not tell its rate; give --rate, such as --rate 250k")
    iq_format = _format_of(octets.name, options)
    pair = PAIR_OCTETS[iq_format]
    if octets.length is not None and octets.length < pair:
        raise InputError(f"{octets.name} holds {octets.length} bytes, not one {iq_format} sample of {pair}")
    notes = [f"{octets.name}: {iq_format} at {rate_hz} S/s{'' if options.rate_hz else ' by its name'}"]
    if options.rate_hz and named.rate_hz and options.rate_hz != named.rate_hz:
        notes.append(f"--rate {options.rate_hz} goes against the name's {named.rate_hz}; the option is taken")
    if octets.length is not None and octets.length % pair:
        notes.append(
            f"{octets.length} bytes are no whole number of {iq_format} samples of {pair}; the rest is left out"
        )
    samples = None if octets.length is None else octets.length // pair
    return IqStream(rate_hz=rate_hz, notes=notes, samples=samples, chunks=iq_chunks(octets, iq_format))


def _format_of(name: str, options: SourceOptions) -> IqFormat:
    for iq_format in PAIR_OCTETS:
        if options.format == iq_format or (options.format is None and name.lower().endswith(f".{iq_format}")):
            return iq_format
    return "cf32"  # gqrx's .raw
