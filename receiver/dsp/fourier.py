"""Samples to their discrete Fourier transforms and back, along the last axis; single precision stays single.

The transforms are scipy's. Around them `scipy.fft` puts a choice of back ends and of kinds of arrays, and 0.24 s of
imports, two fifths of the receiver's start; so the extension is loaded alone. It is scipy's private matter: where it is
not found, or does not do what is known of it, `scipy.fft` itself is called.
"""

from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]  # Any: real or complex, single or double precision; out comes the precision that went in
_FOLDER: Final = Path("fft") / "_pocketfft"
_NAME: Final = "pypocketfft"
_AS_IT_IS: Final = 0
_BY_COUNT: Final = 2
"""What a sum is divided by."""


def fft(samples: Array, *, overwrite: bool = False) -> Array:
    """Complex samples to as many bins; `overwrite` says that the samples are no longer needed."""
    pocket = _extension()
    if pocket is None:
        whole: Array = _public().fft(samples, overwrite_x=overwrite)
        return whole
    result: Array = pocket.c2c(samples, (samples.ndim - 1,), True, _AS_IT_IS, samples if overwrite else None, 1)
    return result


def ifft(bins: Array, *, overwrite: bool = False) -> Array:
    """Bins to as many samples, divided by their number; `overwrite` says that the bins are no longer needed."""
    pocket = _extension()
    if pocket is None:
        whole: Array = _public().ifft(bins, overwrite_x=overwrite)
        return whole
    result: Array = pocket.c2c(bins, (bins.ndim - 1,), False, _BY_COUNT, bins if overwrite else None, 1)
    return result


def fft_padded(samples: Array, count: int) -> Array:
    """The bins of complex samples in one dimension that silence follows, so many altogether: closer bins."""
    padded = np.zeros(count, samples.dtype)
    padded[: len(samples)] = samples
    return fft(padded, overwrite=True)


def rfft(samples: Array) -> Array:
    """Real samples to the bins from 0 Hz to half their rate."""
    pocket = _extension()
    if pocket is None:
        whole: Array = _public().rfft(samples)
        return whole
    result: Array = pocket.r2c(samples, (samples.ndim - 1,), True, _AS_IT_IS, None, 1)
    return result


def irfft(bins: Array, count: int) -> Array:
    """Bins from 0 Hz to half the rate to so many real samples, divided by their number."""
    pocket = _extension()
    if pocket is None:
        whole: Array = _public().irfft(bins, count)
        return whole
    result: Array = pocket.c2r(bins, (bins.ndim - 1,), count, False, _BY_COUNT, None, 1)
    return result


@cache
def _extension() -> Any:  # Any: it has no types
    """The module that works inside `scipy.fft`, or None if that is another one here."""
    package = find_spec("scipy")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent / _FOLDER
    path = next((path for suffix in EXTENSION_SUFFIXES if (path := folder / f"{_NAME}{suffix}").exists()), None)
    if path is None:
        return None
    loader = ExtensionFileLoader(_NAME, str(path))
    spec = spec_from_loader(_NAME, loader)
    assert spec is not None
    try:
        module = module_from_spec(spec)
        loader.exec_module(module)
        return module if _is_known(module) else None
    except (ImportError, AttributeError, TypeError, ValueError):
        return None


def _is_known(module: Any) -> bool:  # Any: it has no types
    """Whether the four calls of this file give what they should for an impulse and for two constants, by hand."""
    impulse, flat = np.array([[0, 0], [4, 0]], np.complex64).T, np.array([3, 3], np.float32)
    forward = module.c2c(impulse, (1,), True, _AS_IT_IS, None, 1)
    back = module.c2c(impulse, (1,), False, _BY_COUNT, None, 1)
    real = module.r2c(flat, (0,), True, _AS_IT_IS, None, 1)
    again = module.c2r(real, (0,), 2, False, _BY_COUNT, None, 1)
    found = [(one.dtype.name, one.tolist()) for one in (forward, back, real, again)]
    return found == [
        ("complex64", [[4, -4], [0, 0]]),
        ("complex64", [[2, -2], [0, 0]]),
        ("complex64", [6, 0]),
        ("float32", [3, 3]),
    ]


def _public() -> Any:  # Any: the types of scipy.fft know more kinds of arrays than there are here
    import scipy.fft

    return scipy.fft
