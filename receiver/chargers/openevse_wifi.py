"""Commands in, claims out to an OpenEVSE's WiFi module over HTTP: our own claim among those of its other masters.

A limit is a claim of `max_current`, which caps whatever its schedule, its solar divert or a person choose; a pause is
one of state "disabled". Taking back deletes the claim. The module ranks claims: ours has the rank of the API (500), and
a person's manual override (1000) holds instead of it.

Without us: a claim has no watchdog and no end. It stays until the module restarts, is deleted, or, with `auto_release`,
until the car is unplugged; then its own configured current holds.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from rds.errors import ChargerRefusedError
from receiver.chargers._http_wire import http_wire
from receiver.chargers._kept import KeptCharger
from receiver.chargers._options import number, read_options
from receiver.chargers.driver import PAUSE_MA, ChargerCommand, ChargerReading, Fallback, ProbeReport

SETTLE_S: Final = 2.0
"""How long the module may take to bring a claim to its controller."""
LOOK_S: Final = 0.1
PLAUSIBLE_A: Final = 80
PLAUSIBLE_WH: Final = 10**9
ASLEEP: Final = (0xFE, 0xFF)
FAULTS: Final = range(0x04, 0x0C)
MASTERS: Final = {
    0x10001: "the manual override",
    0x10002: "the solar divert",
    0x10003: "the boost",
    0x10004: "the schedule",
    0x10006: "a charge limit",
    0x10007: "a fault",
    0x10009: "OCPP",
    0x1000A: "the RFID reader",
    0x1000B: "MQTT",
    0x1000C: "the load shaper",
    0x1000D: "the temperature throttle",
    0x1000E: "the load sharing",
    0x20001: "the demand shaper",
}
"""Who may claim: the client numbers of the module's evse_man.h, of 2026."""


@dataclass(frozen=True, slots=True)
class Options:
    """The table of the driver `openevse_wifi`.

    Attributes:
        url: Of the module's web page.
        user: Its user's name, if it asks for one.
        password: The same user's.
        ca_file: What signs its certificate, PEM, for https.
        client: The number of our claim; another controller's must be another.
        auto_release: Whether the claim ends when the car is unplugged; the next car then charges in full until the next
            refresh.
        refresh_s: How often the claim is made anew and looked at.
        answer_timeout_s: How long a few requests together may take.
    """

    url: str = "http://openevse.local"
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None
    client: int = number(0x5244, low=1, high=0x7FFF_FFFF)
    auto_release: bool = False
    refresh_s: float = number(30.0, low=1, high=3600)
    answer_timeout_s: float = number(10.0, low=0.1, high=60)


