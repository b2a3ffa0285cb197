"""A band to its stations: carriers found, all decoded, the genuine one told from louder ones that only look like it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rds.errors import InputError, UsageError
from receiver.cli import main
from receiver.dsp.carriers import MARGIN_HZ, CarrierSearch
from receiver.dsp.channel import Codes
from receiver.keyring import Keyring
from receiver.scan import LOOK_S, STEP_RATE_HZ, Scan, step_centres_hz
from receiver.sources.stream import BitStream, Gap, IqStream, LiveStream
from receiver.station_list import FoundStation, Service, format_stations, ranked, read_frequencies
from tests.receiver.band import RATE_HZ, as_codes, carrier, fake_band, mixed, service
from tests.receiver.broadcast import DOMAIN, T0_MS, keyring
from tests.receiver.installation import install
from tests.receiver.signals import cut, noise, programme


def live(codes: Codes, *, samples_each: int = 100_000) -> LiveStream:
    return LiveStream(rate_hz=RATE_HZ, pieces=cut(codes, [samples_each]))


def scanned(
    codes: Codes, *, start_ms: int | None = None, centre_hz: int | None = 98_000_000
) -> dict[float, FoundStation]:
    scan = Scan(keyring(), start_ms=start_ms)
    for _ in scan.step(live(codes), centre_hz=centre_hz):
        pass
    return {one.offset_hz: one for one in scan.found()}


def test_carriers_are_found_beside_ones_forty_decibels_louder_and_noise_has_none() -> None:
    stations = [(-350_000.0, 0.016), (-150_000.0, 0.5), (250_000.0, 0.005)]
    whole = mixed((carrier(programme(4), *one) for one in stations), spread=0.001, spike=0.2)
    search = CarrierSearch(RATE_HZ, centre_hz=98_050_000)
    search.feed(as_codes(0.9 * whole))
    assert search.offsets_hz() == [offset_hz for offset_hz, _ in stations]
    empty = CarrierSearch(RATE_HZ)
    assert empty.offsets_hz() == []
    empty.feed(np.complex64(0.1) * noise(RATE_HZ, seed=8))
    assert empty.offsets_hz() == []


def test_any_cutting_into_blocks_gives_the_same_spectrum() -> None:
    whole, cut_up = CarrierSearch(RATE_HZ), CarrierSearch(RATE_HZ)
    codes = fake_band()[: 64 * 1024]
    whole.feed(codes)
    for piece in cut(codes, [16 * 1024]):
        cut_up.feed(piece)
    assert whole.offsets_hz() == cut_up.offsets_hz() == [-400_000, -100_000, 200_000, 400_000]


def test_each_place_of_the_band_is_in_one_step_and_none_at_a_centre() -> None:
    centres = step_centres_hz(STEP_RATE_HZ)
    places = range(87_500_000, 108_000_001, 100_000)
    for place in places:
        near = [centre for centre in centres if abs(place - centre) <= STEP_RATE_HZ / 2 - MARGIN_HZ]
        assert len(near) == 1
        assert near[0] != place
    assert len(centres) == 10
    assert len(step_centres_hz(1_024_000)) == 26
    with pytest.raises(UsageError, match="no room for two stations"):
        step_centres_hz(250_000)


def test_the_genuine_station_is_told_from_louder_ones() -> None:
    found = scanned(fake_band())
    assert {offset_hz: one.service for offset_hz, one in found.items()} == {
        -400_000: Service.VERIFIED,
        -100_000: Service.UNVERIFIED,
        200_000: Service.STALE,
        400_000: Service.NONE,
    }
    assert next(iter(found)) == -400_000, "the best first"
    genuine, impostor, plain = found[-400_000], found[-100_000], found[400_000]
    assert (genuine.frequency_hz, genuine.pi, genuine.heartbeats) == (97_600_000, 0x1234, 1)
    assert genuine.aids == impostor.aids == ((0xC0DE, "11A"),)
    assert impostor.level_dbfs is not None
    assert genuine.level_dbfs is not None
    assert impostor.level_dbfs - genuine.level_dbfs == pytest.approx(16, abs=1)
    assert (plain.pi, plain.ps, plain.aids) == (0x9331, "EVRDS FM", ())
    assert plain.bler is not None
    assert plain.bler < 0.1, "of the silence behind its last group"


def test_with_a_clock_one_station_alone_is_known_to_repeat() -> None:
    old = as_codes(mixed([carrier(service(), -400_000, 0.3)]))
    assert [one.service for one in scanned(old).values()] == [Service.VERIFIED], "nobody can know"
    assert [one.service for one in scanned(old, start_ms=T0_MS + 3_600_000).values()] == [Service.STALE]


def test_without_a_trusted_key_nothing_is_verified_and_nothing_waited_for() -> None:
    scan = Scan(Keyring(DOMAIN))
    assert scan.longest_s == LOOK_S
    for _ in scan.step(live(fake_band()), centre_hz=None):
        pass
    assert {one.service for one in scan.found()} == {Service.UNVERIFIED, Service.NONE}
    assert {one.frequency_hz for one in scan.found()} == {None}


def endless(codes: Codes) -> Iterator[Codes | Gap]:
    while True:
        yield from cut(codes, [100_000])
        yield Gap(0, "the test's loop")


def test_a_step_ends_when_nothing_more_is_to_be_expected() -> None:
    silent = as_codes(np.complex64(0.1) * noise(RATE_HZ, seed=8))
    stations = as_codes(mixed([carrier(programme(30), 200_000, 0.3)]))
    for codes, seconds in ((silent, 1.0), (stations, LOOK_S)):
        *_, last_s = Scan(keyring()).step(LiveStream(rate_hz=RATE_HZ, pieces=endless(codes)), centre_hz=None)
        assert last_s == pytest.approx(seconds, abs=0.2)


def test_an_interrupted_scan_has_what_was_heard_until_then() -> None:
    scan = Scan(keyring())
    step = scan.step(live(fake_band()), centre_hz=98_000_000)
    while next(step) < 2:
        pass
    step.close()
    assert {one.pi for one in scan.found()} == {0x1234, 0x9331}


def test_a_narrow_recording_is_its_one_station() -> None:
    scan = Scan(keyring())
    iq = carrier(service(), 0, 0.5)[::4]
    for _ in scan.step(IqStream(rate_hz=RATE_HZ / 4, chunks=cut(iq, [50_000])), centre_hz=None):
        pass
    assert [(one.offset_hz, one.service) for one in scan.found()] == [(0, Service.VERIFIED)]


def test_bits_are_no_band() -> None:
    with pytest.raises(InputError, match="looks for carriers in IQ"):
        next(Scan(keyring()).step(BitStream(rate_hz=1187.5, chunks=iter(())), centre_hz=None))


def station(frequency_hz: int | None, service_is: Service, **changes: float) -> FoundStation:
    return FoundStation(
        frequency_hz, 0.0, service_is, int(changes.get("heartbeats", 0)), 60.0, changes.get("level_dbfs"),
        None, True, 0x1234, None, changes.get("bler"), ()
    )  # fmt: skip


def test_stations_are_ranked_by_verified_heartbeats_and_never_by_level(tmp_path: Path) -> None:
    best = station(98_000_000, Service.VERIFIED, heartbeats=2, bler=0.1, level_dbfs=-40)
    clean = station(97_000_000, Service.VERIFIED, heartbeats=1, bler=0.0, level_dbfs=-3)
    rough = station(96_000_000, Service.VERIFIED, heartbeats=1, bler=0.2, level_dbfs=-1)
    old = station(95_000_000, Service.STALE, heartbeats=9, bler=0.0)
    claims = station(94_000_000, Service.UNVERIFIED, bler=0.0, level_dbfs=0)
    plain = station(90_000_000, Service.NONE, bler=0.0)
    order = ranked([plain, claims, old, rough, clean, best])
    assert [one.service for one in order] == [*[Service.VERIFIED] * 3, Service.STALE, Service.UNVERIFIED, Service.NONE]
    assert order[:3] == [best, clean, rough]
    path = tmp_path / "stations.json"
    path.write_text(format_stations(order))
    assert read_frequencies(path) == [98_000_000, 97_000_000, 96_000_000, 94_000_000]
    assert json.loads(path.read_text())["stations"][0]["pi"] == "1234"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no JSON", "is no JSON"),
        ("[]", "holds no station that carries the service"),
        ('{"v":1,"type":"stations","stations":[{"service":"none","frequency_hz":1}]}', "holds no station"),
        ('{"v":1,"type":"stations","stations":[{"service":"verified"}]}', "a station without frequency_hz"),
    ],
)
def test_a_list_that_is_none_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "stations.json"
    path.write_text(text)
    with pytest.raises(InputError, match=complaint):
        read_frequencies(path)
    with pytest.raises(InputError, match="No such file"):
        read_frequencies(tmp_path / "none.json")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake band as a file, and keys to trust beside it."""
    folder = tmp_path_factory.mktemp("band")
    install(folder)
    fake_band().tofile(folder / "band_1.024M.cu8")
    return folder / "band_1.024M.cu8"


