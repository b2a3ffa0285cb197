"""Commands in, a program run with the limit as JSON on its standard input: the way to whatever has no driver here.

    {"limit_a": 16, "restricted": true, "moment": "...", "until": "..." or null, "reason": "..."}

Exit code 0 means that the charger has the limit. What it prints, if anything, is a JSON object: the limit that the
charger says it has as `limit_a`, and `current_a`, `energy_wh` and `plugged` if it knows. It runs again every
`refresh_s`, never through a shell, and never twice at a time.

Without us: what the program and its charger do. A charger with a watchdog should have one longer than `refresh_s`.
"""

import json
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from rds.errors import ChargerRefusedError, DeviceAbsentError, UsageError
from receiver.chargers._kept import KeptCharger
from receiver.chargers._options import number, read_options
from receiver.chargers._program import OUTPUT_BYTES, Outcome, run_program
from receiver.chargers.driver import ChargerCommand, ChargerReading, Fallback, ProbeReport

PLAUSIBLE_A: Final = 1000
PLAUSIBLE_WH: Final = 10**12


@dataclass(frozen=True, slots=True)
class Options:
    """The table of the driver `command`.

    Attributes:
        command: The program and its arguments, in words as a shell would split them.
        timeout_s: After this time the program is killed with all that it has started.
        refresh_s: How often it runs with the same limit.
        fallback_a: What the charger takes when the program is run no more, as its owner knows; left out: unknown.
        fallback_s: After how long.
    """

    command: str = ""
    timeout_s: float = number(10.0, low=0.1, high=600)
    refresh_s: float = number(30.0, low=1, high=3600)
    fallback_a: int | None = number(None, low=0, high=PLAUSIBLE_A)
    fallback_s: float | None = number(None, low=0, high=86_400)


class Driver(KeptCharger):
    """One program."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._arguments = _words(options.command)
        super().__init__(
            f"command {self._arguments[0]}", refresh_s=options.refresh_s, answer_timeout_s=options.timeout_s
        )
        self._said = ChargerReading()

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:  # noqa: ARG003
        """See `ChargerDriver` and `Options`."""
        return cls(read_options(Options, options, driver="command"))

    async def _connect(self) -> None:
        if shutil.which(self._arguments[0]) is None:
            raise DeviceAbsentError(f"{self._name} cannot be run: there is no such program, or it is not executable")

    async def _write(self, command: ChargerCommand) -> int | None:
        outcome = await run_program(self._arguments, _input(command))
        if outcome.code != 0:
            raise ChargerRefusedError(f"{self._name} ended with exit code {outcome.code}{_last_line(outcome)}")
        self._said = self._parse(outcome)
        said_ma = self._said.limit_ma
        if said_ma is None or not command.restricted:
            return None
        return min(said_ma, command.limit_ma)  # less than asked for is its own affair

    async def _read(self) -> ChargerReading:
        return self._said

    async def _identify(self) -> ProbeReport:
        fallback_a, after_s = self._options.fallback_a, self._options.fallback_s
        known = fallback_a is not None
        return ProbeReport(
            f"program {shutil.which(self._arguments[0])}",
            ("what the program does; it has not been run for this",),
            Fallback(
                1000 * fallback_a if fallback_a is not None else None,
                after_s,
                "as the configuration says" if known else "unknown: what the program and its charger do without us",
            ),
            () if known else ("give fallback_a and fallback_s when you know what the charger does without us",),
        )

    async def _hang_up(self) -> None:
        """Nothing runs between two steps."""

    def _parse(self, outcome: Outcome) -> ChargerReading:
        if not outcome.whole:
            raise ChargerRefusedError(f"{self._name} wrote more than {OUTPUT_BYTES} bytes; at most an object is wanted")
        if not outcome.output.strip():
            return ChargerReading()
        try:
            said = json.loads(outcome.output)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise ChargerRefusedError(
                f"{self._name} wrote {outcome.output[:40]!r}; nothing or a JSON object with limit_a is wanted"
            )
        plugged = said.get("plugged")
        return ChargerReading(
            energy_wh=self._number(said, "energy_wh", PLAUSIBLE_WH, scale=1),
            plugged=plugged if isinstance(plugged, bool) else None,
            limit_ma=self._number(said, "limit_a", PLAUSIBLE_A, scale=1000),
            current_ma=self._number(said, "current_a", PLAUSIBLE_A, scale=1000),
        )

    def _number(self, said: Mapping[str, object], name: str, highest: int, *, scale: int) -> int | None:
        value = said.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
            raise ChargerRefusedError(f"{self._name} says {name} is {str(value)[:40]!r}; 0 to {highest} can be")
        return round(scale * value)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation mark without its other
        words = []
    if not words or "\0" in command:
        raise UsageError(f"charger command option command is {command!r}; allowed: a program and its arguments")
    return words


def _input(command: ChargerCommand) -> bytes:
    whole, rest = divmod(command.limit_ma, 1000)
    told = {
        "limit_a": whole if rest == 0 else command.limit_ma / 1000,
        "restricted": command.restricted,
        "moment": command.moment.isoformat(),
        "until": None if command.until is None else command.until.isoformat(),
        "reason": command.reason,
    }
    return json.dumps(told).encode() + b"\n"


def _last_line(outcome: Outcome) -> str:
    """The end of what it said of its failure, for people."""
    lines = outcome.errors.decode(errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    shown = "".join(letter if letter.isprintable() else " " for letter in last.strip()[:200])
    return f": {shown}" if shown else ", without a word on standard error"
