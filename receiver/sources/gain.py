"""Codes of the first second to a step of the tuner's gain table: the converter well used and hardly ever full.

The tuner's own AGC follows the loudest station of the band from one moment to the next, and what follows fades it
leaves in the amplitude. A gain that stays is better; it is sought by halves from the middle of the table.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from rds.pcm import CU8_ZERO

_MEASURED_S: Final = 0.1
_SETTLES_S: Final = 0.1
"""What was under way when the gain changed."""
_LOUD_DBFS: Final = -6.0
"""Above it a second station would fill the converter."""
_QUIET_DBFS: Final = -18.0
"""Below it the converter's own noise begins to count."""
_CLIPPED: Final = 1e-3
"""The share of codes at an end of the scale that is too large."""


class GainSearch:
    """A stage with state: codes in, the step to be set next."""

    def __init__(self, steps: int, rate_hz: float) -> None:
        """`steps` is the length of the gain table, from the lowest on."""
        self.steps = steps
        self._low, self._high = 0, steps - 1
        self.step = max(0, self._high // 2)
        """What the gain should be now."""
        self.wants = steps > 0
        """Whether `step` is still to be set."""
        self._is_settled = steps < 1
        self.level_dbfs = 0.0
        """What was measured last; 0 dB is a full-scale carrier."""
        self._measured, self._settles = round(_MEASURED_S * rate_hz), round(_SETTLES_S * rate_hz)
        self._skipped = self._seen = self._full = 0
        self._power = 0.0

    def applied(self) -> None:
        """The step has been set: what comes from now on is by it, after a moment."""
        self._skipped = self._seen = self._full = 0
        self._power = 0.0
        self.wants = False

    def feed(self, codes: npt.NDArray[np.uint8]) -> bool:
        """Measures codes, shape (samples, 2); whether the step in use has turned out to be the one to keep."""
        if self._is_settled or self.wants:
            return False
        if self._skipped < self._settles:
            self._skipped += len(codes)
            return False
        parts = codes.astype(np.float32).reshape(-1) - np.float32(CU8_ZERO)
        self._seen += len(codes)
        self._power += float(np.vdot(parts, parts))
        self._full += int(np.count_nonzero((codes == 0) | (codes == 255)))
        return self._seen >= self._measured and self._decide()

    def _decide(self) -> bool:
        """Half of what is left of the table, or the end."""
        self.level_dbfs = float(10 * np.log10(max(self._power, 1e-9) / self._seen / CU8_ZERO**2))
        if self._full > _CLIPPED * 2 * self._seen or self.level_dbfs > _LOUD_DBFS:
            self._high = self.step - 1
        elif self.level_dbfs < _QUIET_DBFS:
            self._low = self.step + 1
        else:
            self._low = self._high + 1
        if self._low > self._high:
            self._is_settled = True
            return True
        self.step, self.wants = (self._low + self._high) // 2, True
        return False
