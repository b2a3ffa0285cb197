"""How fast the receiver is, from file to groups: seconds of signal for one second of processor time."""

import tempfile
from pathlib import Path
from statistics import median
from time import process_time
from typing import Final

import numpy as np

from encoder.app import write_signal
from encoder.impairments import NOISE_BANDWIDTH_HZ
from encoder.levels import MpxLevels
from encoder.options import FULL_SCALE_HZ, SignalOptions
from rds.group import Group
from rds.wav_header import parse_wav_header
from receiver.listening import Listening
from receiver.sources.stream import SourceOptions

_RUNS: Final = 5
_GOOD_DB: Final = 40.0
_WEAK_DB: Final = 10.7
"""63.7 dB-Hz in 200 kHz, where at 3.4 kHz of deviation nine groups in ten are complete."""
_CASES: Final = (
    ("171k.wav", 171_000, 340),
    ("250k.cu8", 250_000, 340),
    ("1.024M.cu8", 1_024_000, 230),
    ("2.4M.cu8", 2_400_000, 115),
)
"""File, rate and groups: 30 s to 10 s of signal."""
_BANK_RATE_HZ: Final = 2_400_000
_BANK_HZ: Final = tuple(range(-1_050_000, 1_050_001, 300_000))
_BANK_GROUPS: Final = 115


def measure() -> list[tuple[str, float]]:
    """What was decoded, and seconds of it for one second of processor time: the median of five runs."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name, rate_hz, count in _CASES:
            is_iq = name.endswith("cu8")
            for quality, cn_db in (("good", _GOOD_DB), ("at the 90 % point", _WEAK_DB)):
                path = Path(folder) / name
                options = SignalOptions(
                    rate_hz=rate_hz, levels=MpxLevels(rds_deviation_hz=3400), cn_db=cn_db if is_iq else None
                )
                write_signal(random_groups(count), path, options=options)
                if not is_iq and cn_db == _WEAK_DB:
                    _add_noise(path, rate_hz, cn_db)
                results.append((f"decode {name}, {quality}", median(_decode(path, rate_hz) for _ in range(_RUNS))))
        return results + _measure_stations(Path(folder))


def _measure_stations(folder: Path) -> list[tuple[str, float]]:
    """All stations of one stream, and what one more of them costs, as the speed of a receiver that does only that."""
    path = _write_stations(folder)
    all_of_them = median(_decode(path, _BANK_RATE_HZ, offsets_hz=_BANK_HZ) for _ in range(_RUNS))
    one = median(_decode(path, _BANK_RATE_HZ, offsets_hz=_BANK_HZ[:1]) for _ in range(_RUNS))
    further = (len(_BANK_HZ) - 1) / (1 / all_of_them - 1 / one)
    return [
        (f"decode {len(_BANK_HZ)} stations of one 2.4 MS/s stream, good", all_of_them),
        ("decode one further station of that stream, good", further),
    ]


def _write_stations(folder: Path) -> Path:
    """A stick's recording of eight stations, all together 6 dB below full scale."""
    mixed = np.zeros(0, np.complex64)
    for seed, offset_hz in enumerate(_BANK_HZ):
        one = folder / "one.cf32"
        options = SignalOptions(rate_hz=_BANK_RATE_HZ, offset_hz=offset_hz, levels=MpxLevels(rds_deviation_hz=3400))
        write_signal(random_groups(_BANK_GROUPS, seed=seed), one, options=options)
        iq = np.fromfile(one, np.complex64)
        mixed = iq if seed == 0 else mixed + iq
    noise = np.random.default_rng(1).standard_normal(2 * len(mixed), np.float32)
    parts = mixed.view(np.float32) / np.float32(2 * np.max(np.abs(mixed))) + noise / 256
    path = folder / "stations.cu8"
    path.write_bytes(np.clip(np.round(parts * 127.5 + 127.5), 0, 255).astype(np.uint8).tobytes())
    return path


def random_groups(count: int, *, seed: int = 1) -> list[Group]:
    """Groups of one station with random content."""
    words = np.random.default_rng(seed).integers(0, 1 << 16, (count, 3))
    return [Group((0x1234, int(two) & 0xF7FF, int(three), int(four))) for two, three, four in words]


def _add_noise(path: Path, rate_hz: int, cn_db: float) -> None:
    """Adds to a WAV's multiplex what a discriminator gives at this carrier-to-noise ratio: steps of a noisy phase."""
    octets = path.read_bytes()
    header = parse_wav_header(octets)
    assert header is not None
    mpx = np.frombuffer(octets, "<i2", offset=header.data_start)
    # White noise of density N0 beside a carrier of power C turns its phase with the two-sided density N0 / 2C.
    spread = np.sqrt(rate_hz / NOISE_BANDWIDTH_HZ / 10 ** (cn_db / 10) / 2)
    phase = spread * np.random.default_rng(1).standard_normal(len(mpx) + 1)
    noise_hz = np.diff(phase) * rate_hz / (2 * np.pi)
    noisy = np.rint(mpx + noise_hz * (1 << 15) / FULL_SCALE_HZ)
    path.write_bytes(octets[: header.data_start] + np.clip(noisy, 1 - (1 << 15), (1 << 15) - 1).astype("<i2").tobytes())


def _decode(path: Path, rate_hz: int, *, offsets_hz: tuple[float, ...] = ()) -> float:
    began_s = process_time()
    listening = Listening(str(path), SourceOptions(rate_hz=rate_hz), offsets_hz=offsets_hz)
    heard = [sum(map(len, lists)) for lists in zip(*listening.groups_by_station(), strict=True)]
    assert min(heard) > 0
    return listening.seconds_done / (process_time() - began_s)
