"""The server that OCPP drivers share, over real websockets: who gets which charge point, passwords, TLS."""

import asyncio
import base64
import contextlib
import ipaddress
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.http11 import Request
from websockets.typing import Subprotocol

from rds.errors import DeviceAbsentError, UsageError
from receiver.chargers._ocpp_credentials import is_authorised
from receiver.chargers._ocpp_hub import Berth, HubOptions

LOCALHOST = ipaddress.ip_address("127.0.0.1")
OLD, NEW, NEWEST = Subprotocol("ocpp1.6"), Subprotocol("ocpp2.0.1"), Subprotocol("ocpp2.1")


class Harbour:
    """Berths of one case, and what each has heard."""

    def __init__(self) -> None:
        self.port = 0
        self.heard: list[tuple[str, str, str]] = []
        self._berths: list[Berth] = []

    async def berth(
        self, name: str | None = None, *, protocols: tuple[Subprotocol, ...] = (OLD,), **more: str | None
    ) -> Berth:
        """A berth that echoes and notes (berth, charge point, message); all at the port of the first."""

        async def echo(point: str, connection: ServerConnection) -> None:
            async for message in connection:
                self.heard.append((str(name), point, str(message)))
                await connection.send(message)

        options = HubOptions(port=self.port, charge_point_id=name, **more)  # type: ignore[arg-type]  # texts alone
        berth = Berth("ocpp", options, protocols=protocols, serve=echo)
        await berth.open()
        self._berths.append(berth)
        self.port = berth.port
        return berth

    @contextlib.asynccontextmanager
    async def point(
        self,
        name: str,
        *offered: Subprotocol,
        password: str | None = None,
        user: str | None = None,
        ca: Path | None = None,
    ) -> AsyncIterator[ClientConnection]:
        """A connection of a charge point."""
        token = base64.b64encode(f"{user or name}:{password}".encode()).decode()
        headers = {} if password is None else {"Authorization": f"Basic {token}"}
        tls = None if ca is None else ssl.create_default_context(cafile=ca)
        url = f"{'ws' if ca is None else 'wss'}://127.0.0.1:{self.port}/ocpp/{name}"
        async with connect(
            url, subprotocols=offered or [OLD], additional_headers=headers, ssl=tls, proxy=None
        ) as connection:
            yield connection

    async def close(self) -> None:
        for berth in self._berths:
            await berth.close()
            await berth.close()


def harbour(case: Callable[[Harbour], Awaitable[None]]) -> None:
    async def whole() -> None:
        port = Harbour()
        try:
            async with asyncio.timeout(20):
                await case(port)
        finally:
            await port.close()

    asyncio.run(whole())


async def said(connection: ClientConnection, word: str) -> str:
    await connection.send(word)
    return str(await asyncio.wait_for(connection.recv(), 5))


def test_each_charge_point_goes_to_the_berth_of_its_name_and_a_stranger_to_the_one_without() -> None:
    async def case(port: Harbour) -> None:
        for name in ("CP_1", None, "CP_2"):
            await port.berth(name)
        async with port.point("CP_2") as second, port.point("CP_1") as first, port.point("other") as third:
            for connection, word in ((first, "a"), (second, "b"), (third, "c")):
                assert await said(connection, word) == word
        assert port.heard == [("CP_1", "CP_1", "a"), ("CP_2", "CP_2", "b"), ("None", "other", "c")]

    harbour(case)


def test_the_sub_protocol_decides_and_the_drivers_best_is_spoken() -> None:
    async def case(port: Harbour) -> None:
        await port.berth("CP", protocols=(OLD,))
        await port.berth("CP", protocols=(NEWEST, NEW))
        for offered, spoken in (((OLD,), OLD), ((NEW,), NEW), ((NEW, NEWEST), NEWEST)):
            async with port.point("CP", *offered) as connection:
                assert connection.subprotocol == spoken
                assert await said(connection, "x") == "x"
        with pytest.raises(InvalidStatus, match="400"):
            async with port.point("CP", Subprotocol("ocpp1.5")):
                pass

    harbour(case)


def test_a_newer_connection_of_a_charge_point_ends_the_older() -> None:
    async def case(port: Harbour) -> None:
        berth = await port.berth("CP")
        async with port.point("CP") as first, port.point("CP") as second:
            await asyncio.wait_for(first.wait_closed(), 5)
            assert await said(second, "still") == "still"
            assert berth.name == "CP"

    harbour(case)


def test_a_closed_berth_hangs_up_and_leaves_the_others_alone() -> None:
    async def case(port: Harbour) -> None:
        first, second = await port.berth("CP_1"), await port.berth("CP_2")
        async with port.point("CP_1") as one, port.point("CP_2") as two:
            assert await said(one, "a") == "a"
            await first.close()
            await asyncio.wait_for(one.wait_closed(), 5)
            assert await said(two, "b") == "b"
            with pytest.raises(InvalidStatus):
                async with port.point("CP_1"):
                    pass
        await second.close()
        again = await port.berth("CP_1")  # the port was given back
        assert again.port == port.port

    harbour(case)


def test_berths_that_open_at_once_share_one_server() -> None:
    async def case(port: Harbour) -> None:
        await (await port.berth("first")).close()
        await asyncio.gather(*(port.berth(f"CP_{n}") for n in range(10)))
        async with port.point("CP_7") as connection:
            assert await said(connection, "x") == "x"

    harbour(case)


def test_two_chargers_of_one_name_or_none_at_one_port_are_refused() -> None:
    async def case(port: Harbour) -> None:
        for name in ("CP", None):
            await port.berth(name)
            with pytest.raises(UsageError, match=rf"charge_point_id is {name!r} on 127.0.0.1 port .*allowed: one"):
                await port.berth(name)
        with pytest.raises(UsageError, match=r"tls_certificate is 'x.pem' .* the same files"):
            await port.berth("CP_2", tls_certificate="x.pem")

    harbour(case)


