"""IQ of any kind to the codes that a stick would have given (`rds.pcm.CU8_ZERO`), loud enough for their eight bits."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from rds.pcm import encode_cu8
from receiver.sources.stream import IqStream

Codes = npt.NDArray[np.uint8]

_PEAK: Final = 0.7
"""Of full scale, what the loudest sample is brought to: a fade may end."""
_MOST_GAIN: Final = 1000.0
"""A recording may begin with silence."""


def stick_codes(stream: IqStream) -> Iterator[Codes]:
    """The stream's samples as uint8 of shape (samples, 2).

    What already is a stick's comes as it is. Anything else is brought to a level by its first chunk, because a floating
    recording may be as quiet as it likes, and lower where a later one is louder.
    """
    if stream.codes is not None:
        yield from stream.codes
        return
    gain = _MOST_GAIN
    for chunk in stream.chunks:
        peak = float(np.max(np.abs(chunk.view(np.float32)), initial=0.0))
        if gain * peak > 1.0 or gain == _MOST_GAIN:
            gain = min(_MOST_GAIN, _PEAK / peak if peak else _MOST_GAIN)
        yield encode_cu8(chunk * np.float32(gain)).reshape(-1, 2)
