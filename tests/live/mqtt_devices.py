"""Messages of a broker in, a charger's limit and its words out: devices that know their makers' topics.

They run in the test's event loop with a connection of their own to the broker.
"""

import asyncio
import contextlib
import json
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

import aiomqtt

from tests.live.broker import PASSWORD, USER


def connection(port: int, will: aiomqtt.Will | None = None) -> aiomqtt.Client:
    """A connection to the broker of `tests/live/broker.py`, in which nothing waits for its neighbour."""
    return aiomqtt.Client(
        "127.0.0.1",
        port,
        username=USER,
        password=PASSWORD,
        will=will,
        timeout=5,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )


class Device(ABC):
    """One charger: what it hears changes its limit, what it has it says."""

    TOPICS: ClassVar[tuple[str, ...]]
    WILL: ClassVar[aiomqtt.Will | None] = None
    OPTIONS: ClassVar[dict[str, object]]
    """What a driver must be told beside the broker."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        self.heard: list[tuple[str, str]] = []
        self._client: aiomqtt.Client
        self._pongs = 0
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def connected(self, port: int) -> AsyncIterator[None]:
        """On the broker, until the end of the block; leaving it is a crash: the will is sent."""
        client = connection(port, self.WILL)
        await client.__aenter__()
        self._client = client
        await client.subscribe([(topic, 1) for topic in (*self.TOPICS, f"test/ping/{id(self)}")])
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._live())]
        try:
            await self.greet()
            yield
        finally:
            while pending := [task for task in tasks if not task.done()]:  # wait_for may swallow a cancellation
                for task in pending:
                    task.cancel()
                await asyncio.wait(pending, timeout=0.1)
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(aiomqtt.MqttError):
                if self.WILL is not None:
                    await self.say(str(self.WILL.topic), str(self.WILL.payload))
                await client.__aexit__(None, None, None)

    async def _listen(self) -> None:
        async for message in self._client.messages:
            assert isinstance(message.payload, bytes)
            topic, text = message.topic.value, message.payload.decode()
            if topic.startswith("test/ping/"):
                self._pongs += 1
            else:
                self.heard.append((topic, text))
                await self.take(topic, text)
            self._changed.set()

    async def _live(self) -> None:
        """What it does by itself."""
        await asyncio.Event().wait()

    async def say(self, topic: str, text: str, *, retain: bool = True) -> None:
        await self._client.publish(topic, text, qos=1, retain=retain)

    async def settled_ma(self) -> int | None:
        """Its limit once it has heard everything that was sent before this question."""
        before = self._pongs
        await self._client.publish(f"test/ping/{id(self)}", "", qos=1)
        await self.until(lambda: self._pongs > before)
        return self.limit_ma()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    @abstractmethod
    async def greet(self) -> None:
        """What it says on each connection."""

    @abstractmethod
    async def take(self, topic: str, text: str) -> None:
        """Act on a message."""

    @abstractmethod
    def limit_ma(self) -> int | None:
        """The limit from outside that it obeys; None: none."""


class Generic(Device):
    """Follows our own topics, and answers."""

    TOPICS = ("evrds/limit_a", "evrds/restricted", "evrds/command", "evrds/status")
    OPTIONS: ClassVar[dict[str, object]] = {}

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(now)
        self._limit_a: float | None = None

    async def greet(self) -> None:
        pass

    async def take(self, topic: str, text: str) -> None:
        if topic == "evrds/command":
            self._limit_a = json.loads(text)["limit_a"]
            await self.say("evrds/charger/limit_a", str(self._limit_a))

    def limit_ma(self) -> int | None:
        return None if self._limit_a is None else round(1000 * self._limit_a)


class Evcc(Device):
    """A loadpoint of evcc: its setters refuse what they do not know, its state is retained."""

    TOPICS = ("evcc/loadpoints/1/mode/set", "evcc/loadpoints/1/maxCurrent/set")
    WILL = aiomqtt.Will("evcc/status", "offline", qos=1, retain=True)
    OPTIONS: ClassVar[dict[str, object]] = {"profile": "evcc"}

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(now)
        self.state: dict[str, str] = {
            "mode": "pv",
            "maxCurrent": "32",
            "connected": "true",
            "chargeTotalImport": "12.5",
        }

    async def greet(self) -> None:
        for name in self.state:
            await self.show(name)
        await self.say("evcc/status", "online")

    async def show(self, name: str) -> None:
        await self.say(f"evcc/loadpoints/1/{name}", self.state[name])

    async def set(self, name: str, text: str) -> None:
        """A person, or evcc itself, changes it."""
        self.state[name] = text
        await self.show(name)

    async def take(self, topic: str, text: str) -> None:
        name = topic.split("/")[3]
        if name == "mode" and text in ("off", "pv", "minpv", "now"):
            await self.set(name, text)
        elif name == "maxCurrent" and 6 <= float(text) <= 64:
            await self.set(name, f"{float(text):.3f}".rstrip("0").rstrip("."))

    def limit_ma(self) -> int | None:
        return 0 if self.state["mode"] == "off" else round(1000 * float(self.state["maxCurrent"]))


class OpenEvse(Device):
    """The claim of the client MQTT, as the firmware keeps it: what a claim does not name stays as it was."""

    TOPICS = ("openevse/claim/set", "openevse/override/set")
    OPTIONS: ClassVar[dict[str, object]] = {"profile": "openevse"}

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(now)
        self.claim: dict[str, Any] | None = None  # Any: as JSON gives it
        self._kept: dict[str, Any] = {}  # Any: as JSON gives it

    async def greet(self) -> None:
        await self._show()
        await self.say("openevse/override", '{"state":"null"}')
        await self.say("openevse/vehicle", "1", retain=False)

    async def _show(self) -> None:
        await self.say("openevse/claim", json.dumps({"state": "null"} if self.claim is None else self.claim))

    async def take(self, topic: str, text: str) -> None:
        if topic != "openevse/claim/set":
            return
        if text == "release":
            self.claim, self._kept = None, {}
        else:
            said = json.loads(text)
            assert set(said) <= {"state", "charge_current", "max_current", "auto_release"}
            assert said.get("state", "active") in ("active", "disabled")
            assert isinstance(said.get("max_current", 0), int)
            self._kept = {**self._kept, **said}
            self.claim = dict(self._kept)
        await self._show()

    def limit_ma(self) -> int | None:
        if self.claim is None:
            return None
        return 0 if self.claim.get("state") == "disabled" else 1000 * int(self.claim["max_current"])


class Everest(Device):
    """An energy node and an EVSE manager of EVerest: they refuse a series without its parts and follow it in time."""

    LIMITS = "everest_api/1/external_energy_limits_consumer/external_limits"
    EVSE = "everest_api/1/evse_manager_consumer/evse"
    TOPICS: ClassVar[tuple[str, ...]] = (
        f"{LIMITS}/m2e/set_external_limits",
        f"{LIMITS}/m2e/communication_check",
        f"{EVSE}/m2e/random_delay_disable",
    )
    OPTIONS: ClassVar[dict[str, object]] = {"profile": "everest", "evse_module": "evse"}
    FUSE_A = 32.0

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(now)
        self.series: list[tuple[datetime, float | None]] = []
        self.random_delay = True

    async def _live(self) -> None:
        while True:
            await self.say(f"{self.LIMITS}/e2m/heartbeat", "{}", retain=False)
            await self._show()
            await asyncio.sleep(0.1)

    async def greet(self) -> None:
        pass

    async def _show(self) -> None:
        limit_ma = self.limit_ma()
        value = self.FUSE_A if limit_ma is None else limit_ma / 1000
        root = {"ac_max_current_A": {"value": value, "source": "evse"}}
        text = json.dumps({"uuid": "evse", "valid_for": 10, "schedule": [], "limits_root_side": root})
        await self.say(f"{self.EVSE}/e2m/enforced_limits", text, retain=False)
        countdown = json.dumps({"countdown_s": 600 if self.random_delay else 0})
        await self.say(f"{self.EVSE}/e2m/random_delay_countdown", countdown, retain=False)
        meter = {"energy_Wh_import": {"total": 4611.9}, "current_A": {"L1": 7.5, "L2": 7.6}}
        await self.say(f"{self.EVSE}/e2m/powermeter", json.dumps(meter), retain=False)

    async def take(self, topic: str, text: str) -> None:
        if topic.endswith("random_delay_disable"):
            self.random_delay = False
        elif topic.endswith("set_external_limits"):
            said = json.loads(text)
            assert {"schedule_import", "schedule_export", "schedule_setpoints"} <= set(said)
            self.series = [(_moment(entry), _limit_a(entry)) for entry in said["schedule_import"]]
            assert self.series == sorted(self.series, key=lambda entry: entry[0])
            await self._show()

    def limit_ma(self) -> int | None:
        """The first entry holds at once, later ones from their moment, the last for ever."""
        past = [limit_a for moment, limit_a in self.series[1:] if moment <= self.now()]
        limit_a = past[-1] if past else self.series[0][1] if self.series else None
        return None if limit_a is None else round(1000 * limit_a)


def _moment(entry: dict[str, Any]) -> datetime:  # Any: as JSON gives it
    return datetime.fromisoformat(entry["timestamp"])


def _limit_a(entry: dict[str, Any]) -> float | None:  # Any: as JSON gives it
    limits = [entry[side].get("ac_max_current_A") for side in ("limits_to_root", "limits_to_leaves")]
    found = [limit["value"] for limit in limits if limit is not None]
    return min(found, default=None)


DEVICES: dict[str, type[Device]] = {"generic": Generic, "evcc": Evcc, "openevse": OpenEvse, "everest": Everest}
