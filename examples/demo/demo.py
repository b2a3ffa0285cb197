"""A folder's name in; in it the main job end to end: keys, an FM broadcast, an attack, a receiver and a charge point.

    python examples/demo/demo.py DIR

Everything runs as a user would run it: the two commands, and an OCPP 1.6 charge point in a process of its own.
"""

import json
import shutil
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from receiver.observation import observe
from receiver.pictures import draw_reception
from receiver.sources.stream import SourceOptions

_HERE: Final = Path(__file__).parent
_CHARGE_POINT: Final = _HERE.parent.parent / "tests" / "live" / "charge_point.py"
_SCRIPTS: Final = Path(sys.executable).parent
_SECONDS: Final = 90
_ATTACK_S: Final = (46, 62)
"""While the attacker's transmitter is the stronger one."""
_ATTACKED: Final = "FFFFF"
"""The region that the forged halt names."""
_GROUPS_PER_S: Final = 1187.5 / 104
_RATE: Final = "250k"
_CN_DB: Final = "16"
_CLOCK: Final = "2026-12-01T17:00:00Z"
Json = dict[str, Any]  # Any: what JSON holds


def main(folder: Path) -> None:
    """Runs the demonstration."""
    began_s = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("plan.toml", "forged.toml", "charger.toml"):
        shutil.copy(_HERE / name, folder)
    _say("The utility makes its keys; so does an attacker, under the same number.")
    for owner in ("keys", "attacker"):
        _run("evrds-encoder", "keys", "create", folder / owner, "--network", "7", "--not-before", _CLOCK)
    _say(f"Both plan {_SECONDS} s of RDS; for {_ATTACK_S[1] - _ATTACK_S[0]} s the attacker's transmitter is stronger.")
    _broadcast(folder)
    _say(f"That goes on the air: FM with music, {_RATE}S/s, 8 bits, {_CN_DB} dB of carrier over noise.")
    _programme(folder / "programme.wav")
    signal = folder / f"broadcast_{_RATE}.cu8"
    options: list[str | Path] = ["--rate", _RATE, "--programme", folder / "programme.wav", "--cn-db", _CN_DB]
    _run("evrds-encoder", "modulate", folder / "broadcast.hex", signal, *options)
    _say("A receiver in region 12345 listens, and a charge point takes its limit over OCPP 1.6:\n")
    records, accepted = _receive(folder, signal)
    limits = _tell(records, accepted)
    observation = observe(str(signal), SourceOptions(), seconds=20)
    draw_reception(folder / "reception.png", observation, limits=limits, title="evrds: a curtailment over FM RDS")
    _say(f"\nThe multiplex, the symbols and the limit stand in {folder / 'reception.png'}.")
    _say(f"All of it took {time.monotonic() - began_s:.0f} s.")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _run(command: str, *arguments: str | Path) -> None:
    subprocess.run([_SCRIPTS / command, *arguments], check=True, capture_output=True, text=True)


def _broadcast(folder: Path) -> None:
    """Groups of the utility, and the attacker's where he is heard instead."""
    for plan in ("plan", "forged"):
        options: list[str | Path] = ["--hex", folder / f"{plan}.hex", "--seconds", str(_SECONDS), "--clock", _CLOCK]
        _run("evrds-encoder", "build", folder / f"{plan}.toml", *options)
    own, forged = ((folder / f"{plan}.hex").read_text().splitlines() for plan in ("plan", "forged"))
    first, last = (round(second * _GROUPS_PER_S) for second in _ATTACK_S)
    heard = [*own[:first], *forged[first:last], *own[last:]]
    (folder / "broadcast.hex").write_text("\n".join(heard) + "\n")


def _programme(path: Path) -> None:
    """Ten seconds of chords in stereo."""
    rate_hz = 44_100
    seconds = np.arange(10 * rate_hz) / rate_hz
    chords = ((220, 277, 330), (196, 247, 294), (175, 220, 262), (165, 208, 247), (196, 247, 294))
    left, right = np.zeros_like(seconds), np.zeros_like(seconds)
    for i, chord in enumerate(chords * 2):
        beat = np.clip(seconds - i, 0, 1) * (seconds < i + 1)
        for side, tone_hz in zip((0.2, 0.5, 0.8), chord, strict=True):
            tone = np.sin(2 * np.pi * tone_hz * seconds) * beat * np.exp(-2 * beat)
            left += (1 - side) * tone
            right += side * tone
    stereo = np.stack((left, right), axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((30_000 * stereo / np.abs(stereo).max()).astype("<i2").tobytes())


def _receive(folder: Path, signal: Path) -> tuple[list[Json], list[Json]]:
    """The receiver's records and the charge point's lines."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "charger.toml"
    config.write_text(config.read_text().replace("port = 0 ", f"port = {port} "))
    with _charge_point(f"ws://127.0.0.1:{port}/CP_1", folder / "charge_point.jsonl"):
        command: list[str | Path] = [_SCRIPTS / "evrds-receiver", "run", config, "--source", signal]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
    (folder / "receiver.jsonl").write_text(run.stdout)
    return _lines(run.stdout), _lines((folder / "charge_point.jsonl").read_text())


@contextmanager
def _charge_point(address: str, log: Path) -> Iterator[None]:
    """A charge point as long as the block runs."""
    log.touch()
    process = subprocess.Popen([sys.executable, _CHARGE_POINT, address, "--log", log])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _lines(text: str) -> list[Json]:
    return [json.loads(line) for line in text.splitlines()]


def _tell(records: Sequence[Json], accepted: Sequence[Json]) -> list[tuple[float, float]]:
    """Says what happened, in order; the limits that the charge point accepted, with the stream's seconds."""
    changes = iter(accepted)
    limits = [(0.0, 32.0)]
    for record in records:
        second = record["seconds"]
        message = record.get("message")
        # Heartbeats and what attack and broadcast left mixed up would only fill the screen; receiver.jsonl has them.
        if message is not None and message["name"] != "heartbeat" and not _is_mixed_up(record):
            asks = f" to {message['asks']}" if message["name"] == "curtail" else ""
            _say(f"  {second:6.1f} s  {message['name']}{asks} for {message['region']}: {_verdict(record)}")
        if record["type"] == "limit" and second > 0:
            limit_a = (next(changes)["limit_a"] if record["restricted"] else None) or 32.0
            limits += [(second, limit_a)]
            _say(f"  {second:6.1f} s  charge point accepted {limit_a:g} A: {record['reason']}")
    return [*limits, (max(second for second, _ in limits) + 20, limits[-1][1])]


def _is_mixed_up(record: Json) -> bool:
    """Whether symbols of both transmitters made it: no more can be said of it than that nobody has signed it."""
    is_attack = record["message"]["region"] == _ATTACKED
    return record["verdict"] == "unknown key" or (record["verdict"] == "bad signature" and not is_attack)


def _verdict(record: Json) -> str:
    match record["verdict"]:
        case "accepted":
            return "accepted"
        case "other region":
            return "passes by, it is for other chargers"
        case refusal:
            return f"REFUSED, {refusal}: {record['why']}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
