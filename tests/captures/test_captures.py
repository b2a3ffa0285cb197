"""The project's own captures through the installed receiver; and expectations that must fail when a group is wrong."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import sigmf

from rds.hex_line import Words, format_words
from tests.captures import expectations
from tests.captures.expectations import Expectation, failures, find_expectations, read_groups

CAPTURES = Path(__file__).parents[2] / "captures"
PIFMRDS, MINIRDS = CAPTURES / "pifmrds-known.groups.hex", CAPTURES / "minirds.decoded.hex"
METADATA = sorted(CAPTURES.glob("*.sigmf-meta"))


def test_every_capture_decodes_as_expected() -> None:
    command = [sys.executable, expectations.__file__, str(CAPTURES)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("  ok\n") == 2


def _heard(listing: Path) -> list[Words]:
    return read_groups(listing.read_text(encoding="ascii"))


def _expectation(name: str) -> Expectation:
    (found,) = [expectation for expectation in find_expectations(CAPTURES) if expectation.capture.name == name]
    return found


SENT = _heard(PIFMRDS)
PARTIAL: Words = (None, None, None, SENT[0][3])


@pytest.mark.parametrize("heard", [SENT, SENT[1:], [PARTIAL, *SENT[1:]]], ids=["all", "first missing", "first partial"])
def test_the_first_group_may_be_missing_or_partial(heard: list[Words]) -> None:
    assert list(failures(_expectation("pifmrds-known.wav"), heard)) == []


WRONG = {
    "none": ([], "0 groups instead of 150"),
    "two missing": (SENT[2:], "group 0 of those compared differs"),
    "last missing": (SENT[:-1], "149 groups instead of 150"),
    "one more": ([*SENT, SENT[0]], "151 groups instead of 150"),
    "first wrong": ([(None, None, None, 0x1234), *SENT[1:]], "group 0 of those compared differs"),
    "a gap": ([*SENT[:70], (SENT[70][0], None, *SENT[70][2:]), *SENT[71:]], "group 69 of those compared differs"),
    "two swapped": ([*SENT[:9], SENT[10], SENT[9], *SENT[11:]], "group 8 of those compared differs"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_list_of_groups_fails(case: str) -> None:
    heard, message = WRONG[case]
    assert list(failures(_expectation("pifmrds-known.wav"), heard)) == [message]


def test_what_another_decoder_finds_is_enough() -> None:
    assert list(failures(_expectation("minirds.wav"), _heard(MINIRDS))) == []


def test_fewer_groups_another_pi_and_another_name_fail() -> None:
    heard: list[Words] = [(0x1234, *words[1:3], 0x2020) for words in _heard(MINIRDS)[1:60]]
    *told, radio_text = failures(_expectation("minirds.wav"), heard)
    assert told == [
        "59 complete groups, at least 89 expected",
        "PI is 1234, expected 3C4D",
        "PS is '        ', expected 'PEER-MRD'",
    ]
    assert radio_text.startswith("RT is 'Mi  RD  pe  ")


def test_pairs_without_a_toml_file_are_found_by_name(tmp_path: Path) -> None:
    for name in ("wxrt-93.1MHz-256k.cs16", "other.wav", "otherwise.wav", "lone.groups.hex", "README.md"):
        (tmp_path / name).touch()
    (tmp_path / "wxrt.decoded.hex").write_text(format_words(SENT[0]), encoding="ascii")
    (tmp_path / "other.groups.hex").write_text(format_words(SENT[0]), encoding="ascii")
    assert find_expectations(tmp_path) == [
        Expectation(tmp_path / "other.wav", groups=tmp_path / "other.groups.hex", first_may_be_partial=True),
        Expectation(tmp_path / "wxrt-93.1MHz-256k.cs16", decoded=tmp_path / "wxrt.decoded.hex"),
    ]


def test_a_raw_capture_is_decoded_by_the_format_and_rate_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = tmp_path / "evrds-receiver"
    receiver.write_text('#!/bin/sh\necho "9331 20B6 594C ----"\necho "$*" >&2\nexit 3\n', encoding="ascii")
    receiver.chmod(0o755)
    monkeypatch.setattr(expectations, "RECEIVER", receiver)
    heard, complaint = expectations.decode(Path("wxrt-93.1MHz-256k.cs16"))
    assert heard == [(0x9331, 0x20B6, 0x594C, None)]
    assert complaint == "exit code 3: decode wxrt-93.1MHz-256k.cs16 --format cs16 --rate 256k -F hex"


@pytest.mark.parametrize("arguments", [[], ["no such folder"], ["a", "b"]])
def test_a_wrong_folder_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert expectations.main(arguments) == 2
    assert capsys.readouterr().err.startswith("one folder of captures is needed, not ")


def test_an_empty_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert expectations.main([str(tmp_path)]) == 2
    assert "holds no expectation" in capsys.readouterr().err


def test_every_recording_has_its_metadata_and_its_line_in_the_readme() -> None:
    readme = (CAPTURES / "README.md").read_text(encoding="utf-8")
    described = [json.loads(path.read_text(encoding="utf-8"))["global"]["core:dataset"] for path in METADATA]
    assert sorted(described) == sorted(path.name for path in CAPTURES.glob("*.wav"))
    assert [name for name in described if f"| `{name}` |" not in readme] == []


@pytest.mark.parametrize("path", METADATA, ids=lambda path: path.name)
def test_the_metadata_is_sigmf_and_true(path: Path) -> None:
    recording = sigmf.fromfile(path)
    recording.validate()
    dataset = path.with_name(recording.get_global_field("core:dataset"))
    octets = dataset.read_bytes()
    assert hashlib.sha512(octets).hexdigest() == recording.get_global_field("core:sha512")
    header = recording.get_captures()[0]["core:header_bytes"]
    assert octets[header - 8 : header - 4] == b"data"
    assert int.from_bytes(octets[24:28], "little") == recording.get_global_field("core:sample_rate")