def scan(recording: Path, *arguments: str | Path, trust: bool = True) -> int:
    keys = [recording.with_name(name) for name in ("root.public.pem", "operator.certificate.pem")] if trust else []
    trusting = [part for key in keys for part in ("--trust", key)]
    return main(list(map(str, ["scan", "--source", recording, *trusting, *arguments])))


def test_the_command_shows_a_table_and_saves_the_list(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = recording.with_name("stations.json")
    assert scan(recording, "--save", saved) == 0
    output, errors = capsys.readouterr()
    head, first, *_ = output.splitlines()
    assert head.split() == ["MHz", "dBFS", "C/N", "PI", "PS", "BLER", "service", "applications"]
    assert first.split()[0] == "-0.4"
    assert first.split()[-5:] == ["verified", "1", "C0DE", "on", "11A"]
    assert re.search(r"4 stations in 2\.\d s of signal, \d+\.\d s\n", errors)
    assert errors.splitlines()[-1] == "evrds-receiver: 4 stations, 1 with a verified heartbeat"
    assert len(json.loads(saved.read_text())["stations"]) == 4


def test_the_command_tells_a_record_a_station(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scan(recording, "-F", "json", trust=False) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(record["v"], record["type"]) for record in records} == {(1, "found")}
    assert [record["service"] for record in records] == ["unverified", "unverified", "unverified", "none"]


def test_an_interrupted_command_shows_what_it_has(
    recording: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Scan.step

    def interrupted(*arguments: Any, **named: Any) -> Iterator[float]:  # Any: as `Scan.step` takes them
        for done_s in whole(*arguments, **named):
            if done_s > 2.5:
                raise KeyboardInterrupt
            yield done_s

    monkeypatch.setattr(Scan, "step", interrupted)
    assert scan(recording) == 130
    output, errors = capsys.readouterr()
    assert "1234" in output
    assert "interrupted; this is what was found until now" in errors


def test_what_cannot_be_scanned_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    silent = tmp_path / "silent_1.024M.cu8"
    as_codes(np.complex64(0.1) * noise(RATE_HZ, seed=8)).tofile(silent)
    assert scan(silent, trust=False) == 6
    assert "no station found" in capsys.readouterr().err.splitlines()[-1]
    (tmp_path / "groups.hex").write_text("1234 5678 9ABC DEF0\n")
    assert scan(tmp_path / "groups.hex", trust=False) == 3
    assert "looks for carriers in IQ" in capsys.readouterr().err.splitlines()[-1]
    assert scan(tmp_path / "none.cu8", trust=False) == 3
    with pytest.raises(SystemExit, match="2"):
        scan(silent, "--wait", "x", trust=False)
