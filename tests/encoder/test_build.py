"""`build`: a plan to groups that say what was planned, the same bytes every time, and one line for each fault."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from encoder.app import build
from encoder.broadcast import group_count
from encoder.cli import main
from encoder.group_list import read_groups
from encoder.options import Outputs
from encoder.plan import read_plan
from rds.basic import unpack_4a
from rds.constants import GROUP_PERIOD_S
from rds.errors import TrustError, UsageError
from rds.group import Group
from rds.hex_line import format_words
from rds.oda.application_group import CodedSymbol, unpack_symbol
from rds.oda.bulletin import Bulletin, is_bulletin_envelope
from rds.oda.certificate import ALL_ROLES, Role
from rds.oda.certificate_pem import armour, sign_certificates
from rds.oda.messages import UrgentMessage
from rds.oda.messages.cancel import Cancel
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.end import End
from rds.oda.messages.heartbeat import Heartbeat
from rds.oda.messages.tier_now import TierNow
from rds.oda.records import unpack_record
from rds.oda.records.planned_event import PlannedEvent
from rds.oda.records.tier_schedule import TierSchedule
from rds.oda.region import Region
from rds.oda.target_fields import target_of
from rds.oda.ticks import tick_of
from rds.oda.urgent_envelope import is_urgent_envelope
from tests.encoder.networks import (
    CLOCK,
    DOMAIN,
    OPERATOR,
    PASS,
    ROOT,
    application_symbols,
    bulletin_text,
    bulletins,
    certificate,
    envelope_of,
    opened,
    plan_text,
    runs,
    write_network,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "plan.toml"
WORKED_MESSAGE = (
    'at = "00:00:00"\ntype = "curtail"\nregion = "12FFF"\nlevel = "16 A"\nduration_min = 60\nrelease_min = 60'
)
# docs/protocol.md, Worked example: blocks 3 and 4 of ESI 0 to 29, tag 1.
WORKED = """
    50C4231F 7A812FFF 6004306A 58FCF02C 7E0B270A 6171271C 53ED682B 64E56AEC 574B0328 53EA75B3
    479C3FF9 44F432BA 76DE121A 456D423F 7732EBBE 4BA533BD 6C6D6291 48CDCCEA 58F00AC2 45E49006
    6FAD0C6D 77E27112 6C50A08E 78F86C5B 7538EF5C 42C0238C 77F6B840 5F1C47DA 5F972BD5 47F4A003
