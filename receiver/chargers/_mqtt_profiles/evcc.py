"""Limits as a loadpoint's maximum current and mode in evcc, by MQTT; its state heard back, its own settings given back.

evcc takes `PREFIX/loadpoints/N/maxCurrent/set` in A and `.../mode/set` (off, pv, minpv, now), and says the same without
`/set`, retained (evcc's server/mqtt.go). A pause is mode off. What stood there before is kept, retained, on our own
topic `evcc_before`, so that a receiver that was killed still gives it back. A current that a person has set lower than
ours stays. What someone sets otherwise while our limit holds, with the same car and evcc running on, is a person's
word and is left alone until the network's limit changes; evcc itself changes the mode when a car leaves.

Without us: no watchdog. Mode and current stay until someone sets them.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Final, Self

from receiver.chargers._mqtt_profile import HIGHEST_A, HIGHEST_WH, Options, Profile, Publication, amperes, compact
from receiver.chargers.driver import PAUSE_MA, ChargerCommand, ChargerReading, Fallback, ProbeReport

OFF: Final = "off"
MODES: Final = (OFF, "pv", "minpv", "now")


@dataclass(frozen=True, slots=True)
class Before:
    """What the loadpoint was set to before we touched it, and whether we switched it off."""

    mode: str
    limit_ma: int
    paused: bool

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """From JSON; None for anything else."""
        try:
            table = json.loads(text)
        except (ValueError, RecursionError):
            return None
        match table:
            case {"mode": str(mode), "limit_ma": int(limit_ma), "paused": bool(paused)} if (
                mode in MODES and 0 < limit_ma <= 1000 * HIGHEST_A
            ):
                return cls(mode, limit_ma, paused)
        return None


class Dialect(Profile):
    """One loadpoint of evcc."""

    DEVICE_TOPIC = "evcc"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._loadpoint = f"{self._device}/loadpoints/{options.loadpoint}"
        self._memory = f"{options.topic}/evcc_before"
        self._before: Before | None = None
        self._written: ChargerCommand | None = None
        self._ours: dict[str, str] = {}
        """What we have set, by name, once evcc has said that it has it."""
        self._persons: dict[str, str] = {}
        """What someone has set instead since then."""

    @property
    def topics(self) -> Sequence[str]:
        """Our own memory first: it must be known before evcc's state is judged."""
        names = ("mode", "maxCurrent", "connected", "chargeTotalImport")
        phases = (f"{self._loadpoint}/chargeCurrents/l{phase}" for phase in (1, 2, 3))
        return [
            self._memory,
            f"{self._device}/status",
            *(f"{self._loadpoint}/{name}" for name in names),
            *phases,
        ]

    def meet(self) -> None:
        """As the base; what changed while we were away is nobody's word."""
        super().meet()
        self._forget()
        self._written = None

    def hear(self, topic: str, text: str, at_s: float) -> bool:
        """A new car or a new evcc gets the limit again; another mode or current than ours is a person's."""
        before = self._said.get(topic)
        super().hear(topic, text, at_s)
        if topic == self._memory:
            if self._written is None:  # else it is our own that comes back
                self._before = Before.from_text(text) or self._before
        elif topic in (f"{self._device}/status", f"{self._loadpoint}/connected"):
            if before not in (None, text):
                self._forget()
                return True
        else:
            if topic.endswith("/mode") and text not in ("", OFF) and self._before and not self._pauses():
                self._before = replace(self._before, paused=False)  # it is on again; off from now is a person's
            self._compare(topic.rpartition("/")[2], text)
        return False

    def _pauses(self) -> bool:
        command = self._written
        return command is None or (command.restricted and command.limit_ma == PAUSE_MA)

    def _compare(self, name: str, text: str) -> None:
        if self._written is None or not self._written.restricted:
            return
        wanted = self._targets(self._written).get(name)
        if wanted is None:
            return
        if text == wanted or (name == "maxCurrent" and self._current_ma() == _ma(wanted)):
            self._ours[name] = wanted
            self._persons.pop(name, None)
        elif name in self._ours and text:
            self._persons[name] = text[:10]

    def _forget(self) -> None:
        self._ours.clear()
        self._persons.clear()

    def absence(self, at_s: float) -> str | None:  # noqa: ARG002
        """The broker keeps what evcc says, also that it has gone."""
        status = f"{self._device}/status"
        if self._said.get(status) == "offline":
            return f"evcc says {status} offline; start it"
        if self._mode() is None or self._current_ma() is None:
            return f"evcc has not said what {self._loadpoint} is set to; look at its mqtt settings and at loadpoint"
        return None

    def publications(self, command: ChargerCommand, now: datetime) -> list[Publication]:  # noqa: ARG002
        """What must be set so that the command holds, and what is to be remembered before it."""
        if self._written is None or _core(self._written) != _core(command):
            self._forget()
        self._written = command
        if not command.restricted:
            return self._give_back(command)
        mode, current_ma = self._mode(), self._current_ma()
        if mode is None or current_ma is None:
            return []
        paused = command.limit_ma == PAUSE_MA
        before = self._before or Before(mode, current_ma, paused=False)
        self._before = replace(before, paused=paused or (before.paused and mode == OFF))
        has = {
            "mode": mode,
            "maxCurrent": amperes(current_ma),
        }  # what it has need not be set, and perhaps be stored, again
        settings = [
            self._set(name, text)
            for name, text in self._targets(command).items()
            if name not in self._persons and has[name] != text
        ]
        if not paused and self._before.paused:
            settings.append(self._set("mode", before.mode))
        return [Publication(self._memory, compact(asdict(self._before)), retain=True), *settings]

    def _give_back(self, command: ChargerCommand) -> list[Publication]:
        """What stood there before, where nobody has set anything else since."""
        before, self._before = self._before, None
        self._forget()
        if before is None:
            return []
        settings = [self._set("maxCurrent", amperes(min(before.limit_ma, command.limit_ma or before.limit_ma)))]
        if before.paused and self._mode() == OFF:
            settings.append(self._set("mode", before.mode))
        return [*settings, Publication(self._memory, "", retain=True)]

    def _targets(self, command: ChargerCommand) -> dict[str, str]:
        if command.limit_ma == PAUSE_MA:
            return {"mode": OFF}
        highest_ma = self._before.limit_ma if self._before else command.limit_ma
        return {"maxCurrent": amperes(min(command.limit_ma, highest_ma))}

    def _set(self, name: str, text: str) -> Publication:
        return Publication(f"{self._loadpoint}/{name}/set", text)

    def expected_ma(self, command: ChargerCommand) -> int | None:
        """The limit, or what a person had set lower before."""
        if not command.restricted:
            return None
        name, text = next(iter(self._targets(command).items()))
        return PAUSE_MA if name == "mode" else _ma(text)

    def holds(self, command: ChargerCommand) -> bool:
        """A person's own setting is as good."""
        return bool(self._persons) or super().holds(command)

    def _mode(self) -> str | None:
        mode = self._said.get(f"{self._loadpoint}/mode")
        if mode is None or mode in MODES:
            return mode
        self._complain(f"{self._loadpoint}/mode", mode, ", ".join(MODES))
        return None

    def _current_ma(self) -> int | None:
        return self._milliamperes(f"{self._loadpoint}/maxCurrent")

    def _reading(self) -> ChargerReading:
        phases = [self._milliamperes(f"{self._loadpoint}/chargeCurrents/l{phase}") for phase in (1, 2, 3)]
        energy_kwh = self._number(f"{self._loadpoint}/chargeTotalImport", high=HIGHEST_WH / 1000)
        persons = ", ".join(f"{name} {text}" for name, text in sorted(self._persons.items()))
        return ChargerReading(
            energy_wh=None if energy_kwh is None else int(1000 * energy_kwh),
            plugged=self._flag(f"{self._loadpoint}/connected"),
            limit_ma=PAUSE_MA if self._mode() == OFF else self._current_ma(),
            current_ma=max((found for found in phases if found is not None), default=None),
            overridden=f"set in evcc: {persons}" if persons else None,
        )

    def report(self) -> ProbeReport:
        """What the loadpoint is set to."""
        reading = self.reading()
        return ProbeReport(
            f"evcc at {self._loadpoint}, mode {self._mode()}, limit {reading.limit_ma} mA",
            ("limits in A", "pause as mode off", "read-back of mode and current", "gives back what stood before"),
            Fallback(None, None, "no watchdog: mode and maximum current stay in evcc until someone sets them"),
        )


def _core(command: ChargerCommand) -> tuple[int, bool]:
    return command.limit_ma, command.restricted


def _ma(text: str) -> int:
    return round(1000 * float(text))
