"""A scan by the real driver on a stick that is not there: tuned to the step, all stations told when it is unplugged."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.live.sticks import RECEIVER, Stick, built, libusb_headers_found
from tests.receiver.band import RATE_HZ, fake_band
from tests.receiver.installation import install

pytestmark = pytest.mark.peer("libusb headers", debian="gcc libusb-1.0-0-dev", found=libusb_headers_found)

CENTRE_HZ = 98_000_000


def test_a_step_is_tuned_to_and_what_was_found_is_told_although_the_stick_goes(tmp_path: Path) -> None:
    install(tmp_path)
    fake_band().tofile(tmp_path / "band.cu8")
    stick = Stick(built(tmp_path), tmp_path, tmp_path / "band.cu8", FAKE_STICK_ONCE="1")
    keys = [part for name in ("root.public.pem", "operator.certificate.pem") for part in ("--trust", tmp_path / name)]
    scan = [*RECEIVER, "scan", "-f", "98M", "--rate", str(RATE_HZ), "-F", "json", *keys]
    ended = subprocess.run(scan, env=stick.environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 5, ended.stderr
    assert "step 1 of 1" not in ended.stderr, "it was not done"
    assert "interrupted; this is what was found until now" in ended.stderr
    found = {one["frequency_hz"] - CENTRE_HZ: one["service"] for one in map(json.loads, ended.stdout.splitlines())}
    assert found == {-400_000: "verified", -100_000: "unverified", 200_000: "stale", 400_000: "none"}
    tuned_hz, rate_hz, *_ = stick.tuned()
    assert abs(tuned_hz - CENTRE_HZ) < 100
    assert rate_hz == RATE_HZ
