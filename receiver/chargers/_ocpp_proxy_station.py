"""A command in, our profile at a station that has an operator out: set, made anew when his change, taken back."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from rds.errors import ChargerRefusedError, EvrdsError
from receiver.chargers._ocpp_hub import HubOptions
from receiver.chargers._ocpp_proxy_dialect import Abilities, Call, Dialect
from receiver.chargers._ocpp_proxy_overheard import Overheard
from receiver.chargers._ocpp_proxy_profile import OperatorProfile, Supply, read_composite
from receiver.chargers._ocpp_proxy_relay import Relay
from receiver.chargers._ocpp_proxy_schedule import Schedule, composite, minimum_schedule
from receiver.chargers._options import number
from receiver.chargers.driver import ChargerCommand

EXTRA_ANSWER_S: Final = 5.0
"""How long to wait for what we can do without."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options(HubOptions):
    """The table of the driver `ocpp_proxy`, beside `HubOptions`.

    Attributes:
        upstream: Address of the operator's central system; the station's name is appended as it does itself.
        upstream_ca: File with the root certificates that it is checked by (PEM); None: those of this machine.
        protocol: The only sub-protocol to speak; None: the newest that the station offers.
        hold_s: How long a message of the station may wait for an operator that is away.
        answer_timeout_s: How long the station may take for an answer.
        profile_s: The longest that the station keeps a limit without hearing of it again.
        profile_id: Our profile's number: one that the operator does not use.
        learn: Ask the station what it held before; False: only what passes by counts.
        phases: Phases that charge, where a limit in W must be compared with one in A.
        voltage_v: Voltage from phase to neutral, for the same.
    """

    upstream: str = ""
    upstream_ca: str | None = None
    protocol: str | None = None
    hold_s: float = number(10.0, low=0, high=600)
    answer_timeout_s: float = number(30.0, low=0.1, high=600)
    profile_s: int = number(86400, low=60, high=604800)
    profile_id: int = number(715517101, low=1, high=2147483647)
    learn: bool = True
    phases: int | None = number(None, low=1, high=3)
    voltage_v: float | None = number(None, low=100, high=300)


@dataclass(frozen=True, slots=True)
class _Held:
    """What the station has accepted last, for which state of knowledge, and when it must hear of it again."""

    command: ChargerCommand
    version: int
    refresh_at: datetime | None


