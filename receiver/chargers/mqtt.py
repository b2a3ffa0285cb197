"""Commands in, published to an MQTT broker for whoever listens and in a charger's own dialect; its answers heard back.

Our own topics (`_mqtt_state`) are published whatever the profile: Home Assistant finds and shows them. The profile
(`_mqtt_profiles/`) brings the limit to the charger on the charger's topics: generic, evcc, everest, openevse. All is
sent with QoS 1, repeated every `refresh_s`, and again at once when the connection or the charger comes back.

Without us: the broker says offline on `TOPIC/status`, by our last will; how long the limit then holds is the charger's
matter and stands in each profile's file and in `probe`.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import aiomqtt

from rds.errors import ChargerRefusedError, DeviceAbsentError, UsageError
from receiver.chargers._kept import KeptCharger
from receiver.chargers._mqtt_profile import Options, Profile, Publication
from receiver.chargers._mqtt_profiles import load_profile, profile_names
from receiver.chargers._mqtt_state import discovery, state, status
from receiver.chargers._options import read_options
from receiver.chargers.driver import ChargerCommand, ChargerReading, ProbeReport

PAYLOAD_BYTES: Final = 1 << 16
"""Longer messages are dropped; a charger's own are a few hundred bytes."""
QUEUED_MESSAGES: Final = 1000
OPENING_S: Final = 5.0
"""What the library gives to the opening of a connection, beside what we give to each answer."""
GOODBYE_S: Final = 1.0
REFUSALS: Final = (1, 2, 4, 5, 132, 133, 134, 135)
"""The broker's answers to a connection that waiting will not change: protocol, name, password, permission."""

_log = logging.getLogger(__name__)
_wire_log = logging.getLogger(f"{__name__}.wire")
_wire_log.setLevel(logging.CRITICAL)  # what goes wrong there comes back to us as an error


