"""`install`: what is shown, what is written and what stays; and every refusal leaves all as it was."""

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.errors import TrustError, UsageError
from rds.oda.bundle import Bundle, bundle_text, fingerprint
from rds.oda.certificate_pem import sign_certificates
from rds.oda.keys import public_key_pem
from rds.oda.region import Region
from rds.oda.signature import Domain
from receiver.cli import main
from receiver.config import read_config
from receiver.configuration_edit import with_fields
from receiver.install import describe
from receiver.trust import TrustText, make_keyring
from tests.receiver.broadcast import DOMAIN, OPERATOR, OWN, STRANGER, certificate
from tests.receiver.installation import ROOT, install

ISSUED = datetime(2026, 12, 1, 17, tzinfo=UTC)
ROOT_PUBLIC = ROOT.public_key().public_bytes_raw()


def bundle(
    *codes: str, epoch: int = 0, domain: Domain = DOMAIN, scope: str = "FFFFF", stranger: bool = False
) -> Bundle:
    """Operator 1 under the test root, or under a stranger's."""
    root = STRANGER if stranger else ROOT
    one = certificate(epoch=epoch, scope=Region.parse(scope))
    file = sign_certificates([one], root, domain, root_id=14, ts=7_520_040)
    regions = tuple(map(Region.parse_code, codes))
    return Bundle(domain, (root.public_key().public_bytes_raw(),), (file,), regions, ISSUED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As an installer found it: 12345.toml with roots and certificates in files of their own, and a bundle."""
    install(tmp_path)
    (tmp_path / "b.toml").write_text(bundle_text(bundle("12345")))
    return tmp_path


def put(folder: Path, content: Bundle | str) -> None:
    (folder / "b.toml").write_text(content if isinstance(content, str) else bundle_text(content))


def run(folder: Path, *options: str, config: str = "12345.toml") -> int:
    try:
        return main(["install", str(folder / "b.toml"), "--config", str(folder / config), *options])
    except SystemExit as error:
        return int(error.code or 0)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_configuration_is_made(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--rating-a", "16", config="receiver.toml") == 0
    config = read_config(folder / "receiver.toml")
    assert config.keyring.certificates(1) == [certificate()]
    assert config.keyring.domain == DOMAIN
    assert config.keyring.roots == (ROOT_PUBLIC,)
    assert config.regions == (OWN,)
    assert (config.settings.rating_ma, config.state) == (16_000, folder / "receiver.sqlite3")
    assert (folder / "receiver.trust.toml").read_bytes() == (folder / "b.toml").read_bytes()
    shown = capsys.readouterr().out
    assert f"root 14: {fingerprint(ROOT_PUBLIC)} (test key)" in shown
    assert "network 7, AID C0DE (an unregistered test value)" in shown
    assert (
        "key 1 (test key): heartbeat, tariff, curtail, halt, load up, others, test; region FFFFF; 2026-06-01" in shown
    )
    assert "warning: test key: a root, key 1 are published test keys" in shown
    assert "made; region codes 12345" in shown


def test_a_configuration_that_there_is_keeps_all_but_its_trust(folder: Path) -> None:
    path = folder / "12345.toml"
    path.write_text("# mine\n" + path.read_text().replace("rating_a = 32", "rating_a = 32  # the label's"))
    path.chmod(0o640)
    before = path.read_text()
    put(folder, bundle())
    assert run(folder) == 0
    lines = path.read_text().splitlines()
    gone = [line for line in before.splitlines() if line not in lines]
    assert [line.split(" = ")[0] for line in gone] == ["aid", "network", "roots", "certificates"]
    assert [line for line in lines if line not in before] == ['trust = "12345.trust.toml"']
    assert read_config(path).keyring.certificates(1) == [certificate()]
    assert path.stat().st_mode & 0o777 == 0o640
    assert "# mine" in lines
    assert not list(folder.glob(".*"))


def test_a_newer_bundle_takes_the_place_of_the_old_and_the_configuration_is_not_touched(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder) == 0
    before = (folder / "12345.toml").stat()
    put(folder, bundle("12345", epoch=1))
    assert run(folder) == 0
    assert "12345.toml: unchanged; region codes 12345" in capsys.readouterr().out
    assert (folder / "12345.toml").stat() == before
    assert read_config(folder / "12345.toml").keyring.epoch == 1


def test_region_codes_are_the_installer_s_then_the_bundle_s_then_the_configuration_s(folder: Path) -> None:
    def codes() -> list[str]:
        return [str(region) for region in read_config(folder / "12345.toml").regions]

    put(folder, bundle())
    assert run(folder) == 0
    assert codes() == ["12345"]
    put(folder, bundle("22222", "33333"))
    assert run(folder) == 0
    assert codes() == ["22222", "33333"]
    assert run(folder, "--region", "44444") == 0
    assert codes() == ["44444"]
    text = (folder / "12345.toml").read_text().replace('regions = ["44444"]\n', "")
    (folder / "12345.toml").write_text(text)
    assert codes() == ["22222", "33333"]


def test_it_can_be_looked_at_without_writing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(folder)
    assert run(folder, "--show") == 0
    assert fingerprint(ROOT_PUBLIC) in capsys.readouterr().out
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    ("content", "options", "code", "said"),
    [
        ("junk", [], 3, "b.toml is no bundle; give a file that evrds-encoder keys export has made"),
        (bundle_text(bundle())[:-40], [], 3, "b.toml is cut off: its last line, the checksum, is missing"),
        (
            bundle_text(bundle()).replace("network = 7", "network = 8"),
            [],
            3,
            "b.toml is damaged: its checksum is wrong",
        ),
        (bundle_text(bundle()) + "-----BEGIN PRIVATE KEY-----", [], 7, "b.toml holds a private key"),
        (
            bundle(domain=Domain(0xC0DE, 8)),
            [],
            7,
            "is for AID C0DE, network 8; .*12345.toml is installed for .*network 7",
        ),
        (bundle(stranger=True), [], 7, "the bundle's roots are not those that .*12345.toml trusts now; .* --replace"),
        (bundle(scope="13FFF"), [], 2, "region 12345 is outside the scope of every key; allowed: within 13FFF"),
        (bundle(), ["--region", "12FFF"], 2, "region code '12FFF'; allowed: five digits 0..E"),
        (bundle(), ["--region", "12345"] * 5, 2, "5 region codes; allowed: up to 4"),
        (bundle(), ["--rating-a", "3"], 2, "rating_a = 3; allowed: 6..80"),
        (bundle(), ["--config", "{}/none.toml"], 2, "there is no .*none.toml yet; to make it give --rating-a"),
        (bundle(), ["--config", "{}/none.toml", "--rating-a", "16"], 2, "no field 'regions'"),
        (bundle(), ["--config", "{}/no/where.toml", "--rating-a", "16"], 2, "cannot write .*no/where.trust.toml"),
        (bundle(), ["--config", "{}/groups.hex"], 2, "groups.hex:1: not TOML"),
        (bundle(), ["--config", "{}"], 3, "Is a directory; give a TOML file"),
    ],
)
def test_a_refusal_is_one_line_and_leaves_all_as_it_was(
    folder: Path, content: Bundle | str, options: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(folder, content)
    before = snapshot(folder)
    assert run(folder, *(option.replace("{}", str(folder)) for option in options)) == code
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert re.search(said, told), told
    assert snapshot(folder) == before


def test_behind_a_revocation_there_is_no_way_back_unless_it_is_meant(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(folder, bundle(epoch=2))
    assert run(folder) == 0
    put(folder, bundle(epoch=1))
    assert run(folder) == 7
    assert "the bundle is of epoch 1 and " in capsys.readouterr().err
    assert read_config(folder / "12345.toml").keyring.epoch == 2
    assert run(folder, "--replace") == 0
    put(folder, bundle(stranger=True))
    assert run(folder, "--replace") == 0
    assert read_config(folder / "12345.toml").keyring.roots == (STRANGER.public_key().public_bytes_raw(),)


def test_a_configuration_whose_keys_are_lost_is_mended(folder: Path) -> None:
    (folder / "root.public.pem").unlink()
    assert run(folder) == 0
    assert read_config(folder / "12345.toml").keyring.roots == (ROOT_PUBLIC,)


def test_a_power_cut_between_the_two_files_leaves_a_configuration_that_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "12345.toml").read_bytes()
    really_replace, left = Path.replace, [1]

    def failing(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(5, "Input/output error")
        return really_replace(path, target)

    monkeypatch.setattr(Path, "replace", failing)
    assert run(folder) == 2
    assert (folder / "12345.toml").read_bytes() == before
    assert read_config(folder / "12345.toml").keyring.certificates(1)
    assert not list(folder.glob(".*"))


def test_trust_stands_alone(folder: Path) -> None:
    assert run(folder) == 0
    path = folder / "12345.toml"
    text = path.read_text()
    path.write_text(text.replace("rating_a", "network = 7\nrating_a"))
    with pytest.raises(UsageError, match=r"12345.toml:\d+: network = 7; allowed: nothing beside trust"):
        read_config(path)
    path.write_text(text)
    (folder / "12345.trust.toml").write_text(bundle_text(bundle(stranger=True)).replace("AID: C0DE", "AID: C0DF"))
    with pytest.raises(Exception, match=r"12345.toml:\d+: .*12345.trust.toml is damaged"):
        read_config(path)


def test_a_bundle_is_trusted_wherever_roots_and_certificates_are(folder: Path) -> None:
    ring = make_keyring([TrustText("b.toml", bundle_text(bundle()).encode())])
    assert (ring.domain, ring.roots, ring.certificates(1)) == (DOMAIN, (ROOT_PUBLIC,), [certificate()])
    arguments = ["decode", str(folder / "groups.hex"), "-F", "json", "--trust", str(folder / "b.toml")]
    assert main(arguments) == 0
    with pytest.raises(TrustError, match="allowed here: AID C0DE, network 9"):
        make_keyring([TrustText("b.toml", bundle_text(bundle()).encode())], network=9)


def test_what_ends_soon_or_has_ended_is_said_at_the_installation() -> None:
    told = describe(bundle(), datetime(2027, 6, 1, tzinfo=UTC))
    assert told[-1] == "warning: the last certificate ends 2027-06-30, in 29 days: time to renew keys"
    assert "no key is valid any more" in describe(bundle(), datetime(2027, 6, 1, tzinfo=UTC) + timedelta(days=90))[-1]


TEXTS = (
    "",
    "# only a comment",
    "a = 1\nroots = [\n  'x',\n  'y', # z\n]\n# c\nb = '''\nroots = 1\n'''\n\n[t]\nroots = 2\n",
    '[charger]\ndriver = "simulated"\n',
    'roots = ["""\n[x]\n"""] # c\nregions = ["1"]',
    "roots.a = 1\nroots.b = 2\nc = 3\n",
)


@pytest.mark.parametrize("text", TEXTS)
def test_only_the_fields_that_are_named_change(text: str) -> None:
    changed = with_fields(text, {"trust": '"t"', "regions": '["2"]'}, drop=("roots",), source="c.toml")
    values, old = tomllib.loads(changed), tomllib.loads(text)
    assert values == {name: value for name, value in old.items() if name != "roots"} | {"trust": "t", "regions": ["2"]}
    assert with_fields(changed, {"trust": '"t"', "regions": '["2"]'}, drop=("roots",), source="c.toml") == changed


@given(
    st.lists(
        st.sampled_from(
            (
                "a = 1",
                "roots = [1,",
                "2]",
                "# c",
                "",
                "b = '''",
                "'''",
                "[t]",
                "x.y = 2",
                'trust = "o"',
                "[[u]]",
                "roots.z = 1",
            )
        ),
        max_size=12,
    )
)
def test_any_text_is_changed_safely_or_refused(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        changed = with_fields(text, {"trust": '"t"'}, drop=("roots",), source="c.toml")
    except UsageError:
        return
    old = tomllib.loads(text)
    old.pop("roots", None)
    assert tomllib.loads(changed) == old | {"trust": "t"}


def test_public_keys_stay_what_they_are() -> None:
    """The bundle's root is the one that the PEM file beside it holds."""
    assert public_key_pem(ROOT_PUBLIC).decode().strip() in bundle_text(bundle())
    assert OPERATOR.public_key().public_bytes_raw() == bundle().certificates[0].public_key
