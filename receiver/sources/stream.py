"""What every source gives: the kind of its samples, their rate and the samples themselves in chunks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from receiver.received_group import ReceivedGroup


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a caller says of an input beside its name; None: the input tells."""

    format: str | None = None
    rate_hz: int | None = None
    offset_hz: float | None = None
    """The station's distance from the recording's centre."""
    frequency_hz: int | None = None
    """The station's frequency; with an offset, a live source's centre."""
    gain_db: float | None = None
    """A live source's gain; None: by level."""
    ppm: int = 0
    """By how much a stick's crystal is too fast."""
    bias_tee: bool = False
    """Whether a stick is to feed an amplifier at the antenna."""
    patience_s: float = 0.0
    """How long a live source may be away before it is lost."""
    wait: bool = False
    """Whether a live source may be away at first."""


@dataclass(frozen=True, slots=True)
class _Described:
    """What all streams tell of themselves."""

    rate_hz: float
    """Samples a second; for bits and groups 1187.5 bits a second."""
    notes: list[str] = field(default_factory=list)
    """What was assumed or found odd, a line each; more may come while the chunks are read."""
    start: datetime | None = None
    """The moment of the first sample, where the input says it; aware."""
    samples: int | None = None
    """How many samples there are, where that is known."""
    offset_hz: float | None = None
    """The station's distance from the centre, where the source knows it."""
    centre_hz: float | None = None
    """What the radio was tuned to, where the input says it."""


@dataclass(frozen=True, slots=True)
class IqStream(_Described):
    """Complex64 IQ, 1.0 = full scale."""

    chunks: Iterator[npt.NDArray[np.complex64]] = field(kw_only=True)
    codes: Iterator[npt.NDArray[np.uint8]] | None = None
    """The same samples as a stick's codes (`rds.pcm.CU8_ZERO`), shape (samples, 2), where the input has them: for who
    would write the samples to another place anyway. Of the two, one can be read."""
    has_limits: bool = False
    """Whether I and Q are whole numbers of a converter, which can give no more than full scale."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples that were lost, in their place among the chunks: what comes next does not join what came before."""

    samples: int
    """How many are missing, at least 0, as well as the source can tell."""
    why: str
    """In a few words, such as "the stick was unplugged"."""


@dataclass(frozen=True, slots=True)
class LiveStream(_Described):
    """A stick's codes as they come, and where some are missing; a silence is a gap too, told soon."""

    pieces: Iterator[npt.NDArray[np.uint8] | Gap] = field(kw_only=True)
    """Codes (`rds.pcm.CU8_ZERO`), shape (samples, 2), or a gap. There is no end but that the
    source is lost for good, which raises DeviceLostError."""


@dataclass(frozen=True, slots=True)
class MpxStream(_Described):
    """Float32 MPX, 1.0 = 75 kHz deviation."""

    chunks: Iterator[npt.NDArray[np.float32]] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class BitStream(_Described):
    """Uint8 data bits of 0 and 1, after differential decoding."""

    chunks: Iterator[npt.NDArray[np.uint8]] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class GroupStream(_Described):
    """Groups as another decoder wrote them down."""

    chunks: Iterator[ReceivedGroup] = field(kw_only=True)


Stream = IqStream | LiveStream | MpxStream | BitStream | GroupStream
