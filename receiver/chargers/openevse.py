"""Commands in, RAPI out to an OpenEVSE controller on a serial line or TCP: volatile current, sleep and heartbeat.

A limit is `$SC n V`, which ends with the controller's next boot; a pause is 6 A and `$FS`, and ends with `$FE`. The
controller's supervision (`$SY`) is armed at each connection, and a pulse follows at half its time.

Without us the current falls to `fallback_a` after `watchdog_s` of silence. A pause stays: the controller sleeps until
its button, its menu, its next boot or a receiver wakes it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

from rds.errors import ChargerRefusedError
from receiver.chargers._kept import KeptCharger
from receiver.chargers._openevse_rapi import Answer, RapiLink
from receiver.chargers._options import number, read_options
from receiver.chargers._serial_wire import open_wire, wire_address
from receiver.chargers.driver import LOWEST_MA, PAUSE_MA, ChargerCommand, ChargerReading, Fallback, ProbeReport

LOWEST_A: Final = LOWEST_MA // 1000
PLAUSIBLE_A: Final = 80
"""The most that a controller of this family can have."""
ASLEEP: Final = (0xFE, 0xFF)
"""Sleeping and disabled."""
FAULTS: Final = {
    0x04: "the car wants ventilation",
    0x05: "its diode check failed",
    0x06: "a ground fault tripped it",
    0x07: "it finds no ground",
    0x08: "its relay is stuck",
    0x09: "its ground fault self-test failed",
    0x0A: "it is too hot",
    0x0B: "the car draws more than it may",
}
PLUGGED_FLAG: Final = 0x0100


@dataclass(frozen=True, slots=True)
class Options:
    """The table of the driver `openevse`.

    Attributes:
        url: The serial port's path, or tcp://HOST:PORT of a serial server.
        baud_rate: Of the serial port.
        watchdog_s: After this silence the controller lowers its current; it overflows above 65 s on an ATmega.
        fallback_a: The current to which it lowers it.
        answer_timeout_s: How long a few commands together may take.
    """

    url: str = "/dev/ttyUSB0"
    baud_rate: int = number(115_200, low=1200, high=1_000_000)
    watchdog_s: int = number(60, low=2, high=65)
    fallback_a: int = number(LOWEST_A, low=LOWEST_A, high=PLAUSIBLE_A)
    answer_timeout_s: float = number(10.0, low=0.1, high=60)


@dataclass(frozen=True, slots=True)
class _State:
    """What `$GS` and `$GE` say."""

    code: int
    plugged: bool | None
    amps: int

    @property
    def asleep(self) -> bool:
        return self.code in ASLEEP


class Driver(KeptCharger):
    """One controller."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._address = wire_address(options.url, driver="openevse", option="url")
        super().__init__(
            f"openevse {self._address}",
            refresh_s=options.watchdog_s / 2,
            answer_timeout_s=options.answer_timeout_s,
        )
        self._link: RapiLink | None = None
        self._supervised = False
        self._paused: bool | None = None
        """Whether we have put it to sleep; None: not known yet, an earlier receiver may have."""
        self._overridden: str | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:  # noqa: ARG003
        """See `ChargerDriver` and `Options`."""
        return cls(read_options(Options, options, driver="openevse"))

    async def _connect(self) -> None:
        await self._hang_up()  # what a refusal at the last try has left open
        self._link = RapiLink(await open_wire(self._address, baud_rate=self._options.baud_rate))
        await self._link.demand("GV")
        await self._supervise(self._link)

    async def _supervise(self, link: RapiLink) -> None:
        """Arm the supervision. It is kept in EEPROM, which is written only where it changes."""
        wanted = (str(self._options.watchdog_s), str(self._options.fallback_a))
        answer = await link.ask(" ".join(("SY", *wanted)))
        self._supervised = answer.ok and answer.values[:2] == wanted

    async def _write(self, command: ChargerCommand) -> int | None:
        link = self._opened()
        state = await _state(link)
        self._overridden = None
        if command.limit_ma == PAUSE_MA:
            return await self._pause(link, state)
        set_a = await _set_amps(link, command.limit_ma // 1000)
        # Our pause leaves 6 A, by which a receiver that was started anew knows it from a person's.
        ours = self._paused or (self._paused is None and state.amps == LOWEST_A)
        if state.asleep and ours:
            await link.demand("FE")
        elif state.asleep:
            self._overridden = "put to sleep at its button, menu or timer"
            return None
        self._paused = False
        return set_a * 1000

    async def _pause(self, link: RapiLink, state: _State) -> int | None:
        if self._paused and not state.asleep and state.amps == LOWEST_A and not link.booted:
            self._overridden = "woken at its button or menu; it charges with 6 A"
            return None
        await _set_amps(link, LOWEST_A)
        await link.demand("FS")
        self._paused, link.booted = True, False
        return PAUSE_MA

    async def _read(self) -> ChargerReading:
        link = self._opened()
        # A no means that a pulse was missed. Arming anew clears that; the acknowledgement ($SY 165) would raise the
        # current to the highest.
        if self._supervised and not (await link.ask("SY")).ok:
            await self._supervise(link)
        state = await _state(link)
        alarms = []
        if not self._supervised:
            alarms.append(f"{self._name} has no heartbeat supervision as wanted: without us its last limit stays")
        if state.code in FAULTS:
            alarms.append(f"{self._name} does not charge: {FAULTS[state.code]}; look at the charger")
        return replace(
            await _meter(link),
            plugged=state.plugged,
            limit_ma=PAUSE_MA if state.asleep else state.amps * 1000,
            overridden=self._overridden,
            alarms=tuple(alarms),
        )

    async def _identify(self) -> ProbeReport:
        link = self._opened()
        version = await link.demand("GV")
        capacity = await link.ask("GC")
        timer = await link.ask("GD")
        supports = ["limits in A, steps of 1 A", "pause by sleep", "read-back of limit, current, energy and cable"]
        if capacity.ok:
            supports.append(f"{capacity.number(0)} to {capacity.number(len(capacity.values) - 1)} A as it is set up")
        warnings = []
        if timer.ok and any(value != "0" for value in timer.values):
            warnings.append("its delay timer is on and may keep it asleep: switch it off in its menu")
        if self._supervised:
            fallback_ma, after_s = self._options.fallback_a * 1000, float(self._options.watchdog_s)
            words = f"at most {self._options.fallback_a} A after {after_s:g} s of silence; a pause stays"
            return ProbeReport(_found(version), tuple(supports), Fallback(fallback_ma, after_s, words), tuple(warnings))
        warnings.append("its firmware has no heartbeat supervision: bring it up to date")
        words = "no watchdog: the last limit stays until it boots, then its own highest current"
        return ProbeReport(_found(version), tuple(supports), Fallback(None, None, words), tuple(warnings))

    async def _hang_up(self) -> None:
        if self._link is not None:
            await self._link.close()
            self._link = None

    def _opened(self) -> RapiLink:
        if self._link is None:
            raise ConnectionResetError("not connected")
        return self._link


def _found(version: Answer) -> str:
    return f"OpenEVSE controller, firmware {version.values[0][:40] if version.values else 'unknown'}"


async def _state(link: RapiLink) -> _State:
    said = await link.demand("GS")
    code = said.number(0, base=16)
    # The fourth value, since firmware 4, says of the cable even while the controller sleeps.
    if len(said.values) > 3:
        plugged: bool | None = bool(said.number(3, base=16) & PLUGGED_FLAG)
    else:
        plugged = {0x01: False, 0x02: True, 0x03: True}.get(code)
    amps = (await link.demand("GE")).number(0)
    if not 0 < amps <= PLAUSIBLE_A:
        raise ChargerRefusedError(f"OpenEVSE says it is set to {amps} A; from 1 to {PLAUSIBLE_A} A can be")
    return _State(code, plugged, amps)


async def _set_amps(link: RapiLink, amps: int) -> int:
    """Set the current until the next boot; what the controller made of it, which may be less and never more."""
    said = await link.ask(f"SC {amps} V")  # a no with a number: its own highest is lower, or it is too hot for more
    set_a = said.number(0) if said.values or not said.ok else amps
    if set_a > amps:
        raise ChargerRefusedError(f"OpenEVSE answered $SC {amps} V with {said.words()}; at most {amps} A is wanted")
    return set_a


async def _meter(link: RapiLink) -> ChargerReading:
    """Current and energy, as far as its build has a meter."""
    current, energy = await link.ask("GG"), await link.ask("GU")
    current_ma = current.number(0) if current.ok else -1
    return ChargerReading(
        energy_wh=max(0, energy.number(1)) if energy.ok and len(energy.values) > 1 else None,
        current_ma=current_ma if current_ma >= 0 else None,  # -1 without an ammeter
    )
