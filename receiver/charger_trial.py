"""A charger's configuration in, the charger tried without any radio: probed, limited, watched. For who installs it.

Time is the computer's: there is no chain here whose time could be trusted.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from rds.errors import TrustError, UsageError
from receiver.charger_fallback import fallback_fault
from receiver.chargers import load_driver
from receiver.chargers.driver import LOWEST_MA, PAUSE_MA, ChargerCommand, ChargerDriver, ChargerReading, ProbeReport
from receiver.chargers_config import ChargerConfig

BETWEEN_S: Final = 1.0
"""Two looks at a charger's reading."""
_READ_BACK_S: Final = 5.0
"""How long a charger may take to say what limit it has."""
_REASON: Final = "set by hand"
Seen = Callable[[ChargerReading], None]


@asynccontextmanager
async def opened(charger: ChargerConfig) -> AsyncIterator[ChargerDriver]:
    """The charger's driver, started, and closed at the end.

    Raises:
        UsageError: no such driver or option, or a package is missing.
        DeviceAbsentError: the way to the charger cannot be opened.
    """
    driver = load_driver(charger.driver).from_options(charger.options, computer_time)
    try:
        await driver.start()
        yield driver
    finally:
        await driver.close()


async def probe(charger: ChargerConfig, seen: Callable[[ProbeReport, ChargerReading], None]) -> None:
    """Tell what was found, then hold its fallback against the limit of charger and installer.

    Raises:
        DeviceAbsentError: nobody is there.
        DeviceLostError: it stopped answering, or answered with nonsense.
        TrustError: it takes more than it may when nobody talks to it, and nothing allows that.
    """
    async with opened(charger) as driver:
        report = await driver.probe()
        seen(report, await _read_back(driver))
    fault = fallback_fault(report.fallback, charger)
    if fault is not None:
        raise TrustError(fault)


async def hold(charger: ChargerConfig, limit_ma: int, *, minutes: float | None, keep: bool, seen: Seen) -> None:
    """Set a limit and tell each reading that is new, for some minutes or until cancelled; then take it back.

    Args:
        charger: Which.
        limit_ma: 0 (a pause) or 6 A and more, mA per phase.
        minutes: For how long; None: until cancelled.
        keep: Leave the limit as it is instead, as soon as it is set.
        seen: Called with each reading.

    Raises:
        UsageError: the limit is below 6 A, or above what charger and installer allow.
        DeviceAbsentError: nobody is there.
        DeviceLostError: it stopped answering, or refuses.
    """
    highest_ma = charger.settings.local_ma
    if limit_ma != PAUSE_MA and not LOWEST_MA <= limit_ma <= highest_ma:
        raise UsageError(
            f"limit {limit_ma / 1000:g} A; allowed: 0 (a pause), or {LOWEST_MA / 1000:g}..{highest_ma / 1000:g} A, "
            "the lower of rating and installer's limit"
        )
    until = None if minutes is None else computer_time() + timedelta(minutes=minutes)
    async with opened(charger) as driver:
        await driver.apply(ChargerCommand(limit_ma, computer_time(), until, restricted=True, reason=_REASON))
        if keep:
            seen(await _read_back(driver))
            return
        try:
            async with asyncio.timeout(None if minutes is None else 60 * minutes):
                seen(await _read_back(driver))
                await _watch(driver, seen)
        except TimeoutError:
            pass
        finally:
            await driver.apply(ChargerCommand(highest_ma, computer_time(), None, restricted=False, reason=_REASON))


async def watch(charger: ChargerConfig, seen: Seen) -> None:
    """Tell each reading that is new, until cancelled.

    Raises:
        DeviceAbsentError: the way to the charger cannot be opened.
    """
    async with opened(charger) as driver:
        await _watch(driver, seen)


async def _watch(driver: ChargerDriver, seen: Seen) -> None:
    before: ChargerReading | None = None
    while True:
        if (reading := driver.reading) != before:
            before = reading
            seen(reading)
        await asyncio.sleep(BETWEEN_S)


async def _read_back(driver: ChargerDriver) -> ChargerReading:
    """What the charger says, as soon as it says its limit; what it has said by then if it never does."""
    for _ in range(int(_READ_BACK_S / 0.1)):
        if driver.reading.limit_ma is not None or driver.reading.answers is None:
            break
        await asyncio.sleep(0.1)
    return driver.reading


def computer_time() -> datetime:
    """Now, aware."""
    return datetime.now(UTC)
