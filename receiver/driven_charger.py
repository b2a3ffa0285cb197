"""Commands in, brought to one charger by its driver at its own pace; out: what it took, what it says, what went wrong.

Each charger has a task of its own, so that one that is slow or silent delays no other. A driver keeps the last command
and goes on trying by itself: here it is only told what is new, and asked what it is when it first answers.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from rds.errors import DeviceAbsentError, DeviceLostError, EvrdsError
from receiver.charger_fallback import fallback_fault
from receiver.charger_records import charger_fields
from receiver.chargers import load_driver
from receiver.chargers.driver import ChargerCommand, ProbeReport
from receiver.chargers_config import ChargerConfig
from receiver.records import Record

RETRY_S: Final = 30.0
"""How often one that does not say whether it answers is tried again after a fault."""

_log = logging.getLogger(__name__)


class DrivenCharger:
    """One charger and its driver.

    Args:
        config: Which.
        now: The chain's time.
        heed: Called when something has come of a command.

    Raises:
        UsageError: the driver's options are wrong.
    """

    def __init__(self, config: ChargerConfig, now: Callable[[], datetime], heed: Callable[[], None]) -> None:
        self.config = config
        self.driver = load_driver(config.driver).from_options(config.options, now)
        self.report: ProbeReport | None = None
        """What it said of itself when it first answered."""
        self.fault: EvrdsError | None = None
        """Why it has not taken the last command, if so."""
        self.wanted: ChargerCommand | None = None
        """The last command."""
        self._applying: ChargerCommand | None = None
        self._taken: ChargerCommand | None = None
        """The last one that it has taken."""
        self.asked_at_s = 0.0
        """When the last command was given, in the event loop's time."""
        self._heed = heed
        self._new = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._told: Record = {}

    async def start(self) -> None:
        """Open the way to the charger.

        Raises:
            DeviceAbsentError: it cannot be opened.
        """
        await self.driver.start()
        self._idle.set()
        self._task = asyncio.create_task(self._bring_all())

    async def close(self) -> None:
        """Let go of it. The limit stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.driver.close()

    def bring(self, command: ChargerCommand) -> None:
        """From now on this is wanted; what was wanted before and is not on its way yet is left out."""
        self.wanted, self.asked_at_s = command, asyncio.get_running_loop().time()
        self._idle.clear()
        self._new.set()

    async def settle(self) -> None:
        """Until the last command was taken or has failed."""
        await self._idle.wait()

    @property
    def is_busy(self) -> bool:
        """Whether a command is on its way."""
        return not self._idle.is_set()

    @property
    def high_fallback(self) -> str | None:
        """Why it must not be left alone, if so."""
        return None if self.report is None else fallback_fault(self.report.fallback, self.config)

    @property
    def held_ma(self) -> int:
        """The most that it can be at now, mA per phase, as far as is known."""
        if self._taken is None:
            return self.config.settings.rating_ma
        on_their_way = (self._applying, self.wanted) if self.is_busy else ()
        limits_ma: list[int] = [one.limit_ma for one in (self._taken, *on_their_way) if one is not None]
        return max(limits_ma)

    @property
    def left_alone_ma(self) -> int:
        """What it must be counted at while it does not answer."""
        fallback = None if self.report is None else self.report.fallback.limit_ma
        return self.config.settings.rating_ma if fallback is None else max(fallback, self.held_ma)

    def news(self) -> Record | None:
        """What there is to tell of it, if that is new."""
        error = None if self.fault is None else str(self.fault)
        fields = charger_fields(self.config, self.driver.reading, self.report, error=error)
        told = {name: value for name, value in fields.items() if name not in ("current_a", "energy_wh", "plugged")}
        if self._told == told or (not self._told and self.report is None and self.fault is None):
            return None
        self._told = told
        return fields

    def look(self) -> None:
        """Ask whether a charger that had a fault is back: its driver has brought it the command by itself."""
        if self.fault is None or self.is_busy or self.wanted is None:
            return
        answers, now_s = self.driver.reading.answers, asyncio.get_running_loop().time()
        if answers or (answers is None and now_s - self.asked_at_s > RETRY_S):
            self.bring(self.wanted)

    async def _bring_all(self) -> None:
        while True:
            await self._new.wait()
            self._new.clear()
            await self._bring()
            if not self._new.is_set():
                self._idle.set()
            self._heed()

    async def _bring(self) -> None:
        command = self._applying = self.wanted
        assert command is not None
        try:
            await self.driver.apply(command)
        except (DeviceAbsentError, DeviceLostError) as error:
            self.fault = error
        except Exception as error:  # a driver's own fault must not end the others'
            _log.exception("charger %s", self.config.name or self.config.driver)
            self.fault = DeviceLostError(f"charger {self.config.driver}: internal fault ({error!r}); please report it")
        else:
            self.fault, self._taken = None, command
            await self._probe()

    async def _probe(self) -> None:
        """Ask it what it is, once. One that does not say is driven all the same, and asked with the next command."""
        if self.report is None:
            try:
                self.report = await self.driver.probe()
            except (DeviceAbsentError, DeviceLostError) as error:
                _log.warning("%s", error)