def test_the_password_is_asked_of_whom_it_belongs_to(caplog: pytest.LogCaptureFixture) -> None:
    async def case(port: Harbour) -> None:
        berth = await port.berth("CP_1", password="open sesame: ü")
        await port.berth("CP_2")
        async with port.point("CP_2") as free:
            assert await said(free, "free") == "free"
        wrong: list[tuple[str | None, str | None]] = [
            (None, None),
            ("", None),
            ("open sesame", None),
            ("open sesame: ü", "CP_2"),
        ]
        for password, user in wrong:
            with pytest.raises(InvalidStatus) as refusal:
                async with port.point("CP_1", password=password, user=user):
                    pass
            assert refusal.value.response.status_code == 401
            assert refusal.value.response.headers["WWW-Authenticate"].startswith("Basic ")
        assert berth.turned_away == " (turned away: 'CP_1' gives no password or a wrong one)"
        async with port.point("CP_1", password="open sesame: ü") as let_in:
            assert await said(let_in, "x") == "x"

    with caplog.at_level(logging.WARNING):
        harbour(case)
    assert len(caplog.records) == 1, "told once, however often it calls"
    assert "sesame" not in caplog.text


def test_a_key_of_octets_is_given_as_hex() -> None:
    async def case(port: Harbour) -> None:
        await port.berth("CP", password="hex:6f70656e")
        async with port.point("CP", password="open") as connection:
            assert await said(connection, "x") == "x"

    harbour(case)


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        (HubOptions(password=""), "password is empty or no hex; allowed"),
        (HubOptions(password="hex:0"), "password is empty or no hex; allowed"),
        (HubOptions(password="hex:"), "password is empty or no hex; allowed"),
        (HubOptions(tls_key="key.pem"), "tls_key is 'key.pem' without tls_certificate; allowed: both"),
        (HubOptions(charge_point_id=""), "charge_point_id is ''; allowed: 1 to 48"),
        (HubOptions(charge_point_id="a\nb"), "charge_point_id is 'a.*nb'; allowed: 1 to 48"),
    ],
)
def test_options_that_do_not_go_together(options: HubOptions, pattern: str) -> None:
    async def nothing(_name: str, _connection: ServerConnection) -> None: ...

    with pytest.raises(UsageError, match=f"^charger ocpp option {pattern}"):
        Berth("ocpp", options, protocols=[OLD], serve=nothing)


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60))
def test_no_other_header_is_authorised(header: str) -> None:
    right = "Basic " + base64.b64encode(b"CP:secret").decode()
    for value in (header, "Basic " + header, right[:-1], right.replace("Basic", "Digest")):
        assert not is_authorised(Request("/CP", Headers({"Authorization": value})), "CP", b"secret")
    assert is_authorised(Request("/CP", Headers({"Authorization": right})), "CP", b"secret")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate of localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(tz=UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOCALHOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    for file, lock in (
        ("key.pem", serialization.NoEncryption()),
        ("locked.pem", serialization.BestAvailableEncryption(b"x")),
    ):
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        (folder / file).write_bytes(text)
    return folder / "certificate.pem", folder / "key.pem"


def test_tls_with_a_password(certificate: tuple[Path, Path]) -> None:
    async def case(port: Harbour) -> None:
        file, key = (str(path) for path in certificate)
        berth = await port.berth("CP", password="secret", tls_certificate=file, tls_key=key)
        assert berth.url == f"wss://127.0.0.1:{berth.port}/"
        async with port.point("CP", password="secret", ca=certificate[0]) as connection:
            assert await said(connection, "x") == "x"
            socket_tls = connection.transport.get_extra_info("ssl_object")
            assert socket_tls.version() in ("TLSv1.2", "TLSv1.3")
        with pytest.raises(InvalidMessage):  # no TLS
            async with port.point("CP", password="secret"):
                pass
        old = ssl.create_default_context(cafile=certificate[0])
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            await connect(f"{berth.url}CP", ssl=old, subprotocols=[OLD], proxy=None)
        with pytest.raises(ssl.SSLCertVerificationError):  # the charge point does not know our root
            await connect(f"{berth.url}CP", ssl=ssl.create_default_context(), subprotocols=[OLD], proxy=None)
        async with port.point("CP", password="secret", ca=certificate[0]) as connection:
            assert await said(connection, "y") == "y"

    harbour(case)


def test_tls_files_that_cannot_be_used_are_named(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    bad = [
        (tmp_path / "none.pem", certificate[1]),
        (tmp_path / "empty.pem", certificate[1]),
        (certificate[0], None),
        (certificate[0], certificate[1].with_name("locked.pem")),
    ]

    async def case(port: Harbour) -> None:
        for file, key in bad:
            with pytest.raises(UsageError, match=r"option tls_certificate is .*allowed: PEM files") as refusal:
                await port.berth("CP", tls_certificate=str(file), tls_key=None if key is None else str(key))
            assert "\n" not in str(refusal.value)
        await port.berth("CP")  # nothing of the failures stayed

    harbour(case)


def test_a_listening_address_that_is_not_ours() -> None:
    async def case(port: Harbour) -> None:
        with pytest.raises(DeviceAbsentError, match=r"cannot listen on 192\.0\.2\.1 port 0: "):
            await port.berth("CP", listen="192.0.2.1")
        with pytest.raises(DeviceAbsentError, match=r"cannot listen on no\.such\.host"):
            await port.berth("CP", listen="no.such.host.invalid")

    harbour(case)
