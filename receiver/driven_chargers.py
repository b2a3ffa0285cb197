"""Changes of the chargers' limits in, commands to all of them out, each in its share of the site's limit.

Whoever is slow is waited for a little, whoever has a fault not at all. What is new of a charger is told as a record.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from rds.errors import EvrdsError, TrustError
from receiver.charger_control import Change
from receiver.chargers.driver import ChargerCommand, ChargerReading
from receiver.chargers_config import ChargerConfig, SiteConfig
from receiver.clock import datetime_of
from receiver.driven_charger import DrivenCharger
from receiver.records import Record
from receiver.site import Demand, SiteCharger, SiteLimit

PATIENCE_S: Final = 2.0
"""How long all wait for those that are slow, where there are several."""
SILENCE_S: Final = 10.0
"""How long a charger may think about a command before it counts as one that does not answer."""
_LOOK_EVERY_S: Final = 1.0
_SITE_REASON: Final = "its share of the site's limit"
Tell = Callable[[Record], None]


class DrivenChargers:
    """The chargers behind one receiver.

    Args:
        configs: Which, at least one.
        site: What they share; None: nothing.
        now: The chain's time.
        tell: Called with what is new of a charger: the fields of its record.

    Raises:
        UsageError: a driver's options are wrong.
    """

    def __init__(
        self, configs: Sequence[ChargerConfig], site: SiteConfig | None, *, now: Callable[[], datetime], tell: Tell
    ) -> None:
        self._chargers = {one.name: DrivenCharger(one, now, self._redistribute) for one in configs}
        self._now = now
        self._tell = tell
        self._changes: dict[str, Change] = {}
        self._at_ms = 0
        self._looked_at_s = 0.0
        places = [SiteCharger(one.name, one.lines) for one in configs]
        self._site = None if site is None else SiteLimit(places, limit_ma=site.limit_ma, step_ma=site.step_ma)

    async def start(self) -> None:
        """Open the ways to all.

        Raises:
            DeviceAbsentError: one cannot be opened.
        """
        for charger in self._chargers.values():
            await charger.start()

    async def close(self) -> None:
        """Let go of all, at the same time."""
        await asyncio.gather(*(charger.close() for charger in self._chargers.values()))

    def reading(self, name: str) -> ChargerReading:
        """What a charger says of itself now."""
        return self._chargers[name].driver.reading

    @property
    def fault(self) -> EvrdsError | None:
        """Why a charger has not taken its last command, if there is one."""
        return next((one.fault for one in self._chargers.values() if one.fault is not None), None)

    def alarms(self, name: str) -> list[str]:
        """What is wrong with a charger, a line each."""
        charger = self._chargers[name]
        found = [*charger.driver.reading.alarms, charger.high_fallback, charger.fault and str(charger.fault)]
        return [line for line in found if line]

    def refuse_high_fallback(self) -> None:
        """Refuse the only charger if what it does alone is above its limit.

        Raises:
            TrustError: so it is. Of several, the others are served, and this one is counted at its fallback.
        """
        if len(self._chargers) == 1:
            [charger] = self._chargers.values()
            if charger.high_fallback is not None:
                raise TrustError(charger.high_fallback)

    async def obey(self, changes: Iterable[Change]) -> None:
        """Tell the chargers what is new, and wait for them as far as they deserve it."""
        for change in changes:
            self._at_ms = change.at_ms
            self._changes[change.charger] = change
            if self._site is None:
                self._chargers[change.charger].bring(_command(change))
        self._redistribute()
        await self._settle()
        self._tell_news()

    async def look(self, at_ms: int) -> bool:
        """Now and then: who is back, whose turn it is, what is new. True if it was looked."""
        now_s = asyncio.get_running_loop().time()
        self._at_ms = max(self._at_ms, at_ms)
        is_due = self._site is not None and self._site.due_ms is not None and self._site.due_ms <= self._at_ms
        if now_s - self._looked_at_s < _LOOK_EVERY_S and not is_due:
            return False
        self._looked_at_s = now_s
        for charger in self._chargers.values():
            charger.look()
        self._redistribute()
        if is_due:
            await self._settle()
        self._tell_news()
        return True

    async def _settle(self) -> None:
        waited = [one for one in self._chargers.values() if one.is_busy]
        if len(self._chargers) == 1:
            await asyncio.gather(*(one.settle() for one in waited))
            return
        # A raise begins when what makes room for it has been taken: so it is asked again who is busy.
        end_s = asyncio.get_running_loop().time() + PATIENCE_S
        while waited := [one for one in self._chargers.values() if one.is_busy and one.fault is None]:
            left_s = end_s - asyncio.get_running_loop().time()
            tasks = [asyncio.ensure_future(one.settle()) for one in waited]
            await asyncio.wait(tasks, timeout=max(0, left_s))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if left_s <= 0:
                return

    def _redistribute(self) -> None:
        """Give each charger its share, if it is another than the last."""
        if self._site is None or len(self._changes) < len(self._chargers):
            return
        now_s = asyncio.get_running_loop().time()
        demands = {name: self._demand(one, now_s) for name, one in self._chargers.items()}
        for name, limit_ma in self._site.commands(self._at_ms, demands).items():
            charger = self._chargers[name]
            if charger.wanted is None or charger.wanted.limit_ma != limit_ma:
                charger.bring(self._share(self._changes[name], limit_ma))

    def _demand(self, charger: DrivenCharger, now_s: float) -> Demand:
        reading, limit_ma = charger.driver.reading, self._changes[charger.config.name].decision.limit_ma
        silent = charger.is_busy and now_s - charger.asked_at_s > SILENCE_S
        if charger.fault is not None or reading.answers is False or silent or charger.high_fallback is not None:
            return Demand(limit_ma, charger.left_alone_ma, obeys=False, plugged=reading.plugged)
        said_ma = reading.limit_ma
        is_above = not charger.is_busy and said_ma is not None and said_ma > charger.held_ma
        held_ma = said_ma if is_above and said_ma is not None else charger.held_ma
        return Demand(limit_ma, held_ma, obeys=not is_above, plugged=reading.plugged)

    def _share(self, change: Change, limit_ma: int) -> ChargerCommand:
        """The site's limit has no end, so no command has; and it holds what the network asks nothing of, too."""
        is_own = limit_ma == change.decision.limit_ma and change.decision.restricted
        reason = change.decision.reason if is_own else _SITE_REASON
        return ChargerCommand(
            limit_ma, self._now(), until=None, restricted=True, reason=reason, advice=change.decision.advice
        )

    def _tell_news(self) -> None:
        for charger in self._chargers.values():
            if (news := charger.news()) is not None:
                self._tell(news)


def _command(change: Change) -> ChargerCommand:
    decision = change.decision
    return ChargerCommand(
        limit_ma=decision.limit_ma,
        moment=datetime_of(change.at_ms if change.now_ms is None else change.now_ms),
        until=None if decision.until_ms is None else datetime_of(decision.until_ms),
        restricted=decision.restricted,
        reason=decision.reason,
        advice=decision.advice,
    )
