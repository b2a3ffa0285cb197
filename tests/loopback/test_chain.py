"""The whole chain through the two scripts: what an operator orders is accepted with its fields, all else is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from rds.oda.certificate import ALL_ROLES, Certificate, Role
from rds.oda.certificate_pem import armour, parse_armour, sign_certificates, verified_certificates
from rds.oda.keys import parse_private_key, parse_public_key
from rds.oda.region import Region
from tests.loopback.scripts import CLOCK, CURTAIL, END, HALT, Outcome, build, decode, make_network, trust

NOISY = ["--cn-db", "20", "--offset-hz", "3000", "--clock-ppm", "40", "--seed", "9"]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, a plan, its groups and its noisy IQ, 82 s of it."""
    folder = tmp_path_factory.mktemp("network")
    plan = make_network(folder, messages=CURTAIL + HALT + END)
    build(plan, "--hex", folder / "g.hex", "--iq", folder / "s.cu8", "--rate", "250k", "--seconds", "82", *NOISY)
    return folder


@pytest.fixture(scope="module")
def decoded(network: Path) -> Outcome:
    return decode(network / "s.cu8", "--rate", "250k", "--start-time", CLOCK, *trust(network))


def counts(outcome: Outcome) -> dict[str, int]:
    """Verdicts on urgent messages."""
    [record] = outcome.records("counts")
    verdicts: dict[str, int] = record["verdicts"]
    return {verdict: count for verdict, count in verdicts.items() if verdict != "bulletin"}


def test_every_message_of_the_plan_is_accepted_with_its_fields(decoded: Outcome) -> None:
    messages = [one["message"] for one in decoded.messages if one["verdict"] == "accepted"]
    events = [one for one in messages if one["name"] != "heartbeat"]
    curtail, halt, end = events
    assert {name: curtail[name] for name in ("name", "region", "asks", "duration_s", "release_s", "ts_time")} == {
        "name": "curtail",
        "region": "12FFF",
        "asks": "16 A",
        "duration_s": 3600,
        "release_s": 3600,
        "ts_time": "2026-12-01T17:00:10.000000Z",
    }
    assert (halt["name"], halt["region"], halt["duration_s"], halt["dispatch"]) == ("halt", "13FFF", 300, 0x83)
    assert (end["name"], end["region"], end["release_s"]) == ("end", "12FFF", 600)
    assert end["target"] == curtail["ts"] & 0xFFFFFF
    heartbeats = [one for one in messages if one["name"] == "heartbeat"]
    assert len(heartbeats) >= 3
    assert heartbeats[0]["live_events"] == 0
    assert heartbeats[-1]["live_events"] == 1, "the halt; the curtailment was ended"


def test_an_order_is_heard_within_ten_seconds(decoded: Outcome) -> None:
    first = {one["message"]["name"]: one["seconds"] for one in reversed(decoded.messages)}
    assert 12 < first["curtail"] < 22
    assert 32 < first["halt"] < 42


def test_the_moment_in_sigmf_metadata_is_trusted(network: Path, tmp_path: Path) -> None:
    recording = tmp_path / "s.sigmf-meta"
    short = network / "short.toml"
    short.write_text((network / "plan.toml").read_text().replace(HALT + END, ""))
    build(short, "--iq", recording, "--seconds", "24", *NOISY)
    first = decode(recording, *trust(network)).messages[0]
    assert first["verdict"] == "accepted"
    assert "2026-12-01T17:00:03" < first["time"] < "2026-12-01T17:00:10"
    text = recording.read_text()
    assert '"2026-12-01T16:59:59.956' in text, "half a group of plain subcarrier stands before the first group"
    recording.write_text(text.replace("2026-12-01T16:59:59.956", "2026-12-01T18:59:59.956"))
    late = decode(recording, *trust(network))
    assert dict(late.verdicts) == {"heartbeat": "stale", "curtail": "expired"}
    # What is said on the command line goes above it.
    told = decode(recording, "--start-time", CLOCK, *trust(network))
    assert {verdict for _, verdict in told.verdicts} <= {"accepted", "repeat"}


def test_noise_loses_no_group_and_the_station_is_told(network: Path, decoded: Outcome) -> None:
    sent = (network / "g.hex").read_text().splitlines()
    heard = [" ".join(word or "----" for word in one["words"]) for one in decoded.records("group")]
    assert len(heard) == len(sent)
    assert sum(one != other for one, other in zip(sent, heard, strict=True)) <= len(sent) // 100
    station = decoded.records("station")[-1]
    assert (station["pi"], station["ps"]) == ("1234", "EVRDS")
    assert station["aids"] == [{"aid": "C0DE", "group_type": "11A"}]
    assert counts(decoded).keys() <= {"accepted", "repeat"}


def test_a_capture_spliced_after_itself_changes_nothing_the_second_time(network: Path, tmp_path: Path) -> None:
    once = (network / "s.cu8").read_bytes()
    (tmp_path / "twice.cu8").write_bytes(2 * once)
    outcome = decode(tmp_path / "twice.cu8", "--rate", "250k", "--start-time", CLOCK, *trust(network))
    # Where the two copies meet, two runs stand under one tag, as a carousel never sends them: their mixture is refused.
    past_the_joint = len(once) // 2 + 10 * 250_000
    again = [one for one in outcome.messages if one["sample"] > past_the_joint]
    assert {one["message"]["name"] for one in again} == {"heartbeat", "curtail", "halt", "end"}
    # At the seam, symbols of two runs may meet under one tag: what they make is nobody's.
    heartbeats = {one["verdict"] for one in again if one["message"]["name"] == "heartbeat"}
    assert "replay" in heartbeats <= {"replay", "bad signature"}
    assert {one["verdict"] for one in again if one["message"]["name"] != "heartbeat"} == {"repeat"}
    assert counts(outcome)["replay"] >= 3


