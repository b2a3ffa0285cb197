"""The driver `openevse_wifi` against a module on a real web server: claims, masters, overrides, bad servers."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from rds.errors import ChargerRefusedError, DeviceAbsentError, DeviceLostError, EvrdsError, UsageError
from receiver.chargers import _kept, openevse_wifi
from receiver.chargers.driver import ChargerCommand
from receiver.chargers.openevse_wifi import Driver
from tests.live.openevse_module import MANUAL, SCHEDULE, SLEEPING, Module, serving

NOW = datetime(2026, 1, 15, 18, tzinfo=UTC)
OURS = 0x5244
Case = Callable[[Driver, Module], Awaitable[None]]


def command(limit_a: int, *, restricted: bool = True) -> ChargerCommand:
    return ChargerCommand(1000 * limit_a, moment=NOW, until=None, restricted=restricted, reason="test")


def drive(url: str, case: Case, module: Module, **options: object) -> None:
    async def whole() -> None:
        driver = Driver.from_options({"url": url, "answer_timeout_s": 5.0, **options}, lambda: NOW)
        async with asyncio.timeout(10):
            try:
                await case(driver, module)
            finally:
                await driver.close()

    asyncio.run(whole())


def run(case: Case, module: Module | None = None, **options: object) -> Module:
    other = module or Module()
    with serving(other) as url:
        drive(url, case, other, **options)
    return other


def refused(module: Module, message: str, kind: type[EvrdsError] = ChargerRefusedError, **options: object) -> None:
    """A command meets an error of one line, which the reading tells too."""

    async def case(driver: Driver, _: Module) -> None:
        with pytest.raises(kind, match=message) as fault:
            await driver.apply(command(16))
        assert "\n" not in str(fault.value)
        assert str(fault.value) in driver.reading.alarms

    run(case, module, **options)


def test_a_limit_claims_a_current_and_no_state() -> None:
    async def case(driver: Driver, module: Module) -> None:
        await driver.apply(command(16))
        assert module.claims == {OURS: {"max_current": 16, "auto_release": False}}
        reading = driver.reading
        assert (reading.limit_ma, reading.current_ma, reading.energy_wh, reading.plugged) == (16000, 15700, 12345, True)
        assert (reading.answers, reading.alarms, reading.overridden) == (True, (), None)
        await driver.apply(command(32, restricted=False))
        assert module.claims == {}

    run(case)


def test_a_claim_may_end_with_the_car() -> None:
    async def case(driver: Driver, module: Module) -> None:
        await driver.apply(command(0))
        assert module.claims == {77: {"state": "disabled", "auto_release": True}}

    run(case, client=77, auto_release=True)


def test_a_controller_that_follows_late_is_no_difference() -> None:
    async def case(driver: Driver, module: Module) -> None:
        await driver.apply(command(16))
        assert (driver.reading.limit_ma, driver.reading.alarms) == (16000, ())

    run(case, Module(settle_s=0.15))


def test_a_controller_that_does_not_follow_is_an_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openevse_wifi, "SETTLE_S", 0.2)

    async def case(driver: Driver, module: Module) -> None:
        await driver.apply(command(16))
        assert "has 32000 mA, wanted 16000" in driver.reading.alarms[0]

    run(case, Module(settle_s=60))


@pytest.mark.parametrize(
    ("client", "claim", "said"),
    [
        (MANUAL, {"max_current": 24}, "the manual override holds max_current at 24"),
        (SCHEDULE, {"state": "disabled"}, None),
        (MANUAL, {"state": "active", "charge_current": 20}, None),
    ],
)
def test_another_master_of_the_current_is_named_and_not_fought(
    client: int, claim: dict[str, object], said: str | None
) -> None:
    async def case(driver: Driver, module: Module) -> None:
        module.claims[client] = claim
        await driver.apply(command(16))
        assert module.claims[client] == claim
        assert (driver.reading.overridden, driver.reading.alarms) == (said, ())

    run(case)


def test_a_person_who_charges_in_a_pause_is_named_and_not_fought() -> None:
    async def case(driver: Driver, module: Module) -> None:
        module.claims[MANUAL] = {"state": "active"}
        await driver.apply(command(0))
        assert driver.reading.overridden == "the manual override holds state at active"
        assert (driver.reading.limit_ma, driver.reading.alarms) == (32000, ())

    run(case)


def test_a_limit_does_not_wake_what_the_schedule_keeps_asleep() -> None:
    async def case(driver: Driver, module: Module) -> None:
        module.claims[SCHEDULE] = {"state": "disabled"}
        await driver.apply(command(16))
        assert module.now() == (SLEEPING, 16)

    run(case)


def test_an_older_module_without_the_page_of_targets_serves_too() -> None:
    async def case(driver: Driver, module: Module) -> None:
        await driver.apply(command(16))
        assert (driver.reading.limit_ma, driver.reading.overridden) == (16000, None)

    run(case, Module(target_page=False))


def test_a_module_that_restarts_gets_its_claim_again() -> None:
    async def case(driver: Driver, module: Module) -> None:
        await driver.start()
        await driver.apply(command(16))
        module.restart()
        assert module.now()[1] == 32
        while module.now()[1] != 16:
            await asyncio.sleep(0.02)

    run(case, refresh_s=1)


def test_a_server_that_goes_and_comes_back_on_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kept, "FIRST_PAUSE_S", 0.05)
    module = Module()
    with serving(module) as url:
        port = int(url.rpartition(":")[2])

    async def case(driver: Driver, _: Module) -> None:
        with pytest.raises(DeviceAbsentError, match="asked for a connection"):
            await driver.apply(command(16))
        assert driver.reading.answers is False
        with serving(module, port=port):
            await driver.start()
            while OURS not in module.claims:
                await asyncio.sleep(0.02)
            await driver.close()

    drive(url, case, module)


def test_a_probe_says_what_is_there_and_its_own_delays() -> None:
    async def case(driver: Driver, module: Module) -> None:
        report = await driver.probe()
        assert report.found == "OpenEVSE WiFi module v5.1.2, controller 8.2.1"
        assert (report.fallback.limit_ma, report.fallback.after_s) == (24000, None)
        assert "no watchdog" in report.fallback.words
        assert [line.split(";")[0] for line in report.warnings] == [
            "its schedule starts at random within 600 s: set its random start to 0",
            "its solar divert is on",
        ]
        assert module.claims == {}

    run(case, Module(configured_a=24, config={"scheduler_start_window": 600, "divert_enabled": True}))


def test_a_host_that_cannot_be_is_one_line() -> None:
    async def case(driver: Driver, _: Module) -> None:
        with pytest.raises(DeviceAbsentError, match="is no host's name"):
            await driver.apply(command(16))

    drive(f"http://{'x' * 64}", case, Module())


@given(st.text(max_size=30).map("http://{}".format) | st.text(max_size=30))
def test_any_address_is_taken_or_refused(url: str) -> None:
    with contextlib.suppress(UsageError):
        Driver.from_options({"url": url}, lambda: NOW)


def test_a_lost_controller_and_a_fault_are_alarms() -> None:
    async def case(driver: Driver, module: Module) -> None:
        await driver.apply(command(16))
        assert "lost its controller" in driver.reading.alarms[0]
        assert "does not charge" in driver.reading.alarms[1]

    run(case, Module(status={"evse_connected": 0, "state": 8}))


def test_its_user_must_be_the_right_one() -> None:
    async def case(driver: Driver, module: Module) -> None:
        await driver.apply(command(16))
        assert OURS in module.claims

    run(case, Module(user="me", password="päß:word"), user="me", password="päß:word")
    refused(Module(user="me", password="right"), "status 401; give its user", user="me", password="wrong")
    refused(Module(user="me", password="right"), "status 401; give its user")


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        (b"", "not HTTP"),
        (OK + b"Content-Length: 100\r\n\r\n{}", "not HTTP"),
        (OK + b"Content-Length: 5\r\n\r\nhello", "not JSON"),
        (OK + b"\r\n" + b"[" * 70_000, "more than 65536 bytes"),
        (OK + b"X: " + b"y" * 200_000, "not HTTP"),
        (OK + b"\r\n" + b"[" * 60_000, "not JSON"),
        (OK + b"Content-Length: 2\r\n\r\n[]", "an object is wanted"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "no pilot"),
        (OK + b'\r\n{"pilot": 1e9, "state": 3}', "pilot is '1000000000.0'; from 0 to 80 can be"),
        (OK + b'\r\n{"pilot": NaN, "state": 3}', "pilot is 'nan'"),
        (OK + b'\r\n{"pilot": true, "state": 3}', "pilot is 'True'"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", "status 500"),
    ],
)
def test_nonsense_is_refused_in_one_line(raw: bytes, message: str) -> None:
    refused(Module(raw=raw), message)


def test_an_answer_that_drips_is_given_up() -> None:
    module = Module(raw=OK + b"Content-Length: 99\r\n\r\n" + b" " * 50, pieces_s=0.02)
    refused(module, "no answer within 0.3 s", DeviceAbsentError, answer_timeout_s=0.3)


@settings(max_examples=25)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda body: OK + b"\r\n" + body))
def test_any_answer_ends_in_one_of_our_errors(raw: bytes) -> None:
    async def case(driver: Driver, _: Module) -> None:
        with pytest.raises(EvrdsError):
            await driver.apply(command(16))

    run(case, Module(raw=raw))


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of 127.0.0.1 that signs itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "openevse")])
    day = timedelta(days=1)
    today = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, today - day, today + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    public, both = folder / "ca.pem", folder / "server.pem"
    public.write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both.write_bytes(private + public.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return public, context


def test_https_with_the_right_authority_and_without(tmp_path: Path) -> None:
    public, context = certificate(tmp_path)
    module = Module()

    async def trusted(driver: Driver, _: Module) -> None:
        await driver.apply(command(16))
        assert module.now()[1] == 16

    async def untrusted(driver: Driver, _: Module) -> None:
        with pytest.raises((DeviceAbsentError, DeviceLostError), match="certificate verify failed"):
            await driver.apply(command(20))
        assert module.now()[1] == 16

    with serving(module, tls=context) as url:
        drive(url, trusted, module, ca_file=str(public))
        drive(url, untrusted, module)
    none = tmp_path / "none.pem"
    for content in (b"nothing", b"\xff\x00", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        none.write_bytes(content)
        with pytest.raises(UsageError, match="ca_file"):
            Driver.from_options({"url": url, "ca_file": str(none)}, lambda: NOW)
    with pytest.raises(UsageError, match="option url"):
        Driver.from_options({"url": "https://[", "ca_file": str(none)}, lambda: NOW)
