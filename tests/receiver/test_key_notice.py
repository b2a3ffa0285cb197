"""Warnings of keys in every record of state, of `decode` and `run`: by the receiver's own time, never an unsure one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rds.oda.certificate_pem import armour, sign_certificates
from rds.oda.ticks import moment_of
from receiver.app import DecodeOptions, decode_file
from receiver.cli import main
from receiver.intake import Intake
from receiver.key_notice import WARNED_TYPES, warned, warnings_of
from receiver.trust import make_keyring, read_trust_file
from tests.receiver.broadcast import (
    DOMAIN,
    OWN,
    STRANGER,
    T0_MS,
    TS,
    Broadcast,
    certificate,
    heartbeat,
    keyring,
    settings,
    signed,
)
from tests.receiver.installation import ROOT, START, install

DAY_TICKS = 8640
ENDING = certificate(STRANGER, not_after=TS + 30 * DAY_TICKS + 360)
ENDS = "the last certificate ends 2026-12-31, in 30 days: time to renew keys"
TEST_KEYS = "test key: a root, key 1 are published test keys; anyone can sign: for the bench only"


def intake(*, start_ms: int | None = None) -> Intake:
    return Intake(keyring(ENDING), [OWN], settings=settings(), start_ms=start_ms)


def hear(heard: Intake, *timestamps: int) -> None:
    broadcast = Broadcast()
    for ts in timestamps:
        broadcast.send(signed(heartbeat(ts), STRANGER)).silence(15)
    for group in broadcast.groups:
        heard.feed(group)


def test_by_a_trusted_clock_or_by_what_was_heard_but_not_without_time() -> None:
    assert warnings_of(intake(start_ms=T0_MS), 0) == [ENDS]
    heard = intake()
    assert warnings_of(heard, 0) == []
    hear(heard, TS)
    assert warnings_of(heard, 20_000) == [ENDS]


def test_a_provisional_time_is_none() -> None:
    heard = intake()
    hear(heard, TS - 300 * DAY_TICKS + 200 * DAY_TICKS)
    assert warnings_of(heard, 20_000) == []
    hear(heard, TS)
    assert heard.clock.provisional
    assert warnings_of(heard, 40_000) == []


def test_only_records_of_state_are_given_warnings() -> None:
    heard = intake(start_ms=T0_MS)
    for kind in WARNED_TYPES:
        assert warned({"type": kind}, heard, 0) == {"type": kind, "warnings": [ENDS]}
    assert warned({"type": "group"}, heard, 0) == {"type": "group"}
    assert warned({"type": "status"}, intake(), 0)["warnings"] == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The test network, its certificate to end in 30 days."""
    install(tmp_path)
    ending = replace(certificate(), not_after=TS + 30 * DAY_TICKS + 360)
    file = sign_certificates([ending], ROOT, DOMAIN, root_id=14, ts=7_520_040)
    (tmp_path / "operator.certificate.pem").write_text(armour(file))
    return tmp_path


def test_run_tells_with_every_limit_and_on_the_screen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(folder / "12345.toml"), "--source", str(folder / "groups.hex"), "--start-time", START]) == 0
    told = capsys.readouterr()
    records = [json.loads(line) for line in told.out.splitlines()]
    state = [record for record in records if record["type"] in WARNED_TYPES]
    assert {record["type"] for record in state} == {"limit", "counts"}
    assert all(record["warnings"] == [TEST_KEYS, ENDS] for record in state)
    assert f"evrds-receiver: warning: {TEST_KEYS}\n" in told.err


@pytest.mark.parametrize("output", ["hex", "json", "kv"])
def test_decode_names_test_keys_on_every_screen(folder: Path, output: str, capsys: pytest.CaptureFixture[str]) -> None:
    trust = [
        option for name in ("root.public.pem", "operator.certificate.pem") for option in ("--trust", str(folder / name))
    ]
    assert main(["decode", str(folder / "groups.hex"), "-F", output, *trust]) == 0
    assert f"evrds-receiver: warning: {TEST_KEYS}\n" in capsys.readouterr().err
    assert main(["decode", str(folder / "groups.hex"), "-F", output]) == 0
    assert "warning" not in capsys.readouterr().err


def test_decode_tells_in_its_counts(folder: Path) -> None:
    texts = [read_trust_file(folder / name) for name in ("root.public.pem", "operator.certificate.pem")]
    options = DecodeOptions(start=moment_of(TS), keyring=make_keyring(texts))
    [counts] = [record for record in decode_file(folder / "groups.hex", options) if record["type"] == "counts"]
    assert counts["warnings"] == [TEST_KEYS, ENDS]
