"""A command in; out: our own topics, which tell everyone on the broker what holds, and Home Assistant where they are.

Under the option `topic`: `status` (online, or by the broker's last will offline), `limit_a`, `paused`, `restricted`,
`until` (ISO 8601, UTC; empty: not known) and `reason`, all retained, and `command`: the same as one JSON object, not
retained, each time that it is decided or repeated.
"""

from datetime import UTC

from receiver.chargers._mqtt_profile import Options, Publication, amperes, compact
from receiver.chargers.driver import PAUSE_MA, ChargerCommand


def status(options: Options, *, here: bool) -> Publication:
    """That we are there, or, for the last will, that we are not."""
    return Publication(f"{options.topic}/status", "online" if here else "offline", retain=True)


def state(options: Options, command: ChargerCommand) -> list[Publication]:
    """The command for whoever listens; the JSON object last, when the rest stands."""
    paused = command.limit_ma == PAUSE_MA
    until = command.until.astimezone(UTC).isoformat(timespec="seconds") if command.until is not None else None
    whole = {
        "limit_a": command.limit_ma / 1000,
        "paused": paused,
        "restricted": command.restricted,
        "until": until,
        "reason": command.reason,
    }
    kept = {
        "limit_a": amperes(command.limit_ma),
        "paused": compact(paused),
        "restricted": compact(command.restricted),
        "until": until or "",
        "reason": command.reason,
    }
    return [
        *(Publication(f"{options.topic}/{name}", text, retain=True) for name, text in kept.items()),
        Publication(f"{options.topic}/command", compact(whole)),
    ]


def discovery(options: Options) -> list[Publication]:
    """Home Assistant's description of our topics (its MQTT discovery), retained: a limit, a pause and a reason."""
    if not options.discovery:
        return []
    identity = options.topic.replace("/", "_")
    shared = {
        "availability_topic": f"{options.topic}/status",
        "device": {"identifiers": [identity], "name": f"Charging limit by radio ({options.topic})"},
    }
    entities: list[tuple[str, str, dict[str, str]]] = [
        ("sensor", "limit_a", {"name": "Limit", "unit_of_measurement": "A", "device_class": "current"}),
        ("binary_sensor", "paused", {"name": "Paused", "payload_on": "true", "payload_off": "false"}),
        ("sensor", "reason", {"name": "Reason"}),
    ]
    return [
        Publication(
            f"{options.discovery}/{component}/{identity}/{name}/config",
            compact({**words, "unique_id": f"{identity}_{name}", "state_topic": f"{options.topic}/{name}", **shared}),
            retain=True,
        )
        for component, name, words in entities
    ]
