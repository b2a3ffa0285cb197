"""What the kernel says of its boot, and of the last one that was kept; out: whether and when the power has come back.

A receiver that is started again by hand or by a service manager finds the boot that it knew and waits for nobody.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from receiver.owner_store import Boot, OwnerStore
from receiver.policy_arithmetic import LONGEST_RETURN_MS

HEARTBEATS_KEPT_EVERY_MS: Final = 30 * 60_000
"""Flash wears: a heartbeat alone is written no more often (protocol, What a receiver must do, 3)."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_UPTIME: Final = Path("/proc/uptime")


@dataclass(frozen=True, slots=True)
class PowerReturn:
    """Power that has come back."""

    ago_ms: int
    """How long before the stream's first sample."""
    known_ms: int | None
    """The latest time that was kept before the cut, milliseconds since 2024-01-01T00:00Z; None: none."""

    def outage_ms(self, returned_ms: int) -> int:
        """How long the cut was at least, if the power came back at this time."""
        return 0 if self.known_ms is None else max(0, returned_ms - self.known_ms - HEARTBEATS_KEPT_EVERY_MS)


def power_return(
    tables: OwnerStore, known_ms: int | None, *, boot_id: Path = _BOOT_ID, uptime: Path = _UPTIME
) -> PowerReturn | None:
    """Whether charging may have to wait for this charger's turn (program, The limit: power returns). Keeps the boot.

    Not at the first start ever, nor where the kernel does not tell. A restart within the wait finds the same.

    Args:
        tables: What was kept.
        known_ms: The latest time known when something was last kept.
        boot_id: Where the kernel names its boot.
        uptime: Where it says how long that is ago.
    """
    try:
        now = boot_id.read_text(encoding="ascii").strip()
        uptime_ms = 1000 * float(uptime.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None
    boot = tables.boot()
    if boot is None or boot.name != now:
        boot = Boot(now, returned=boot is not None, known_ms=known_ms)
        tables.commit([tables.keep_boot(boot)])
    if not boot.returned or uptime_ms >= LONGEST_RETURN_MS:
        return None
    return PowerReturn(int(uptime_ms), boot.known_ms)
