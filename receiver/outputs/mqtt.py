"""Records in; out to an MQTT broker: `PREFIX/status` and `PREFIX/state`, retained, and `PREFIX/event`, never retained.

`mqtt://[user:password@]host[:port]/PREFIX`, or mqtts. `status` is online or, by our last will, offline; `state` how
things stand, as one JSON object; `event` each message, bulletin, limit, charger's news and fault of the state file, as
in docs/records.md. Home Assistant finds us by its MQTT discovery.
"""

import asyncio
import json
import logging
import re
import socket
import ssl
from typing import Final, Self

import aiomqtt

from receiver.outputs import _output
from receiver.outputs._address import Address, parse_address
from receiver.outputs._output import Inbox, Record
from receiver.outputs._picture import Picture

EXAMPLE: Final = "mqtt://[user:password@]host[:port]/PREFIX, a topic without + and #"
EVENTS: Final = ("message", "bulletin", "limit", "charger", "state")
STATION_FIELDS: Final = ("pi", "ps", "radio_text")
STATUS_FIELDS: Final = (
    "synchronised", "bler", "level_dbfs", "cn_db", "pilot_hz", "rds_hz", "samples_lost", "heartbeat_age_s",
    "signal_lost",
)  # fmt: skip
LIMIT_FIELDS: Final = ("limit_a", "restricted", "reason", "until", "next", "next_limit_a", "may_override")
CHARGER_FIELDS: Final = ("driver", "answers", "limit_a", "current_a", "plugged", "energy_wh", "error", "alarms")
ONLY: Final = "charger"
"""What the only charger is called, which has no name."""
ANSWER_S: Final = 10.0
KEEPALIVE_S: Final = 20
DISCOVERY: Final = "homeassistant"
_log = logging.getLogger(f"{__name__}.wire")
_log.setLevel(logging.CRITICAL)  # what goes wrong there comes back to us as an error


