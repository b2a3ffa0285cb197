"""A WAV file to programme audio without an end: float32 left and right, again from the start where the file ends.

A programme shorter than the groups is repeated: a station is not silent, and a repeat is easily heard for what it is.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.errors import InputError
from rds.pcm import decode_pcm
from rds.wav_header import MAX_HEADER_OCTETS, WavHeader, parse_wav_header

_LOWEST_RATE_HZ: Final = 8000
_HIGHEST_RATE_HZ: Final = 192_000
_RATE_STEP_HZ: Final = 25
"""The synthesis works in blocks of 0.2 and steps of 0.16 s, whole samples at multiples of this."""


class ProgrammeFile:
    """A mono or stereo WAV file as an endless source; the file stays open until `close`.

    Raises:
        InputError: the file is missing, no WAV, empty, cut off, or of a rate or channel count that is not allowed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise InputError(
                f"cannot read programme {path}: {error.strerror}; name a mono or stereo WAV file"
            ) from None
        try:
            self._header = self._read_header()
            self._frames = self._count_frames()
        except BaseException:
            self._file.close()
            raise
        self._file.seek(self._header.data_start)
        self._at_frame = 0

    @property
    def rate_hz(self) -> int:
        """Samples a second."""
        return self._header.rate_hz

    def read(self, frames: int) -> npt.NDArray[np.float32]:
        """The next frames, left and right; float32 within -1.0 to 1.0, shape (frames, 2).

        Raises:
            InputError: the file has become shorter.
        """
        pieces = []
        missing = frames
        while missing:
            count = min(missing, self._frames - self._at_frame)
            pieces.append(self._read_frames(count))
            missing -= count
            self._at_frame += count
            if self._at_frame == self._frames:
                self._file.seek(self._header.data_start)
                self._at_frame = 0
        return np.concatenate(pieces) if pieces else np.zeros((0, 2), dtype=np.float32)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read_frames(self, count: int) -> npt.NDArray[np.float32]:
        """Frames that do not go over the end of the file; what is no number is silence."""
        octets = self._file.read(count * self._header.frame_octets)
        if len(octets) != count * self._header.frame_octets:
            raise InputError(f"programme {self._path} became shorter while it was read; give a file that stays")
        samples = decode_pcm(octets, self._header.sample_format).reshape(count, self._header.channels)
        samples = np.clip(np.nan_to_num(samples, nan=0.0), -1.0, 1.0)
        return np.broadcast_to(samples, (count, 2))

    def _read_header(self) -> WavHeader:
        """The header, checked against what a programme may be."""
        try:
            header = parse_wav_header(self._file.read(MAX_HEADER_OCTETS))
        except ValueError as error:
            raise InputError(f"programme {self._path}: {error}; give a mono or stereo WAV file") from None
        if header is None:
            raise InputError(f"programme {self._path} ends within its header; give a whole WAV file")
        if header.channels > 2:
            raise InputError(f"programme {self._path} has {header.channels} channels; allowed: 1 or 2")
        if not _LOWEST_RATE_HZ <= header.rate_hz <= _HIGHEST_RATE_HZ or header.rate_hz % _RATE_STEP_HZ:
            allowed = f"{_LOWEST_RATE_HZ} to {_HIGHEST_RATE_HZ} in steps of {_RATE_STEP_HZ}, such as 44100 or 48000"
            raise InputError(f"programme {self._path} has {header.rate_hz} Hz; allowed: {allowed}")
        return header

    def _count_frames(self) -> int:
        """Frames in the file, of which there must be one, and all that the header promises."""
        there = self._path.stat().st_size - self._header.data_start
        promised = there if self._header.data_octets is None else self._header.data_octets
        if promised > there:
            raise InputError(f"programme {self._path} is cut off: {there} octets of {promised}; give a whole WAV file")
        frames = promised // self._header.frame_octets
        if not frames:
            raise InputError(f"programme {self._path} holds no samples; give a WAV file with sound")
        return frames
