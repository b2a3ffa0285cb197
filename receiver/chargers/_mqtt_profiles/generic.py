"""Our own topics in: a charger, or a rule of the home's automation, that reads `limit_a` or `command` and may answer.

It may answer under `TOPIC/charger/`: `limit_a`, `energy_wh`, `plugged` (true or false), `current_a`, and `override`
with a person's setting in words, empty without one. What it does when we are gone is its own: `TOPIC/status` is then
offline, and `until` is the end of the limit.
"""

from collections.abc import Sequence
from datetime import datetime

from receiver.chargers._mqtt_profile import HIGHEST_WH, SHOWN_CHARACTERS, Profile, Publication
from receiver.chargers.driver import ChargerCommand, ChargerReading, Fallback, ProbeReport

ANSWERS = ("limit_a", "energy_wh", "plugged", "current_a", "override")


class Dialect(Profile):
    """Nothing but our own topics."""

    @property
    def topics(self) -> Sequence[str]:
        """What a charger may answer on."""
        return [self._answer(name) for name in ANSWERS]

    def publications(self, command: ChargerCommand, now: datetime) -> list[Publication]:  # noqa: ARG002
        """Nothing beside our own state."""
        return []

    def expected_ma(self, command: ChargerCommand) -> int | None:
        """The limit, of a charger that ever said which it has."""
        return command.limit_ma if self._answer("limit_a") in self._said else None

    def _reading(self) -> ChargerReading:
        energy_wh = self._number(self._answer("energy_wh"), high=HIGHEST_WH)
        override = self._said.get(self._answer("override"))
        return ChargerReading(
            energy_wh=None if energy_wh is None else int(energy_wh),
            plugged=self._flag(self._answer("plugged")),
            limit_ma=self._milliamperes(self._answer("limit_a")),
            current_ma=self._milliamperes(self._answer("current_a")),
            overridden=None if override is None else " ".join(override.split())[:SHOWN_CHARACTERS],
        )

    def report(self) -> ProbeReport:
        """Whether anyone answers."""
        answers = sorted(topic.rpartition("/")[2] for topic in self._said)
        heard = f"a charger that says {', '.join(answers)}" if answers else "nobody has answered yet"
        after_s = 1.5 * self._options.keepalive_s
        words = (
            f"no watchdog of ours: {self._options.topic}/status is offline after {after_s:g} s and the limit's end "
            f"stands in {self._options.topic}/until; what the charger makes of them is its own"
        )
        supports = ("limits in A on topics that are retained", "an end of the limit", "Home Assistant discovery")
        return ProbeReport(f"the broker; {heard}", supports, Fallback(None, None, words))

    def _answer(self, name: str) -> str:
        return f"{self._options.topic}/charger/{name}"
