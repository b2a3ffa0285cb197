"""`keys create`: what the files hold, who may read them, and that nothing is ever overwritten."""

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from encoder.cli import main
from encoder.key_ceremony import Grant, make_keys
from encoder.key_files import load_operator, write_keys
from encoder.operator_key import parse_roles
from rds.errors import InputError, TrustError, UsageError
from rds.oda.bulletin import open_bulletin
from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.certificate_pem import parse_armour, verified_certificates
from rds.oda.keys import parse_private_key, parse_public_key
from rds.oda.region import EVERYONE, Region
from rds.oda.signature import Domain
from rds.oda.ticks import tick_of
from tests.encoder.networks import CLOCK, DOMAIN, ROOT_PUBLIC, certificate, write_network

ORDER = (
    "root.pem",
    "root.public.pem",
    "spare.pem",
    "spare.public.pem",
    "operator.pem",
    "operator.certificate.pem",
)
NAMES = set(ORDER)
PRIVATE = {"root.pem", "spare.pem", "operator.pem"}


def test_the_files_hold_a_root_an_operator_and_a_certificate_of_the_one_for_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "keys"
    options = [
        "--network",
        "7",
        "--aid",
        "BEEF",
        "--scope",
        "12FFF",
        "--roles",
        "heartbeat,load-up",
        "--key-id",
        "3",
        "--days",
        "30",
    ]
    assert main(["keys", "create", str(folder), *options, "--not-before", "2026-12-01T18:00:00+01:00"]) == 0
    assert {path.name for path in folder.iterdir()} == NAMES
    root = parse_public_key((folder / "root.public.pem").read_bytes())
    file = parse_armour((folder / "operator.certificate.pem").read_text())
    assert file.domain == Domain(0xBEEF, 7)
    [found] = verified_certificates(file, [root]) or ()
    assert (found.key, found.roles, found.scope) == (3, Role.HEARTBEAT | Role.LOAD_UP, Region.parse("12FFF"))
    assert found.not_before == tick_of(datetime(2026, 12, 1, 17, tzinfo=UTC))
    assert found.not_after - found.not_before == 30 * 8640
    operator = parse_private_key((folder / "operator.pem").read_bytes())
    assert operator.public_key().public_bytes_raw() == found.public_key
    assert parse_private_key((folder / "root.pem").read_bytes()).public_key().public_bytes_raw() == root
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        str(folder / name) for name in ORDER
    ]


def test_keys_differ_every_time() -> None:
    grant = Grant(1, ALL_ROLES, EVERYONE, CLOCK, 395)
    first, second = ({file.content for file in make_keys(DOMAIN, grant, now=CLOCK)} for _ in range(2))
    assert not first & second


@pytest.mark.parametrize("days_later", [-30, 30])
def test_a_certificate_is_stamped_now_but_never_after_its_validity_has_begun(days_later: int) -> None:
    now = CLOCK + timedelta(days=days_later)
    files = {file.name: file.content for file in make_keys(DOMAIN, Grant(1, ALL_ROLES, EVERYONE, CLOCK, 9), now=now)}
    envelopes = parse_armour(files["operator.certificate.pem"].decode()).envelopes
    bulletin = open_bulletin(envelopes, parse_public_key(files["root.public.pem"]), DOMAIN)
    assert bulletin is not None
    assert bulletin.key == 14
    assert bulletin.ts == tick_of(min(now, CLOCK))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_private_files_are_their_owners_alone(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "keys"
    before = os.umask(umask)
    try:
        assert main(["keys", "create", str(folder)]) == 0
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o600} >= PRIVATE
    assert all(modes[name] == 0o644 & ~umask for name in NAMES - PRIVATE)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_private_files_are_never_readable_by_others_even_as_they_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[str, tuple[int, int]] = {}
    really_open = os.open

    def watched(path: Path, flags: int, mode: int = 0o777) -> int:
        made[Path(path).name] = (flags, mode)
        return really_open(path, flags, mode)

    monkeypatch.setattr(os, "open", watched)
    write_keys(tmp_path, make_keys(DOMAIN, Grant(1, ALL_ROLES, EVERYONE, CLOCK, 1), now=CLOCK))
    partial = {f".{name}.part" for name in NAMES}
    new = {name: mode for name, (flags, mode) in made.items() if flags & os.O_CREAT and flags & os.O_EXCL}
    assert set(new) == NAMES | partial == set(made) - {tmp_path.name}
    assert all(new[name] == new[f".{name}.part"] == 0o600 for name in PRIVATE)


