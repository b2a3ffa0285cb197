"""A folder as an installer leaves it, and a recording beside it: what `run` and `decode` need."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rds.hex_line import format_words
from rds.oda.certificate_pem import armour, sign_certificates
from rds.oda.keys import public_key_pem
from tests.receiver.broadcast import DOMAIN, TS, Broadcast, certificate, curtail, end, halt, heartbeat, signed

ROOT: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
CONFIG: Final = """regions = ["{region}"]
aid = "C0DE"
network = 7
roots = ["root.public.pem"]
certificates = ["operator.certificate.pem"]
rating_a = 32
state = "state.sqlite3"
device_id = "000102030405060708090A0B0C0D0E0F"
release_minimum_s = 2

[charger]
driver = "simulated"
"""
START: Final = "2026-12-01T17:00:00Z"
"""Of the recording's first sample."""


def hex_list(broadcast: Broadcast) -> str:
    """A line for each group period; silence is four gaps."""
    lines: dict[int, str] = {round(group.sample_index / 104): format_words(group.words) for group in broadcast.groups}
    return "".join(lines.get(number, "---- ---- ---- ----") + "\n" for number in range(max(lines) + 1))


def install(folder: Path) -> None:
    """Keys, two configurations (regions 12345 and 13000) and a list of groups that curtails and halts, in a folder."""
    (folder / "root.public.pem").write_bytes(public_key_pem(ROOT.public_key().public_bytes_raw()))
    file = sign_certificates([certificate()], ROOT, DOMAIN, root_id=14, ts=7_520_040)
    (folder / "operator.certificate.pem").write_text(armour(file))
    for region in ("12345", "13000"):
        (folder / f"{region}.toml").write_text(CONFIG.format(region=region).replace("state.", f"{region}."))
    broadcast = Broadcast().say(heartbeat(TS), curtail(ts=TS + 1), halt(ts=TS + 3, region="13FFF"))
    broadcast.send(signed(halt(ts=TS + 6), ROOT)).silence(15).say(end(TS + 1, ts=TS + 7, release=2))
    (folder / "groups.hex").write_text(hex_list(broadcast))
