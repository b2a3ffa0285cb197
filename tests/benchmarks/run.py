"""Nothing in, one table and one picture out: how weak, how bent, how fast and large, and what noise is taken for.

    make bench                  # all of it, some minutes
    make bench FULL=--full      # more signal, closer points, more trials
    make bench ONLY=speed       # a part of it, without the picture

All signals are seeded. Speeds are seconds of signal for a second of processor time on one core, medians of five runs.
"""

import argparse
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from threadpoolctl import threadpool_limits

from tests.benchmarks import (
    decoder_speed,
    encoder_speed,
    erasure_code,
    footprint,
    noise,
    robustness,
    sensitivity,
    urgent,
)
from tests.benchmarks.picture import Speed, draw
from tests.benchmarks.row import HEAD, Row

_GOALS: Final = {
    "171k.wav": (250, 120),
    "250k.cu8": (180, 90),
    "1.024M.cu8": (110, 70),
    "2.4M.cu8": (60, 45),
    "8 stations": (20, 20),
}
"""Times real time, by a word of what is decoded: of a good signal, and at the 90 % point."""
_REDSEA_SPEED: Final = {"171k.wav": "94"}


@dataclass(slots=True)
class Bench:
    """The parts in their order; some leave what the picture shows."""

    full: bool
    curves: list[sensitivity.Curve] = field(default_factory=list)
    trials: list[urgent.Trials] = field(default_factory=list)
    speeds: list[Speed] = field(default_factory=list)

    def sensitivity(self) -> Iterable[Row]:
        """How weak."""
        self.curves = sensitivity.measure(full=self.full)
        return sensitivity.rows(self.curves)

    def urgent(self) -> Iterable[Row]:
        """How weak, where all that is known is used."""
        self.trials = urgent.measure(full=self.full)
        return urgent.rows(self.trials)

    def robustness(self) -> Iterable[Row]:
        """How bent."""
        return robustness.rows(full=self.full)

    def noise(self) -> Iterable[Row]:
        """What is taken for groups."""
        return noise.rows(full=self.full)

    def speed(self) -> Iterable[Row]:
        """How fast the receiver is."""
        self.speeds = [(name.removeprefix("decode "), speed, _goal(name)) for name, speed in decoder_speed.measure()]
        for name, speed, goal in self.speeds:
            redsea = next((known for word, known in _REDSEA_SPEED.items() if word in name), "")
            yield Row(f"decode {name}, x real time", f"{speed:.0f}", redsea, goal=f"≥ {goal}" if goal else "")

    def footprint(self) -> Iterable[Row]:
        """How soon, how late and how large the receiver is."""
        return footprint.rows()

    def encoder(self) -> Iterable[Row]:
        """How fast the encoder is; C programs synthesise 98 to 114 s of multiplex a second."""
        for name, speed in encoder_speed.measure():
            yield Row(f"encode {name}, x real time", f"{speed:.0f}")
        for name, rate in erasure_code.measure():
            yield Row(f"{name}, a second", f"{rate:.0f}")


PARTS: Final[dict[str, Callable[[Bench], Iterable[Row]]]] = {
    "sensitivity": Bench.sensitivity,
    "urgent": Bench.urgent,
    "robustness": Bench.robustness,
    "noise": Bench.noise,
    "speed": Bench.speed,
    "footprint": Bench.footprint,
    "encoder": Bench.encoder,
}


def _goal(name: str) -> str:
    weak = "90 %" in name
    return next((str(goals[weak]) for word, goals in _GOALS.items() if word in name), "")


def machine() -> str:
    """The processor and the Python that ran this."""
    path = Path("/proc/cpuinfo")
    facts = path.read_text().splitlines() if path.exists() else []
    model = next((line.split(":")[1].strip() for line in facts if line.startswith("model name")), platform.machine())
    return f"{model}, Python {platform.python_version()}"


def main() -> None:
    """Prints the table as it grows and draws the picture; on one core, as the receiver's command runs."""
    parser = argparse.ArgumentParser(description="How weak, how bent and how fast, in one table and one picture.")
    parser.add_argument("--full", action="store_true", help="more signal, closer points, more trials")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="some parts of it")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw it; needs sensitivity, urgent and speed")
    arguments = parser.parse_args()
    if arguments.plot is not None and not {"sensitivity", "urgent", "speed"} <= set(arguments.only):
        parser.error("--plot needs the parts sensitivity, urgent and speed")
    bench = Bench(arguments.full)
    sys.stdout.write(f"{machine()}, {'full' if arguments.full else 'quick'}\n\n{HEAD}")
    with threadpool_limits(limits=1, user_api="blas"):
        for name in arguments.only:
            for row in PARTS[name](bench):
                sys.stdout.write(f"{row}\n")
                sys.stdout.flush()
    if arguments.plot is not None:
        draw(arguments.plot, bench.curves, bench.trials, bench.speeds)


if __name__ == "__main__":
    main()
