"""Floats of a stranger's file to floats that every stage can reckon with."""

from typing import Final

import numpy as np
import numpy.typing as npt

_LARGEST: Final = np.float32(1e9)
"""Far above any scale in use, and its square times a block still fits a float32."""


def tame(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The samples (float32) in place, what is no number or infinite made 0, the rest held within ± 1e9."""
    np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(samples, -_LARGEST, _LARGEST, out=samples)
