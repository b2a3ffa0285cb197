"""A SigMF recording to IQ or MPX: .sigmf-meta says what .sigmf-data holds (SigMF 1.2)."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rds.constants import FULL_DEVIATION_HZ
from rds.errors import InputError, UsageError
from rds.moment import parse_moment
from rds.pcm import SAMPLE_OCTETS, SampleFormat, decode_pcm
from receiver.sources.floats import tame
from receiver.sources.naming import rate_in_name
from receiver.sources.octets import STDIN, Octets
from receiver.sources.rate import NAME, OPTION, settle_rate
from receiver.sources.raw_iq import PAIR_OCTETS, IqFormat, iq_stream
from receiver.sources.stream import IqStream, MpxStream, SourceOptions

FORMATS = ("sigmf",)
SUFFIXES = (".sigmf-meta", ".sigmf-data", ".sigmf")
_META, _DATA, _ARCHIVE = SUFFIXES
_IQ: Final[dict[str, IqFormat]] = {"cu8": "cu8", "ci16_le": "cs16", "cf32_le": "cf32"}
_MPX: Final[dict[str, SampleFormat]] = {"ri16_le": "s16", "rf32_le": "f32"}
_LONGEST_META_OCTETS: Final = 1 << 24
_LONGEST_SEEN: Final = 60
_BEYOND_REASON: Final = 1e100


@dataclass(frozen=True, slots=True)
class _Facts:
    """The metadata that matter here, as they stand in the file."""

    datatype: str
    rate_hz: float | None
    dataset: str | None
    """The data file's name, where it does not follow from the metadata's."""
    header_octets: int
    """What stands before the first sample in it."""
    first_sample: int
    """The number of the sample that the first capture begins with."""
    start: datetime | None
    """When it does."""
    centre_hz: float | None
    segments: int


def open_stream(name: str, options: SourceOptions) -> IqStream | MpxStream:
    """The samples of a recording, named by either of its two files or by what their names have in common.

    Raises:
        InputError: one of the files is missing, or the metadata are not to be understood.
        UsageError: it is to come from standard input.
    """
    if name == STDIN:
        raise UsageError("a SigMF recording is two files and cannot come from standard input; give one of their names")
    if name.endswith(_ARCHIVE) and Path(name).is_file():
        raise InputError(f"{name} is a SigMF archive; unpack it with tar -xf and give the {_META} file in it")
    stem = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)
    meta_name = stem + _META
    facts = _read_facts(Octets.open(meta_name))
    data = Octets.open(stem + _DATA if facts.dataset is None else str(Path(stem).with_name(facts.dataset)))
    data.skip(facts.header_octets)
    notes = data.notes
    said = {OPTION: options.rate_hz, "core:sample_rate": facts.rate_hz, NAME: rate_in_name(data.name)}
    rate_hz = settle_rate(data.name, said, notes)
    start = None if facts.first_sample else facts.start
    since = "" if start is None else f", from {start.isoformat()}"
    notes.append(f"{data.name}: {facts.datatype} at {rate_hz:.10g} S/s{since}")
    if facts.first_sample:
        notes.append(f"{meta_name}: its first capture begins at sample {facts.first_sample}; no time is taken from it")
    if facts.segments > 1:
        notes.append(f"{meta_name} has {facts.segments} captures; time runs on from the first as if nothing were lost")
    octets = None if data.length is None else max(0, data.length - facts.header_octets)
    if facts.datatype in _IQ:
        iq_format = _IQ[facts.datatype]
        samples = None if octets is None else octets // PAIR_OCTETS[iq_format]
        return iq_stream(data, iq_format, rate_hz=rate_hz, samples=samples, start=start, centre_hz=facts.centre_hz)
    sample_format = _MPX[facts.datatype]
    samples = None if octets is None else octets // SAMPLE_OCTETS[sample_format]
    notes.append(f"{data.name} does not say its full scale; it is taken for {FULL_DEVIATION_HZ} Hz deviation")
    mpx = _mpx_chunks(data, sample_format)
    return MpxStream(rate_hz=rate_hz, notes=notes, start=start, samples=samples, chunks=mpx)


def _mpx_chunks(octets: Octets, sample_format: SampleFormat) -> Iterator[npt.NDArray[np.float32]]:
    for piece in octets.records(SAMPLE_OCTETS[sample_format]):
        samples = decode_pcm(piece, sample_format)
        yield tame(samples) if sample_format == "f32" else samples


def _read_facts(octets: Octets) -> _Facts:
    """The facts of a metadata file, each checked: it is a stranger's."""
    name = octets.name
    meta = _table(_read_json(octets), name, "the whole file")
    common = _table(meta.get("global"), name, '"global"')
    captures = meta.get("captures", [])
    if not isinstance(captures, list):
        raise InputError(f'{name}: "captures" is {_seen(captures)}; allowed: a list')
    first = _table(captures[0], name, 'the first of "captures"') if captures else {}
    datatype, dataset = common.get("core:datatype"), common.get("core:dataset")
    if datatype not in (*_IQ, *_MPX):
        raise InputError(f"{name}: core:datatype is {_seen(datatype)}; allowed: {', '.join((*_IQ, *_MPX))}")
    if common.get("core:num_channels", 1) != 1:
        raise InputError(f"{name}: core:num_channels is {_seen(common['core:num_channels'])}; allowed: 1")
    # A name only: metadata of a stranger must not lead out of their folder.
    if dataset is not None and (not isinstance(dataset, str) or not dataset or Path(dataset).name != dataset):
        raise InputError(f"{name}: core:dataset is {_seen(dataset)}; allowed: the name of a file beside it")
    return _Facts(
        datatype=datatype,
        rate_hz=_number(common.get("core:sample_rate"), name, "core:sample_rate"),
        dataset=dataset,
        header_octets=_count(first.get("core:header_bytes", 0), name, "core:header_bytes"),
        first_sample=_count(first.get("core:sample_start", 0), name, "core:sample_start"),
        start=_moment(first.get("core:datetime"), name),
        centre_hz=_number(first.get("core:frequency"), name, "core:frequency"),
        segments=len(captures),
    )


def _read_json(octets: Octets) -> object:
    if octets.length is not None and octets.length > _LONGEST_META_OCTETS:
        raise InputError(f"{octets.name} has {octets.length} bytes; a metadata file has at most {_LONGEST_META_OCTETS}")
    try:
        return json.loads(b"".join(octets.records(1, limit=_LONGEST_META_OCTETS)))
    except (ValueError, RecursionError):
        raise InputError(f"{octets.name} is no JSON; a SigMF metadata file is") from None


def _table(value: object, name: str, what: str) -> dict[str, Any]:  # Any: JSON of a stranger, checked field by field
    if not isinstance(value, dict):
        raise InputError(f"{name}: {what} is {_seen(value)}; allowed: a JSON object, see the SigMF specification")
    return value


def _seen(value: object) -> str:
    """A value for a message, cut to a line."""
    return json.dumps(value)[:_LONGEST_SEEN]


def _number(value: object, name: str, what: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InputError(f"{name}: {what} is {_seen(value)}; allowed: a number")
    return float(value) if abs(value) < _BEYOND_REASON else math.inf


def _count(value: object, name: str, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InputError(f"{name}: {what} is {_seen(value)}; allowed: a whole number from 0 on")
    return value


def _moment(value: object, name: str) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_moment(value if isinstance(value, str) else _seen(value))
    except ValueError as error:
        raise InputError(f"{name}: core:datetime: {error}") from None
