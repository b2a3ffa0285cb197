"""The command on a recording to its memory, its time to the first line, and how late groups come out of the chain."""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import numpy as np

from encoder.app import write_signal
from encoder.levels import MpxLevels
from encoder.options import SignalOptions
from receiver.chain import IqChain
from tests.benchmarks.decoder_speed import random_groups
from tests.benchmarks.row import Row

_STARTS: Final = 5
_LOOK_EVERY_LINES: Final = 20
_PIECE_S: Final = 0.016
_CASES: Final = (("250k.cu8", 250_000, 340, 20), ("1.024M.cu8", 1_024_000, 115, 20), ("2.4M.cu8", 2_400_000, 57, 20))
"""File, rate, groups, and how often they are repeated for a long file: 10 min to 100 s."""


def rows() -> Iterator[Row]:
    """Start, memory and lateness at each rate."""
    with tempfile.TemporaryDirectory() as folder:
        for name, rate_hz, groups, times in _CASES:
            short, long = Path(folder) / name, Path(folder) / f"long_{name}"
            options = SignalOptions(rate_hz=rate_hz, levels=MpxLevels(rds_deviation_hz=3400), cn_db=40)
            write_signal(random_groups(groups), short, options=options)
            samples = short.read_bytes()
            with long.open("wb") as file:
                for _ in range(times):
                    file.write(samples)
            starts = [_first_line_s(short, rate_hz) for _ in range(_STARTS)]
            wall_s, cpu_s = (median(times_s) for times_s in zip(*starts, strict=True))
            yield Row(f"start to first line, {name}", f"{wall_s:.2f} s, {cpu_s:.2f} s of processor", goal="≤ 0.6 s")
            for path in (short, long):
                seconds = path.stat().st_size / 2 / rate_hz
                resident_mb = _most_resident_mb(path, rate_hz)
                yield Row(f"most resident memory, {seconds:.0f} s of {name}", f"{resident_mb:.0f} MB", goal="≤ 150 MB")
            delays_s = _delays_s(np.frombuffer(samples, np.uint8).reshape(-1, 2), rate_hz)
            lateness = f"{median(delays_s):.2f} s, worst {max(delays_s):.2f} s"
            yield Row(f"latency of a group, live, {name}", lateness, goal="≤ 0.3 s")
            long.unlink()


def _start(path: Path, rate_hz: int) -> "subprocess.Popen[bytes]":
    script = Path(sys.executable).with_name("evrds-receiver")
    command = [str(script), "decode", str(path), "--rate", str(rate_hz)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _first_line_s(path: Path, rate_hz: int) -> tuple[float, float]:
    """By a clock on the wall, which all else that the machine does slows, and of the processor."""
    began_s, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with _start(path, rate_hz) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        taken_s = perf_counter() - began_s
        process.kill()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _most_resident_mb(path: Path, rate_hz: int) -> float:
    """The kernel's own high-water mark, read while lines come: what it tells a parent includes the parent's."""
    most_kb = 0
    with _start(path, rate_hz) as process:
        assert process.stdout is not None
        for number, _ in enumerate(process.stdout):
            if number % _LOOK_EVERY_LINES == 0:
                status = Path(f"/proc/{process.pid}/status").read_text()
                most_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert process.returncode == 0
    return most_kb / 1000


def _delays_s(codes: np.ndarray[tuple[int, int], np.dtype[np.uint8]], rate_hz: int) -> list[float]:
    """By how much each group comes later than its last bit ended, once the first second has been heard."""
    chain, delays = IqChain(rate_hz, has_limits=True, codes=True), []
    piece = round(rate_hz * _PIECE_S)
    for start in range(0, len(codes) - piece, piece):
        now_s = (start + piece) / rate_hz
        groups = chain.feed(codes[start : start + piece])
        delays += [now_s - group.end_s for group in groups if None not in group.words and group.end_s > 1]
    return delays
