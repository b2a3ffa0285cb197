"""C/N0 in, the share of trials out in which an urgent envelope is acted on: two passes of 15 s each.

From IQ to the verdict: the receiver knows the station's frequency and the keys, and hears 10 s of heartbeats first.
With ideal synchronisation behind a real discriminator 50 % / 90 % would need 63.9 / 64.3 dB-Hz for hard decisions with
bursts of two corrected, 62.1 / 62.3 for soft ones cut at 1 % wrong, 61.1 / 61.5 ranked, 59.3 / 59.6 with the passes
added, 58.9 / 59.3 with what a station says.
"""

import contextlib
import io
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from encoder.cli import main as encoder
from rds.oda.messages.curtail import Curtail
from receiver.chain import IqChain
from receiver.clock import ms_of
from receiver.intake import Intake
from receiver.keyring import Keyring
from receiver.settings import ONLOOKER
from receiver.trust import make_keyring, read_trust_file
from receiver.verify import Verdict
from tests.benchmarks.encoder_speed import Music
from tests.benchmarks.impaired import RATE_HZ, Iq, noisy
from tests.benchmarks.row import Row
from tests.benchmarks.scoring import crossing
from tests.encoder.networks import CLOCK, write_network

LIMIT: Final = (58.9, 59.3)
"""C/N0 for 50 % / 90 % with ideal synchronisation, passes added and priors, dB-Hz (signal facts)."""
ORDER_S: Final = 10
"""When the curtailment is ordered; heartbeats until then. Each trial has another message and other noise."""
_SECONDS: Final = 45
_QUICK: Final = (8, (58.8, 59.1, 59.4, 59.7, 60.0, 60.3))
_FULL: Final = (16, (58.8, 59.1, 59.4, 59.7, 59.9, 60.1, 60.4, 60.7))
"""Trials a point, and the points."""
_PLAN: Final = """
[station]
pi = "1234"
ps = "EVRDS"
pty = 10
[[station.rt]]
text = "An evening on which region 12 helps the network"
[application]
aid = "C0DE"
network = 7
group_type = "11A"
groups_per_second = 2
[keys]
operator = "operator.pem"
certificate = "certificate.pem"
root = "root.public.pem"
[[message]]
at = "00:00:10"
type = "curtail"
region = "12{number:03}"
level = "16 A"
duration_min = 60
"""


def station(number: int = 0) -> tuple[Iq, Keyring]:
    """The signal, made by the head-end's own command, and whom to believe; another region to each number."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_network(folder)
        _write_music(folder / "music.wav")
        (folder / "plan.toml").write_text(_PLAN.format(number=number))
        build = ["build", str(folder / "plan.toml"), "--iq", str(folder / "iq.cf32"), "--seconds", str(_SECONDS)]
        signal = ["--rate", str(RATE_HZ), "--rds-deviation-hz", "3400", "--programme", str(folder / "music.wav")]
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            failed = encoder([*build, "--clock", CLOCK.isoformat(), *signal])
        if failed:
            raise RuntimeError(f"evrds-encoder build failed: {told.getvalue()}")
        ring = make_keyring([read_trust_file(folder / name) for name in ("root.public.pem", "certificate.pem")])
        return np.fromfile(folder / "iq.cf32", np.complex64), ring


def _write_music(path: Path) -> None:
    music = Music(0.9).read(10 * Music.rate_hz)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(Music.rate_hz)
        file.writeframes((32_767 * music).astype("<i2").tobytes())


def _acted_s(iq: Iq, ring: Keyring) -> float | None:
    """When the curtailment was taken, or None."""
    chain = IqChain(RATE_HZ)
    intake = Intake(ring, (), settings=ONLOOKER, start_ms=ms_of(CLOCK))
    for start in range(0, len(iq), 1 << 16):
        for group in chain.feed(iq[start : start + (1 << 16)]):
            for verdict in intake.feed(group):
                if isinstance(verdict, Verdict) and verdict.accepted and isinstance(verdict.message, Curtail):
                    return group.end_s
    return None


@dataclass(frozen=True, slots=True)
class Trials:
    """Some trials at one C/N0."""

    cn0_db_hz: float
    acted_s: list[float]
    """Seconds from order to verdict, of the trials that were acted on."""
    count: int

    @property
    def share(self) -> float:
        """Of the trials, those acted on."""
        return len(self.acted_s) / self.count


def measure(*, full: bool) -> list[Trials]:
    """The trials by C/N0."""
    count, points = _FULL if full else _QUICK
    acted_s: dict[float, list[float]] = {cn0_db_hz: [] for cn0_db_hz in points}
    for number in range(count):
        iq, ring = station(number)
        for cn0_db_hz, those_s in acted_s.items():
            end_s = _acted_s(noisy(iq, cn0_db_hz, seed=number), ring)
            if end_s is not None:
                those_s.append(end_s - ORDER_S)
    return [Trials(cn0_db_hz, those_s, count) for cn0_db_hz, those_s in acted_s.items()]


def rows(results: list[Trials]) -> Iterator[Row]:
    """The points where half and nine tenths are acted on, and each C/N0."""
    curve = [(one.cn0_db_hz, one.share) for one in results]
    ours = f"{crossing(curve, 0.5):.1f} / {crossing(curve, 0.9):.1f}"
    name = "urgent envelope, two passes: C/N0 for 50 / 90 % acted on, dB-Hz"
    yield Row(name, ours, ideal="{:.1f} / {:.1f}".format(*LIMIT), goal="≤ 59.9 / 60.4")
    for one in results:
        median = f", {np.median(one.acted_s):.0f} s after the order" if one.acted_s else ""
        yield Row(f"the same at {one.cn0_db_hz:g} dB-Hz", f"{len(one.acted_s)} of {one.count}{median}")
