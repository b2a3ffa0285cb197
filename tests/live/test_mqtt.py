"""The driver `mqtt` and each of its profiles through a real broker, against devices with connections of their own."""

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rds.errors import ChargerRefusedError, DeviceAbsentError, EvrdsError
from receiver.chargers.driver import ChargerCommand
from receiver.chargers.mqtt import Driver
from tests.live.broker import Broker, broker, broker_found, free_port
from tests.live.mqtt_devices import DEVICES, Evcc, Everest, Generic, OpenEvse, connection

pytestmark = pytest.mark.peer("mosquitto", debian="mosquitto", found=broker_found)
NOW = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
LOCAL_MA = 32000


class Clock:
    """The chain's time, which a test moves."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


def command(limit_ma: int, *, restricted: bool = True, minutes: int | None = 60) -> ChargerCommand:
    until = None if minutes is None else NOW + timedelta(minutes=minutes)
    return ChargerCommand(limit_ma, moment=NOW, until=until, restricted=restricted, reason="curtailment")


@pytest.fixture(scope="module")
def open_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


def make_driver(running: Broker, clock: Clock, **options: object) -> Driver:
    # EVerest's device says its heartbeat and its limits ten times a second: one second of patience is plenty.
    return Driver.from_options({**running.options, "answer_timeout_s": 1.0, **options}, clock.now)


@contextlib.asynccontextmanager
async def started(driver: Driver) -> AsyncIterator[Driver]:
    await driver.start()
    try:
        yield driver
    finally:
        await driver.close()


def live(case: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(20):
            await case()

    asyncio.run(whole())


async def forget(running: Broker) -> None:
    """Let the broker forget what earlier cases retained."""
    said = await retained(running, "#")
    async with connection(running.port) as client:
        await asyncio.gather(*(client.publish(topic, "", qos=1, retain=True) for topic in said))


@pytest.mark.parametrize("profile", sorted(DEVICES))
def test_limits_pauses_and_releases_reach_the_charger_and_are_read_back(open_broker: Broker, profile: str) -> None:
    async def case() -> None:
        await forget(open_broker)
        clock, device = Clock(), DEVICES[profile]()
        device.now = clock.now
        async with device.connected(open_broker.port):
            before_ma = await device.settled_ma()
            async with started(make_driver(open_broker, clock, **device.OPTIONS)) as driver:
                for limit_ma in (16000, 16000, 0, 6000, 20000):
                    await driver.apply(command(limit_ma))
                    assert await device.settled_ma() == limit_ma
                    if profile != "generic":
                        assert driver.reading.limit_ma == limit_ma
                    assert driver.reading.alarms == ()
                await driver.apply(command(LOCAL_MA, restricted=False))
                assert await device.settled_ma() == (LOCAL_MA if profile == "generic" else before_ma)
                report = await driver.probe()
                assert report.found
                assert report.fallback.after_s is None
                assert report.warnings == ()

    live(case)


@pytest.mark.parametrize("profile", sorted(DEVICES))
def test_a_broker_and_a_charger_that_restart_get_the_limit_again(tmp_path: Path, profile: str) -> None:
    async def case() -> None:
        with broker(tmp_path) as running:
            clock = Clock()
            async with started(make_driver(running, clock, **DEVICES[profile].OPTIONS)) as driver:
                async with DEVICES[profile](clock.now).connected(running.port):
                    await driver.apply(command(8000))
                running.kill()
                await until(lambda: driver.reading.answers is False)
                running.start()
                device = DEVICES[profile](clock.now)
                async with device.connected(running.port):
                    await device.until(lambda: device.limit_ma() == 8000)
                    await until(lambda: driver.reading.answers is True)
                    assert driver.reading.alarms == ()

    live(case)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


def test_our_own_topics_are_retained_and_home_assistant_is_told_of_them(open_broker: Broker) -> None:
    async def case() -> None:
        await forget(open_broker)
        async with started(make_driver(open_broker, Clock(), topic="home/evse", client_id="evse")) as driver:
            await driver.apply(command(0))
            said = await retained(open_broker, "home/#", "homeassistant/#")
        assert {name: said[f"home/evse/{name}"] for name in ("limit_a", "paused", "restricted", "until", "reason")} == {
            "limit_a": "0",
            "paused": "true",
            "restricted": "true",
            "until": "2026-01-15T19:00:00+00:00",
            "reason": "curtailment",
        }
        assert said["home/evse/status"] == "online"
        entity = json.loads(said["homeassistant/sensor/home_evse/limit_a/config"])
        assert entity["state_topic"] == "home/evse/limit_a"
        assert entity["availability_topic"] == "home/evse/status"
        assert (entity["unit_of_measurement"], entity["device_class"]) == ("A", "current")
        assert "homeassistant/binary_sensor/home_evse/paused/config" in said
        assert (await retained(open_broker, "home/evse/status"))["home/evse/status"] == "offline", "after close"

    live(case)


async def retained(running: Broker, *topics: str) -> dict[str, str]:
    said: dict[str, str] = {}
    async with connection(running.port) as client:
        await client.subscribe([(topic, 1) for topic in topics])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    said[message.topic.value] = message.payload.decode()
    return said


def test_what_a_generic_charger_answers_is_read_and_a_difference_is_an_alarm(open_broker: Broker) -> None:
    async def case() -> None:
        await forget(open_broker)
        device = Generic()
        async with device.connected(open_broker.port), started(make_driver(open_broker, Clock())) as driver:
            for name, text in {"energy_wh": "4611.9", "plugged": "true", "current_a": "7.5"}.items():
                await device.say(f"evrds/charger/{name}", text)
            await driver.apply(command(16000))
            await until(lambda: driver.reading.limit_ma == 16000)
            found = driver.reading
            assert (found.energy_wh, found.plugged, found.limit_ma) == (4611, True, 16000)
            await device.say("evrds/charger/override", "button pressed")
            await device.say("evrds/charger/current_a", "much")
            await until(lambda: driver.reading.alarms != ())
            assert driver.reading.overridden == "button pressed"
            assert driver.reading.alarms == ("evrds/charger/current_a says 'much'; allowed: a number from 0 to 1000",)

    live(case)


def test_a_charger_that_keeps_another_limit_raises_an_alarm(open_broker: Broker) -> None:
    async def case() -> None:
        await forget(open_broker)

        class Stubborn(Evcc):
            async def take(self, topic: str, text: str) -> None:
                """Refuse, as evcc does below its own minimum current."""

        options = {"profile": "evcc", "answer_timeout_s": 0.2}
        async with (
            Stubborn().connected(open_broker.port),
            started(make_driver(open_broker, Clock(), **options)) as driver,
        ):
            await driver.apply(command(16000))
            [alarm] = driver.reading.alarms
            assert alarm.endswith("has 32000 mA, wanted 16000")

    live(case)


def test_evcc_gets_back_what_stood_there_also_from_a_receiver_that_was_killed(open_broker: Broker) -> None:
    async def case() -> None:
        await forget(open_broker)
        device, clock = Evcc(), Clock()
        device.state.update(mode="minpv", maxCurrent="13")
        async with device.connected(open_broker.port):
            async with started(make_driver(open_broker, clock, profile="evcc")) as killed:
                await killed.apply(command(16000))
                assert device.state["maxCurrent"] == "13", "a person had set less"
                assert killed.reading.alarms == ()
                await killed.apply(command(8000))
                await killed.apply(command(0))
                assert (device.state["mode"], device.state["maxCurrent"]) == ("off", "8")
            async with started(make_driver(open_broker, clock, profile="evcc")) as again:
                await again.apply(command(0))
                await again.apply(command(LOCAL_MA, restricted=False))
                await device.settled_ma()
                assert (device.state["mode"], device.state["maxCurrent"]) == ("minpv", "13")
                assert "evrds/evcc_before" not in await retained(open_broker, "evrds/#")

    live(case)


def test_a_persons_setting_in_evcc_holds_until_the_limit_changes_or_another_car_comes(open_broker: Broker) -> None:
    async def case() -> None:
        await forget(open_broker)
        device = Evcc()
        options = {"profile": "evcc", "refresh_s": 1.0}
        async with device.connected(open_broker.port), started(make_driver(open_broker, Clock(), **options)) as driver:
            await driver.apply(command(0))
            await device.set("mode", "now")
            await until(lambda: driver.reading.overridden == "set in evcc: mode now")
            await driver.apply(command(0))
            assert await device.settled_ma() == 32000, "it is not fought"
            assert driver.reading.alarms == ()
            await driver.apply(command(6000))
            assert await device.settled_ma() == 6000
            assert driver.reading.overridden is None
            await device.set("maxCurrent", "20")
            await until(lambda: driver.reading.overridden == "set in evcc: maxCurrent 20")
            await device.set("connected", "false")
            await device.until(lambda: device.limit_ma() == 6000)
            assert driver.reading.overridden is None

    live(case)


def test_openevse_a_manual_override_is_said_and_a_lost_claim_is_made_again(open_broker: Broker) -> None:
    async def case() -> None:
        await forget(open_broker)
        device = OpenEvse()
        async with (
            device.connected(open_broker.port),
            started(make_driver(open_broker, Clock(), profile="openevse")) as driver,
        ):
            await driver.apply(command(12399))
            assert await device.settled_ma() == 12000
            assert "state" not in (device.claim or {}), "a claim of a state would start what a timer holds back"
            await device.say("openevse/override", '{"state":"active","auto_release":true}')
            await until(lambda: driver.reading.overridden == "manual override: state active")
            await device.take("openevse/claim/set", "release")
            await device.until(lambda: device.limit_ma() == 12000)

    live(case)


def test_everest_releases_by_itself_at_the_end_and_its_random_delay_is_switched_off(open_broker: Broker) -> None:
    async def case() -> None:
        await forget(open_broker)
        clock = Clock()
        device = Everest(clock.now)
        async with device.connected(open_broker.port):
            driver = make_driver(open_broker, clock, **device.OPTIONS, hold_s=120)
            async with started(driver):
                await driver.apply(command(10000))
                assert not device.random_delay
                await until(lambda: driver.reading.alarms == () and driver.reading.energy_wh is not None)
                found = driver.reading
                assert (found.energy_wh, found.current_ma, found.limit_ma) == (4611, 7600, 10000)
            assert device.limit_ma() == 10000, "it outlives us"
            clock.time = NOW + timedelta(minutes=59, seconds=59)
            assert device.limit_ma() == 10000
            clock.time = NOW + timedelta(hours=1)
            assert device.limit_ma() is None, "it ends by itself"
            async with started(make_driver(open_broker, clock, **device.OPTIONS, hold_s=120)) as endless:
                await endless.apply(replace(command(6000), until=None))
            clock.time += timedelta(seconds=119)
            assert device.limit_ma() == 6000
            clock.time += timedelta(seconds=1)
            assert device.limit_ma() is None

    live(case)


def test_a_random_delay_that_stays_on_is_an_alarm(open_broker: Broker) -> None:
    async def case() -> None:
        await forget(open_broker)

        class Delaying(Everest):
            TOPICS = Everest.TOPICS[:2]

        device = Delaying(lambda: NOW)
        async with (
            device.connected(open_broker.port),
            started(make_driver(open_broker, Clock(), **device.OPTIONS)) as driver,
        ):
            await driver.apply(command(10000))
            await until(lambda: driver.reading.alarms != ())  # the countdown is told after the limit
            assert driver.reading.alarms == (
                "EVerest waits 600 s by its own random delay beside the network's; switch it off there",
            )

    live(case)


@pytest.mark.parametrize(
    ("profile", "words"),
    [("evcc", "look at its mqtt settings"), ("openevse", "openevse/claim"), ("everest", "limits_module")],
)
def test_a_charger_that_is_not_on_the_broker_is_named_and_gets_the_limit_when_it_comes(
    open_broker: Broker, profile: str, words: str
) -> None:
    async def case() -> None:
        await forget(open_broker)
        options = {**DEVICES[profile].OPTIONS, "answer_timeout_s": 0.2}
        async with started(make_driver(open_broker, Clock(), **options)) as driver:
            with pytest.raises(DeviceAbsentError, match=words) as absent:
                await driver.apply(command(16000))
            assert "\n" not in str(absent.value)
            assert driver.reading.answers is False
            assert str(absent.value) in driver.reading.alarms
            device = DEVICES[profile](lambda: NOW)
            async with device.connected(open_broker.port):
                await device.until(lambda: device.limit_ma() == 16000)

    live(case)


def test_a_wrong_password_is_refused_in_one_line(open_broker: Broker) -> None:
    async def case() -> None:
        async with started(make_driver(open_broker, Clock(), password="guessed")) as driver:
            with pytest.raises(ChargerRefusedError, match=r"the broker refused us .*look at user, password") as refusal:
                await driver.apply(command(16000))
            assert "\n" not in str(refusal.value)

    live(case)


def test_nobody_silence_and_nonsense_at_the_address_are_errors_in_one_line() -> None:
    """No broker is needed: what stands at the address is none."""

    async def case() -> None:
        answers = [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x02\x00\x00" + b"\x30\xff\xff\xff\x7f" * 9]

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(answers[0])
            await writer.drain()
            await reader.read()
            writer.close()

        options: dict[str, object] = {"answer_timeout_s": 0.2}
        nobody = Driver.from_options({**options, "port": free_port()}, Clock().now)
        with pytest.raises(DeviceAbsentError, match="refused"):
            await nobody.apply(command(0))
        await nobody.close()
        while answers:
            server = await asyncio.start_server(talk, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            driver = Driver.from_options({**options, "port": port}, Clock().now)
            with pytest.raises(EvrdsError) as fault:
                await driver.apply(command(0))
            assert "\n" not in str(fault.value)
            await driver.close()
            server.close()
            del answers[0]

    live(case)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, and one of someone else's."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("broker", "other"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        today = datetime.now(UTC)
        address = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(today - timedelta(days=1))
            .not_valid_after(today + timedelta(days=1))
            .add_extension(address, critical=False)
            .sign(key, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return folder


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_tls_with_the_right_certificate_works_and_with_another_is_refused(tmp_path: Path, certificates: Path) -> None:
    async def case() -> None:
        pem, key = certificates / "broker.pem", certificates / "broker.key"
        with broker(tmp_path, certificate=pem, key=key) as running:
            options: dict[str, object] = {"tls": True, "host": "localhost"}
            async with started(make_driver(running, Clock(), **options, ca_file=str(pem))) as driver:
                await driver.apply(command(16000))
                assert driver.reading.answers is True
            other = make_driver(running, Clock(), **options, ca_file=str(certificates / "other.pem"))
            with pytest.raises(DeviceAbsentError, match="certificate verify failed") as refusal:
                await other.apply(command(16000))
            assert "\n" not in str(refusal.value)
            await other.close()
            del refusal
            gc.collect()
            plain = make_driver(running, Clock(), answer_timeout_s=0.3)
            with pytest.raises(EvrdsError):
                await plain.apply(command(16000))
            await plain.close()

    live(case)
