"""Three stations of the encoder in one wide recording: each one's groups and records, from one pass over it."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from encoder.app import write_signal
from encoder.levels import MpxLevels
from encoder.options import SignalOptions
from rds.group import Group
from rds.hex_line import format_words
from receiver.app import DecodeOptions, decode_file
from receiver.cli import main
from receiver.sources.stream import SourceOptions
from tests.encoder.signals import random_groups

RATE_HZ = 2_400_000
OFFSETS_HZ = (-800_000.0, 0.0, 600_000.0)


@pytest.fixture(scope="module")
def stations() -> dict[float, list[Group]]:
    """Each station's groups."""
    return {offset_hz: random_groups(25, seed=number) for number, offset_hz in enumerate(OFFSETS_HZ)}


@pytest.fixture(scope="module")
def recording(stations: dict[float, list[Group]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stick's recording of them: the weakest 20 dB below the strongest."""
    folder = tmp_path_factory.mktemp("stations")
    mixed = np.zeros(0, np.complex64)
    for (offset_hz, groups), amplitude in zip(stations.items(), (0.05, 0.5, 0.2), strict=True):
        options = SignalOptions(rate_hz=RATE_HZ, offset_hz=offset_hz, levels=MpxLevels(rds_deviation_hz=3400))
        write_signal(groups, folder / "one.cf32", options=options)
        one = np.fromfile(folder / "one.cf32", np.complex64)
        mixed = np.pad(mixed, (0, max(0, len(one) - len(mixed))))
        mixed[: len(one)] += np.float32(amplitude) * one / np.abs(one[0])
    codes = np.clip(np.round(mixed.view(np.float32) * 127.5 + 127.5), 0, 255).astype(np.uint8)
    path = folder / "three_2.4M.cu8"
    path.write_bytes(codes.tobytes())
    return path


def without_offset(record: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in record.items() if name != "offset_hz"}


def test_each_station_has_the_records_of_its_own_decoding(recording: Path, stations: dict[float, list[Group]]) -> None:
    together = list(decode_file(recording, DecodeOptions(offsets_hz=OFFSETS_HZ)))
    for offset_hz, groups in stations.items():
        mine = [without_offset(record) for record in together if record["offset_hz"] == offset_hz]
        alone = list(decode_file(recording, DecodeOptions(SourceOptions(offset_hz=offset_hz))))
        assert mine == alone
        words = [cast("list[Any]", record["words"]) for record in mine if record["type"] == "group"]
        assert [" ".join(word or "----" for word in four) for four in words] == [
            format_words(group.words) for group in groups
        ]
        assert [record["type"] for record in mine].count("counts") == 1


def test_the_command_names_the_station_in_each_line(
    recording: Path, stations: dict[float, list[Group]], capsys: pytest.CaptureFixture[str]
) -> None:
    several = ["--offset", "-800000", "--offset", "600k"]
    assert main(["decode", str(recording), *several]) == 0
    lines = capsys.readouterr().out.splitlines()
    for offset_hz in (-800_000.0, 600_000.0):
        mine = [line[:19] for line in lines if line[19:] == f" {offset_hz:+.0f}"]
        assert mine == [format_words(group.words) for group in stations[offset_hz]]
    assert main(["decode", str(recording), *several, "-F", "json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {record["offset_hz"] for record in records} == {-800_000.0, 600_000.0}


def test_a_place_without_a_station_is_told_and_no_failure(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", str(recording), "--offset", "0", "--offset", "300k", "-F", "json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    nowhere = [record["type"] for record in records if record["offset_hz"] == 300_000]
    assert nowhere == ["status", "counts"]
    assert main(["decode", str(recording), "--offset", "-300000", "--offset", "300k"]) == 6


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--offset", "0", "--offset", "0"], "names a station twice; give each offset once"),
        (["--offset", "0", "--offset", "1.3M"], "allowed: less than 1200000 Hz to each side"),
        (
            ["--offset", "0", "--offset", "9k", "--rate", "250k"],
            "holds one station, and --offset names 2; give it once",
        ),
        (["--offset", "0", "--offset", "9k", "--plot", "x.png"], "--plot draws one station, and --offset names 2"),
    ],
)
def test_what_cannot_be_is_one_line(
    recording: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", str(recording), *arguments]) == 2
    assert complaint in capsys.readouterr().err.splitlines()[-1]
