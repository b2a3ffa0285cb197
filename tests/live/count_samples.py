"""Seconds, and a pause after the first piece, in; out: samples missing by their own count, and by the stream's gaps.

The samples are those of `sticks.counting`, whose resolution is 64; the two numbers are samples.
"""

import sys
import time

import numpy as np

from receiver.sources import open_input
from receiver.sources.stream import Gap, LiveStream, SourceOptions


def main() -> None:
    """Prints both."""
    seconds, pause_s, name = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    stream = open_input(name, SourceOptions(frequency_hz=98_100_000, gain_db=20))
    assert isinstance(stream, LiveStream)
    true = found = done = 0
    last: int | None = None
    for piece in stream.pieces:
        done += piece.samples if isinstance(piece, Gap) else len(piece)
        if isinstance(piece, Gap):
            found += piece.samples
            continue
        numbers = piece.copy().view("<u2").reshape(-1).astype(np.int64)
        if last is None:
            sys.stdout.write("started\n")
            sys.stdout.flush()
            time.sleep(pause_s)
        steps = np.diff(numbers, prepend=numbers[0] if last is None else last) % 65536
        true += 64 * int(steps[steps > 1].sum())
        last = int(numbers[-1])
        if done > seconds * stream.rate_hz:
            break
    sys.stdout.write(f"{true} {found}\n")


if __name__ == "__main__":
    main()
