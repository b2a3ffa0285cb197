"""A list of stations to what is listened to: planned places, and a loud impostor that does not hold the receiver."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds.errors import DeviceLostError
from receiver.cli import main
from receiver.dsp.carriers import MARGIN_HZ
from receiver.dsp.channel import Codes
from receiver.following import Following, Place, plan_places
from receiver.listening import Listening
from receiver.scan import STEP_RATE_HZ
from receiver.sources.stream import Gap, LiveStream, SourceOptions
from receiver.station_list import FoundStation, Service, format_stations
from tests.receiver.band import RATE_HZ, as_codes, carrier, mixed, service
from tests.receiver.broadcast import TS
from tests.receiver.installation import install
from tests.receiver.signals import cut

GENUINE_HZ, IMPOSTOR_HZ, SECOND_HZ = 98_100_000, 90_000_000, 98_400_000


@given(st.lists(st.integers(875, 1080), min_size=1, max_size=12, unique=True))
def test_every_station_is_in_one_place_and_fits_there(tenths: list[int]) -> None:
    listed = [100_000 * one for one in tenths]
    places = plan_places(listed)
    assert sorted(one for place in places for one in place.frequencies_hz) == sorted(listed)
    assert places[0].frequencies_hz[0] == listed[0]
    assert all(listed.index(a.frequencies_hz[0]) < listed.index(b.frequencies_hz[0]) for a, b in pairwise(places))
    for place in places:
        assert (place.centre_hz is None) == (len(place.frequencies_hz) == 1)
        for offset_hz in place.offsets_hz:
            assert abs(offset_hz) <= STEP_RATE_HZ / 2 - MARGIN_HZ
            # Only where stations are too many does one get the spike.
            assert abs(offset_hz) >= 50_000 or len(place.frequencies_hz) > 2


def test_a_place_is_told_to_the_source() -> None:
    alone, together = plan_places([IMPOSTOR_HZ, GENUINE_HZ, SECOND_HZ])
    options = SourceOptions(offset_hz=0.0, ppm=3)
    assert alone.options(options) == SourceOptions(frequency_hz=IMPOSTOR_HZ, ppm=3)
    assert alone.offsets_hz == ()
    told = together.options(options)
    assert (told.frequency_hz, told.offset_hz, told.rate_hz, told.ppm) == (98_250_000, 0.0, STEP_RATE_HZ, 3)
    assert together.offsets_hz == (-150_000, 150_000)


class FakeBand:
    """Opens what is on the air at a frequency, and keeps where it was tuned to."""

    def __init__(self, **on_air: Any) -> None:  # Any: pieces of codes, gaps and at last an error
        self.on_air = {int(name.removeprefix("at_")): pieces for name, pieces in on_air.items()}
        self.opened: list[int | None] = []
        self.closed = 0

    def open_input(self, _: str, options: SourceOptions) -> LiveStream:
        assert self.closed == len(self.opened), "a stick is one receiver's"
        self.opened.append(options.frequency_hz)
        pieces = self.on_air[options.frequency_hz or 0]
        return LiveStream(rate_hz=RATE_HZ, offset_hz=100_000.0, pieces=self._pieces(pieces))

    def _pieces(self, pieces: list[Codes | Gap | Exception]) -> Iterator[Codes | Gap]:
        try:
            for piece in pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield from [piece] if isinstance(piece, Gap) else cut(piece, [256_000])
        finally:
            self.closed += 1


def station(amplitude: float, **options: Any) -> Codes:  # Any: as `service` has them
    return as_codes(mixed([carrier(service(**options), 100_000, amplitude)]))


def stations_file(folder: Path, *frequencies_hz: int) -> Path:
    """A list in this order."""
    found = [
        FoundStation(one, 0.0, Service.VERIFIED, 9 - rank, 10.0, None, None, True, 0x1234, None, 0.0, ())
        for rank, one in enumerate(frequencies_hz)
    ]
    (folder / "stations.json").write_text(format_stations(found))
    return folder / "stations.json"


def run(folder: Path, band: FakeBand, stations: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    monkeypatch.setattr("receiver.listening.open_input", band.open_input)
    arguments = ["run", folder / "12345.toml", "--source", "rtlsdr:0", "--stations", stations, *more]
    return main([str(one) for one in arguments])


def heartbeats(text: str) -> list[tuple[str, float]]:
    """Each heartbeat's verdict and second."""
    records = [json.loads(line) for line in text.splitlines()]
    return [(one["verdict"], one["seconds"]) for one in records if one["type"] == "message"]


SILENCE = [Gap(10 * RATE_HZ, "silence")]
END = DeviceLostError("the test is over")


