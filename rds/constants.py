"""Numbers of EN 50067:1998 / IEC 62106 that both ends need, each with its clause."""

from typing import Final

PILOT_HZ: Final = 19_000
"""Pilot tone of a stereo multiplex (ITU-R BS.450)."""
SUBCARRIER_HZ: Final = 57_000
"""RDS subcarrier, three times the pilot (EN 50067, 1.1)."""
BIT_RATE_HZ: Final = SUBCARRIER_HZ / 48
"""1187.5 bit/s (EN 50067, 1.4)."""
BIT_PERIOD_S: Final = 1 / BIT_RATE_HZ
"""td of the shaping filter (EN 50067, 1.7)."""
FULL_DEVIATION_HZ: Final = 75_000
"""Peak deviation of the FM carrier that `Mpx` value 1.0 stands for (ITU-R BS.412)."""

INFORMATION_BITS: Final = 16
CHECK_BITS: Final = 10
BLOCK_BITS: Final = INFORMATION_BITS + CHECK_BITS
BLOCKS: Final = 4
GROUP_BITS: Final = BLOCKS * BLOCK_BITS
"""104 bits a group (EN 50067, 2.1)."""
GROUP_PERIOD_S: Final = GROUP_BITS / BIT_RATE_HZ
"""87.579 ms."""
