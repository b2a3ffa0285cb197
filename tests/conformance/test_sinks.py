"""Every file format of encoder/sinks: whole files or none, the same octets however written, found by its name."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from encoder.sinks import SignalFacts, SinkFormat, format_of, formats
from encoder.sinks.sigmf import KIND
from rds.errors import UsageError
from rds.group import Group

FACTS = SignalFacts(rate_hz=250_000, full_scale_hz=100_000)
GROUP = Group((0x9331, 0x20B6, 0x594C, 0x554D))
every_format = pytest.mark.parametrize("name", formats())


def samples_for(kind: Literal["mpx", "iq"]) -> np.ndarray:
    values = np.random.default_rng(8).uniform(-1, 1, 2000).astype(np.float32)
    return values if kind == "mpx" else values.view(np.complex64)


def written(form: SinkFormat, path: Path, pieces: int) -> dict[str, bytes]:
    """The files that a sink leaves behind in the folder of `path`."""
    path.parent.mkdir()
    with form.open_sink(path, FACTS) as sink:
        for number, piece in enumerate(np.array_split(samples_for(form.KIND), pieces)):
            sink.write(piece)
            if number == 0:
                sink.mark_group(GROUP, first_sample=10, samples=104)
    return {file.name: file.read_bytes() for file in sorted(path.parent.iterdir())}


@every_format
def test_the_same_octets_however_written(tmp_path: Path, name: str) -> None:
    form = format_of(Path(f"a.{name}"))
    whole = written(form, tmp_path / "whole" / f"a.{name}", 1)
    assert whole
    assert written(form, tmp_path / "pieces" / f"a.{name}", 7) == whole


@every_format
def test_an_error_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    form = format_of(Path(f"a.{name}"))
    before = written(form, tmp_path / "out" / f"a.{name}", 1)

    def fail() -> None:
        with form.open_sink(tmp_path / "out" / f"a.{name}", FACTS) as sink:
            sink.write(samples_for(form.KIND)[:10])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


@every_format
def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(UsageError, match="cannot write"),
        format_of(Path(f"a.{name}")).open_sink(tmp_path / "none" / f"a.{name}", FACTS),
    ):
        pass


@pytest.mark.parametrize("name", ["a.sigmf-data", "a.sigmf-meta", "a.sigmf", "a.SIGMF-META"])
def test_sigmf_by_any_of_its_names(name: str) -> None:
    assert format_of(Path(name)).KIND == KIND


@pytest.mark.parametrize("name", ["a", "a.mp3", "a._template", "a.__init__", "wav", ".wav", "a.wav2"])
def test_other_names_are_refused_with_the_allowed_ones(name: str) -> None:
    with pytest.raises(UsageError, match=r"allowed: \.cf32, \.cu8, \.sigmf, \.wav"):
        format_of(Path(name))


def test_devices_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(UsageError, match="is no file"), format_of(Path("a.wav")).open_sink(tmp_path / "a.wav", FACTS):
        pass
