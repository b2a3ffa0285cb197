"""A charger's words on its topics in, what to publish for a command and what it told out: one dialect of MQTT.

A profile is sans-I/O: the driver publishes what it is given and hands in what it hears. A new dialect is one file in
`_mqtt_profiles/` with a class `Dialect`; its name is what a configuration says under `profile`.
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from receiver.chargers._options import number
from receiver.chargers.driver import ChargerCommand, ChargerReading, ProbeReport

HIGHEST_A: Final = 1000.0
"""What no charger of ours can mean: a current above it is nonsense."""
HIGHEST_WH: Final = 1e12
SHOWN_CHARACTERS: Final = 40
"""How much of a nonsense is shown."""


@dataclass(frozen=True, slots=True)
class Options:
    """The table of the driver `mqtt`.

    Attributes:
        profile: Whose topics: a file of `_mqtt_profiles/`.
        host: The broker's name or address.
        port: Its port; None: 1883, with TLS 8883.
        tls: Whether the connection is encrypted and the broker's certificate checked.
        ca_file: Certificates in PEM that the broker's is checked against; None: the system's.
        user: Name at the broker; None: none.
        password: Password at the broker.
        client_id: Our name at the broker, of which there must be one only; None: the broker's choice.
        keepalive_s: After one and a half times this silence the broker says that we are gone.
        topic: Where our own state is published, and the charger's answer is heard in the generic profile.
        device_topic: Where the charger's own topics begin; None: the profile's default.
        discovery: Where Home Assistant looks for devices; empty: nothing is announced.
        loadpoint: evcc's number of the charger.
        limits_module: EVerest's id of its external_energy_limits_consumer_API.
        evse_module: EVerest's id of its evse_manager_consumer_API, for what is read back; None: nothing is read back.
        hold_s: How long EVerest holds a limit whose end is not known, if it hears nothing more.
        refresh_s: How often the limit is published again and looked at.
        answer_timeout_s: How long the broker, and the charger's word that it has the limit, are waited for.
    """

    profile: str = "generic"
    host: str = "127.0.0.1"
    port: int | None = number(None, low=1, high=65535)
    tls: bool = False
    ca_file: str | None = None
    user: str | None = None
    password: str | None = None
    client_id: str | None = None
    keepalive_s: int = number(30, low=5, high=3600)
    topic: str = "evrds"
    device_topic: str | None = None
    discovery: str = "homeassistant"
    loadpoint: int = number(1, low=1, high=100)
    limits_module: str = "external_limits"
    evse_module: str | None = None
    hold_s: float = number(3600.0, low=60, high=86_400)
    refresh_s: float = number(60.0, low=1, high=3600)
    answer_timeout_s: float = number(5.0, low=0.1, high=60)


@dataclass(frozen=True, slots=True)
class Publication:
    """One message for the broker, always with QoS 1.

    Attributes:
        topic: Where.
        payload: What; empty and retained: what was retained there is forgotten.
        retain: Whether the broker keeps it for who comes later.
    """

    topic: str
    payload: str
    retain: bool = False


class Profile(ABC):
    """One charger's dialect: its topics, and what was last said on each.

    Args:
        options: The driver's.
    """

    DEVICE_TOPIC: ClassVar[str] = ""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._device = (options.device_topic or self.DEVICE_TOPIC).rstrip("/")
        self._said: dict[str, str] = {}
        self._nonsense: list[str] = []

    @property
    @abstractmethod
    def topics(self) -> Sequence[str]:
        """What to listen to: whole topics, no wildcards, so that what is kept of them has a bound."""

    def greetings(self) -> list[Publication]:
        """What the charger is told once on each connection to the broker."""
        return []

    def meet(self) -> None:
        """A connection begins: what the charger says now counts, and nothing of what it said before."""
        self._said.clear()

    def hear(self, topic: str, text: str, at_s: float) -> bool:  # noqa: ARG002  # at_s is for those that watch silence
        """Take in a message; return whether the limit must be brought again at once.

        Args:
            topic: One of `topics`.
            text: Its payload; empty: the topic holds nothing any more.
            at_s: Monotonic time.
        """
        if text:
            self._said[topic] = text
        else:
            self._said.pop(topic, None)
        return False

    def absence(self, at_s: float) -> str | None:  # noqa: ARG002  # as above
        """What is not there and what to look at, in words; None: the charger is there, as far as it can be known."""
        return None

    @abstractmethod
    def publications(self, command: ChargerCommand, now: datetime) -> list[Publication]:
        """What brings the command to the charger; `now` is the chain's time."""

    @abstractmethod
    def expected_ma(self, command: ChargerCommand) -> int | None:
        """What the charger must say that its limit is, in mA, once it has the command; None: it need not say."""

    def holds(self, command: ChargerCommand) -> bool:
        """Whether the charger says that it has the command; True as well for one that says nothing."""
        return self.expected_ma(command) in (None, self.reading().limit_ma)

    def reading(self) -> ChargerReading:
        """What the charger said last."""
        self._nonsense = []
        reading = self._reading()
        return ChargerReading(
            energy_wh=reading.energy_wh,
            plugged=reading.plugged,
            limit_ma=reading.limit_ma,
            current_ma=reading.current_ma,
            overridden=reading.overridden,
            alarms=(*reading.alarms, *self._nonsense),
        )

    @abstractmethod
    def _reading(self) -> ChargerReading:
        """The same before what was nonsense is added."""

    @abstractmethod
    def report(self) -> ProbeReport:
        """See `ChargerDriver.probe`."""

    def _number(self, topic: str, *, high: float) -> float | None:
        """The number from 0 to `high` on a topic; None without one, with an alarm if it says something else."""
        return self._checked(topic, self._said.get(topic), high=high)

    def _milliamperes(self, topic: str) -> int | None:
        """The current on a topic that speaks of amperes, in mA."""
        amperes = self._number(topic, high=HIGHEST_A)
        return None if amperes is None else round(1000 * amperes)

    def _checked(self, topic: str, value: object, *, high: float) -> float | None:
        if value is None:
            return None
        found = math.nan
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            try:
                found = float(value)
            except (ValueError, OverflowError):
                found = math.nan
        if not 0 <= found <= high:
            self._complain(topic, value, f"a number from 0 to {high:g}")
            return None
        return found

    def _flag(self, topic: str, *, yes: str = "true", no: str = "false") -> bool | None:
        text = self._said.get(topic)
        if text is None or text in (yes, no):
            return None if text is None else text == yes
        self._complain(topic, text, f"{yes} or {no}")
        return None

    def _object(self, topic: str) -> dict[str, Any] | None:  # Any: as JSON gives it
        """The JSON object on a topic; None without one, with an alarm if it says something else."""
        text = self._said.get(topic)
        if text is None:
            return None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        self._complain(topic, text, "a JSON object")
        return None

    def _complain(self, topic: str, value: object, allowed: str) -> None:
        self._nonsense.append(f"{topic} says {str(value)[:SHOWN_CHARACTERS]!r}; allowed: {allowed}")


def amperes(limit_ma: int) -> str:
    """A current in A as chargers write it, exact: 16000 is "16", 12399 is "12.399"."""
    return f"{limit_ma / 1000:.3f}".rstrip("0").rstrip(".")


def compact(value: object) -> str:
    """A value as JSON without blanks."""
    return json.dumps(value, separators=(",", ":"))
