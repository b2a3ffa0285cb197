"""The configuration: a whole one, and each mistake as one line with file, line, value seen and values allowed."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rds.errors import EvrdsError, InputError, TrustError, UsageError
from rds.oda.certificate_pem import armour, sign_certificates
from rds.oda.keys import private_key_pem, public_key_pem
from rds.oda.signature import Domain
from receiver.config import parse_config, read_config
from receiver.settings import CustomerOption
from receiver.trust import TrustText, make_keyring, read_trust_file
from tests.receiver.broadcast import DEVICE_ID, DOMAIN, OPERATOR, OWN, STRANGER, certificate

ROOT = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
WHOLE = """regions = ["12345"]
aid = "C0DE"
network = 7
roots = ["root.public.pem"]
certificates = ["operator.certificate.pem"]
rating_a = 32
installer_a = 25
option = "low"
state = "state.sqlite3"
device_id = "000102030405060708090A0B0C0D0E0F"
release_minimum_s = 5

[charger]
driver = "ocpp16"
port = 9000
"""


def certificate_pem(domain: Domain = DOMAIN, root: Ed25519PrivateKey = ROOT) -> str:
    return armour(sign_certificates([certificate()], root, domain, root_id=14, ts=7_520_040))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root.public.pem").write_bytes(public_key_pem(ROOT.public_key().public_bytes_raw()))
    (tmp_path / "root.pem").write_bytes(private_key_pem(ROOT))
    (tmp_path / "operator.certificate.pem").write_text(certificate_pem())
    (tmp_path / "elsewhere.pem").write_text(certificate_pem(Domain(0xC0DE, 9)))
    (tmp_path / "forged.pem").write_text(certificate_pem(root=STRANGER))
    (tmp_path / "charger.toml").write_text(WHOLE)
    return tmp_path


def test_a_whole_configuration(folder: Path) -> None:
    config = read_config(folder / "charger.toml")
    assert config.regions == (OWN,)
    assert config.keyring.domain == DOMAIN
    assert config.keyring.certificates(1) == [certificate()]
    assert config.state == folder / "state.sqlite3"
    assert config.source is None
    assert (config.charger.driver, config.charger.options) == ("ocpp16", {"port": 9000})
    settings = config.settings
    assert (settings.device_id, settings.rating_ma, settings.installer_ma) == (DEVICE_ID, 32_000, 25_000)
    assert (settings.option, settings.release_minimum_s, settings.release_default_s) == (CustomerOption.LOW, 5, 3600)
    assert settings.subgroup is None


def test_keys_may_stand_in_the_file_itself(folder: Path) -> None:
    root = public_key_pem(ROOT.public_key().public_bytes_raw()).decode()
    text = f'regions = ["12345"]\nnetwork = 7\nrating_a = 16\nroots = ["""{root}"""]\n'
    text += f'certificates = ["""{certificate_pem()}"""]\nsource = "x.cu8"\nsubgroup = 5\n'
    config = parse_config(text, source="charger.toml", folder=folder)
    assert config.keyring.certificates(1)
    assert (config.state, config.source, config.settings.device_id) == (None, "x.cu8", b"")
    assert (config.settings.installer_ma, config.settings.subgroup) == (16_000, 5)
    assert (config.charger.driver, config.charger.options) == ("simulated", {})


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("rating_a = 32", "rating_a = 3", UsageError, ":6: rating_a = 3; allowed: 6..80"),
        ("rating_a = 32", "rating_a = '32'", UsageError, ":6: rating_a = '32'; allowed: a whole number 6..80"),
        ("rating_a = 32\n", "", UsageError, r":1: no field 'rating_a' \(given: regions"),
        ("rating_a = 32", "ratting_a = 32", UsageError, r"no field 'rating_a' \(given: .*ratting_a"),
        ("network = 7", "network = 7\nnetwrok = 7", UsageError, ":4: unknown field 'netwrok'; allowed: aid, "),
        ('["12345"]', '["123456"]', UsageError, ":1: regions: region code '123456'; allowed: five digits 0..E"),
        ('["12345"]', '["12FFF"]', UsageError, ":1: regions: region code '12FFF'; allowed: five digits 0..E"),
        ('["12345"]', "[]", UsageError, r":1: regions = \[\]; allowed: an array of 1..4 strings"),
        ('"C0DE"', '"CD46"', UsageError, ":2: aid: AID CD46 is registered to 'RDS-TMC: ALERT-C'; allowed"),
        ("network = 7", "network = 256", UsageError, ":3: network = 256; allowed: 0..255"),
        (
            "network = 7",
            "network = 9",
            TrustError,
            "operator.certificate.pem is a certificate for AID C0DE, network 7",
        ),
        ('"low"', '"cheap"', UsageError, ":8: option = 'cheap'; allowed: high price, medium, low, fleet"),
        ("0E0F", "0E", UsageError, ":10: device_id: device id .*; allowed: 32 hex digits"),
        ("root.public.pem", "no.pem", UsageError, ":4: key or certificate .*no.pem: No such file"),
        (
            "root.public.pem",
            "root.pem",
            TrustError,
            "root.pem: this is a private key, which belongs",
        ),
        ("operator.certificate.pem", "forged.pem", TrustError, "forged.pem is not signed by a root that is trusted"),
        (
            "operator.certificate.pem",
            "elsewhere.pem",
            TrustError,
            "elsewhere.pem is a certificate for .* network 9",
        ),
        ("operator.certificate.pem", "root.public.pem", TrustError, "a root key is given and no certificate"),
        ('driver = "ocpp16"', "driver = 16", UsageError, ":14: driver = 16; allowed: a string in quotes"),
        ("[charger]", "[charger", UsageError, ":13: not TOML: "),
    ],
)
def test_each_mistake_is_one_line(folder: Path, old: str, new: str, error: type[EvrdsError], message: str) -> None:
    assert WHOLE.count(old) == 1
    path = folder / "charger.toml"
    path.write_text(WHOLE.replace(old, new))
    with pytest.raises(error) as caught:
        read_config(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    assert re.search(message, text), text


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="no UTF-8 text"):
        read_config(tmp_path / "binary")


def test_trust_files_name_the_application_where_nobody_else_does(folder: Path) -> None:
    texts = [read_trust_file(folder / name) for name in ("operator.certificate.pem", "root.public.pem")]
    assert make_keyring(texts).domain == DOMAIN
    assert make_keyring(texts, aid=0xC0DE, network=7).domain == DOMAIN
    with pytest.raises(TrustError, match="allowed here: AID C0DE, network 8"):
        make_keyring(texts, network=8)
    with pytest.raises(TrustError, match=r"no root|not signed by a root that is trusted \(0 root keys given\)"):
        make_keyring(texts[:1])
    with pytest.raises(TrustError, match="junk: no key in PEM form"):
        make_keyring([TrustText("junk", b"junk")])
    assert make_keyring([]).empty
    assert OPERATOR.public_key().public_bytes_raw() == make_keyring(texts).public_keys(1)[0]
