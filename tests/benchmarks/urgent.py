"""C/N0 points in, the share of trials out in which an urgent envelope is acted on: two passes of 15 s each.

    make urgent                # ten trials a point; some minutes

From IQ to the verdict: the receiver knows the station's frequency and the keys, and hears 10 s of heartbeats first. The
design's figures for 50 % / 90 %, with ideal synchronisation behind a real discriminator: 62.1 / 62.3 dB-Hz for soft
decisions cut at 1 % wrong, 61.1 / 61.5 ranked, 59.3 / 59.6 with the passes added, 58.9 / 59.3 with what a station says.
"""

import argparse
import sys
import tempfile
import wave
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

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

_CLOCK: Final = datetime(2026, 12, 1, 17, tzinfo=UTC)
_SECONDS: Final = 45
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
operator = "keys/operator.pem"
certificate = "keys/operator.certificate.pem"
root = "keys/root.public.pem"
[[message]]
at = "00:00:10"
type = "curtail"
region = "12FFF"
level = "16 A"
duration_min = 60
"""


def _broadcast(folder: Path) -> tuple[Iq, Keyring]:
    """The signal, made by the head-end's own command, and whom to believe."""
    music = Music(0.9).read(10 * Music.rate_hz)
    with wave.open(str(folder / "music.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(Music.rate_hz)
        file.writeframes((32_767 * music).astype("<i2").tobytes())
    (folder / "plan.toml").write_text(_PLAN)
    moment = _CLOCK.isoformat()
    keys = ["keys", "create", str(folder / "keys"), "--network", "7", "--not-before", moment]
    build = ["build", str(folder / "plan.toml"), "--iq", str(folder / "iq.cf32"), "--seconds", str(_SECONDS)]
    signal = ["--rate", str(RATE_HZ), "--rds-deviation-hz", "3400", "--programme", str(folder / "music.wav")]
    for command in (keys, [*build, "--clock", moment, *signal]):
        if encoder(command):
            raise RuntimeError(f"evrds-encoder {command[0]} failed")
    names = ("root.public.pem", "operator.certificate.pem")
    ring = make_keyring([read_trust_file(folder / "keys" / name) for name in names])
    return np.fromfile(folder / "iq.cf32", np.complex64), ring


def _acted_s(iq: Iq, ring: Keyring) -> float | None:
    """When the curtailment was taken, or None."""
    chain = IqChain(RATE_HZ)
    intake = Intake(ring, (), settings=ONLOOKER, start_ms=ms_of(_CLOCK))
    for start in range(0, len(iq), 1 << 16):
        for group in chain.feed(iq[start : start + (1 << 16)]):
            for verdict in intake.feed(group):
                if isinstance(verdict, Verdict) and verdict.accepted and isinstance(verdict.message, Curtail):
                    return group.end_s
    return None


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="How weak a signal an urgent envelope is still acted on in.")
    parser.add_argument("--trials", type=int, default=10, metavar="N", help="a point (default 10)")
    parser.add_argument("points", type=float, nargs="*", default=[59.4, 59.7, 60.0, 60.3, 60.6], metavar="C/N0")
    arguments = parser.parse_args()
    sys.stdout.write("| C/N0, dB-Hz | acted on | seconds after the order, median |\n|---|---|---|\n")
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(limits=1, user_api="blas"):
        iq, ring = _broadcast(Path(folder))
        for cn0_db_hz in arguments.points:
            ended = [_acted_s(noisy(iq, cn0_db_hz, seed=seed), ring) for seed in range(arguments.trials)]
            acted = [moment - 10 for moment in ended if moment is not None]
            median = f"{np.median(acted):.1f}" if acted else "-"
            sys.stdout.write(f"| {cn0_db_hz:g} | {len(acted)} of {len(ended)} | {median} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
