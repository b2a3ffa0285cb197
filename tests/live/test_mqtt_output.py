"""The output `mqtt` with a real broker: what is kept there and what is not, kill -9, a broker that comes and goes."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from jinja2 import Environment

from receiver.outlets import Outlets
from receiver.outputs import _output, open_output
from receiver.outputs._picture import Picture
from receiver.outputs.mqtt import discovery, state_fields
from tests.live.broker import PASSWORD, USER, Broker, broker, broker_found
from tests.live.mqtt_devices import connection
from tests.live.test_run_chain import configure
from tests.loopback.scripts import CLOCK, CURTAIL, build, make_network, script
from tests.receiver.outputs.records import EVENING, STATION, STATUS, charger, limit

pytestmark = pytest.mark.peer("mosquitto", debian="mosquitto", found=broker_found)
Heard = list[tuple[str, bool, Any]]  # Any: as JSON gives it


def address(running: Broker) -> str:
    return f"mqtt://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{running.port}/home/evrds"


def limit_of(one: tuple[str, bool, Any]) -> float | None:
    """The limit in a state; None where there is none in it."""
    topic, _, body = one
    found: float | None = body["limits"].get("charger", {}).get("limit_a") if topic.endswith("/state") else None
    return found


async def heard(client: aiomqtt.Client, enough: Callable[[Heard], bool]) -> Heard:
    """What comes until that is enough."""
    heard: Heard = []
    async with asyncio.timeout(20):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            text = message.payload.decode()
            heard.append((message.topic.value, bool(message.retain), json.loads(text) if text[0] == "{" else text))
            if enough(heard):
                return heard
    raise AssertionError("the connection ended")


def test_state_is_kept_events_are_not_and_the_goodbye_is_said(tmp_path: Path) -> None:
    async def case(running: Broker) -> None:
        async with connection(running.port) as watcher, connection(running.port) as late:
            await watcher.subscribe("home/evrds/#", qos=1)
            with Outlets([open_output(address(running))]) as outlets:
                for record in EVENING:
                    outlets.tell(record)
                events = [one for one in EVENING if one["type"] in ("message", "limit", "charger", "state")]
                live = await heard(
                    watcher, lambda so_far: "disk" in str(so_far[-1]) and so_far[-1][0].endswith("/state")
                )
                await late.subscribe([("home/evrds/#", 1), ("homeassistant/#", 1)])
                kept = await heard(late, lambda so_far: len({topic for topic, _, _ in so_far}) == 11)
            assert live[0] == ("home/evrds/status", False, "online")
            assert [body for topic, _, body in live if topic.endswith("/event")] == events
            assert all(retained and not topic.endswith("/event") for topic, retained, _ in kept)
            state = next(body for topic, _, body in kept if topic == "home/evrds/state")
            assert state["limits"]["charger"]["limit_a"] == 16
            assert state["signal"]["bler"] == 0.02
            assert state["station"]["pi"] == "9331"
            assert state["chargers"]["charger"]["answers"] is False
            assert (await heard(watcher, lambda so_far: so_far[-1][0] == "home/evrds/status"))[-1][2] == "offline"

    with broker(tmp_path) as running:
        asyncio.run(case(running))


def test_home_assistants_templates_read_the_state() -> None:
    picture = Picture()
    values = {}
    for record in (None, STATION, STATUS, limit(), limit(6000, charger='le"ft'), charger()):
        if record is not None:
            picture.feed(record)
        state = json.loads(json.dumps(state_fields(picture)))
        for topic, config in discovery("home/evrds", list(picture.limits)).items():
            template = Environment(autoescape=False).from_string(str(config["value_template"]))
            values[topic.split("/")[3]] = template.render(value_json=state)
            assert topic.count("/") == 4
            assert config["availability_topic"] == "home/evrds/status"
        if record is None:
            assert set(values.values()) <= {"None"}
    assert values == {
        "station": "EVRDS\x1b1",
        "bler": "2.0",
        "level": "-6.25",
        "synchronised": "True",
        "signal_lost": "False",
        "limit": "16.0",
        "reason": "curtailed by the network",
        "until": "2026-12-01T13:00:00.000000Z",
        "restricted": "True",
        "limit_le_ft": "6.0",
        "reason_le_ft": "curtailed by the network",
        "until_le_ft": "2026-12-01T13:00:00.000000Z",
        "restricted_le_ft": "True",
    }


def test_a_broker_that_goes_and_comes_back_misses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_output, "FIRST_PAUSE_S", 0.1)

    async def case(running: Broker, outlets: Outlets) -> None:
        async with connection(running.port) as watcher:
            await watcher.subscribe("home/evrds/#", qos=1)
            outlets.tell(limit(16_000))
            await heard(watcher, lambda so_far: limit_of(so_far[-1]) == 16)
        running.kill()
        outlets.tell(limit(10_000))
        outlets.tell(limit(8_000))
        running.start()
        async with connection(running.port) as watcher:
            await watcher.subscribe("home/evrds/#", qos=1)
            again = await heard(watcher, lambda so_far: limit_of(so_far[-1]) == 8)
        events = [body["limit_a"] for topic, _, body in again if topic.endswith("/event")]
        assert events[-1:] in ([8.0], [])  # it may have been told before the watcher was back
        assert ("home/evrds/status", "online") in {(topic, body) for topic, _, body in again if isinstance(body, str)}

    with broker(tmp_path) as running, Outlets([open_output(address(running))]) as outlets:
        asyncio.run(case(running, outlets))
    assert caplog.messages[-1].endswith("works again")
    assert not any(PASSWORD in message for message in caplog.messages)


def test_killed_the_broker_says_offline(tmp_path: Path) -> None:
    """`run` with the output in its configuration, and SIGKILL: what was decided is there, and that we are not."""
    messages = CURTAIL.replace("00:00:12", "00:00:00")
    build(make_network(tmp_path, messages=messages), "--hex", tmp_path / "g.hex", "--seconds", "30")

    async def case(running: Broker) -> None:
        config = configure(tmp_path, "12345", "simulated", "")
        config.write_text(f'outputs = ["{address(running)}"]\n' + config.read_text())
        async with connection(running.port) as watcher:
            await watcher.subscribe([("home/evrds/status", 1), ("home/evrds/state", 1)])
            process = await asyncio.create_subprocess_exec(
                script("receiver"), "run", config, "--source", tmp_path / "g.hex", "--start-time", CLOCK, "--realtime",
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            told = await heard(watcher, lambda so_far: limit_of(so_far[-1]) == 16)
            assert told[0][2] == "online"
            process.kill()
            assert await process.wait() == -signal.SIGKILL
            assert (await heard(watcher, lambda _: True))[0] == ("home/evrds/status", False, "offline")
        async with connection(running.port) as late:
            await late.subscribe("home/evrds/#", qos=1)
            kept = await heard(late, lambda so_far: len(so_far) == 2)
        assert "offline" in {body for _, _, body in kept if isinstance(body, str)}
        assert 16 in {limit_of(one) for one in kept}

    with broker(tmp_path) as running:
        asyncio.run(case(running))