def test_a_loud_impostor_does_not_hold_the_receiver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path)
    forged, genuine = station(0.9, forged=True), station(0.05, ts=TS + 60)
    band = FakeBand(
        at_90000000=[piece for _ in range(20) for piece in (forged, SILENCE[0], SILENCE[0])],
        at_98100000=[genuine, *SILENCE, END],
    )
    assert run(tmp_path, band, stations_file(tmp_path, IMPOSTOR_HZ, GENUINE_HZ), monkeypatch) == 5
    output, errors = capsys.readouterr()
    assert band.opened == [IMPOSTOR_HZ, GENUINE_HZ]
    *refused, (verdict, accepted_s) = heartbeats(output)
    assert {reason for reason, _ in refused} == {"bad signature"}
    assert len(refused) > 10
    assert verdict == "accepted"
    assert 300 < accepted_s < 340
    assert "no authentic heartbeat on 90 MHz; listening on 98.1 MHz" in errors


def test_a_station_with_heartbeats_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path)
    often = [piece for number in range(4) for piece in (station(0.3, ts=TS + 24 * number), *24 * SILENCE)]
    band = FakeBand(at_98100000=[*often, END], at_90000000=[END])
    assert run(tmp_path, band, stations_file(tmp_path, GENUINE_HZ, IMPOSTOR_HZ), monkeypatch) == 5
    assert band.opened == [GENUINE_HZ]


def test_after_the_last_place_comes_the_first_and_each_has_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path)
    band = FakeBand(at_98100000=50 * SILENCE, at_90000000=20 * SILENCE, at_105000000=[*5 * SILENCE, END])
    assert run(tmp_path, band, stations_file(tmp_path, GENUINE_HZ, IMPOSTOR_HZ, 105_000_000), monkeypatch) == 5
    assert band.opened == [GENUINE_HZ, IMPOSTOR_HZ, 105_000_000]
    assert len(capsys.readouterr().out.splitlines()) >= 1


def test_two_stations_of_one_stream_are_heard_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither brings the 20 symbols that an envelope takes."""
    install(tmp_path)
    first = carrier(service(esis=range(13), tag=1), -150_000, 0.2)
    second = carrier(service(esis=range(10, 26), tag=3), 150_000, 0.3)
    band = FakeBand(at_98250000=[as_codes(mixed([first, second])), *SILENCE, END])
    stations = stations_file(tmp_path, GENUINE_HZ, SECOND_HZ)
    assert run(tmp_path, band, stations, monkeypatch, "--rate", "1.024M") == 5
    verdicts = [verdict for verdict, _ in heartbeats(capsys.readouterr().out)]
    assert verdicts == ["accepted", "replay"], "of both stations' runs"


def test_groups_keep_their_order_and_time_goes_on_while_a_source_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    signal = station(0.3)
    band = FakeBand(at_98100000=[signal, *20 * SILENCE], at_90000000=[signal, END])
    monkeypatch.setattr("receiver.listening.open_input", band.open_input)
    clock = iter([1000.0, 1000.0 + 700.0])
    places = plan_places([GENUINE_HZ, IMPOSTOR_HZ])

    def listen(place: Place) -> Listening:
        return Listening("rtlsdr:0", place.options(SourceOptions()), offsets_hz=place.offsets_hz)

    following = Following(places, listen, now_s=lambda: next(clock))
    groups = []

    def hear() -> None:
        for pairs in following.groups_in_order():
            groups.extend(pairs)
            following.look_elsewhere()

    with pytest.raises(DeviceLostError):
        hear()
    assert [station for station, _ in groups] == sorted((station for station, _ in groups), reverse=True)
    ends_s = [group.end_s for _, group in groups]
    assert ends_s == sorted(ends_s)
    later = [group for station, group in groups if station == IMPOSTOR_HZ]
    assert 700 < later[0].end_s < 701
    assert np.isclose(later[0].sample_index / RATE_HZ, later[0].end_s, atol=0.2)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--source", "x.cu8"], "--stations tunes a live source, and x.cu8 is none"),
        (["--source", "rtlsdr:0", "--frequency", "98.1M"], "leave --frequency and --offset out"),
        (["--source", "rtlsdr:0", "--record", "x"], "--record writes down one place"),
    ],
)
def test_what_a_list_does_not_go_with_is_one_line(
    tmp_path: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path)
    stations = stations_file(tmp_path, GENUINE_HZ)
    assert main(["run", str(tmp_path / "12345.toml"), "--stations", str(stations), *arguments]) == 2
    assert complaint in capsys.readouterr().err.splitlines()[-1]