def test_a_recording_played_two_hours_later_is_expired_and_stale(network: Path) -> None:
    outcome = decode(network / "g.hex", "--start-time", "2026-12-01T19:00:00Z", *trust(network))
    verdicts = dict(outcome.verdicts)
    assert (verdicts["heartbeat"], verdicts["curtail"], verdicts["halt"]) == ("stale", "expired", "expired")
    assert counts(outcome)["expired"] >= 2


def test_a_recording_played_before_its_time_is_of_the_future(network: Path) -> None:
    outcome = decode(network / "g.hex", "--start-time", "2026-12-01T16:00:00Z", *trust(network))
    assert {verdict for _, verdict in outcome.verdicts} == {"future"}


def test_without_keys_every_message_is_shown_and_none_is_believed(network: Path) -> None:
    outcome = decode(network / "g.hex")
    assert {verdict for _, verdict in outcome.verdicts} == {"no key"}
    assert {name for name, _ in outcome.verdicts} == {"heartbeat", "curtail", "halt", "end"}


@pytest.mark.parametrize(
    ("keys", "application", "verdict"),
    [
        (("--network", "7"), "network = 7", "bad signature"),
        (("--network", "8"), "network = 8", "wrong network"),
        (("--network", "7", "--key-id", "2"), "network = 7", "unknown key"),
    ],
)
def test_anothers_messages_are_refused_counted_and_seen(
    network: Path, tmp_path: Path, keys: tuple[str, ...], application: str, verdict: str
) -> None:
    build(make_network(tmp_path, *keys, messages=CURTAIL, application=application), "--hex", tmp_path / "other.hex")
    outcome = decode(tmp_path / "other.hex", *trust(network))
    assert {found for _, found in outcome.verdicts} == {verdict}
    assert counts(outcome) == {verdict: len(outcome.verdicts)}


def test_another_applications_messages_are_not_listened_to(network: Path, tmp_path: Path) -> None:
    keys = ("--network", "7", "--aid", "C0DF")
    application = 'network = 7\naid = "C0DF"'
    build(make_network(tmp_path, *keys, messages=CURTAIL, application=application), "--hex", tmp_path / "other.hex")
    outcome = decode(tmp_path / "other.hex", *trust(network))
    assert outcome.verdicts == []
    assert outcome.records("station")[-1]["aids"] == [{"aid": "C0DF", "group_type": "11A"}]
    [record] = outcome.records("counts")
    assert record["tracker"]["announcements of others"] >= 10
    # Who puts the right AID in the 3A before them gains nothing: the AID is signed.
    renamed = (tmp_path / "other.hex").read_text().replace("C0DF", "C0DE")
    (tmp_path / "renamed.hex").write_text(renamed)
    assert {verdict for _, verdict in decode(tmp_path / "renamed.hex", *trust(network)).verdicts} == {"bad signature"}


def recertified(folder: Path, **changes: object) -> list[str | Path]:
    """Options that trust the folder's operator by another certificate of the same root."""
    root = parse_private_key((folder / "root.pem").read_bytes())
    file = parse_armour((folder / "operator.certificate.pem").read_text())
    found = verified_certificates(file, [parse_public_key((folder / "root.public.pem").read_bytes())])
    assert found is not None
    narrow: Certificate = replace(found[0], **changes)  # type: ignore[arg-type]  # fields of many types
    other = sign_certificates([narrow], root, file.domain, root_id=14, ts=narrow.not_before)
    (folder / "other.certificate.pem").write_text(armour(other))
    return trust(folder, "other.certificate.pem")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scope": Region.parse("13FFF")}, {"curtail": "out of scope", "halt": "accepted", "end": "out of scope"}),
        ({"scope": Region.parse("123FF")}, {"curtail": "out of scope", "halt": "out of scope"}),
        ({"roles": ALL_ROLES & ~Role.HALT}, {"curtail": "accepted", "halt": "role missing", "end": "accepted"}),
        ({"roles": Role.HEARTBEAT}, {"heartbeat": "accepted", "curtail": "role missing", "halt": "role missing"}),
        ({"not_after": 9_207_700}, {"heartbeat": "no longer valid", "curtail": "no longer valid"}),
        ({"not_before": 9_208_000}, {"heartbeat": "not yet valid", "curtail": "not yet valid"}),
    ],
)
def test_a_key_does_no_more_than_its_certificate_says(
    network: Path, changes: dict[str, object], expected: dict[str, str]
) -> None:
    outcome = decode(network / "g.hex", "--start-time", CLOCK, *recertified(network, **changes))
    verdicts = dict(reversed(outcome.verdicts))
    assert {name: verdicts[name] for name in expected} == expected
    for verdict in set(expected.values()):
        assert counts(outcome)[verdict] >= 1