class Station:
    """One station and our profile in it, connection after connection.

    Attributes:
        overheard: What is known by listening.
        limit_ma: What our profile holds now, mA per phase; None: there is none, or it is in W.
        notes: What the station cannot do, for people.
    """

    def __init__(self, name: str, protocol: str, options: Options, now: Callable[[], datetime]) -> None:
        self.name = name
        self.dialect = Dialect(protocol)
        self.overheard = Overheard(self.dialect, options.profile_id, self._supply)
        self.notes: tuple[str, ...] = ()
        self._options = options
        self._now = now
        self._abilities: Abilities | None = None
        self._held: _Held | None = None
        self._schedule: Schedule | None = None
        self._displaced: Mapping[str, Any] | None = None  # Any: JSON from the wire

    @property
    def limit_ma(self) -> int | None:
        """See the class."""
        if self._schedule is None or self._supply().unit != "A" or self.overheard.ours_is_gone:
            return None
        since_s = (self._time() - self._schedule.start).total_seconds()
        if self._schedule.duration_s is not None and since_s >= self._schedule.duration_s:
            return None
        begun = [period.bound.limit for period in self._schedule.periods if period.start_s <= since_s]
        return None if not begun or begun[-1] is None else 100 * begun[-1]

    def is_due(self, command: ChargerCommand) -> bool:
        """Whether the station must hear of this command, or of the operator's other hours, or before it forgets."""
        held, heard = self._held, self.overheard
        if held is None or held.command is not command:
            return True
        is_late = held.refresh_at is not None and self._now() >= held.refresh_at
        return self._schedule is not None and (heard.ours_is_gone or is_late or held.version != heard.version)

    async def deliver(self, command: ChargerCommand, relay: Relay) -> None:
        """Set our profile or take it back; return when the station has accepted it.

        Raises:
            ChargerRefusedError: it said no, or nonsense.
            DeviceLostError: it did not answer or closed the connection.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXTRA_ANSWER_S):
                await self.overheard.greeted.wait()
        if not command.restricted or (command.until is not None and command.until <= self._now()):
            await self._release(command, relay)
            return
        if self._abilities is None or self.overheard.restarted:
            answer = await self._ask_if_able(self.dialect.ask_abilities(), relay)
            self._abilities = self.dialect.read_abilities(answer or {})
        await self._await_time(relay)
        limit = self._limit(command)
        if self._options.learn and self.overheard.restarted:
            await self._learn(limit, relay)
        self.overheard.restarted = False
        version = self.overheard.version
        level, schedule, displaced = self._plan(command, limit)
        call = self.dialect.set_profile(self._options.profile_id, level, schedule, self._supply().unit)
        answer = await relay.ask(*call)
        if answer.get("status") != "Accepted":
            raise ChargerRefusedError(
                f"charge point {self.name} answered {str(answer.get('status'))[:40]!r} to a limit of "
                f"{command.limit_ma} mA; allowed: Accepted; switch smart charging on in its settings"
            )
        self.overheard.level = level
        if self.overheard.version == version:
            self.overheard.ours_is_gone = False
        self._schedule, self._displaced = schedule, displaced
        now = self._now()
        latest = now + timedelta(seconds=self._options.profile_s)
        is_whole = command.until is not None and command.until <= latest
        refresh_at = None if is_whole else now + (latest - now) / 2
        self._held = _Held(command, version, refresh_at)
        _log.info("charge point %s accepted %d mA beside its operator's limits", self.name, command.limit_ma)

    async def _release(self, command: ChargerCommand, relay: Relay) -> None:
        if self._displaced is not None:
            # At the same level it replaces ours: the operator's limit comes back without a gap.
            await relay.ask("SetChargingProfile", self._displaced)
        else:
            await relay.ask(*self.dialect.clear_profile(self._options.profile_id))  # "Unknown" is as good
        self._held = _Held(command, self.overheard.version, None)
        self._schedule = self._displaced = self.overheard.level = None
        _log.info("charge point %s has no limit of ours", self.name)

    def _plan(
        self, command: ChargerCommand, limit: int
    ) -> tuple[int, Schedule, Mapping[str, Any] | None]:  # Any: JSON from the wire
        """Our level, our schedule, and the call that set the profile whose place it takes."""
        heard = self.overheard
        profiles = [profile for profile, _ in heard.profiles.values()]
        highest = max((profile.level for profile in profiles), default=-1)
        told = self._abilities.level if self._abilities else None
        level = highest + 1 if told is None else told
        in_place = [(profile, asked) for profile, asked in heard.profiles.values() if profile.level >= level]
        now = self._now()
        latest = now + timedelta(seconds=self._options.profile_s)
        until = latest if command.until is None else min(command.until, latest)
        time = self._time()
        schedule = minimum_schedule(
            limit,
            [profiles, [heard.base] if heard.base else []],
            time,
            until=time + (until - now),
            most_periods=self._abilities.periods if self._abilities else 1,
            displaced=in_place[0][0] if in_place and self.dialect.is_old else None,
        )
        return level, schedule, in_place[0][1] if in_place and self.dialect.is_old else None

    def _supply(self) -> Supply:
        unit = self._abilities.unit if self._abilities else "A"
        return Supply(unit, self._options.phases, self._options.voltage_v)

    def _time(self) -> datetime:
        """The time by the station's clock; where it is not known, the chain's."""
        return self.overheard.station_time or self._now()

    def _limit(self, command: ChargerCommand) -> int:
        """The command's limit in tenths of the station's unit, rounded down."""
        supply = self._supply()
        if supply.unit == "A":
            return command.limit_ma // 100
        if supply.phases is None or supply.voltage_v is None:
            raise ChargerRefusedError(
                "the charge point takes limits in W only; set phases (1 to 3) and voltage_v of its supply"
            )
        return int(command.limit_ma * supply.phases * supply.voltage_v / 100)

    async def _await_time(self, relay: Relay) -> None:
        """Make the station ask its operator for the time if it has not been heard: its times are on that clock."""
        heard = self.overheard
        if heard.station_time is not None or relay.operator_trouble is not None:
            return
        answer = await self._ask_if_able(("TriggerMessage", {"requestedMessage": "Heartbeat"}), relay)
        if answer is not None and answer.get("status") == "Accepted":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EXTRA_ANSWER_S):
                    await heard.told.wait()

    async def _learn(self, limit: int, relay: Relay) -> None:
        """Ask what the operator had set before we could listen."""
        if not self.dialect.is_old:
            await self._learn_profiles(relay)
            return
        base = await self._learn_composite(relay)
        if base is not None and self._is_lower(base, limit) and not self._is_explained(base):
            # It may be a limit of ours from before a restart: without it what remains is the operator's.
            answer = await self._ask_if_able(self.dialect.clear_profile(self._options.profile_id), relay)
            if answer is not None and answer.get("status") == "Accepted":
                base = await self._learn_composite(relay)
        self.overheard.base = None if base is None or self._is_explained(base) else base

    def _is_lower(self, base: OperatorProfile, limit: int) -> bool:
        lowest = base.lowest.limit
        return lowest is not None and lowest < limit

    def _is_explained(self, base: OperatorProfile) -> bool:
        """Whether what the station says is what passed by."""
        now = self._time()
        heard = composite([profile for profile, _ in self.overheard.profiles.values()], now)
        return heard.limit is not None and composite([base], now).limit == heard.limit

    async def _learn_composite(self, relay: Relay) -> OperatorProfile | None:
        asked = {
            "connectorId": 0,
            "duration": self._options.profile_s,
            "chargingRateUnit": self._supply().unit,
        }
        answer = await self._ask_if_able(("GetCompositeSchedule", asked), relay)
        if answer is None:
            self.notes = ("it does not tell what its operator had set before evrds came: that is not counted",)
            return None
        self.notes = ()
        schedule = answer.get("chargingSchedule")
        if answer.get("status") != "Accepted" or not isinstance(schedule, dict):
            return None
        try:
            return read_composite(schedule, answer.get("scheduleStart"), self._supply())
        except ValueError as fault:
            self.notes = (f"what it says of its schedule cannot be read: {fault}"[:200],)
            return None

    async def _learn_profiles(self, relay: Relay) -> None:
        """OCPP 2.x, K09: the profiles themselves."""
        request = random.randrange(1, 2**31)
        self.overheard.expect_report(request)
        asked = {
            "requestId": request,
            "evseId": 0,
            "chargingProfile": {"chargingProfilePurpose": self.dialect.purpose},
        }
        answer = await self._ask_if_able(("GetChargingProfiles", asked), relay)
        if answer is None:
            self.notes = ("it does not tell what its operator had set before evrds came: that is not counted",)
            return
        if answer.get("status") == "Accepted":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EXTRA_ANSWER_S):
                    await self.overheard.reported.wait()

    async def _ask_if_able(self, call: Call, relay: Relay) -> dict[str, Any] | None:  # Any: JSON from the wire
        """The answer to a call that stations need not know, or None."""
        with contextlib.suppress(TimeoutError, EvrdsError):
            async with asyncio.timeout(EXTRA_ANSWER_S):
                return await relay.ask(*call)
        return None
