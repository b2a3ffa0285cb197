"""Limits as EVerest's external energy limits, with an end of their own; what it enforces and its meter heard back.

The EVerest API, version 1: under PREFIX (everest_api/1), `external_energy_limits_consumer/MODULE/m2e/
set_external_limits` takes time series of limits, of which the first entry holds at once and the last for ever. So the
series ends with an entry without limits at the command's `until`, or after `hold_s`, renewed until then. A pause is
0 A for the same reason: `pause_charging` would have no end. `evse_manager_consumer/MODULE/e2m/` tells
`enforced_limits`, `powermeter` and `random_delay_countdown`; the random delay is switched off on each connection,
because the network spreads its own ends.

Without us: the limit holds to that entry, then nothing of ours does.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from receiver.chargers._mqtt_profile import HIGHEST_A, HIGHEST_WH, Options, Profile, Publication, compact
from receiver.chargers.driver import ChargerCommand, ChargerReading, Fallback, ProbeReport

SILENCE_S: Final = 30.0
"""How long EVerest, whose modules send a heartbeat each second, may say nothing."""


class Dialect(Profile):
    """External limits at one node of EVerest's energy tree."""

    DEVICE_TOPIC = "everest_api/1"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._limits = f"{self._device}/external_energy_limits_consumer/{options.limits_module}"
        self._evse = f"{self._device}/evse_manager_consumer/{options.evse_module}" if options.evse_module else None
        self._heard_s: float | None = None

    @property
    def topics(self) -> Sequence[str]:
        """The heartbeat, and the EVSE's reports if it is named."""
        names = ("enforced_limits", "powermeter", "random_delay_countdown")
        reports = [f"{self._evse}/e2m/{name}" for name in names] if self._evse else []
        return [f"{self._limits}/e2m/heartbeat", *reports]

    def greetings(self) -> list[Publication]:
        """No random delay beside the network's own."""
        return [Publication(f"{self._evse}/m2e/random_delay_disable", "{}")] if self._evse else []

    def meet(self) -> None:
        """As the base; silence counts from now."""
        super().meet()
        self._heard_s = None

    def hear(self, topic: str, text: str, at_s: float) -> bool:
        """One that was silent and speaks again may have restarted and forgotten."""
        was_silent = self._heard_s is not None and at_s - self._heard_s > SILENCE_S
        self._heard_s = at_s
        super().hear(topic, text, at_s)
        return was_silent

    def absence(self, at_s: float) -> str | None:
        """Nothing of EVerest is retained: it must have spoken lately."""
        if self._heard_s is not None and at_s - self._heard_s <= SILENCE_S:
            return None
        return f"no EVerest has spoken on {self._limits}/e2m/heartbeat; look at limits_module and its heartbeat"

    def publications(self, command: ChargerCommand, now: datetime) -> list[Publication]:
        """The series, and that the communication is good."""
        entries = [_entry(now, command.limit_ma if command.restricted else None)]
        if command.restricted:
            entries.append(_entry(command.until or now + timedelta(seconds=self._options.hold_s), None))
        if command.restricted and command.until is not None and command.until <= now:
            entries = entries[1:]
        series = {"schedule_import": entries, "schedule_export": [], "schedule_setpoints": []}
        return [
            Publication(f"{self._limits}/m2e/communication_check", "true"),
            Publication(f"{self._limits}/m2e/set_external_limits", compact(series)),
        ]

    def expected_ma(self, command: ChargerCommand) -> int | None:
        """The limit if the EVSE is heard; it may have a lower one for other reasons, see `holds`."""
        return command.limit_ma if command.restricted and self._evse else None

    def holds(self, command: ChargerCommand) -> bool:
        """A lower limit, of the fuse or another controller, is as good."""
        expected_ma, enforced_ma = self.expected_ma(command), self._enforced_ma()
        return expected_ma is None or (enforced_ma is not None and enforced_ma <= expected_ma)

    def _reading(self) -> ChargerReading:
        meter_topic = f"{self._evse}/e2m/powermeter"
        meter = self._object(meter_topic) or {}
        energy, currents = meter.get("energy_Wh_import"), meter.get("current_A")
        energy_wh = (
            self._checked(meter_topic, energy.get("total"), high=HIGHEST_WH) if isinstance(energy, dict) else None
        )
        phases = [currents.get(phase) for phase in ("L1", "L2", "L3")] if isinstance(currents, dict) else []
        drawn = [found for phase in phases if (found := self._checked(meter_topic, phase, high=HIGHEST_A)) is not None]
        return ChargerReading(
            energy_wh=None if energy_wh is None else int(energy_wh),
            limit_ma=self._enforced_ma(),
            current_ma=round(1000 * max(drawn)) if drawn else None,
            alarms=self._delay_alarm(),
        )

    def _enforced_ma(self) -> int | None:
        topic = f"{self._evse}/e2m/enforced_limits"
        root = (self._object(topic) or {}).get("limits_root_side")
        current = root.get("ac_max_current_A") if isinstance(root, dict) else None
        value = current.get("value") if isinstance(current, dict) else current
        limit_a = self._checked(topic, value, high=HIGHEST_A)
        return None if limit_a is None else round(1000 * limit_a)

    def _delay_alarm(self) -> tuple[str, ...]:
        countdown = self._object(f"{self._evse}/e2m/random_delay_countdown") or {}
        left_s = countdown.get("countdown_s")
        if isinstance(left_s, (int, float)) and left_s > 0:
            return (f"EVerest waits {left_s:g} s by its own random delay beside the network's; switch it off there",)
        return ()

    def report(self) -> ProbeReport:
        """What the interface can do, and what can not be seen without `evse_module`."""
        reads = ("read-back of the enforced limit", "meter", "its random delay is switched off")
        warnings = () if self._evse else ("evse_module is not set: neither the limit nor a random delay can be seen",)
        words = (
            f"no watchdog: the limit holds to the command's end, or {self._options.hold_s:g} s after it was last "
            "published if that is not known; then nothing of ours holds"
        )
        supports = ("limits in A with an end of their own", "pause as 0 A", *(reads if self._evse else ()))
        return ProbeReport(f"EVerest API 1 at {self._limits}", supports, Fallback(None, None, words), warnings)


def _entry(moment: datetime, limit_ma: int | None) -> dict[str, object]:
    """One entry of a series; None: no limit."""
    limits = {} if limit_ma is None else {"ac_max_current_A": {"value": limit_ma / 1000, "source": "evrds"}}
    timestamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {"timestamp": timestamp, "limits_to_root": limits, "limits_to_leaves": limits}
