"""Keys over the years: added, listed, followed, revoked, exported; and what is refused on the way, in one line."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from encoder.cli import main
from encoder.key_ceremony import Grant, Root, add_key, free_ids, make_bundle, make_keys, rotate, standing_key
from encoder.key_files import KeyFile, Network, load_operator, load_root, parsed_certificate, read_network, write_keys
from encoder.key_table import key_table
from encoder.revocation import prepare_epoch, prepared_name, revoke, revoke_prepared
from rds.errors import InputError, TrustError, UsageError
from rds.oda.bundle import bundle_text, fingerprint, parse_bundle
from rds.oda.certificate import ALL_ROLES, Certificate, Role
from rds.oda.keys import parse_private_key, private_key_pem
from rds.oda.region import EVERYONE, Region
from rds.oda.ticks import tick_of
from tests.encoder.networks import CLOCK, DOMAIN, OPERATOR, ROOT, write_network

DAY = timedelta(days=1)
SOUTH = Region.parse("12FFF")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Key 1, all roles, all regions, 395 days from the clock on."""
    write_keys(tmp_path, make_keys(DOMAIN, Grant(1, ALL_ROLES, EVERYONE, CLOCK, 395), now=CLOCK))
    return tmp_path


def root_of(folder: Path, name: str = "root.pem") -> Root:
    return Root(*load_root(folder / name, read_network(folder)))


def add(folder: Path, key: int, *, now: datetime = CLOCK, days: int = 395, scope: Region = EVERYONE) -> None:
    grant = Grant(key, Role.HEARTBEAT | Role.CURTAIL, scope, now, days)
    write_keys(folder, add_key(read_network(folder), grant, root_of(folder), now=now, name=f"key{key}"))


def follow(folder: Path, key: int, *, now: datetime, new_key: int | None = None, days: int = 395) -> Certificate:
    """The certificate of a key's successor from now on."""
    network = read_network(folder)
    files = rotate(network, key, root_of(folder), now=now, not_before=now, days=days, new_key=new_key)
    write_keys(folder, files)
    [name] = [file.name for file in files if not file.private]
    return [one for one in read_network(folder).issued if one.signed.name == name][-1].certificate


def held(network: Network) -> dict[int, Certificate]:
    return {one.certificate.key: one.certificate for one in network.standing}


def private_key_of(folder: Path, name: str) -> bytes:
    return parse_private_key((folder / name).read_bytes()).public_key().public_bytes_raw()


def test_a_network_has_two_roots_and_either_certifies(folder: Path) -> None:
    network = read_network(folder)
    assert sorted(network.roots) == [14, 15]
    assert network.roots[14] != network.roots[15]
    for key_id, name in ((14, "root.pem"), (15, "spare.pem")):
        assert load_root(folder / name, network)[0] == key_id
        grant = Grant(key_id - 12, ALL_ROLES, SOUTH, CLOCK, 30)
        write_keys(folder, add_key(network, grant, root_of(folder, name), now=CLOCK, name=f"by-{key_id}"))
    by_root = {
        one.signed.vouched.root_id: one.certificate for one in read_network(folder).issued if one.certificate.key > 1
    }
    assert {root: certificate.key for root, certificate in by_root.items()} == {14: 2, 15: 3}
    load_operator(folder / "by-15.pem", folder / "by-15.certificate.pem", folder / "spare.public.pem", domain=DOMAIN)
    with pytest.raises(TrustError, match=r"operator.pem is no root of this network; give root.pem, or the spare"):
        load_root(folder / "operator.pem", network)
    with pytest.raises(InputError, match="bring the root from its safe"):
        load_root(folder / "lost.pem", network)


@pytest.mark.parametrize("key", range(14))
def test_every_operator_key_id_can_be_had_once(folder: Path, key: int) -> None:
    if key == 1:
        with pytest.raises(UsageError, match=r"key id 1 is in use; allowed: 0, 2, 3, .*13$"):
            add(folder, key)
        return
    add(folder, key, scope=SOUTH)
    one = held(read_network(folder))[key]
    assert (one.roles, one.scope, one.epoch) == (Role.HEARTBEAT | Role.CURTAIL, SOUTH, 0)
    assert private_key_of(folder, f"key{key}.pem") == one.public_key