class Output(_output.Output):
    """One broker."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._prefix = address.path.strip("/")
        self._picture = Picture()
        self._state = ""
        self._announced: set[str] = set()

    @property
    def name(self) -> str:
        """See `_output.Output`."""
        return f"{self._address.shown}/{self._prefix}"

    @classmethod
    def from_address(cls, address: str) -> Self:
        """See `_output.Output`."""
        parsed = parse_address(address, example=EXAMPLE, ports={"mqtt": 1883, "mqtts": 8883})
        if not parsed.path.strip("/") or set("+#?") & set(parsed.path) or "#" in address:
            raise ValueError(f"output {parsed.shown}{parsed.path}; allowed: {EXAMPLE}")
        return cls(parsed)

    async def serve(self, inbox: Inbox) -> None:
        """See `_output.Output`."""
        self._state, self._announced = "", set()
        address = self._address
        client = aiomqtt.Client(
            address.host,
            address.port,
            username=address.user,
            password=address.password,
            will=aiomqtt.Will(self._topic("status"), "offline", qos=1, retain=True),
            timeout=ANSWER_S,
            keepalive=KEEPALIVE_S,
            tls_context=ssl.create_default_context() if address.scheme == "mqtts" else None,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            logger=_log,
        )
        async with client:
            # The broker may leave while there is nothing to say: only who listens hears of it.
            listening = asyncio.ensure_future(_listen(client))
            serving = asyncio.ensure_future(self._serve(client, inbox))
            try:
                done, _ = await asyncio.wait((listening, serving), return_when=asyncio.FIRST_COMPLETED)
            finally:
                listening.cancel()
                serving.cancel()
                await asyncio.gather(listening, serving, return_exceptions=True)
            for task in done:
                task.result()

    async def _serve(self, client: aiomqtt.Client, inbox: Inbox) -> None:
        await self._publish(client, self._topic("status"), "online", retain=True)
        await self._announce(client)
        await self._tell_state(client)
        inbox.delivered()
        while records := await inbox.take():
            told = 0
            try:
                for record in records:
                    self._picture.feed(record)
                    if record["type"] in EVENTS:
                        await self._publish(client, self._topic("event"), _json(record), retain=False)
                    told += 1
            finally:
                inbox.give_back(records[told:])
            await self._announce(client)
            await self._tell_state(client)
            inbox.delivered()
        await self._publish(client, self._topic("status"), "offline", retain=True)

    def _topic(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    async def _publish(self, client: aiomqtt.Client, topic: str, payload: str, *, retain: bool) -> None:
        await client.publish(topic, payload, qos=1, retain=retain)

    async def _tell_state(self, client: aiomqtt.Client) -> None:
        state = _json(state_fields(self._picture))
        if state != self._state:
            await self._publish(client, self._topic("state"), state, retain=True)
            self._state = state

    async def _announce(self, client: aiomqtt.Client) -> None:
        """Tell Home Assistant what there is to show and has not been told of on this connection."""
        for topic, config in discovery(self._prefix, list(self._picture.limits)).items():
            if topic not in self._announced:
                await self._publish(client, topic, _json(config), retain=True)
                self._announced.add(topic)


async def _listen(client: aiomqtt.Client) -> None:
    """Until the connection breaks, which raises MqttError: nothing is subscribed to."""
    async for _ in client.messages:
        continue


def state_fields(picture: Picture) -> dict[str, object]:
    """How things stand, as the object on `PREFIX/state`; null: not heard of yet."""
    return {
        "station": _some(picture.station, STATION_FIELDS),
        "signal": _some(picture.status, STATUS_FIELDS),
        "limits": {name or ONLY: _some(one, LIMIT_FIELDS) for name, one in picture.limits.items()},
        "chargers": {name or ONLY: _some(one, CHARGER_FIELDS) for name, one in picture.chargers.items()},
        "state_error": picture.state_error,
    }


def _some(record: Record, fields: tuple[str, ...]) -> dict[str, object] | None:
    return {name: record[name] for name in fields} if record else None


def discovery(prefix: str, chargers: list[str]) -> dict[str, dict[str, object]]:
    """Home Assistant's description of `PREFIX/state`: what it shows, by the topic on which it is told."""
    signal = [
        ("sensor", "station", "Station", "value_json.station.ps", {}),
        (
            "sensor",
            "bler",
            "Block errors",
            "100 * value_json.signal.bler if value_json.signal.bler is number else None",
            {"unit_of_measurement": "%"},
        ),
        ("sensor", "level", "Level", "value_json.signal.level_dbfs", {"unit_of_measurement": "dBFS"}),
        ("binary_sensor", "synchronised", "RDS", "value_json.signal.synchronised", {"device_class": "connectivity"}),
        ("binary_sensor", "signal_lost", "No heartbeat", "value_json.signal.signal_lost", {"device_class": "problem"}),
    ]
    described: dict[str, dict[str, object]] = {}
    identity = _slug(prefix)

    def describe(component: str, name: str, title: str, template: str, more: dict[str, str]) -> None:
        truth = {"payload_on": "True", "payload_off": "False"} if component == "binary_sensor" else {}
        described[f"{DISCOVERY}/{component}/{identity}/{name}/config"] = {
            "name": title,
            "unique_id": f"{identity}_{name}",
            "state_topic": f"{prefix}/state",
            "value_template": "{{ (" + template + ") | default(None) }}",
            "availability_topic": f"{prefix}/status",
            "device": {"identifiers": [identity], "name": f"Charging limit by radio ({prefix})"},
            **truth,
            **more,
        }

    for component, name, title, template, more in signal:
        describe(component, name, title, template, more)
    for charger in chargers:
        of = f"value_json.limits[{json.dumps(charger or ONLY)}]"
        slug, title = (f"_{_slug(charger)}", f" {charger}") if charger else ("", "")
        amperes = {"unit_of_measurement": "A", "device_class": "current"}
        describe("sensor", f"limit{slug}", f"Limit{title}", f"{of}.limit_a", amperes)
        describe("sensor", f"reason{slug}", f"Reason{title}", f"{of}.reason[:255]", {})
        describe("sensor", f"until{slug}", f"Until{title}", f"{of}.until", {"device_class": "timestamp"})
        describe("binary_sensor", f"restricted{slug}", f"Restricted{title}", f"{of}.restricted", {})
    return described


def _slug(text: str) -> str:
    """What Home Assistant takes in a topic."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
