"""Frequencies, rates and offsets to what a stick is told, and what none can be told."""

from dataclasses import replace

import pytest

from rds.errors import DeviceAbsentError, UsageError
from receiver.sources import open_input
from receiver.sources.stream import SourceOptions
from receiver.sources.tuning import plan_tuning

STATION = SourceOptions(frequency_hz=98_100_000)


@pytest.mark.parametrize(
    ("options", "centre_hz", "rate_hz", "offset_hz"),
    [
        (STATION, 97_844_000, 1_024_000, 256_000),
        (replace(STATION, rate_hz=2_400_000), 97_500_000, 2_400_000, 600_000),
        (replace(STATION, rate_hz=250_000), 98_100_000, 250_000, 0.0),
        (replace(STATION, offset_hz=-200_000.0), 98_100_000, 1_024_000, -200_000),
    ],
)
def test_a_stick_is_tuned_beside_the_station(
    options: SourceOptions, centre_hz: int, rate_hz: int, offset_hz: float
) -> None:
    tuning = plan_tuning("rtlsdr:0", options)
    assert (tuning.centre_hz, tuning.rate_hz, tuning.offset_hz) == (centre_hz, rate_hz, offset_hz)


def test_what_was_assumed_is_said() -> None:
    (line,) = plan_tuning("rtlsdr:0", STATION).notes("rtlsdr:0")
    assert line == (
        "rtlsdr:0: tuned to 97.844 MHz, the station +256000 Hz beside, away from the spike; 1.024M S/s; gain by level"
    )
    options = replace(STATION, rate_hz=3_200_000, gain_db=28.0, bias_tee=True)
    first, second = plan_tuning("rtlsdr:0", options).notes("rtlsdr:0")
    assert first.endswith("3.2M S/s; gain 28 dB, bias tee on")
    assert second == "rtlsdr:0: above 2.4M S/s a stick loses samples"


@pytest.mark.parametrize(("rate_hz", "exact_hz"), [(1_024_000, 1_024_000.0), (250_000, 250_000.000414)])
def test_the_rate_that_comes_of_it(rate_hz: int, exact_hz: float) -> None:
    """28.8 MHz by a ratio of 22 bits after the point; librtlsdr says "exact sample rate is: 250000.000414 Hz"."""
    tuning = plan_tuning("rtlsdr:0", replace(STATION, rate_hz=rate_hz))
    assert tuning.exact_rate_hz == pytest.approx(exact_hz, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rtlsdr:0", SourceOptions(), "no frequency to tune to; give one, such as --frequency 98.1M"),
        ("rtlsdr:0", replace(STATION, rate_hz=500_000), "--rate 500k: no stick can do it; allowed: 225001..300000"),
        ("rtlsdr:0", SourceOptions(frequency_hz=98), "--frequency 98: a stick tunes from 24M to 1766M"),
        ("rtlsdr:0", replace(STATION, format="cu8"), "--format cu8: rtlsdr:0 is no file"),
        ("rtlsdr:serial=", STATION, "write rtlsdr:0 or rtlsdr:serial=00000001"),
        ("rtlsdr:one", STATION, "write rtlsdr:0 or rtlsdr:serial=00000001"),
        ("rtl_tcp:", STATION, "no server's address; write rtl_tcp://host:1234"),
        ("rtl_tcp://host:99999", STATION, "no server's address"),
        ("udp://host:1234", STATION, "nothing is known of udp:; allowed: rtl_tcp:, rtlsdr: and names of files"),
        ("a.cu8", SourceOptions(gain_db=28.0), "a file has no tuner; leave --gain, --ppm and --bias-tee out"),
    ],
)
def test_what_cannot_be_is_one_line(name: str, options: SourceOptions, message: str) -> None:
    with pytest.raises(UsageError, match=r"^[^\n]*$") as caught:
        open_input(name, options)
    assert message in str(caught.value)


def test_no_server_is_one_line() -> None:
    with pytest.raises(DeviceAbsentError, match="Connection refused; is rtl_tcp running there"):
        open_input("rtl_tcp://127.0.0.1:1", STATION)
