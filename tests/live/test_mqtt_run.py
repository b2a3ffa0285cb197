"""`evrds-receiver run` with the driver `mqtt`, killed in an event: what is left on the broker, and its return."""

import asyncio
import signal
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.live.broker import PASSWORD, USER, Broker, broker, broker_found
from tests.live.mqtt_devices import DEVICES, Device, connection
from tests.live.test_run_chain import configure
from tests.loopback.scripts import CLOCK, CURTAIL, build, make_network, script

EVENING = datetime.fromisoformat(CLOCK)


async def killed_in_the_event(config: Path, groups: Path, device: Device) -> None:
    """`run --realtime` until the charger has the limit, then SIGKILL."""
    running = await asyncio.create_subprocess_exec(
        script("receiver"), "run", config, "--source", groups, "--start-time", CLOCK, "--realtime",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    await device.until(lambda: device.limit_ma() == 16000)
    running.kill()
    assert await running.wait() == -signal.SIGKILL


@pytest.mark.peer("mosquitto", debian="mosquitto", found=broker_found)
@pytest.mark.parametrize("profile", ["generic", "everest"])
def test_killed_in_an_event_the_will_is_sent_and_the_limit_ends_as_the_profile_says(
    tmp_path: Path, profile: str
) -> None:
    build(
        make_network(tmp_path, messages=CURTAIL.replace("00:00:12", "00:00:00")),
        "--hex",
        tmp_path / "g.hex",
        "--seconds",
        "30",
    )

    async def case(running: Broker) -> None:
        clock = [EVENING]
        device = DEVICES[profile](lambda: clock[0])
        table = {"port": running.port, "user": USER, "password": PASSWORD, **device.OPTIONS}
        options = "".join(f"{name} = {value!r}\n" for name, value in table.items())
        config = configure(tmp_path, "12345", "mqtt", options)
        async with device.connected(running.port), connection(running.port) as watcher:
            await killed_in_the_event(config, tmp_path / "g.hex", device)
            await watcher.subscribe([("evrds/status", 1), ("evrds/limit_a", 1), ("evrds/until", 1)])
            said: dict[str, str] = {}
            async for message in watcher.messages:
                assert isinstance(message.payload, bytes)
                said[message.topic.value] = message.payload.decode()
                if len(said) == 3 and said["evrds/status"] == "offline":
                    break
            assert said["evrds/limit_a"] == "16"
            end = datetime.fromisoformat(said["evrds/until"])
            assert device.limit_ma() == 16000
            clock[0] = end + timedelta(seconds=1)  # it is said to the second
            assert device.limit_ma() == (16000 if profile == "generic" else None), "EVerest ends it by itself"
            clock[0] = EVENING
            if profile == "generic":
                await device.take("evrds/command", '{"limit_a": 32}')  # the home's own rule, once it sees "offline"
                await killed_in_the_event(
                    config, tmp_path / "g.hex", device
                )  # started again, it brings the limit again

    with broker(tmp_path) as started:

        async def whole() -> None:
            async with asyncio.timeout(40):
                await case(started)

        asyncio.run(whole())
