"""Commands in, one pin out: a relay whose contact lets a charger charge or not, and nothing in between.

The contact is closed when the limit allows the charger's whole current, `closed_a`, and open below that: a charger that
would take more than it may does not charge. The pin is a line of the kernel's GPIO character device, or a file that is
given "1" or "0".

Without us: a pin has no watchdog. A process that ends lets go of its line, and the kernel's driver of the chip decides
what becomes of it; a file stays as it is.
"""

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import gpiod
from gpiod.line import Direction, Value

from rds.errors import ChargerRefusedError, DeviceAbsentError, UsageError
from receiver.chargers._kept import KeptCharger
from receiver.chargers._options import number, read_options
from receiver.chargers.driver import PAUSE_MA, ChargerCommand, ChargerReading, Fallback, ProbeReport

CONSUMER: Final = "evrds"
"""What the kernel shows as the line's owner."""
FILE: Final = "file:"


@dataclass(frozen=True, slots=True)
class Options:
    """The table of the driver `gpio`.

    Attributes:
        pin: CHIP:LINE as "/dev/gpiochip0:17", or "file:PATH".
        closed_a: What the charger takes while the contact is closed, in A per phase.
        active_low: Whether the contact is closed while the pin is low.
        refresh_s: How often the pin is written again and read.
    """

    pin: str = "/dev/gpiochip0:17"
    closed_a: int = number(32, low=6, high=80)
    active_low: bool = False
    refresh_s: float = number(5.0, low=0.1, high=3600)


class Pin(ABC):
    """A contact that is closed or open."""

    @abstractmethod
    def is_closed(self) -> bool:
        """Whether the contact is closed now."""

    @abstractmethod
    def set_closed(self, closed: bool) -> None:
        """Close or open the contact."""

    @abstractmethod
    def release(self) -> None:
        """Let go of the pin."""


class _FilePin(Pin):
    def __init__(self, path: Path, *, active_low: bool) -> None:
        self._path = path
        self._digits = "10" if active_low else "01"
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, "there is no such file", str(path))

    def is_closed(self) -> bool:
        text = self._path.read_text("ascii", errors="replace")[:9].strip()
        if text not in ("0", "1"):
            raise ChargerRefusedError(f"{self._path} holds {text!r}; 0 or 1 can be")
        return text == self._digits[1]

    def set_closed(self, closed: bool) -> None:
        self._path.write_text(self._digits[closed], "ascii")

    def release(self) -> None:
        pass


class _LinePin(Pin):
    """A line of a chip. Until it is set it stays what it was, also its direction."""

    def __init__(self, chip: str, line: int, *, active_low: bool) -> None:
        self._line = line
        self._active_low = active_low
        self._driven = False
        self._request = gpiod.request_lines(chip, {line: self._settings(Direction.AS_IS)}, CONSUMER)

    def _settings(self, direction: Direction, value: Value = Value.INACTIVE) -> gpiod.LineSettings:
        return gpiod.LineSettings(direction=direction, active_low=self._active_low, output_value=value)

    def is_closed(self) -> bool:
        return self._request.get_value(self._line) is Value.ACTIVE

    def set_closed(self, closed: bool) -> None:
        value = Value.ACTIVE if closed else Value.INACTIVE
        if self._driven:
            self._request.set_value(self._line, value)
        else:
            self._request.reconfigure_lines({self._line: self._settings(Direction.OUTPUT, value)})
            self._driven = True

    def release(self) -> None:
        self._request.release()


class Driver(KeptCharger):
    """One relay."""

    def __init__(self, options: Options) -> None:
        super().__init__(f"gpio {options.pin}", refresh_s=options.refresh_s, answer_timeout_s=1.0)
        self._options = options
        self._chip, self._line = _chip_and_line(options.pin)
        self._pin: Pin | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:  # noqa: ARG003
        """See `ChargerDriver` and `Options`."""
        return cls(read_options(Options, options, driver="gpio"))

    async def _connect(self) -> None:
        active_low = self._options.active_low
        try:
            if self._line is None:
                self._pin = _FilePin(Path(self._chip), active_low=active_low)
            else:
                self._pin = _LinePin(self._chip, self._line, active_low=active_low)
        except (OSError, ValueError) as fault:
            raise DeviceAbsentError(f"{self._name} cannot be had: {_cause(fault)}") from fault

    async def _write(self, command: ChargerCommand) -> int | None:
        closed = command.limit_ma >= self._closed_ma
        self._opened().set_closed(closed)
        return self._closed_ma if closed else PAUSE_MA

    async def _read(self) -> ChargerReading:
        return ChargerReading(limit_ma=self._closed_ma if self._opened().is_closed() else PAUSE_MA)

    async def _identify(self) -> ProbeReport:
        now = "closed" if self._opened().is_closed() else "open"
        return ProbeReport(
            f"pin {self._options.pin}, its contact {now}",
            (f"all of {self._options.closed_a} A or nothing", "read-back of the pin, not of the contact"),
            Fallback(
                self._closed_ma, None, "no watchdog: a line falls to what the board does without a driver, a file stays"
            ),
            ("see that the contact falls to what you want when the pin is let go: see docs/chargers/gpio.md",),
        )

    async def _hang_up(self) -> None:
        if self._pin is not None:
            self._pin.release()
            self._pin = None

    @property
    def _closed_ma(self) -> int:
        return 1000 * self._options.closed_a

    def _opened(self) -> Pin:
        if self._pin is None:
            raise ConnectionResetError("not opened")
        return self._pin


def _chip_and_line(pin: str) -> tuple[str, int | None]:
    """A chip and its line, or a file and None."""
    if pin.startswith(FILE + "/"):
        return pin.removeprefix(FILE), None
    chip, _, line = pin.rpartition(":")
    if not chip.startswith("/") or not (line.isascii() and line.isdecimal()) or len(line) > 4:
        raise UsageError(f'charger gpio option pin is {pin!r}; allowed: "/dev/gpiochipN:LINE" or "file:/PATH"')
    return chip, int(line)


def _cause(fault: Exception) -> str:
    number_ = getattr(fault, "errno", None)
    if number_ in (errno.EACCES, errno.EPERM):
        return "no permission; add the user to the group that owns it, on Raspberry Pi OS gpio"
    if number_ == errno.EBUSY:
        return "another program has the line; stop that one, or use another line"
    if number_ in (errno.ENOENT, errno.ENODEV):
        return "it is not there; `gpiodetect` lists the chips and `gpioinfo` their lines"
    return f"{fault}; it must be a line of a GPIO chip"
