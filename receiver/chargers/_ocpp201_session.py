"""One charging station's connection: our limit set, read back and taken back (OCPP 2.0.1 and 2.1, central system)."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from types import ModuleType
from typing import Any, Final

import ocpp.v21
import ocpp.v201
from ocpp.v21 import call
from ocpp.v21.datatypes import (
    ClearChargingProfileType,
)
from ocpp.v21.enums import MessageTriggerEnumType
from websockets.asyncio.server import ServerConnection

from rds.errors import ChargerRefusedError
from receiver.chargers._ocpp201_meter import Meter
from receiver.chargers._ocpp201_profile import (
    FALLBACK_ID,
    LIMIT_ID,
    OUR_IDS,
    Abilities,
    Options,
    Profile,
    make_profiles,
    profile_end,
    read_abilities,
    scheduled_ma,
)
from receiver.chargers._ocpp201_questions import Questions
from receiver.chargers._ocpp_link import TOLD_CHARACTERS
from receiver.chargers._ocpp_time import format_time
from receiver.chargers.driver import ChargerCommand

PROTOCOLS: Final[dict[str, ModuleType]] = {"ocpp2.1": ocpp.v21, "ocpp2.0.1": ocpp.v201}
"""The library's folders by sub-protocol, best first."""
VARIABLES: Final = [
    "SmartChargingCtrlr.Available",
    "SmartChargingCtrlr.Enabled",
    "SmartChargingCtrlr.RateUnit",
    "SmartChargingCtrlr.ProfileStackLevel",
    "ChargingStation.VendorName",
    "ChargingStation.Model",
    "ChargingStation.FirmwareVersion",
]
RESUMPTION: Final = "TxCtrlr.EnergyTransferResumptionRandomRange"
VARIABLES_21: Final = ["SmartChargingCtrlr.SupportsMaxOfflineDuration", RESUMPTION]
READ_BACK_SPAN_S: Final = 60
TOLERANCE_MA: Final = 100
"""OCPP rounds to 0.1 A."""

_log = logging.getLogger(__name__)