def test_a_fault_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_replace, left = Path.replace, [2]

    def failing(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return really_replace(path, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(UsageError, match=r"No space left on device; name a folder"):
        write_keys(tmp_path, make_keys(DOMAIN, Grant(1, ALL_ROLES, EVERYONE, CLOCK, 1), now=CLOCK))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("dangling", [False, True])
def test_an_existing_file_is_named_and_nothing_is_written(
    tmp_path: Path, name: str, dangling: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / name
    if dangling:
        taken.symlink_to(tmp_path / "elsewhere" / "lost")
    else:
        taken.write_text("mine")
    assert main(["keys", "create", str(tmp_path)]) == 2
    assert f"{taken} exists" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [taken]
    assert dangling or taken.read_text() == "mine"


def test_a_file_that_appears_in_between_stays_and_what_was_begun_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = tmp_path / "operator.pem"
    rival.write_text("another process was faster")
    monkeypatch.setattr(os.path, "lexists", lambda _path: False)
    with pytest.raises(UsageError, match="cannot write keys"):
        write_keys(tmp_path, make_keys(DOMAIN, Grant(1, ALL_ROLES, EVERYONE, CLOCK, 1), now=CLOCK))
    assert list(tmp_path.iterdir()) == [rival]
    assert rival.read_text() == "another process was faster"


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--network", "256", "0..255"),
        ("--aid", "4BD7", "registered to 'RadioText+ (RT+)'"),
        ("--aid", "C0DEX", "four hex digits"),
        ("--scope", "123456", "five digits"),
        ("--scope", "1F3FF", "five digits"),
        ("--roles", "king", "heartbeat, tariff, curtail, halt, load-up, others, test"),
        ("--roles", "", "heartbeat"),
        ("--key-id", "14", "0..13"),
        ("--days", "0", "1..400"),
        ("--days", "401", "1..400"),
        ("--not-before", "2026-12-01", "RFC 3339"),
        ("--not-before", "2020-01-01T00:00:00Z", "2024-01-01"),
        ("--not-before", "2109-01-01T00:00:00Z", "2109-01-23"),
    ],
)
def test_wrong_options_are_one_line_with_what_is_allowed(
    tmp_path: Path, option: str, value: str, allowed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "keys"
    try:
        code = main(["keys", "create", str(folder), option, value])
    except SystemExit as error:
        code = error.code  # type: ignore[assignment]  # argparse leaves with a number
    said = capsys.readouterr().err
    assert code == 2
    assert allowed in said
    assert said.count("\n") == 1
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["keys", "create", str(tmp_path / "file")]) == 2
    assert main(["keys", "create", str(tmp_path / "no" / "where")]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_all_is_every_role() -> None:
    assert parse_roles("all") == ALL_ROLES


def _load(folder: Path, **names: str) -> None:
    files = {"operator": "operator.pem", "certificate": "certificate.pem", "root": "root.public.pem"} | names
    load_operator(*(folder / name for name in files.values()), domain=DOMAIN)


def test_a_plan_s_keys_are_checked_as_a_receiver_would(tmp_path: Path) -> None:
    write_network(tmp_path)
    _load(tmp_path)
    with pytest.raises(InputError, match=r"root.public.pem: this is a public key; a private key is needed"):
        _load(tmp_path, operator="root.public.pem")
    with pytest.raises(InputError, match=r"operator.pem: this is a private key"):
        _load(tmp_path, root="operator.pem")
    with pytest.raises(InputError, match=r"operator.pem: no certificate"):
        _load(tmp_path, certificate="operator.pem")
    with pytest.raises(InputError, match=r"cannot read .*lost.pem: No such file"):
        _load(tmp_path, operator="lost.pem")


def test_a_certificate_of_another_root_key_or_network_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_keys(other, make_keys(DOMAIN, Grant(1, ALL_ROLES, EVERYONE, CLOCK, 1), now=CLOCK))
    write_network(tmp_path)
    with pytest.raises(TrustError, match="not signed by the root"):
        _load(tmp_path, root="other/root.public.pem")
    with pytest.raises(TrustError, match="another key than"):
        _load(tmp_path, operator="other/operator.pem")
    write_network(tmp_path, certificate(), domain=Domain(0xC0DE, 8))
    with pytest.raises(TrustError, match="network 8; the plan says C0DE, 7"):
        _load(tmp_path)
    assert parse_public_key((tmp_path / "root.public.pem").read_bytes()) == ROOT_PUBLIC
