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
from receiver.settings import ChargeBy, CustomerOption, Prices, Profile
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
    assert (config.chargers[0].driver, config.chargers[0].options) == ("ocpp16", {"port": 9000})
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
    assert (config.chargers[0].driver, config.chargers[0].options) == ("simulated", {})


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


POLICY = """programme = 3
timezone = "Europe/Berlin"

[tiers]
tier_2_a = 16
tier_4_a = 0

[prices]
currency = "EUR"
steps = ["0.30 16", "-0.05 32", "0.455 0"]

[profile]
limits = ["00:00 32", "17:30 6"]
unsure_a = 10

[charge_by]
time = "07:00"
energy_kwh = 23
volts = 230

[caps]
event_h = 2.5
events = 3
reduced_h = 6
grave_h = 1

[charger]
driver = "ocpp16"
"""


def test_what_the_owner_says_of_tiers_prices_profile_departure_and_caps(folder: Path) -> None:
    text = WHOLE.replace('[charger]\ndriver = "ocpp16"\n', POLICY)
    settings = parse_config(text, source="charger.toml", folder=folder).settings
    assert (settings.programme, str(settings.timezone)) == (3, "Europe/Berlin")
    assert settings.tiers_ma == (None, None, 16_000, None, 0, None, None, None)
    assert settings.prices == Prices(978, ((300_000_000, 16_000), (-50_000_000, 32_000), (455_000_000, 0)))
    assert settings.profile == Profile(((0, 32_000), (17 * 60 + 30, 6_000)), 10_000)
    # 23 kWh at 25 A and 230 V, one phase: 5.75 kW, 4 h.
    assert settings.charge_by == ChargeBy(7 * 60, 4 * 3_600_000)
    assert (settings.longest_event_s, settings.events_a_day) == (9_000, 3)
    assert (settings.reduced_a_day_s, settings.grave_a_day_s) == (6 * 3600, 3600)


def test_what_the_owner_leaves_out_is_as_the_protocol_says(folder: Path) -> None:
    settings = read_config(folder / "charger.toml").settings
    assert settings.tiers_ma == (None,) * 8
    assert (settings.prices, settings.profile, settings.charge_by, settings.programme) == (None,) * 4
    assert (settings.longest_event_s, settings.events_a_day) == (4 * 3600, 8)
    assert (settings.reduced_a_day_s, settings.grave_a_day_s) == (8 * 3600, 2 * 3600)
    offset = parse_config(WHOLE.replace('aid = "C0DE"', 'timezone = "-03:30"'), source="c", folder=folder)
    assert str(offset.settings.timezone) == "UTC-03:30"
    profile = WHOLE.replace("[charger]", '[profile]\nlimits = ["06:00 16", "20:00 6"]\n[charger]')
    assert parse_config(profile, source="c", folder=folder).settings.profile == Profile(
        ((360, 16_000), (1200, 6_000)), 16_000
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("programme = 3", "programme = 8", ":13: programme = 8; allowed: 0..7"),
        ("Europe/Berlin", "Mars/Base", ":14: timezone: time zone 'Mars/Base'; allowed: an IANA name .* or an offset"),
        ("Europe/Berlin", "../etc/passwd", r":14: timezone: time zone '../etc/passwd'; allowed"),
        ("Europe/Berlin", "+15:00", r":14: timezone: time zone '\+15:00'; allowed"),
        ("tier_2_a = 16", "tier_2_a = 5", r":17: tier_2_a = 5; allowed: 0 \(a pause\), 6..80 A"),
        ("tier_2_a = 16", "tier_2_a = 81", ":17: tier_2_a = 81; allowed: 0..80"),
        ("tier_2_a = 16", "tier_8_a = 16", r":17: unknown field 'tier_8_a' in \[tiers\]; allowed: tier_0_a"),
        ('"EUR"', '"EURO"', ":21: currency: currency 'EURO'; allowed: AUD"),
        ("0.30 16", "0.30", ":22: steps: '' in '0.30'; allowed: 0"),
        ("0.30 16", "0.30 5", ":22: steps: '5' in '0.30 5'; allowed: 0"),
        ("0.30 16", "cheap 16", ":22: steps: 'cheap 16'; allowed: a price per kWh and amperes"),
        ("0.30 16", "NaN 16", ":22: steps: 'NaN 16'; allowed: a price"),
        ("00:00 32", "24:00 32", ":25: limits: '24:00' is no time of day; allowed: 00:00 to 23:59"),
        ("00:00 32", "18:00 32", ":25: limits = .*; allowed: times that rise, each once"),
        ("unsure_a = 10", "unsure_a = 1", r":26: unsure_a = 1; allowed: 0 \(a pause\)"),
        ('"07:00"', '"7"', ":29: time: '7' is no time of day"),
        ("volts = 230", "hours = 4", r":29: \[charge_by\] has hours and energy_kwh; allowed: one of hours, energy_kwh"),
        ("energy_kwh = 23\n", "", r":29: \[charge_by\] has none of them; allowed"),
        ("event_h = 2.5", "event_h = 25", ":34: event_h = 25; allowed: 0..24"),
        ("grave_h = 1", "grave_h = 7", ":37: grave_h = 7; allowed: no more than reduced_h"),
        ('currency = "EUR"\n', "", r":20: no field 'currency' in \[prices\]"),
    ],
)
def test_each_mistake_of_the_owners_is_one_line(folder: Path, old: str, new: str, message: str) -> None:
    whole = WHOLE.replace('[charger]\ndriver = "ocpp16"\n', POLICY)
    assert whole.count(old) == 1
    with pytest.raises(UsageError) as caught:
        parse_config(whole.replace(old, new), source="charger.toml", folder=folder)
    assert "\n" not in str(caught.value)
    assert re.match("charger.toml" + message, str(caught.value)), str(caught.value)