@pytest.mark.parametrize("key", [-1, 14, 15, 99])
def test_a_root_s_id_is_no_operator_s(folder: Path, key: int) -> None:
    with pytest.raises(UsageError, match=r"allowed for an operator: 0\.\.13"):
        add(folder, key)
    with pytest.raises(UsageError, match=r"allowed for an operator: 0\.\.13"):
        follow(folder, 1, now=CLOCK, new_key=key)


@pytest.mark.parametrize("name", ["root", "spare", "epoch-2", "", ".x", "a/b", "x" * 33, "a.public"])
def test_a_name_stands_for_nothing_else(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match="allowed: 1 to 32 letters"):
        add_key(read_network(folder), Grant(5, ALL_ROLES, EVERYONE, CLOCK, 9), root_of(folder), now=CLOCK, name=name)


def test_a_key_is_followed_by_another_under_the_next_id_and_both_hold_for_a_while(folder: Path) -> None:
    later = CLOCK + 340 * DAY
    second = follow(folder, 1, now=later)
    first = held(read_network(folder))[1]
    assert (second.key, second.roles, second.scope) == (2, first.roles, first.scope)
    assert second.public_key != first.public_key
    assert second.not_before <= first.not_after < second.not_after
    assert second.not_after - second.not_before <= 400 * 8640
    third = follow(folder, 2, now=later + 340 * DAY)
    assert third.key == 3
    assert {path.name for path in folder.glob("operator*.pem") if ".certificate" not in path.name} == {
        "operator.pem",
        "operator-2.pem",
        "operator-3.pem",
    }
    assert private_key_of(folder, "operator-3.pem") == third.public_key


def test_ids_come_round_again_when_their_certificates_have_ended(folder: Path) -> None:
    for key in range(2, 14):
        add(folder, key, days=30)
    assert free_ids(read_network(folder), CLOCK) == [0]
    assert follow(folder, 13, now=CLOCK).key == 0
    with pytest.raises(UsageError, match="no key id is free"):
        follow(folder, 1, now=CLOCK)
    assert follow(folder, 1, now=CLOCK + 31 * DAY).key == 2


def test_under_the_same_id_both_keys_stand_in_one_bulletin_which_is_the_newer(folder: Path) -> None:
    before = read_network(folder).issued[0]
    later = CLOCK + 300 * DAY
    write_keys(
        folder,
        rotate(read_network(folder), 1, root_of(folder), now=CLOCK, not_before=later, days=395, new_key=1),
    )
    first, second = read_network(folder).standing
    assert first.signed == second.signed
    assert first.certificate == before.certificate
    assert second.certificate.not_before == tick_of(later)
    assert second.signed.vouched.ts > before.signed.vouched.ts
    assert standing_key(read_network(folder), 1) == second
    for name in ("operator", "operator-2"):
        load_operator(
            folder / f"{name}.pem", folder / "operator-2.certificate.pem", folder / "root.public.pem", domain=DOMAIN
        )
    with pytest.raises(UsageError, match="key id 1 has two keys already; wait for the end of the older"):
        follow(folder, 1, now=CLOCK, new_key=1)
    third = follow(folder, 1, now=CLOCK + 396 * DAY, new_key=1)
    assert [one.certificate for one in read_network(folder).standing] == [second.certificate, third]


def test_a_stolen_id_takes_both_its_keys_along(folder: Path) -> None:
    add(folder, 2)
    follow(folder, 1, now=CLOCK, new_key=1)
    assert set(prepare(folder)) == {prepared_name(1, 1), prepared_name(1, 2)}
    write_keys(folder, revoke(read_network(folder), [1], root_of(folder), now=CLOCK))
    assert set(held(read_network(folder))) == {2}


def test_a_successor_that_begins_after_the_end_is_refused_but_a_late_one_is_made(folder: Path) -> None:
    network, root = read_network(folder), root_of(folder)
    with pytest.raises(UsageError, match=r"key 1 ends 2027-12-31 and its successor would begin 2028-01-05"):
        rotate(network, 1, root, now=CLOCK, not_before=CLOCK + 400 * DAY, days=9)
    assert follow(folder, 1, now=CLOCK + 400 * DAY).not_before == tick_of(CLOCK + 400 * DAY)


