"""Limits as a claim on an OpenEVSE with the ESP32 WiFi module, by MQTT; its claim and a person's override heard back.

`PREFIX/claim/set` takes a JSON object with `state`, `max_current` (whole A) and `auto_release`, or the word release;
`PREFIX/claim` and `PREFIX/override` say, retained, what holds, with state null for none (firmware's src/mqtt.cpp). The
claim has the priority of MQTT, which a person's manual override beats by itself. A limit claims no state: one that did
would start a charge that a timer holds back. What was claimed before stays in a later claim that does not name it, so
a pause is released before a limit follows it.

Without us: the claim has no end and stays until it is released or the module restarts.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from receiver.chargers._mqtt_profile import HIGHEST_A, HIGHEST_WH, Profile, Publication, compact
from receiver.chargers.driver import PAUSE_MA, ChargerCommand, ChargerReading, Fallback, ProbeReport

NONE: Final = "null"
"""The state of a claim or an override that is not there."""


class Dialect(Profile):
    """The claim of the client MQTT."""

    DEVICE_TOPIC = "openevse"

    @property
    def topics(self) -> Sequence[str]:
        """Claim, override, cable, meter, current."""
        return [f"{self._device}/{name}" for name in ("claim", "override", "vehicle", "total_energy", "amp")]

    def hear(self, topic: str, text: str, at_s: float) -> bool:
        """A claim that has gone is made again: the module has restarted, or someone released it."""
        before = self._claimed_ma()
        super().hear(topic, text, at_s)
        return before is not None and self._claimed_ma() is None

    def absence(self, at_s: float) -> str | None:  # noqa: ARG002
        """The module says on each connection what it is claimed for, and the broker keeps it."""
        if f"{self._device}/claim" in self._said:
            return None
        return f"no OpenEVSE has said anything on {self._device}/claim; look at its MQTT settings and device_topic"

    def publications(self, command: ChargerCommand, now: datetime) -> list[Publication]:  # noqa: ARG002
        """One claim; from a pause to a limit a release before it."""
        topic = f"{self._device}/claim/set"
        release = Publication(topic, "release")
        if not command.restricted:
            return [release]
        if command.limit_ma == PAUSE_MA:
            return [Publication(topic, compact({"state": "disabled", "auto_release": False}))]
        claim = Publication(topic, compact({"max_current": command.limit_ma // 1000, "auto_release": False}))
        return [release, claim] if self._claimed_ma() == PAUSE_MA else [claim]

    def expected_ma(self, command: ChargerCommand) -> int | None:
        """Whole amperes; None: no claim."""
        return command.limit_ma // 1000 * 1000 if command.restricted else None

    def holds(self, command: ChargerCommand) -> bool:
        """A release is confirmed too."""
        return self._claimed_ma() == self.expected_ma(command)

    def _reading(self) -> ChargerReading:
        energy_kwh = self._number(f"{self._device}/total_energy", high=HIGHEST_WH / 1000)
        current_ma = self._number(f"{self._device}/amp", high=1000 * HIGHEST_A)
        override = self._object(f"{self._device}/override") or {}
        overridden = None
        if override.get("state", NONE) != NONE or "max_current" in override or "charge_current" in override:
            said = ", ".join(f"{name} {override[name]}" for name in sorted(override) if name != "auto_release")
            overridden = f"manual override: {said}"[:80]
        return ChargerReading(
            energy_wh=None if energy_kwh is None else int(1000 * energy_kwh),
            plugged=self._flag(f"{self._device}/vehicle", yes="1", no="0"),
            limit_ma=self._claimed_ma(),
            current_ma=None if current_ma is None else round(current_ma),
            overridden=overridden,
        )

    def _claimed_ma(self) -> int | None:
        """The limit that MQTT has claimed, in mA; None: no claim, or one that says nothing of the current."""
        topic = f"{self._device}/claim"
        claim = self._object(topic) or {}
        if claim.get("state") == "disabled":
            return PAUSE_MA
        if claim.get("state") == NONE:
            return None
        claimed_a = self._checked(topic, claim.get("max_current"), high=HIGHEST_A)
        return None if claimed_a is None else round(1000 * claimed_a)

    def report(self) -> ProbeReport:
        """What the interface can do."""
        return ProbeReport(
            f"OpenEVSE with WiFi module at {self._device}",
            ("limits in whole A", "pause", "read-back of the claim", "a person's override is respected"),
            Fallback(None, None, "no watchdog: the claim stays until it is released or the WiFi module restarts"),
        )
