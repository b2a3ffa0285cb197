"""PCM octets, as WAV and raw files hold them, to float32 of -1.0 to 1.0 or complex64; IQ to a stick's codes."""

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

SampleFormat = Literal["u8", "s16", "s24", "s32", "f32"]
"""Little endian; u8 is offset by 128, f32 is IEEE 754."""

CU8_ZERO: Final = 127.5
"""A stick's converter has no code for zero: it lies between 127 and 128. Full scale is as far away from it."""

SAMPLE_OCTETS: Final[dict[SampleFormat, int]] = {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4}


def decode_pcm(octets: bytes | memoryview, sample_format: SampleFormat) -> npt.NDArray[np.float32]:
    """Samples in the order stored, channels interleaved; float32, integer full scale = 1.0, floats as they are.

    Raises:
        ValueError: the octets end within a sample.
    """
    width = SAMPLE_OCTETS[sample_format]
    if len(octets) % width:
        raise ValueError(f"{len(octets)} octets are no whole number of {sample_format} samples of {width} octets")
    if sample_format == "f32":
        return np.frombuffer(octets, dtype="<f4").astype(np.float32)
    if sample_format == "u8":
        return (np.frombuffer(octets, dtype=np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
    if sample_format == "s24":
        # Each sample becomes the high three octets of a 32-bit one, which keeps its sign.
        wide = np.zeros((len(octets) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(octets, dtype=np.uint8).reshape(-1, 3)
        return wide.reshape(-1).view("<i4").astype(np.float32) / np.float32(2**31)
    full_scale = np.float32(2**15 if sample_format == "s16" else 2**31)
    return np.frombuffer(octets, dtype="<i2" if sample_format == "s16" else "<i4").astype(np.float32) / full_scale


def decode_cu8(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.complex64]:
    """Complex64 of I and Q, 1.0 = full scale, from a stick's codes: I and Q in turn, in one dimension or in pairs."""
    parts = codes.reshape(-1).astype(np.float32)
    parts -= np.float32(CU8_ZERO)
    parts *= np.float32(1 / CU8_ZERO)
    return parts.view(np.complex64)


def encode_cu8(iq: npt.NDArray[np.float32] | npt.NDArray[np.complex64]) -> npt.NDArray[np.uint8]:
    """A stick's codes, shape (2 x samples,), I and Q in turn: nearest of 0 to 255 to 127.5 + 127.5 x value.

    Beyond full scale it clips.
    """
    values = np.ascontiguousarray(iq, dtype=np.complex64).view(np.float32) * np.float32(CU8_ZERO)
    values += np.float32(CU8_ZERO)
    np.rint(values, out=values)
    return np.clip(values, 0, 255, out=values).astype(np.uint8)
