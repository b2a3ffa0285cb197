"""Commands in, our profiles at one connected charge point set, read back and taken back (OCPP 1.6)."""

import asyncio
import logging
import math
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from ocpp.v16 import call
from ocpp.v16.enums import ChargingProfilePurposeType, ChargingProfileStatus, GetCompositeScheduleStatus

from rds.errors import ChargerRefusedError
from receiver.chargers._ocpp16_profile import (
    PROFILE_ID,
    Options,
    Share,
    Way,
    make_profile,
    profile_end,
    split,
    ways,
)
from receiver.chargers._ocpp16_read_back import READ_BACK_S, NonsenseError, composite_ma, difference
from receiver.chargers._ocpp16_session import TIME, Session
from receiver.chargers._ocpp16_settings import ABILITY_KEYS, Abilities, read_abilities, read_settings
from receiver.chargers._ocpp16_station import WHOLE, Station
from receiver.chargers._ocpp_link import EXTRA_ANSWER_S, Clock
from receiver.chargers._ocpp_time import format_time
from receiver.chargers.driver import ChargerCommand

_log: Final = logging.getLogger(__name__)


class Delivery:
    """What of ours a charge point holds in one connection.

    Attributes:
        way: How it takes limits; None: not known yet.
        limit_ma: The limit that it said it has, in mA per phase; None: it has not said.
        difference: What is wrong with that limit; None: nothing.
        mute: Why it is not asked for its limit any more; None: it is.
        settled: Cleared by a delivery, and set when it has been followed up.
    """

    def __init__(self, session: Session, options: Options, now: Callable[[], datetime], station: Station) -> None:
        self.way: Way | None = None
        self.limit_ma: int | None = None
        self.difference: str | None = None
        self.mute: str | None = None
        self.settled = asyncio.Event()
        self.settled.set()
        self._session = session
        self._options = options
        self._now = now
        self._station = station
        self._boots = station.boots
        self._abilities: Abilities | None = None
        self._is_stubborn = False
        self._is_exceeded = False
        self._accepted: ChargerCommand | None = None
        self._clock: Clock | None = None
        self._refresh_at: datetime | None = None
        self._shares: list[Share] = []
        self._numbers: set[int] | None = None
        """Of the profiles of ours that may be there; None: those that an earlier run may have left."""

    def is_due(self, command: ChargerCommand) -> bool:
        """Whether the charge point has not accepted this command yet, or must hear of it again.

        That is before its profile ends, when its clock or ours was set, and when other connectors share the limit.
        """
        if self._accepted is not command or self._boots != self._station.boots:
            return True
        if self._clock is None:  # nothing restricts
            return False
        now = self._now()
        is_late = self._refresh_at is not None and now >= self._refresh_at
        return is_late or self._clock.has_jumped(now) or self._split(command, self.way) != self._shares

    async def deliver(self, command: ChargerCommand) -> None:
        """Set or clear our profiles and return when the charge point has accepted it.

        Raises:
            ChargerRefusedError: it said no, or nonsense.
            DeviceLostError: it did not answer or closed the connection.
        """
        if self._boots != self._station.boots:  # it restarted behind a connection that lived on, and may have forgotten
            self._boots, self._numbers = self._station.boots, None
            self._abilities = self._accepted = self.way = self.mute = None
            self._is_stubborn = False
        if self._abilities is None:
            self._abilities = await self._ask_abilities()
        now = self._now()
        if not command.restricted or (command.until is not None and command.until <= now):
            await self._clear(keep=())  # "Unknown" is as good: it is not there
            self._accepted, self._clock, self._shares = command, None, []
            self.limit_ma = self.difference = None
            self.settled.clear()
            _log.info("charge point %s has no limit of ours", self._session.id)
            return
        await self._session.set_clock(TIME)
        now = self._now()
        end = profile_end(command, now, self._options)
        await self._set(command, now, end)
        self._accepted, self._clock = command, Clock(now)
        self.limit_ma = self.difference = None
        self.settled.clear()
        self._refresh_at = None if end == command.until else now + (end - now) / 2
        _log.info("charge point %s accepted %d mA until %s", self._session.id, command.limit_ma, format_time(end))

    def insist(self) -> bool:
        """Send the limit again if the charge point says that it has a higher one, and whether it does."""
        if self._is_exceeded:
            self._accepted = None
        return self._is_exceeded

    async def settle(self) -> bool:
        """After a delivery: take back what an earlier run left, which can only lower the limit, and read back.

        Returns:
            Whether there was anything to do.
        """
        if self.settled.is_set():
            return False
        try:
            if self._shares:
                async with asyncio.timeout(EXTRA_ANSWER_S):
                    await self._clear(keep={share.profile_id for share in self._shares})
        except (TimeoutError, ChargerRefusedError) as fault:
            self._numbers = {share.profile_id for share in self._shares}
            _log.info("charge point %s takes nothing back (%s)", self._session.id, fault)
        await self.read_back()
        self.settled.set()
        return True

    async def read_back(self) -> None:
        """Ask the charge point for the limit that it has, and compare. One that cannot say is not asked again."""
        unit = None if self._abilities is None else self._abilities.unit
        self.limit_ma = self.difference = None
        self._is_exceeded = False
        limits_ma = []
        for connector in [share.connector for share in self._shares] or [WHOLE]:
            request = call.GetCompositeSchedule(connector, READ_BACK_S, unit)
            answer = None if self.mute is not None else await self._session.ask_if_able(request, lenient=True)
            if answer is None:
                self.mute = "it does not know GetCompositeSchedule"
                return
            if answer.status != GetCompositeScheduleStatus.accepted:
                return
            try:
                limit_ma = composite_ma(
                    answer.charging_schedule, answer.schedule_start, now=self._now(), options=self._options
                )
            except NonsenseError as nonsense:
                self.difference = f"charge point {self._session.id} reads back {nonsense}; look at its firmware"
                return
            if limit_ma is None:
                return
            limits_ma.append(limit_ma)
        self.limit_ma = sum(limits_ma)
        if self._shares:
            wanted_ma = sum(share.limit_ma for share in self._shares)
            self.difference = difference(self._session.id, wanted_ma=wanted_ma, said_ma=self.limit_ma)
            self._is_exceeded = self.difference is not None and self.limit_ma > wanted_ma

    async def look_around(self) -> None:
        """Read all settings of the charge point, once after each of its starts."""
        if self._station.settings is not None:
            return
        self._station.settings = {}  # an answer that breaks the connection must not do so for ever
        answer = await self._session.ask_if_able(call.GetConfiguration(), lenient=True)
        if answer is not None:
            self._station.settings = read_settings(answer.configuration_key)

    async def _ask_abilities(self) -> Abilities:
        answer = await self._session.ask_if_able(call.GetConfiguration(key=ABILITY_KEYS), lenient=True)
        return read_abilities(read_settings(None if answer is None else answer.configuration_key))

    def _split(self, command: ChargerCommand, way: Way | None) -> list[Share]:
        if way is None:
            return []
        return split(
            way.purpose,
            command.limit_ma,
            connectors=self._connectors,
            plugged=self._station.plugged,
            transactions=self._station.transactions,
        )

    @property
    def _connectors(self) -> int:
        told = 1 if self._abilities is None else self._abilities.connectors
        return self._options.connectors or told

    async def _set(self, command: ChargerCommand, now: datetime, end: datetime) -> None:
        """Say the limit as it was accepted before, else in the first way that is accepted.

        Raises:
            ChargerRefusedError: none was. From then on only the first is tried, so that nobody is flooded.
        """
        assert self._abilities is not None
        known = ways(self._options, self._abilities)
        refusal: ChargerRefusedError | None = None
        for way in [self.way] if self.way else known[:1] if self._is_stubborn else known:
            shares = self._split(command, way)
            if not shares and way.purpose != self._options.purpose:
                continue  # a TxProfile without a transaction limits nothing
            try:
                await self._put(shares, way, now=now, end=end)
            except ChargerRefusedError as no:
                refusal = refusal or no
                continue
            if way != self.way:
                _log.info("charge point %s takes %s at level %d", self._session.id, way.purpose, way.stack_level)
            self.way, self._shares, self._is_stubborn = way, shares, False
            return
        assert refusal is not None
        self._is_stubborn, self.way = self.way is None, None
        raise refusal

    async def _put(self, shares: list[Share], way: Way, *, now: datetime, end: datetime) -> None:
        """Set the profile of each share, what lowers first: never is more allowed than the limit on the way."""
        assert self._abilities is not None
        held_ma = {share.connector: share.limit_ma for share in self._shares}
        for share in sorted(shares, key=lambda one: one.limit_ma - held_ma.get(one.connector, math.inf)):
            profile = make_profile(share, way, now=now, end=end, options=self._options, unit=self._abilities.unit)
            answer = await self._session.ask(
                call.SetChargingProfile(connector_id=share.connector, cs_charging_profiles=profile)
            )
            if answer.status != ChargingProfileStatus.accepted:
                raise ChargerRefusedError(
                    f"charge point {self._session.id} answered {answer.status} to a limit of {share.limit_ma} mA "
                    f"({way.purpose}); allowed: Accepted; switch smart charging on in its settings"
                )
            if self._numbers is not None:
                self._numbers.add(share.profile_id)

    async def _clear(self, keep: Collection[int]) -> None:
        """Take back the profiles of ours that are not among those to keep, also those that an earlier run left."""
        numbers = self._numbers
        if numbers is None:
            numbers = {PROFILE_ID + connector for connector in range(self._connectors + 1)}
        for number in sorted(numbers - set(keep)):
            await self._session.ask(call.ClearChargingProfile(id=number))
        self._numbers = set(keep)


def words(way: Way) -> str:
    """How limits are said, for people."""
    where = (
        "of the whole" if way.purpose is ChargingProfilePurposeType.charge_point_max_profile else "of each connector"
    )
    return f"limits {where} by {way.purpose}, stack level {way.stack_level}"