class Driver(KeptCharger):
    """One charger behind a broker."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self._options = options
        self._port = options.port or (8883 if options.tls else 1883)
        super().__init__(
            f"charger mqtt ({options.profile}) by {options.host} port {self._port}",
            refresh_s=options.refresh_s,
            answer_timeout_s=OPENING_S + 3 * options.answer_timeout_s,
        )
        self._now = now
        self._profile: Profile = load_profile(options.profile)(options)
        self._client: aiomqtt.Client | None = None
        self._listening: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()

    @classmethod
    def from_options(cls, options: Mapping[str, object], now: Callable[[], datetime]) -> Self:
        """See `ChargerDriver` and `Options`."""
        table = read_options(Options, options, driver="mqtt")
        if table.profile not in profile_names():
            raise UsageError(f"charger mqtt option profile is {table.profile!r}; allowed: {', '.join(profile_names())}")
        for name in ("topic", "device_topic", "limits_module", "evse_module"):
            topic = getattr(table, name)
            if topic is not None and (not topic.strip("/") or set("+#\0") & set(topic)):
                raise UsageError(f"charger mqtt option {name} is {topic!r}; allowed: a topic without + and #")
        if table.ca_file is not None and not Path(table.ca_file).is_file():
            raise UsageError(f"charger mqtt option ca_file is {table.ca_file!r}; allowed: a file of certificates")
        return cls(table, now)

    @property
    def reading(self) -> ChargerReading:
        """What the charger has said up to now, not only when it was last asked."""
        self._reading = replace(self._profile.reading(), answers=self._reading.answers)
        return super().reading

    async def _connect(self) -> None:
        self._profile.meet()
        self._client = self._make_client()
        try:
            await self._client.__aenter__()
        except aiomqtt.MqttError as fault:
            await self._hang_up()
            if isinstance(fault, aiomqtt.MqttCodeError) and _code(fault) in REFUSALS:
                raise ChargerRefusedError(
                    f"{self._name}: the broker refused us ({fault}); look at user, password and client_id"
                ) from fault
            raise ConnectionError(str(fault)) from fault
        self._listening = asyncio.create_task(self._listen(self._client))
        await self._ask(self._client.subscribe([(topic, 1) for topic in self._profile.topics]))
        await self._publish([status(self._options, here=True), *discovery(self._options), *self._profile.greetings()])
        await self._await(lambda: self._profile.absence(time.monotonic()) is None)

    def _make_client(self) -> aiomqtt.Client:
        options = self._options
        will = status(options, here=False)
        try:
            tls = ssl.create_default_context(cafile=options.ca_file) if options.tls else None
        except ssl.SSLError as fault:
            raise UsageError(
                f"charger mqtt option ca_file is {options.ca_file!r}; allowed: certificates in PEM ({fault.reason})"
            ) from fault
        return aiomqtt.Client(
            options.host,
            self._port,
            username=options.user,
            password=options.password,
            identifier=options.client_id,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True),
            timeout=options.answer_timeout_s,
            keepalive=options.keepalive_s,
            max_queued_incoming_messages=QUEUED_MESSAGES,
            tls_context=tls,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            logger=_wire_log,
        )

    async def _listen(self, client: aiomqtt.Client) -> None:
        """Hand every message to the profile until the connection ends, then have it opened anew."""
        with contextlib.suppress(aiomqtt.MqttError):
            async for message in client.messages:
                payload = message.payload
                if len(payload) <= PAYLOAD_BYTES:
                    text = payload.decode(errors="replace")
                    if self._profile.hear(message.topic.value, text, time.monotonic()):
                        self._wake.set()
                    self._heard.set()
        _log.debug("%s: the connection ended", self._name)
        self._wake.set()

    async def _write(self, command: ChargerCommand) -> int | None:
        self._demand_presence()
        await self._publish([*state(self._options, command), *self._profile.publications(command, self._now())])
        await self._await(lambda: self._profile.holds(command))
        return None if self._profile.holds(command) else self._profile.expected_ma(command)

    async def _read(self) -> ChargerReading:
        self._demand_presence()
        return self._profile.reading()

    async def _identify(self) -> ProbeReport:
        self._demand_presence()
        return self._profile.report()

    async def _hang_up(self) -> None:
        client, self._client = self._client, None
        listening, self._listening = self._listening, None
        if client is None:
            return
        try:
            if listening is not None and not listening.done():
                await self._ask(_send(client, status(self._options, here=False)))
        finally:
            with contextlib.suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)
            if listening is not None:
                await asyncio.wait((listening,), timeout=GOODBYE_S)  # it hears of the end by itself
                listening.cancel()

    def _demand_presence(self) -> None:
        if self._listening is None or self._listening.done():
            raise ConnectionError("the broker closed the connection")
        absence = self._profile.absence(time.monotonic())
        if absence is not None:
            raise DeviceAbsentError(f"{self._name}: {absence}")

    async def _publish(self, publications: list[Publication]) -> None:
        if self._client is None:
            raise ConnectionError("the connection is closed")
        # All are on their way, in this order, before the first is confirmed.
        await self._ask(asyncio.gather(*(_send(self._client, publication) for publication in publications)))

    async def _ask(self, question: Awaitable[object]) -> None:
        """What the library does, with its error as the base class knows them."""
        try:
            await question
        except aiomqtt.MqttError as fault:
            raise ConnectionError(str(fault)) from fault

    async def _await(self, condition: Callable[[], bool]) -> None:
        """Until the charger has said what makes this true, or has had its time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.answer_timeout_s):
                while not condition():
                    self._heard.clear()
                    await self._heard.wait()


def _code(fault: aiomqtt.MqttCodeError) -> object:
    """The broker's answer as a number; the library gives it in two forms."""
    return getattr(fault.rc, "value", fault.rc)


async def _send(client: aiomqtt.Client, publication: Publication) -> None:
    await client.publish(publication.topic, publication.payload, qos=1, retain=publication.retain)