@pytest.mark.parametrize("days", [0, 401])
def test_at_most_400_days(folder: Path, days: int) -> None:
    with pytest.raises(UsageError, match=rf"days {days}; allowed: 1\.\.400"):
        follow(folder, 1, now=CLOCK, days=days)


def test_what_is_in_use_or_unknown_is_named(folder: Path) -> None:
    add(folder, 2)
    with pytest.raises(UsageError, match=r"key id 2 is in use; allowed: 0, 3, .* or 1 again$"):
        follow(folder, 1, now=CLOCK, new_key=2)
    with pytest.raises(UsageError, match="no certificate for key id 7; allowed: 1, 2"):
        follow(folder, 7, now=CLOCK)
    with pytest.raises(UsageError, match="no certificate for key id 7"):
        standing_key(read_network(folder), 7)


def test_a_revocation_certifies_all_others_anew_and_the_stolen_key_no_more(folder: Path) -> None:
    add(folder, 2)
    add(folder, 3, scope=SOUTH)
    before = held(read_network(folder))
    write_keys(folder, revoke(read_network(folder), [2], root_of(folder), now=CLOCK + DAY))
    network = read_network(folder)
    after = held(network)
    assert network.epoch == 1
    assert set(after) == {1, 3}
    assert all(one == replace(before[key], epoch=1) for key, one in after.items())
    load_operator(
        folder / "operator.pem", folder / "epoch-1.certificate.pem", folder / "root.public.pem", domain=DOMAIN
    )
    with pytest.raises(TrustError, match="for another key"):
        load_operator(
            folder / "key2.pem", folder / "epoch-1.certificate.pem", folder / "root.public.pem", domain=DOMAIN
        )


def test_life_goes_on_after_a_revocation(folder: Path) -> None:
    add(folder, 2)
    write_keys(folder, revoke(read_network(folder), [2], root_of(folder), now=CLOCK + DAY))
    successor = follow(folder, 1, now=CLOCK + 2 * DAY)
    assert (successor.key, successor.epoch) == (2, 1)
    assert (folder / "operator-2.pem").exists()
    write_keys(folder, revoke(read_network(folder), [1], root_of(folder), now=CLOCK + 3 * DAY))
    assert held(read_network(folder)) == {2: standing_key(read_network(folder), 2).certificate}
    assert read_network(folder).epoch == 2


def test_several_keys_at_once_but_never_all(folder: Path) -> None:
    add(folder, 2)
    add(folder, 3)
    [file] = revoke(read_network(folder), [2, 3], root_of(folder), now=CLOCK)
    assert "without key 2, 3" in file.purpose
    with pytest.raises(UsageError, match="nobody would be left to sign; first `evrds-encoder keys add`"):
        revoke(read_network(folder), [1, 2, 3], root_of(folder), now=CLOCK)


def prepare(folder: Path, now: datetime = CLOCK) -> dict[str, KeyFile]:
    return {file.name: file for file in prepare_epoch(read_network(folder), root_of(folder), now=now)}


def test_a_prepared_file_revokes_one_key_without_any_root(folder: Path) -> None:
    add(folder, 2)
    add(folder, 3)
    prepared = prepare(folder)
    assert set(prepared) == {prepared_name(1, key) for key in (1, 2, 3)}
    safe = folder / "safe"
    write_keys(safe, tuple(prepared.values()))
    for name in ("root.pem", "spare.pem"):
        (folder / name).unlink()
    assert main(["keys", "revoke", str(folder), "--key-id", "2", "--prepared", str(safe)]) == 0
    assert (folder / "epoch-1.certificate.pem").read_bytes() == prepared[prepared_name(1, 2)].content
    assert set(held(read_network(folder))) == {1, 3}


def test_nothing_is_prepared_for_a_network_of_one_key(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"1 key is valid: without it nobody could sign; first .* keys add"):
        prepare(folder)


