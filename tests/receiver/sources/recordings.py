"""Samples to files and bytes of every format, written by the formats' own descriptions."""

import json
import struct
from pathlib import Path

import numpy as np

from tests.receiver.signals import FloatArray, Iq, Mpx


def cu8(iq: Iq) -> bytes:
    """Offset binary about 127.5."""
    parts = iq.view(np.float32)
    return bytes(np.clip(np.round(parts * 127.5 + 127.5), 0, 255).astype(np.uint8))


def cs16(iq: Iq) -> bytes:
    return pcm(iq.view(np.float32).astype(np.float64), "s16")


def cf32(iq: Iq) -> bytes:
    return iq.astype("<c8").tobytes()


def pcm(samples: FloatArray, kind: str) -> bytes:
    """Samples of -1 to 1 as the octets of a WAV file."""
    if kind == "u8":
        return bytes(np.clip(np.round(samples * 128 + 128), 0, 255).astype(np.uint8))
    if kind == "f32":
        return samples.astype("<f4").tobytes()
    bits = int(kind[1:])
    whole = np.round(samples * (2 ** (bits - 1) - 1)).astype("<i4")
    return bytes(whole.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes())


def wav(
    data: bytes,
    kind: str,
    *,
    rate_hz: int,
    channels: int = 1,
    comment: str | None = None,
    form: str = "RIFF",
    data_octets: int | None = None,
) -> bytes:
    """A WAV file; `form` "RF64" puts the lengths into ds64, "stream" leaves them out."""
    bits = int(kind[1:])
    tag = 3 if kind == "f32" else 1
    align = channels * bits // 8
    chunks = b"fmt " + struct.pack("<IHHIIHH", 16, tag, channels, rate_hz, rate_hz * align, align, bits)
    if comment is not None:
        text = comment.encode() + b"\0" * (2 - len(comment) % 2)
        chunks += b"LIST" + struct.pack("<I", 12 + len(text)) + b"INFOICMT" + struct.pack("<I", len(text)) + text
    octets = len(data) if data_octets is None else data_octets
    if form == "RF64":
        ds64 = b"ds64" + struct.pack("<IQQQI", 28, octets + 100, octets, octets // align, 0)
        return b"RF64\xff\xff\xff\xffWAVE" + ds64 + chunks + b"data\xff\xff\xff\xff" + data
    length = 0xFFFFFFFF if form == "stream" else octets
    return (
        b"RIFF"
        + struct.pack("<I", min(length + 100, 0xFFFFFFFF))
        + b"WAVE"
        + chunks
        + b"data"
        + struct.pack("<I", length)
        + data
    )


def mpx_wav(mpx: Mpx, kind: str, *, rate_hz: int, full_scale_hz: int | None = None, form: str = "RIFF") -> bytes:
    """A multiplex; where the full scale is said, it is written to that."""
    samples = mpx.astype(np.float64) * (75_000 / full_scale_hz if full_scale_hz else 1)
    comment = f"FM multiplex, full scale {full_scale_hz} Hz deviation" if full_scale_hz else None
    return wav(pcm(samples, kind), kind, rate_hz=rate_hz, comment=comment, form=form)


def iq_wav(iq: Iq, kind: str, *, rate_hz: int) -> bytes:
    return wav(pcm(iq.view(np.float32).astype(np.float64), kind), kind, rate_hz=rate_hz, channels=2)


def sigmf(folder: Path, stem: str, data: bytes, common: dict[str, object], **capture: object) -> Path:
    """Both files of a recording; gives the metadata's path."""
    (folder / f"{stem}.sigmf-data").write_bytes(data)
    first = {"core:sample_start": 0} | {f"core:{name}": value for name, value in capture.items()}
    meta = {
        "global": {"core:version": "1.2.0"} | {f"core:{name}": value for name, value in common.items()},
        "captures": [first],
        "annotations": [],
    }
    path = folder / f"{stem}.sigmf-meta"
    path.write_text(json.dumps(meta))
    return path
