"""Groups to a signal of `modulate` at each of its rates and back: every group, exact and in order."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from scipy.io import wavfile

from encoder.app import modulate
from encoder.levels import MpxLevels
from encoder.options import DEFAULT_RATES_HZ, IQ_RATES_HZ, MPX_RATES_HZ, SignalOptions
from rds.constants import GROUP_PERIOD_S
from rds.hex_line import format_words
from receiver.app import DecodeOptions, decode_file
from receiver.sources.stream import SourceOptions
from tests.encoder.signals import random_groups

SHORT_ABOVE_HZ = 1_000_000
MPX = [(rate_hz, ".wav") for rate_hz in MPX_RATES_HZ]
IQ = [(rate_hz, (".cu8", ".sigmf-meta", ".cf32")[number % 3]) for number, rate_hz in enumerate(IQ_RATES_HZ)]


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of loud stereo: sweeps up to 15 kHz, another on each side, and noise below them."""
    rate_hz = 44_100
    time_s = np.arange(2 * rate_hz) / rate_hz
    sweeps = [np.sin(2 * np.pi * (40 * time_s + slope * time_s**2)) for slope in (3700, 1500)]
    noise = np.random.default_rng(9).standard_normal((2, len(time_s)))
    pcm = np.clip(0.6 * np.array(sweeps) + 0.05 * noise, -1, 1) * 32767
    path = tmp_path_factory.mktemp("programme") / "sweeps.wav"
    wavfile.write(path, rate_hz, pcm.T.astype(np.int16))
    return path


def sent_and_heard(
    folder: Path, ending: str, options: SignalOptions, *, seconds: float, offset_hz: float = 0.0
) -> tuple[list[str], list[str]]:
    """The hex lines of random groups, modulated and decoded."""
    sent = [format_words(group.words) for group in random_groups(round(seconds / GROUP_PERIOD_S), seed=9)]
    (folder / "groups.hex").write_text("\n".join(sent))
    signal = folder / f"signal{ending}"
    modulate(folder / "groups.hex", signal, options=options)
    # Only bare files do not say their rate.
    rate_hz = (options.rate_hz or DEFAULT_RATES_HZ["iq"]) if ending in (".cu8", ".cf32") else None
    records = decode_file(signal, DecodeOptions(source=SourceOptions(rate_hz=rate_hz, offset_hz=offset_hz)))
    words = [cast("list[Any]", record["words"]) for record in records if record["type"] == "group"]
    return sent, [" ".join(word or "----" for word in four) for four in words]


@pytest.mark.parametrize(("rate_hz", "ending"), [*MPX, *IQ], ids=str)
def test_every_rate_gives_every_group_back_through_a_programme(
    rate_hz: int, ending: str, programme: Path, tmp_path: Path
) -> None:
    options = SignalOptions(rate_hz=rate_hz, programme=programme)
    sent, heard = sent_and_heard(tmp_path, ending, options, seconds=3 if rate_hz > SHORT_ABOVE_HZ else 9)
    assert heard == sent


@pytest.mark.parametrize("pilot", [True, False], ids=["pilot", "no pilot"])
@pytest.mark.parametrize("phase_deg", [0, 90])
@pytest.mark.parametrize("ending", [".wav", ".cu8"])
def test_either_phase_with_and_without_a_pilot(
    ending: str, phase_deg: int, pilot: bool, programme: Path, tmp_path: Path
) -> None:
    levels = MpxLevels(rds_phase_deg=phase_deg, pilot=pilot)
    sent, heard = sent_and_heard(tmp_path, ending, SignalOptions(levels=levels, programme=programme), seconds=8)
    assert heard == sent


@pytest.mark.parametrize("phase_deg", [0, 90])
def test_the_subcarrier_alone(phase_deg: int, tmp_path: Path) -> None:
    levels = MpxLevels(rds_phase_deg=phase_deg, pilot=False)
    sent, heard = sent_and_heard(tmp_path, ".wav", SignalOptions(levels=levels), seconds=4)
    assert heard == sent


@pytest.mark.parametrize(
    ("levels", "clock_ppm"), [(MpxLevels(rds_deviation_hz=1000), 100), (MpxLevels(rds_deviation_hz=7500), -100)]
)
def test_the_lowest_and_the_highest_deviation_on_a_poor_clock(
    levels: MpxLevels, clock_ppm: float, programme: Path, tmp_path: Path
) -> None:
    options = SignalOptions(levels=levels, programme=programme, clock_ppm=clock_ppm)
    sent, heard = sent_and_heard(tmp_path, ".sigmf-meta", options, seconds=8)
    assert heard == sent


def test_a_station_beside_the_recordings_centre(programme: Path, tmp_path: Path) -> None:
    options = SignalOptions(rate_hz=1_024_000, programme=programme, offset_hz=-310_000, cn_db=30, clock_ppm=40, seed=9)
    sent, heard = sent_and_heard(tmp_path, ".cu8", options, seconds=4, offset_hz=-310_000)
    assert heard == sent