def test_a_prepared_file_that_is_not_for_the_keys_as_they_are(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    add(folder, 2)
    safe = folder / "safe"
    write_keys(safe, tuple(prepare(folder).values()))
    network = read_network(folder)

    def check(key: int, name: str, network: Network = network) -> None:
        revoke_prepared(network, key, parsed_certificate(safe / name), source=name, now=CLOCK)

    check(2, prepared_name(1, 2))
    with pytest.raises(TrustError, match=r"without-1.* still certifies key 2; give the file without it"):
        check(2, prepared_name(1, 1))
    add(folder, 3)
    with pytest.raises(TrustError, match="lacks key 3, which is newer; leave --prepared out"):
        check(2, prepared_name(1, 2), read_network(folder))
    write_keys(folder, revoke(read_network(folder), [2], root_of(folder), now=CLOCK))
    with pytest.raises(TrustError, match="is for epoch 1; allowed: 2; prepare anew"):
        check(3, prepared_name(1, 2), read_network(folder))
    other = tmp_path_factory.mktemp("other")
    write_keys(other, make_keys(DOMAIN, Grant(2, ALL_ROLES, EVERYONE, CLOCK, 9), now=CLOCK))
    with pytest.raises(TrustError, match="is not of this network's roots"):
        check(2, prepared_name(1, 2), read_network(other))


def test_the_bundle_holds_what_counts_and_nothing_private(folder: Path) -> None:
    add(folder, 2, days=30)
    add(folder, 3)
    bundle = make_bundle(read_network(folder), [Region.parse_code("12345")], now=CLOCK + 31 * DAY)
    assert {one.key for one in bundle.certificates} == {1, 3}
    text = bundle_text(bundle)
    assert parse_bundle(text.encode(), source="bundle") == bundle
    secrets = [path.read_text() for path in folder.glob("*.pem") if b"PRIVATE" in path.read_bytes()]
    assert len(secrets) == 5
    for secret in secrets:
        assert secret.splitlines()[1] not in text
        seed = parse_private_key(secret.encode()).private_bytes_raw()
        assert seed.hex() not in text.lower()
    assert "PRIVATE" not in text
    write_keys(folder, revoke(read_network(folder), [3], root_of(folder), now=CLOCK))
    assert {one.epoch for one in make_bundle(read_network(folder), [], now=CLOCK).certificates} == {1}
    with pytest.raises(TrustError, match="every certificate has ended; first `evrds-encoder keys rotate`"):
        make_bundle(read_network(folder), [], now=CLOCK + 400 * DAY)


def test_the_list_tells_keys_roots_and_what_is_wrong(folder: Path) -> None:
    add(folder, 2, days=30)
    write_keys(folder, revoke(read_network(folder), [2], root_of(folder), now=CLOCK))
    follow(folder, 1, now=CLOCK, new_key=1)
    network = read_network(folder)
    lines = key_table(network, CLOCK + 350 * DAY)
    head, *rows = (line.split() for line in lines[:6])
    assert head[:2] == ["key", "public"]
    first = standing_key(network, 1).certificate
    assert rows[-1] == [
        *("1", first.public_key.hex()[:8], "all", "FFFFF", "1", "2026-12-01", "2027-12-31", "45", "14"),
        *("operator-2.certificate.pem", "ends", "soon"),
    ]
    assert rows[0][0] == "1"
    assert " ".join(rows[0]).endswith("operator.certificate.pem void: the epoch is 1")
    assert "heartbeat, curtail" in lines[2]
    assert " ".join(rows[2]).endswith("epoch-1.certificate.pem replaced, ends soon")
    assert " ".join(rows[3]).endswith("operator-2.certificate.pem ends soon")
    assert f"root 14: {fingerprint(network.roots[14])}" in lines
    assert f"root 15: {fingerprint(network.roots[15])}" in lines
    assert lines[-1] == "warning: the last certificate ends 2027-12-31, in 45 days: time to renew keys"
    assert not any("warning" in line or "test key" in line for line in key_table(network, CLOCK))
    assert "ended" in " ".join(key_table(network, CLOCK + 400 * DAY))
    assert "not yet valid" in " ".join(key_table(network, CLOCK - DAY))


def test_published_test_keys_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_network(tmp_path)
    (tmp_path / "certificate.pem").rename(tmp_path / "operator.certificate.pem")
    (tmp_path / "root.pem").write_bytes(private_key_pem(ROOT))
    lines = key_table(read_network(tmp_path), CLOCK)
    assert lines[1].endswith("test key")
    assert any(line.startswith("root 14: ") and line.endswith("(test key)") for line in lines)
    assert "warning: test key: a root, key 1 are published test keys; anyone can sign: for the bench only" in lines
    assert main(["keys", "list", str(tmp_path)]) == 0
    assert "note: root.pem in this folder: each belongs in a safe" in capsys.readouterr().out
    assert OPERATOR.public_key().public_bytes_raw().hex().startswith("03a107bf")


def test_the_commands_from_the_first_day_to_a_theft(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, safe, bundle = (str(tmp_path / name) for name in ("keys", "safe", "network.toml"))
    now = datetime.now(UTC)
    for arguments in (
        ["create", keys, "--network", "7", "--name", "north", "--scope", "11FFF"],
        ["add", keys, "--name", "south", "--key-id", "2", "--scope", "12FFF", "--roles", "heartbeat,curtail"],
        ["rotate", keys, "--key-id", "1", "--days", "400"],
        ["prepare-epoch", keys, "--out", safe],
        ["export", keys, bundle, "--region", "12345", "--region", "12346"],
        ["list", keys],
        ["revoke", keys, "--key-id", "1", "--prepared", safe],
        ["export", keys, bundle],
        ["revoke", keys, "--key-id", "3", "--root", f"{keys}/spare.pem"],
    ):
        assert main(["keys", *arguments]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "north-2.pem: key 3: for the head-end alone" in said
    assert "compare by voice" in said
    network = read_network(Path(keys))
    assert network.epoch == 2
    assert set(held(network)) == {2}
    assert {one.epoch for one in parse_bundle(Path(bundle).read_bytes(), source=bundle).certificates} == {1}
    assert abs(parse_bundle(Path(bundle).read_bytes(), source=bundle).issued - now) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["list", "nowhere"], 3, "cannot read nowhere/root.public.pem: No such file or directory"),
        (["rotate", "{}", "--key-id", "9"], 2, "no certificate for key id 9; allowed: 1"),
        (["add", "{}", "--key-id", "2"], 2, "--name"),
        (["revoke", "{}"], 2, "--key-id"),
        (["revoke", "{}", "--key-id", "1"], 2, "nobody would be left"),
        (["revoke", "{}", "--key-id", "1", "--prepared", "nowhere"], 3, "cannot read nowhere/epoch-1.without-1.cert"),
        (
            ["revoke", "{}", "--key-id", "1", "--key-id", "2", "--prepared", "x"],
            2,
            "2 keys with --prepared; allowed",
        ),
        (["prepare-epoch", "{}", "--out", "safe"], 2, "1 key is valid"),
        (["export", "{}", "out.toml", *(["--region", "12345"] * 5)], 2, "5 regions; allowed: up to 4"),
        (["export", "{}", "out.toml", "--region", "12FFF"], 2, "allowed: five digits 0..E"),
        (["export", "{}", "no/where.toml"], 2, "cannot write no/where.toml"),
        (["rotate", "{}", "--key-id", "1", "--root", "{}/operator.pem"], 7, "operator.pem is no root of this network"),
        (["rotate", "{}", "--key-id", "1", "--root", "{}/root.public.pem"], 3, "this is a public key"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    try:
        ended = main(["keys", *(text.replace("{}", str(folder)) for text in arguments)])
    except SystemExit as error:
        ended = int(error.code or 0)
    told = capsys.readouterr().err
    assert (ended, told.count("\n")) == (code, 1), told
    assert said in told
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_folders_that_are_none(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    write_keys(other, make_keys(DOMAIN, Grant(1, ALL_ROLES, EVERYONE, CLOCK, 9), now=CLOCK))
    (folder / "foreign.certificate.pem").write_bytes((other / "operator.certificate.pem").read_bytes())
    with pytest.raises(TrustError, match=r"foreign.certificate.pem is not signed by a root in"):
        read_network(folder)
    for path in folder.glob("*.certificate.pem"):
        path.unlink()
    with pytest.raises(TrustError, match="holds no certificate; name a folder"):
        read_network(folder)
    (folder / "junk.certificate.pem").write_text("junk")
    with pytest.raises(InputError, match=r"junk.certificate.pem: no certificate in PEM form"):
        read_network(folder)
