"""A SigMF recording to IQ or MPX: .sigmf-meta says what .sigmf-data holds (SigMF 1.2)."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rds.constants import FULL_DEVIATION_HZ
from rds.errors import InputError
from rds.pcm import SAMPLE_OCTETS, SampleFormat, decode_pcm
from receiver.sources.octets import Octets
from receiver.sources.raw_iq import PAIR_OCTETS, IqFormat, iq_chunks
from receiver.sources.stream import IqStream, MpxStream, SourceOptions

FORMATS = ("sigmf",)
SUFFIXES = (".sigmf-meta", ".sigmf-data", ".sigmf")
_IQ: Final[dict[str, IqFormat]] = {"cu8": "cu8", "ci16_le": "cs16", "cf32_le": "cf32"}
_MPX: Final[dict[str, SampleFormat]] = {"ri16_le": "s16", "rf32_le": "f32"}
_LONGEST_META_OCTETS: Final = 1 << 24


def open_stream(octets: Octets, options: SourceOptions) -> IqStream | MpxStream:
    """The samples of a recording, named by either of its two files.

    Raises:
        InputError: one of the files is missing, or the metadata are not to be understood.
    """
    stem = Path(octets.name).with_suffix("")
    meta = _metadata(Octets.open(str(stem.with_suffix(".sigmf-meta"))))
    name = str(stem.with_suffix(".sigmf-data"))
    data = Octets.open(name)
    facts = _table(meta.get("global"), name, "global")
    datatype, rate = facts.get("core:datatype"), facts.get("core:sample_rate", options.rate_hz)
    if datatype not in (*_IQ, *_MPX):
        raise InputError(f"{name}: core:datatype {datatype!r}; allowed: {', '.join((*_IQ, *_MPX))}")
    if not isinstance(rate, int | float) or isinstance(rate, bool) or rate <= 0:
        raise InputError(f"{name}: core:sample_rate is {rate!r}; a positive number is needed, or --rate")
    rate_hz = options.rate_hz or rate
    start = _start(meta, name)
    notes = [f"{name}: {datatype} at {rate_hz:g} S/s{f', from {start.isoformat()}' if start else ''}"]
    if options.rate_hz and options.rate_hz != rate:
        notes.append(f"--rate {options.rate_hz} goes against the metadata's {rate:g}; the option is taken")
    octets_a_sample = PAIR_OCTETS[_IQ[datatype]] if datatype in _IQ else SAMPLE_OCTETS[_MPX[datatype]]
    if data.length is not None and data.length % octets_a_sample:
        notes.append(f"{data.length} bytes are no whole number of samples of {octets_a_sample}; the rest is left out")
    samples = None if data.length is None else data.length // octets_a_sample
    if datatype in _IQ:
        chunks = iq_chunks(data, _IQ[datatype])
        return IqStream(rate_hz=rate_hz, notes=notes, start=start, samples=samples, chunks=chunks)
    mpx = _mpx_chunks(data, _MPX[datatype])
    notes.append(f"full scale is taken for {FULL_DEVIATION_HZ} Hz deviation")
    return MpxStream(rate_hz=rate_hz, notes=notes, start=start, samples=samples, chunks=mpx)


def _mpx_chunks(octets: Octets, sample_format: SampleFormat) -> Iterator[npt.NDArray[np.float32]]:
    for piece in octets.records(SAMPLE_OCTETS[sample_format]):
        yield np.nan_to_num(decode_pcm(piece, sample_format), nan=0.0, posinf=0.0, neginf=0.0)


def _metadata(octets: Octets) -> dict[str, Any]:  # Any: JSON of a stranger, checked field by field
    if octets.length is not None and octets.length > _LONGEST_META_OCTETS:
        raise InputError(f"{octets.name} has {octets.length} bytes; a metadata file has at most {_LONGEST_META_OCTETS}")
    try:
        meta = json.loads(b"".join(octets.records(1)))
    except (ValueError, RecursionError):
        raise InputError(f"{octets.name} is no JSON; a SigMF metadata file is") from None
    return _table(meta, octets.name, "the whole file")


def _table(value: object, name: str, what: str) -> dict[str, Any]:  # Any: as above
    if not isinstance(value, dict):
        raise InputError(f"{name}: {what} of the metadata is no object; see the SigMF specification")
    return value


def _start(meta: dict[str, Any], name: str) -> datetime | None:  # Any: as above
    """The moment of the first sample, from the first capture segment."""
    captures = meta.get("captures")
    first = captures[0] if isinstance(captures, list) and captures else {}
    text = first.get("core:datetime") if isinstance(first, dict) else None
    if text is None:
        return None
    try:
        start = datetime.fromisoformat(str(text))
    except ValueError:
        raise InputError(f"{name}: core:datetime {text!r}; RFC 3339 is needed, such as 2026-12-01T17:00:00Z") from None
    if start.tzinfo is None:
        raise InputError(f"{name}: core:datetime {text!r} has no zone; RFC 3339 in UTC ends with Z")
    return start