"""


def groups_of(path: Path) -> list[Group]:
    with path.open("rb") as lines:
        return list(read_groups(lines, str(path)))


def write_plan(folder: Path, *messages: str, application: str = "groups_per_second = 4", network: int = 7) -> Path:
    """A plan and its keys in a folder."""
    write_network(folder)
    plan = folder / "plan.toml"
    plan.write_text(plan_text(*messages, application=application, network=network), encoding="utf-8")
    return plan


def built(plan: Path, *, duration_s: float | None = None) -> list[Group]:
    output = plan.parent / "out.hex"
    build(plan, Outputs(hex_list=output), clock=CLOCK, duration_s=duration_s)
    return groups_of(output)


def test_the_protocol_s_worked_example_comes_out_of_a_plan_group_by_group(tmp_path: Path) -> None:
    groups = [
        group for group in built(write_plan(tmp_path, WORKED_MESSAGE), duration_s=16) if group.group_type == "11A"
    ]
    expected = [f"1234 {0xB000 | esi:04X} {pair[:4]} {pair[4:]}" for esi, pair in enumerate(WORKED.split())]
    assert [format_words(group.words) for group in groups[:PASS]] == expected
    assert expected[29] == "1234 B01D 47F4 A003"
    assert groups[PASS : 2 * PASS] == groups[:PASS]


@pytest.mark.parametrize("rate", [1, 2, 4])
def test_what_is_planned_is_what_a_receiver_of_the_hex_list_verifies(tmp_path: Path, rate: int) -> None:
    curtail = 'at = "00:00:40"\nname = "evening"\ntype = "curtail"\nregion = "12FFF"\nlevel = "high"\nduration_min = 60'
    tier = 'at = "2026-12-01T17:02:00Z"\ntype = "tier now"\nregion = "FFFFF"\ntier = "3"\nduration_min = 30'
    end = 'at = "00:05:00"\ntype = "end"\ntarget = "evening"'
    plan = write_plan(tmp_path, end, tier, curtail, application=f"groups_per_second = {rate}")
    found = runs(application_symbols(built(plan, duration_s=500)))
    messages: list[UrgentMessage] = []
    for run in found:
        if len(run) >= PASS and is_urgent_envelope(envelope_of(run)) and opened(run) not in messages:
            messages.append(opened(run))
    event, now, ended = (message for message in messages if not isinstance(message, Heartbeat))
    assert isinstance(event, Curtail)
    assert (event.ts, event.level, str(event.region)) == (tick_of(CLOCK) + 4, 242, "12FFF")
    assert isinstance(now, TierNow)
    assert (now.ts, now.level) == (tick_of(CLOCK) + 12, 3)
    assert isinstance(ended, End)
    assert (ended.ts, ended.target) == (tick_of(CLOCK) + 30, target_of(event.ts))
    assert isinstance(messages[0], Heartbeat)
    assert sum(map(len, found)) == pytest.approx(500 * rate, abs=2), "no slot was left empty"


def test_same_plan_and_clock_same_bytes_in_every_output(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, WORKED_MESSAGE)
    outputs = [
        Outputs(tmp_path / f"{name}.hex", tmp_path / f"{name}.wav", tmp_path / f"{name}.sigmf-meta") for name in "ab"
    ]
    for output in outputs:
        summaries = build(plan, output, clock=CLOCK, duration_s=3)
        assert {summary.groups for _, summary in summaries} == {35}
    for ending in ("hex", "wav", "sigmf-meta", "sigmf-data"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
    meta = json.loads((tmp_path / "a.sigmf-meta").read_text())
    assert [note["rds:group"] for note in meta["annotations"]] == (tmp_path / "a.hex").read_text().splitlines()
    # Half a group of filler stands before the clock.
    assert meta["captures"][0]["core:datetime"] == "2026-12-01T16:59:59.956211Z"
    build(plan, Outputs(hex_list=tmp_path / "c.hex"), clock=CLOCK + timedelta(seconds=10), duration_s=3)
    assert (tmp_path / "c.hex").read_bytes() != (tmp_path / "a.hex").read_bytes()


def test_the_example_plan_is_what_its_comments_say(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    assert (
        main(["keys", "create", str(tmp_path / "keys"), "--network", "7", "--not-before", "2026-11-01T00:00:00Z"]) == 0
    )
    groups = built(plan)
    assert len(groups) == 3940, "345 s: 90 s after the last message, and 45 s an envelope for the bulletin's three"
    kinds = {group.group_type for group in groups}
    assert kinds == {"0A", "1A", "2A", "3A", "4A", "11A"}
    flags = {group.free5 >> 4 for group in groups if group.group_type == "2A"}
    assert flags == {0, 1}
    times = [unpack_4a(*group.words[1:]) for group in groups if group.group_type == "4A"]
    assert times == [CLOCK + timedelta(minutes=minute) for minute in range(1, 6)]
    envelopes = [envelope_of(run) for run in runs(application_symbols(groups)) if len(run) >= PASS]
    heads = {(envelope[0] & 0xF, envelope[1]) for envelope in envelopes if is_bulletin_envelope(envelope)}
    assert heads >= {(0, 0x02), (0, 0x12), (0, 0x22)}


def bulletins_of(groups: list[Group]) -> list[Bulletin]:
    return bulletins(envelope_of(run) for run in runs(application_symbols(groups)) if len(run) >= PASS)


def test_a_plan_s_bulletins_and_certificates_are_what_a_receiver_verifies(tmp_path: Path) -> None:
    tariff = 'type = "tier schedule"\nregion = "12FFF"\nstart = "00:00"\ntiers = ["00:00 1", "17:00 peak"]'
    evening = (
        'type = "curtail"\nname = "evening"\nregion = "12FFF"\nlevel = "16 A"\nduration_min = 60\nstart = "90 min"'
    )
    plan = write_plan(tmp_path, 'at = "00:01:20"\ntype = "cancel"\ntarget = "evening"')
    plan.write_text(plan.read_text() + "\n" + bulletin_text(tariff, evening, at="00:00:10"), encoding="utf-8")
    groups = built(plan)
    root, own = sorted(bulletins_of(groups), key=lambda bulletin: -bulletin.key)
    assert (root.key, [unpack_record(record) for record in root.records]) == (14, [certificate()])
    event, schedule = [unpack_record(record) for record in own.records]
    assert own.ts == tick_of(CLOCK) + 1
    assert event == PlannedEvent(3, Region.parse("12FFF"), 0x80, 16, 0xC1, 0, start=90)
    assert schedule == TierSchedule(Region.parse("12FFF"), 1065, 0, 0, 0, (1,) * 17 + (3,) * 7)
    found = [opened(run) for run in runs(application_symbols(groups)) if len(run) >= PASS and urgent(run)]
    [cancel] = [message for message in found if isinstance(message, Cancel)][:1]
    assert cancel.target == target_of(own.ts)


def urgent(run: list[CodedSymbol]) -> bool:
    return is_urgent_envelope(envelope_of(run))


def test_more_certificates_go_on_the_air_and_are_verified_before(tmp_path: Path) -> None:
    plan = write_plan(tmp_path)
    plan.write_text(plan.read_text().replace("[keys]", '[keys]\ncertificates = ["next.pem"]'), encoding="utf-8")
    following = replace(certificate(), epoch=1)
    signed = sign_certificates([following], ROOT, DOMAIN, root_id=14, ts=tick_of(CLOCK) + 1)
    (tmp_path / "next.pem").write_text(armour(signed))
    records = [unpack_record(record) for bulletin in bulletins_of(built(plan)) for record in bulletin.records]
    assert records == [certificate(), following]
    (tmp_path / "next.pem").write_text(armour(sign_certificates([following], OPERATOR, DOMAIN, root_id=14, ts=1)))
    with pytest.raises(TrustError, match=r"next\.pem is not signed by the root in .*root\.public\.pem"):
        built(plan)


def test_a_bulletin_that_no_charger_would_believe_is_one_line(tmp_path: Path) -> None:
    plan = write_plan(tmp_path)
    write_network(tmp_path, certificate(roles=ALL_ROLES & ~Role.TARIFF))
    tariff = 'type = "tier schedule"\nregion = "12FFF"\nstart = "00:00"\ntiers = ["00:00 1"]'
    plan.write_text(plan.read_text() + "\n" + bulletin_text(tariff), encoding="utf-8")
    with pytest.raises(TrustError, match=r"plan\.toml:12: tier schedule needs the role 'tariff'; key 1 has: "):
        built(plan)


def test_a_burst_hears_an_order_at_1_group_a_second_in_8_s(tmp_path: Path) -> None:
    order = WORKED_MESSAGE.replace("00:00:00", "00:00:10")
    plan = write_plan(tmp_path, order, application="groups_per_second = 1\nburst = true")
    symbols = [
        (index * GROUP_PERIOD_S, unpack_symbol(*group.words[1:]))
        for index, group in enumerate(built(plan))
        if group.group_type == "11A"
    ]
    moments_s = [moment_s for moment_s, _ in symbols]
    assert sum(10 <= moment_s < 10 + 7.5 for moment_s in moments_s) == pytest.approx(PASS, abs=1)
    assert sum(moment_s < 10 for moment_s in moments_s) == pytest.approx(10, abs=1)
    assert sum(30 <= moment_s < 60 for moment_s in moments_s) == pytest.approx(30, abs=1)


def test_the_list_goes_to_standard_output(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    plan = write_plan(tmp_path)
    assert main(["build", str(plan), "--hex", "-", "--clock", "2026-12-01T17:00:00Z", "--seconds", "1"]) == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert len(lines) == 12
    assert lines[0].startswith("1234 3016 "), "3A first, so that the first application group is understood"


def test_the_command_tells_of_the_signals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, output = write_plan(tmp_path), tmp_path / "out.cu8"
    assert (
        main(
            [
                "build",
                str(plan),
                "--iq",
                str(output),
                "--rate",
                "240k",
                "--clock",
                "2026-12-01T17:00:00Z",
                "--seconds",
                "1",
            ]
        )
        == 0
    )
    told = capsys.readouterr().err
    assert "IQ at 240000 samples/s" in told
    assert "warning: test key: a root, key 1 are published test keys; anyone can sign" in told
    assert output.stat().st_size > 2 * 240_000


def test_the_length_is_that_of_the_plan_or_as_asked() -> None:
    def count(*messages: str, seconds: float | None = None) -> int:
        plan = read_plan(plan_text(*messages), source="plan.toml", clock=CLOCK)
        return group_count(plan, clock=CLOCK, duration_s=seconds)

    assert count() == 1028
    assert count(WORKED_MESSAGE.replace("00:00:00", "00:00:10")) == 1142
    assert count(seconds=0.08) == 1
    for seconds in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(UsageError, match="seconds; allowed: more than 0, up to 604800"):
            count(seconds=seconds)
    with pytest.raises(UsageError, match=r"^plan.toml:12: sent after 10 s, the output ends at 10 s"):
        count(WORKED_MESSAGE.replace("00:00:00", "00:00:10"), seconds=10)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "no output; give one or more of --hex OUT, --mpx OUT.wav, --iq OUT"),
        (["--mpx", "out.cu8"], 2, "--mpx out.cu8; allowed: a name that ends in .wav"),
        (["--iq", "out.wav"], 2, "--iq out.wav; allowed: a name that ends in .sigmf-meta, .cf32, .cu8"),
        (["--iq", "out.mp3"], 2, "ends in '.mp3'"),
        (["--hex", "plan.toml"], 2, "plan.toml is named twice, or is the plan itself"),
        (["--hex", "no/where.hex"], 2, "cannot write no/where.hex"),
        (["--hex", "out.hex", "--clock", "noon"], 2, "allowed: RFC 3339 with an offset"),
        (
            ["--hex", "out.hex", "--clock", "2026-01-01T00:00:00Z"],
            7,
            "outside key 1's validity; allowed: 2026-11-01T17",
        ),
        (["--hex", "out.hex", "--clock", "1980-01-01T00:00:00Z"], 2, "has no time stamp; allowed: 2024-01-01 to 2109"),
        (["--hex", "out.hex", "--seconds", "0"], 2, "0 seconds; allowed: more than 0"),
        (["--iq", "out.cu8", "--rate", "44100"], 2, "rate 44100"),
    ],
)
def test_wrong_options_are_one_line_and_leave_no_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    said: str,
) -> None:
    write_plan(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    clock = [] if "--clock" in options else ["--clock", "2026-12-01T17:00:00Z"]
    try:
        left = main(["build", "plan.toml", *clock, *options])
    except SystemExit as error:
        left = error.code  # type: ignore[assignment]  # argparse leaves with a number
    line = capsys.readouterr().err
    assert left == code
    assert said in line
    assert line.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def _run(folder: Path) -> int:
    return main(
        ["build", str(folder / "plan.toml"), "--hex", str(folder / "out.hex"), "--clock", "2026-12-01T17:00:00Z"]
    )


def test_a_plan_that_cannot_be_read_is_exit_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(tmp_path) == 3
    assert "cannot read plan" in capsys.readouterr().err
    (tmp_path / "plan.toml").write_bytes(b"pi = \xff")
    assert _run(tmp_path) == 3
    assert "byte 5 is not UTF-8" in capsys.readouterr().err
    (tmp_path / "plan.toml").write_bytes(b"#" * (1 << 20) + b"\n")
    assert _run(tmp_path) == 3
    assert "is larger than" in capsys.readouterr().err


def test_a_public_key_where_the_private_one_is_needed_is_exit_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_plan(tmp_path)
    (tmp_path / "operator.pem").write_bytes((tmp_path / "root.public.pem").read_bytes())
    assert _run(tmp_path) == 3
    assert "operator.pem: this is a public key; a private key is needed" in capsys.readouterr().err
    assert not (tmp_path / "out.hex").exists()


@pytest.mark.parametrize(
    ("roles", "scope", "network", "said"),
    [
        (ALL_ROLES & ~Role.CURTAIL, "FFFFF", 7, "plan.toml:12: curtail needs the role 'curtail'; key 1 has: "),
        (ALL_ROLES, "13FFF", 7, "plan.toml:12: region 12FFF is outside key 1's scope; allowed: within 13FFF"),
        (ALL_ROLES & ~Role.HEARTBEAT, "FFFFF", 7, "heartbeat needs the role 'heartbeat'"),
        (ALL_ROLES, "FFFFF", 8, "is for AID C0DE, network 7; the plan says C0DE, 8"),
    ],
)
def test_what_no_charger_would_believe_is_exit_7(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], roles: Role, scope: str, network: int, said: str
) -> None:
    write_plan(tmp_path, WORKED_MESSAGE, network=network)
    write_network(tmp_path, certificate(roles=roles, scope=Region.parse(scope)))
    assert _run(tmp_path) == 7
    line = capsys.readouterr().err
    assert said in line
    assert line.count("\n") == 1
    assert not (tmp_path / "out.hex").exists()