class Driver(KeptCharger):
    """One WiFi module."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._http = http_wire(
            options.url,
            driver="openevse_wifi",
            user=options.user,
            password=options.password,
            ca_file=options.ca_file,
        )
        super().__init__(
            f"openevse_wifi {options.url}", refresh_s=options.refresh_s, answer_timeout_s=options.answer_timeout_s
        )
        self._claim: dict[str, object] | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:  # noqa: ARG003
        """See `ChargerDriver` and `Options`."""
        return cls(read_options(Options, options, driver="openevse_wifi"))

    async def _connect(self) -> None:
        await self._get("/status")

    async def _write(self, command: ChargerCommand) -> int | None:
        path = f"/claims/{self._options.client}"
        if not command.restricted:
            self._claim = None
            await self._ask("DELETE", path, allowed=(200, 404))
            return None
        pause = command.limit_ma == PAUSE_MA
        # A limit claims no state: that would wake a charger which its schedule keeps asleep.
        claim: dict[str, object] = {"state": "disabled"} if pause else {"max_current": command.limit_ma // 1000}
        self._claim = claim
        await self._ask("POST", path, {**claim, "auto_release": self._options.auto_release})
        wanted_ma = command.limit_ma // 1000 * 1000
        for _ in range(round(min(SETTLE_S, self._options.answer_timeout_s / 2) / LOOK_S)):
            has_ma = _limit_ma(await self._get("/status"))
            if has_ma <= wanted_ma:
                return has_ma  # less is another's claim, or the most that it is set up for
            if await self._master() is not None:
                break
            await asyncio.sleep(LOOK_S)
        return wanted_ma

    async def _read(self) -> ChargerReading:
        status = await self._get("/status")
        energy_kwh = _number(status, "total_energy", highest=PLAUSIBLE_WH / 1000)
        current_ma = _number(status, "amp", highest=1000 * PLAUSIBLE_A)
        alarms = []
        if status.get("evse_connected", 1) == 0:
            alarms.append(f"{self._name} has lost its controller: look at the cable between module and controller")
        if _number(status, "state", highest=0xFF) in FAULTS:
            alarms.append(f"{self._name} does not charge: a fault, state {status['state']}; look at the charger")
        return ChargerReading(
            energy_wh=None if energy_kwh is None else round(1000 * energy_kwh),
            plugged=bool(status["vehicle"]) if "vehicle" in status else None,
            limit_ma=_limit_ma(status),
            current_ma=None if current_ma is None else round(current_ma),
            overridden=await self._master(),
            alarms=tuple(alarms),
        )

    async def _master(self) -> str | None:
        """Who holds what we have claimed, in words; None: we do, or have claimed nothing."""
        if self._claim is None:
            return None
        answer = await self._ask("GET", "/claims/target", allowed=(200, 404))
        target = answer if isinstance(answer, dict) else {}  # older modules have no such page
        holders, properties = target.get("claims"), target.get("properties")
        if not isinstance(holders, dict) or not isinstance(properties, dict):
            return None
        for name in self._claim:
            holder = holders.get(name)
            if isinstance(holder, int) and holder != self._options.client:
                said = str(properties.get(name))[:20]
                return f"{MASTERS.get(holder, f'client {holder}')} holds {name} at {said}"
        return None

    async def _identify(self) -> ProbeReport:
        config = await self._get("/config")
        highest_a = _number(config, "max_current_soft", highest=PLAUSIBLE_A)
        warnings = []
        delay_s = _number(config, "scheduler_start_window", highest=86_400)
        if delay_s:
            warnings.append(f"its schedule starts at random within {delay_s:g} s: set its random start to 0")
        if config.get("divert_enabled") is True:
            warnings.append("its solar divert is on; it stays below our limit, but starts and stops by itself")
        end = "the car is unplugged" if self._options.auto_release else "the module restarts"
        return ProbeReport(
            f"OpenEVSE WiFi module {str(config.get('version'))[:40]}, controller {str(config.get('firmware'))[:40]}",
            ("limits in A, steps of 1 A", "pause", "read-back of limit, current, energy and cable"),
            Fallback(
                None if highest_a is None else round(1000 * highest_a),
                None,
                f"no watchdog: the last limit stays until {end}, then its own {highest_a or 'unknown'} A",
            ),
            tuple(warnings),
        )

    async def _hang_up(self) -> None:
        """Each request has had its own connection."""

    async def _get(self, path: str) -> dict[str, object]:
        value = await self._ask("GET", path)
        if not isinstance(value, dict):
            raise ChargerRefusedError(f"{self._name} answered GET {path} with {str(value)[:40]!r}; an object is wanted")
        return value

    async def _ask(self, method: str, path: str, value: object = None, *, allowed: tuple[int, ...] = (200,)) -> object:
        answer = await self._http.ask(method, path, value)
        if answer.status not in allowed:
            advice = "give its user and password" if answer.status in (401, 403) else "look at its address and firmware"
            raise ChargerRefusedError(f"{self._name} answered {method} {path} with status {answer.status}; {advice}")
        return answer.value


def _limit_ma(status: Mapping[str, object]) -> int:
    """The limit that a status tells."""
    pilot_a = _number(status, "pilot", highest=PLAUSIBLE_A)
    state = _number(status, "state", highest=0xFF)
    if pilot_a is None or state is None:
        raise ChargerRefusedError("OpenEVSE's status has no pilot or no state; is this its WiFi module?")
    return PAUSE_MA if state in ASLEEP else round(1000 * pilot_a)


def _number(values: Mapping[str, object], name: str, *, highest: float) -> float | None:
    """A number that an object holds under a name, if any.

    Raises:
        ChargerRefusedError: there is something else, or a number that cannot be.
    """
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
        raise ChargerRefusedError(f"OpenEVSE says {name} is {str(value)[:40]!r}; from 0 to {highest:g} can be")
    return value
