"""The header of a WAV file from its fields, and its fields from the first octets of a file.

Reads RIFF, RF64 and BW64 (EBU Tech 3306) with PCM of 8, 16, 24 or 32 bits or float of 32 bits, plain or extensible.
Writes 16-bit mono multiplex. A comment (LIST, INFO, ICMT) says which deviation is full scale.
"""

import re
import struct
from dataclasses import dataclass
from typing import Final

from rds.pcm import SAMPLE_OCTETS, SampleFormat

MAX_HEADER_OCTETS: Final = 1 << 20
"""A file whose samples start later is refused."""

_PCM: Final = 1
_FLOAT: Final = 3
_EXTENSIBLE: Final = 0xFFFE
_FORMATS: Final[dict[tuple[int, int], SampleFormat]] = {
    (_PCM, 8): "u8",
    (_PCM, 16): "s16",
    (_PCM, 24): "s24",
    (_PCM, 32): "s32",
    (_FLOAT, 32): "f32",
}
_LONG: Final = 0xFFFF_FFFF
"""A 32-bit size that stands in ds64, or that a stream did not know."""
_MAGICS: Final = (b"RIFF", b"RF64", b"BW64")
_KEPT: Final = (b"fmt ", b"ds64", b"LIST")
_COMMENT: Final = "FM multiplex, full scale {} Hz deviation"
_FULL_SCALE: Final = re.compile(rb"full scale ([0-9]{1,9}) Hz deviation")


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What the samples of a WAV file are and where they lie.

    `data_octets` is None where the file does not know it (a stream, a recording cut off); then they go on to its end.
    `full_scale_hz` is the deviation that 1.0 stands for, None where no comment says so.
    """

    rate_hz: int
    channels: int
    sample_format: SampleFormat
    data_start: int
    data_octets: int | None
    full_scale_hz: int | None = None

    @property
    def frame_octets(self) -> int:
        """Octets of one sample of every channel."""
        return self.channels * SAMPLE_OCTETS[self.sample_format]


def _parse_format(body: bytes) -> tuple[int, int, SampleFormat]:
    """Rate, channels and sample format of a `fmt ` chunk."""
    if len(body) < 16:
        raise ValueError(f"the WAV format chunk has {len(body)} octets; at least 16 are needed")
    tag, channels, rate_hz, _, align, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)
    sample_format = _FORMATS.get((tag, bits))
    if sample_format is None:
        raise ValueError(f"WAV coding {tag} of {bits} bits; allowed: PCM of 8, 16, 24 or 32 bits, float of 32 bits")
    if not rate_hz or not channels or align != channels * SAMPLE_OCTETS[sample_format]:
        raise ValueError(
            f"the WAV header says {channels} channels, {rate_hz} Hz, {align} octets a frame: it is damaged"
        )
    return rate_hz, channels, sample_format


def _data_octets(size: int, ds64: bytes | None) -> int | None:
    """The octets of the data chunk; a stream's 0 or all ones mean that nobody knows."""
    if size == _LONG and ds64 is not None and len(ds64) >= 16:
        (size,) = struct.unpack_from("<Q", ds64, 8)
    return None if size in (0, _LONG) else size


def parse_wav_header(prefix: bytes) -> WavHeader | None:
    """The header in the first octets of a file, or None as long as more of them are needed.

    Raises:
        ValueError: these octets begin no WAV file that can be read, or its samples start after `MAX_HEADER_OCTETS`.
    """
    if not any(magic.startswith(prefix[:4]) for magic in _MAGICS) or not b"WAVE".startswith(prefix[8:12]):
        raise ValueError("not a WAV file: it does not begin with RIFF or RF64 and WAVE")
    chunks: dict[bytes, bytes] = {}
    full_scale_hz: int | None = None
    at = 12
    while at + 8 <= MAX_HEADER_OCTETS:
        if len(prefix) < at + 8:
            return None
        name, size = struct.unpack_from("<4sI", prefix, at)
        body_at = at + 8
        if name == b"data":
            if b"fmt " not in chunks:
                raise ValueError("the WAV file has samples before it says their format")
            rate_hz, channels, sample_format = _parse_format(chunks[b"fmt "])
            octets = _data_octets(size, chunks.get(b"ds64"))
            return WavHeader(rate_hz, channels, sample_format, body_at, octets, full_scale_hz)
        at = body_at + size + size % 2
        if name in _KEPT and at <= MAX_HEADER_OCTETS:
            if len(prefix) < at:
                return None
            chunks[name] = prefix[body_at : body_at + size]
            if name == b"LIST" and (match := _FULL_SCALE.search(chunks[name])):
                full_scale_hz = int(match[1]) or None
    raise ValueError(f"no samples within the first {MAX_HEADER_OCTETS} octets of the WAV file")


def _chunk(name: bytes, body: bytes) -> bytes:
    """A chunk, padded to an even number of octets."""
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def build_wav_header(rate_hz: int, *, samples: int, full_scale_hz: int) -> bytes:
    """The header of a 16-bit mono multiplex of `samples` samples.

    It has the same length whatever `samples` is, so that a writer can put it in place when it knows; beyond 4 GiB it
    is RF64, whose ds64 chunk takes the room of a JUNK chunk.
    """
    comment = _COMMENT.format(full_scale_hz).encode("ascii") + b"\0"
    body = _chunk(b"fmt ", struct.pack("<HHIIHH", _PCM, 1, rate_hz, 2 * rate_hz, 2, 16))
    body += _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", comment))
    data_octets = 2 * samples
    riff_octets = 4 + 8 + 28 + len(body) + 8 + data_octets
    if riff_octets < _LONG:
        start = b"RIFF" + struct.pack("<I", riff_octets) + b"WAVE" + _chunk(b"JUNK", bytes(28))
        return start + body + b"data" + struct.pack("<I", data_octets)
    ds64 = struct.pack("<QQQI", riff_octets, data_octets, samples, 0)
    return (
        b"RF64" + struct.pack("<I", _LONG) + b"WAVE" + _chunk(b"ds64", ds64) + body + b"data" + struct.pack("<I", _LONG)
    )