class Session(Questions):
    """A station from its connection to its end.

    Attributes:
        abilities: What it said of itself, once asked.
        reads_back: How it tells its limit: "GetCompositeSchedule", "GetChargingProfiles", or None for not at all.
        limit_ma: The limit that it said last, mA per phase of all EVSEs together; None: it has not.
        difference: How that differs from what was wanted, in words; None: it does not.
    """

    def __init__(
        self, name: str, connection: ServerConnection, *, options: Options, now: Callable[[], datetime], meter: Meter
    ) -> None:
        self.protocol = str(connection.subprotocol)
        super().__init__(
            name,
            connection,
            version=PROTOCOLS[self.protocol],
            now=now,
            answer_timeout_s=options.answer_timeout_s,
            meter=meter,
        )
        self.abilities: Abilities | None = None
        self.reads_back: str | None = "GetCompositeSchedule"
        self.limit_ma: int | None = None
        self.difference: str | None = None
        self._options = options
        self._accepted: ChargerCommand | None = None
        self._profiles: tuple[Profile, ...] = ()
        self._held: set[int] = set()
        self._refresh_at: datetime | None = None

    def forget(self) -> None:
        """See `Calls`: behind a connection that lived on, the station may have lost its profiles or changed."""
        if self.abilities is not None:
            self._accepted = self.abilities = None
            self.wake.set()

    def is_due(self, command: ChargerCommand) -> bool:
        """Whether the station has not accepted this command yet, or must hear of it before its profile ends."""
        return self._accepted is not command or (self._refresh_at is not None and self._now() >= self._refresh_at)

    async def deliver(self, command: ChargerCommand) -> None:
        """Set or clear our profiles and return when the station has accepted it.

        Raises:
            ChargerRefusedError: it said no, or nonsense.
            DeviceLostError: it did not answer or closed the connection.
        """
        abilities = await self.ask_abilities()
        now = self._now()
        restricts = command.restricted and (command.until is None or command.until > now)
        profiles: tuple[Profile, ...] = ()
        if restricts:
            await self.set_clock(call.TriggerMessage(requested_message=MessageTriggerEnumType.heartbeat))
            now = self._now()
            profiles = tuple(make_profiles(command, now, self._options, abilities))
        for profile in profiles:
            self._held.add(profile.content.id)
            await self._set(profile)
        for number in sorted(self._held - {profile.content.id for profile in profiles}):
            await self._clear(number, must=not profiles)
        end = profile_end(command, now, self._options)
        self._accepted, self._profiles = command, profiles
        self._refresh_at = now + (end - now) / 2 if restricts and end != command.until else None
        said = f"accepted {command.limit_ma} mA until {format_time(end)}" if restricts else "has no limit of ours"
        _log.info("charging station %s %s", self.id, said)

    async def _clear(self, number: int, *, must: bool) -> None:
        """Take back a profile of ours. Beside a limit that was set, one that is left over is no reason to fail."""
        try:
            await self.ask(call.ClearChargingProfile(charging_profile_id=number))  # "Unknown" is as good: it is gone
        except ChargerRefusedError:
            if must:
                raise
        else:
            self._held.discard(number)

    async def _set(self, profile: Profile) -> None:
        """Set one profile; what an earlier central system left in its place is cleared for it once (K01.FR.06)."""
        request = call.SetChargingProfile(evse_id=profile.evse, charging_profile=profile.content)
        answer = await self.ask(request)
        reason = _reason(answer)
        if answer.status != "Accepted" and (not reason or "duplicate" in reason.lower()):
            place = ClearChargingProfileType(
                evse_id=profile.evse,
                charging_profile_purpose=profile.content.charging_profile_purpose,
                stack_level=profile.content.stack_level,
            )
            cleared = await self.ask_if_able(call.ClearChargingProfile(charging_profile_criteria=place))
            if cleared is not None and cleared.status == "Accepted":
                answer = await self.ask(request)
                reason = _reason(answer)
        if answer.status != "Accepted":
            raise ChargerRefusedError(
                f"charging station {self.id} answered {answer.status} {reason}".rstrip()
                + f" to a limit of {profile.limit_ma} mA ({profile.content.charging_profile_purpose}); "
                "allowed: Accepted; switch smart charging on in its settings, or try the other purpose"
            )

    async def ask_abilities(self) -> Abilities:
        """What the station can do; asked once in a connection, with the way made clear for our profiles.

        Raises:
            DeviceLostError: it closed the connection.
        """
        if self.abilities is None:
            is_21 = self.protocol == "ocpp2.1"
            values = await self.variables([*VARIABLES, *VARIABLES_21] if is_21 else VARIABLES)
            if values.get(RESUMPTION, "0").strip() != "0" and await self.switch_off(RESUMPTION):
                del values[RESUMPTION]
            self._held = await self._left_over()
            self.abilities = read_abilities(values)
        return self.abilities

    async def _left_over(self) -> set[int]:
        """Which of our profiles the station has; if it cannot tell, those that this configuration sets."""
        reported = await self.reported_schedules(sorted(OUR_IDS))
        if reported is None:
            return {first + evse for first in (LIMIT_ID, FALLBACK_ID) for evse in self._options.targets}
        return set(reported)

    async def check(self) -> None:
        """Ask the station for the limit that it has, and compare. `limit_ma` and `difference` are what came of it.

        Raises:
            DeviceLostError: it closed the connection.
        """
        abilities = await self.ask_abilities()
        accepted = self._accepted
        said: dict[int, int | None] = {}
        for evse in self._options.targets:
            try:
                said[evse] = await self._read_back(evse, abilities)
            except ValueError as nonsense:
                self.limit_ma = None
                self.difference = f"charging station {self.id} says {nonsense} of EVSE {evse}; look at its firmware"
                return
        if accepted is self._accepted:  # else it was overtaken, and the next look tells
            self._compare(said)

    def _compare(self, said: Mapping[int, int | None]) -> None:
        """Find out whether what was read back, mA by EVSE, is what was set; a limit that is gone is set again."""
        told = [limit_ma for limit_ma in said.values() if limit_ma is not None]
        self.limit_ma = sum(told) if len(told) == len(said) else None
        self.difference = None
        limits = [profile for profile in self._profiles if profile.content.id < FALLBACK_ID]
        for profile in limits if self.reads_back is not None else ():
            limit_ma = said[profile.evse]
            is_over = limit_ma is None or limit_ma > profile.limit_ma + TOLERANCE_MA
            is_under = limit_ma is not None and limit_ma < profile.limit_ma - TOLERANCE_MA
            # What others limit further is respected, and shown for itself.
            if is_over or (is_under and self._meter.reading.overridden is None):
                has = "no limit" if limit_ma is None else f"{limit_ma} mA"
                self.difference = (
                    f"charging station {self.id} has {has} on EVSE {profile.evse}, wanted {profile.limit_ma}; look for "
                    "other limits in its settings"
                )
            if is_over:
                self._accepted = None  # to be set again with the next look

    async def _read_back(self, evse: int, abilities: Abilities) -> int | None:
        """The limit of an EVSE, mA per phase; None: the station has none or cannot tell.

        Raises:
            ValueError: what it told is nonsense.
        """
        if self.reads_back == "GetCompositeSchedule":
            request = call.GetCompositeSchedule(
                duration=READ_BACK_SPAN_S, evse_id=evse, charging_rate_unit=abilities.unit
            )
            try:
                answer = await self.ask(request)
            except ChargerRefusedError:
                self.reads_back = "GetChargingProfiles"
            else:
                if answer.status == "Accepted":
                    return scheduled_ma(answer.schedule, self._options)
                if not self._profiles:
                    return None  # without a profile there may be nothing to tell (K08)
        if self.reads_back is None:
            return None
        reported = await self.reported_schedules([LIMIT_ID + evse])
        if reported is None:
            self.reads_back = None
        if not reported:
            return None
        return scheduled_ma(reported.get(LIMIT_ID + evse), self._options)


def _reason(answer: Any) -> str:  # Any: the answers of the library have no types
    info = answer.status_info
    return str(info.get("reason_code", ""))[:TOLD_CHARACTERS] if isinstance(info, dict) else ""
