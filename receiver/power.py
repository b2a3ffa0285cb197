"""What the kernel says of its boot, and of the last one that was kept; out: whether the power has just come back.

A receiver that is started again by hand or by a service manager finds the boot that it knew and waits for nobody.
"""

from pathlib import Path
from typing import Final

from receiver.owner_store import Boot, OwnerStore
from receiver.policy_arithmetic import POWER_RETURN_MS

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_UPTIME: Final = Path("/proc/uptime")


def has_power_returned(tables: OwnerStore, *, boot_id: Path = _BOOT_ID, uptime: Path = _UPTIME) -> bool:
    """Whether charging must wait for this charger's turn (program, The limit: power returns). Remembers the boot.

    Not at the first start ever, nor where the kernel does not tell. A restart within the wait finds it still true.
    """
    try:
        now = boot_id.read_text(encoding="ascii").strip()
        uptime_ms = 1000 * float(uptime.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return False
    known = tables.boot()
    if known is not None and known.name == now:
        return known.returned and uptime_ms < POWER_RETURN_MS
    boot = Boot(now, returned=known is not None)
    tables.commit([tables.keep_boot(boot)])
    return boot.returned
