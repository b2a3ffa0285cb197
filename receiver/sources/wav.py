"""A WAV file to MPX (one channel) or IQ (two channels: I left, Q right)."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.constants import FULL_DEVIATION_HZ
from rds.errors import InputError
from rds.pcm import decode_pcm
from rds.wav_header import MAX_HEADER_OCTETS, WavHeader, parse_wav_header
from receiver.sources.floats import tame
from receiver.sources.naming import rate_in_name
from receiver.sources.octets import Octets
from receiver.sources.rate import NAME, OPTION, settle_rate
from receiver.sources.stream import IqStream, MpxStream, SourceOptions

FORMATS = ("wav",)
SUFFIXES = (".wav",)
_ASSUMED_FULL_SCALE_HZ: Final = FULL_DEVIATION_HZ
"""Where a file does not say what its full scale is."""


def open_stream(name: str, options: SourceOptions) -> IqStream | MpxStream:
    """MPX or IQ of a WAV file, by its number of channels.

    Raises:
        InputError: no WAV, a coding that is not read, or more than two channels.
    """
    octets = Octets.open(name)
    header = _header(octets)
    if header.channels > 2:
        raise InputError(f"{octets.name} has {header.channels} channels; allowed: 1 (MPX) or 2 (I and Q)")
    octets.skip(header.data_start)
    notes, limit = octets.notes, header.data_octets
    said = {OPTION: options.rate_hz, "its header": header.rate_hz, NAME: rate_in_name(name)}
    rate_hz = settle_rate(octets.name, said, notes)
    kind = "MPX" if header.channels == 1 else "IQ"
    notes.append(f"{octets.name}: {kind} at {rate_hz:.10g} S/s, {header.sample_format}")
    present = None if octets.length is None else octets.length - header.data_start
    known = [count for count in (limit, present) if count is not None]
    samples = min(known) // header.frame_octets if known else None
    if header.channels == 2:
        iq = (piece.view(np.complex64) for piece in _pieces(octets, header, limit))
        has_limits = header.sample_format != "f32"
        return IqStream(rate_hz=rate_hz, notes=notes, samples=samples, chunks=iq, has_limits=has_limits)
    full_scale_hz = header.full_scale_hz
    if full_scale_hz is None:
        full_scale_hz = _ASSUMED_FULL_SCALE_HZ
        notes.append(f"{octets.name} does not say its full scale; it is taken for {full_scale_hz} Hz deviation")
    mpx = _scaled(_pieces(octets, header, limit), full_scale_hz / FULL_DEVIATION_HZ)
    return MpxStream(rate_hz=rate_hz, notes=notes, samples=samples, chunks=mpx)


def _header(octets: Octets) -> WavHeader:
    """The header, from as few bytes as it takes, so that a pipe need not fill."""
    count = 64
    while count <= MAX_HEADER_OCTETS:
        prefix = octets.peek(count)
        try:
            header = parse_wav_header(prefix)
        except ValueError as error:
            raise InputError(f"{octets.name}: {error}; for bare samples give --format and --rate") from None
        if header is not None:
            return header
        if len(prefix) < count:
            break
        count *= 2
    raise InputError(f"{octets.name} ends within its WAV header; take the recording anew")


def _pieces(octets: Octets, header: WavHeader, limit: int | None) -> Iterator[npt.NDArray[np.float32]]:
    for piece in octets.records(header.frame_octets, limit=limit):
        samples = decode_pcm(piece, header.sample_format)
        yield tame(samples) if header.sample_format == "f32" else samples


def _scaled(pieces: Iterator[npt.NDArray[np.float32]], factor: float) -> Iterator[npt.NDArray[np.float32]]:
    return (piece * np.float32(factor) for piece in pieces)
