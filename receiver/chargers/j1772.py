"""Commands in, the duty cycle of a control pilot out, through the kernel's PWM: we are the charger's controller.

The pilot's circuit gives +12 V while the PWM is high and -12 V while it is low; contactor, earth-leakage protection and
the car's answer on the pilot are others' work. The offered current is rounded down to the generator's step and changes
at most every `change_s`: the car has 5 s to follow (IEC 61851-1).

Without us: the PWM goes on with the last duty cycle; it has no watchdog.
"""

import asyncio
import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from rds.errors import ChargerRefusedError, DeviceAbsentError, UsageError
from receiver.chargers._j1772_pilot import PERIOD_NS, duty_ns, offered_ma
from receiver.chargers._kept import KeptCharger
from receiver.chargers._options import number, read_options
from receiver.chargers.driver import ChargerCommand, ChargerReading, Fallback, ProbeReport

STEP_TIMEOUT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """The table of the driver `j1772`.

    Attributes:
        pwm: The channel's folder, /sys/class/pwm/pwmchipN/pwmM.
        highest_a: The most that cable, contactor and breaker allow, in A per phase.
        step_ns: What the generator can tell apart, in ns.
        change_s: The shortest time between two changes of the pilot.
        refresh_s: How often the pilot is written again and read.
    """

    pwm: str = "/sys/class/pwm/pwmchip0/pwm0"
    highest_a: int = number(16, low=6, high=80)
    step_ns: int = number(1000, low=1, high=10_000)
    change_s: float = number(5.0, low=0, high=60)
    refresh_s: float = number(10.0, low=0.1, high=3600)


class Driver(KeptCharger):
    """One pilot."""

    def __init__(self, options: Options) -> None:
        super().__init__(
            f"j1772 {options.pwm}", refresh_s=options.refresh_s, answer_timeout_s=options.change_s + STEP_TIMEOUT_S
        )
        self._options = options
        self._folder = Path(options.pwm)
        self._changed_at_s: float | None = None
        if not self._folder.is_absolute():
            raise UsageError(f"charger j1772 option pwm is {options.pwm!r}; allowed: /sys/class/pwm/pwmchipN/pwmM")

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:  # noqa: ARG003
        """See `ChargerDriver` and `Options`."""
        return cls(read_options(Options, options, driver="j1772"))

    async def _connect(self) -> None:
        try:
            chip, channel = self._folder.parent, self._folder.name.removeprefix("pwm")
            if not self._folder.exists() and (chip / "export").exists():
                (chip / "export").write_text(channel, "ascii")
            self._number("period")
        except OSError as fault:
            raise DeviceAbsentError(f"{self._name} cannot be had: {_cause(fault)}") from fault

    async def _write(self, command: ChargerCommand) -> int | None:
        high_ns = self._duty_ns(command)
        if (self._number("period"), self._number("duty_cycle"), self._number("enable")) == (PERIOD_NS, high_ns, 1):
            return offered_ma(high_ns, PERIOD_NS)
        await self._wait_for_the_car()
        high_ns = self._duty_ns(self._wanted or command)  # while it waited a newer command may have come
        if self._number("period") != PERIOD_NS:
            self._set("duty_cycle", 0)  # it must never be longer than the period
            self._set("period", PERIOD_NS)
        self._set("duty_cycle", high_ns)
        self._set("enable", 1)
        self._changed_at_s = asyncio.get_running_loop().time()
        return offered_ma(high_ns, PERIOD_NS)

    async def _wait_for_the_car(self) -> None:
        if self._changed_at_s is not None:
            since_s = asyncio.get_running_loop().time() - self._changed_at_s
            await asyncio.sleep(max(0.0, self._options.change_s - since_s))

    def _duty_ns(self, command: ChargerCommand) -> int:
        return duty_ns(min(command.limit_ma, 1000 * self._options.highest_a), step_ns=self._options.step_ns)

    async def _read(self) -> ChargerReading:
        high_ns, period_ns = self._number("duty_cycle"), self._number("period")
        if not self._number("enable"):
            return ChargerReading(limit_ma=0)
        alarms: tuple[str, ...] = ()
        if period_ns and abs(period_ns - PERIOD_NS) * 200 > PERIOD_NS:  # 0.5 % is what annex A allows
            alarms = (f"{self._name} has a period of {period_ns} ns; a car reads nothing from other than {PERIOD_NS}",)
        try:
            return ChargerReading(limit_ma=offered_ma(high_ns, period_ns), alarms=alarms)
        except ValueError as fault:
            raise ChargerRefusedError(f"{self._name} cannot be: {fault}") from fault

    async def _identify(self) -> ProbeReport:
        reading = await self._read()
        step_ma = self._options.step_ns * 3 / 50
        return ProbeReport(
            f"PWM {self._options.pwm}, now offering {(reading.limit_ma or 0) / 1000:g} A",
            (f"limits in steps of {step_ma:g} mA, 6 to {self._options.highest_a} A", "pause by constant +12 V"),
            Fallback(1000 * self._options.highest_a, None, "no watchdog: the pilot goes on with the last limit"),
            ("give the service a line that pauses the pilot when it ends: see docs/chargers/j1772.md",),
        )

    async def _hang_up(self) -> None:
        """The pilot goes on."""

    def _number(self, name: str) -> int:
        text = (self._folder / name).read_text("ascii", errors="replace")[:32].strip()
        try:
            return int(text)
        except ValueError:
            raise ChargerRefusedError(f"{self._name} says {name} is {text!r}; a whole number can be") from None

    def _set(self, name: str, value: int) -> None:
        try:
            (self._folder / name).write_text(str(value), "ascii")
        except OSError as fault:
            raise ChargerRefusedError(
                f"{self._name} does not take {value} as {name}: {fault.strerror or fault}; look at the chip's limits"
            ) from fault


def _cause(fault: OSError) -> str:
    if fault.errno in (errno.EACCES, errno.EPERM):
        return "no permission; give the user the PWM by a udev rule, see docs/chargers/j1772.md"
    if fault.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV):
        return "it is not there; `ls /sys/class/pwm` lists the chips, and a board may have to switch PWM on"
    return f"{fault.strerror or fault}; it must be a channel of a PWM chip"
