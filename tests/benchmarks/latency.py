"""Rates and losses in, out: how long an order takes to a charger, and a newcomer to know what it needs. Table and plot.

    make latency                  # quick: 200 trials, 160 s of CPU on all cores
    make latency FULL=--full      # 1000, and bursts of application groups

What is measured, and on what, stands in `on_air`. Orders come at random moments of the carousel's cycle and of the
minute; seeded, so that two runs differ only where the code does.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from tests.benchmarks.on_air import (
    RUNS_A_CYCLE,
    Broadcast,
    Loss,
    Ordered,
    Receiver,
    certificate_learned,
    curtailed,
    heartbeat_heard,
    schedule_learned,
    seconds_to,
    tier_learned,
)

RATES: Final = (1, 2, 4)
LOSSES: Final = (Loss(0.0), Loss(0.1), Loss(0.1, 4), Loss(0.3), Loss(0.3, 4))
HARSHER: Final = (Loss(0.1, 4, application_only=True), Loss(0.3, 4, application_only=True))
URGENT: Final = "curtail, trusted clock"
ORDERED: Final = (URGENT, "curtail, warm", "curtail, cold", "tier now", "new schedule")
NEWCOMER: Final = ("heartbeat", "certificate", "schedule")
ASKED: Final = (2, Loss(0.1), 11.3, 12.9)
"""Groups a second, loss, and at most these seconds for the urgent envelope: median and 95th percentile."""
_JOINS: Final = 10
"""Newcomers to one broadcast."""
_SHARE: Final = 5
"""All but the urgent envelope to a trusted clock has a fifth of the trials."""

Line = tuple[int, Loss, str]
"""Application groups a second, loss, and what is waited for."""
Samples = dict[Line, list[float]]


def ordered(rate: int, trial: int, *, losses: Sequence[Loss], names: Sequence[str] = ORDERED) -> Samples:
    """Seconds from an order to what it is for, one trial a line."""
    found: Samples = {}
    ways = {
        URGENT: (Ordered.CURTAIL, curtailed, Receiver.CLOCK),
        "curtail, warm": (Ordered.CURTAIL, curtailed, Receiver.WARM),
        "curtail, cold": (Ordered.CURTAIL, curtailed, Receiver.COLD),
        "tier now": (Ordered.TIER, tier_learned, Receiver.CLOCK),
        "new schedule": (Ordered.SCHEDULE, schedule_learned, Receiver.CLOCK),
    }
    broadcasts: dict[Ordered, Broadcast] = {}
    for name in names:
        what, goal, receiver = ways[name]
        if what not in broadcasts:
            broadcasts[what] = Broadcast(rate, what, seed=f"{what.value}, {rate} groups/s, {trial}")
        for loss in losses:
            found[rate, loss, name] = seconds_to([goal], broadcasts[what], receiver, loss, seed=f"{what}, {trial}")
    return found


def newcomers(rate: int, number: int, *, losses: Sequence[Loss]) -> Samples:
    """Seconds from a random moment until receivers know what they had not heard before, ten trials a line."""
    found: Samples = {(rate, loss, name): [] for loss, name in product(losses, NEWCOMER)}
    broadcast = Broadcast(rate, Ordered.NOTHING, seed=f"nothing, {rate} groups/s, {number}")
    draw = Random(f"moments, {rate} groups/s, {number}")
    for join, loss in product(range(_JOINS), losses):
        seed = f"newcomer, {number}, {join}"
        from_s = broadcast.order_s + RUNS_A_CYCLE * broadcast.run_s * draw.random()
        goals = (heartbeat_heard, certificate_learned, schedule_learned)
        seconds = seconds_to(goals, broadcast, Receiver.COLD, loss, seed=seed, from_s=from_s)
        for name, one in zip(NEWCOMER, seconds, strict=True):
            found[rate, loss, name].append(one)
    return found


def quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return median(seconds), sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]


def _measure_one(job: tuple[bool, int, int, Sequence[str], Sequence[Loss]]) -> Samples:
    is_order, rate, number, names, losses = job
    return ordered(rate, number, losses=losses, names=names) if is_order else newcomers(rate, number, losses=losses)


def measure(trials: int, losses: Sequence[Loss]) -> Samples:
    """All lines on all cores: the urgent envelope `trials` times, the rest a fifth of that."""
    fewer = math.ceil(trials / _SHARE)
    jobs: list[tuple[bool, int, int, Sequence[str], Sequence[Loss]]] = [
        (True, rate, trial, ORDERED if trial < fewer else (URGENT,), losses)
        for trial, rate in product(range(trials), RATES)
    ]
    jobs += [(False, rate, number, NEWCOMER, losses) for number in range(math.ceil(fewer / _JOINS)) for rate in RATES]
    found: Samples = {}
    with ProcessPoolExecutor() as pool:
        for part in pool.map(_measure_one, jobs):
            for line, seconds in part.items():
                found.setdefault(line, []).extend(seconds)
    return found


def table(found: Samples, losses: Sequence[Loss], names: Sequence[str]) -> Iterator[str]:
    """Lines of Markdown: median / 95th percentile, s."""
    yield "| groups/s | lost | " + " | ".join(names) + " |"
    yield "|---" * (2 + len(names)) + "|"
    for rate, loss in product(RATES, losses):
        cells = ["{:.1f} / {:.1f}".format(*quantiles(found[rate, loss, name])) for name in names]
        yield f"| {rate} | {loss} | " + " | ".join(cells) + " |"


def _draw(output: Path, found: Samples) -> None:
    """Who has acted by when, of those that heard an urgent envelope."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    styles = {Loss(0.0): ":", Loss(0.1): "-", Loss(0.3): "--"}
    for (number, rate), (loss, style) in product(enumerate(RATES), styles.items()):
        seconds = sorted(found[rate, loss, URGENT])
        shares = [100 * (index + 1) / len(seconds) for index in range(len(seconds))]
        axes.step(seconds, shares, style, where="post", color=f"C{number}", label=f"{rate} groups/s, {loss} lost")
    rate, loss, *bounds = ASKED
    asked = f"asked: {rate} groups/s, {loss} lost"
    axes.plot(bounds, (50, 95), "x", color=f"C{RATES.index(rate)}", markersize=9, label=asked)
    axes.set(xlabel="seconds from the order to the driver's call", ylabel="receivers that have acted, %")
    axes.set(xlim=(0, 60), ylim=(0, 102))
    axes.set_title("an urgent envelope; losses independent, clock trusted")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="lower right")
    figure.savefig(output, dpi=110)


def main() -> int:
    """Prints the tables and draws the plot; 1 if the urgent envelope is slower than asked."""
    parser = argparse.ArgumentParser(description="How long an order takes, and a newcomer.")
    parser.add_argument(
        "--full", action="store_true", help="five times as many trials, and bursts of application groups"
    )
    parser.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="of the first column (default 200, with --full 1000); the rest has a fifth",
    )
    parser.add_argument("--plot", type=Path, help="draw the urgent envelope's curves to this PNG")
    arguments = parser.parse_args()
    trials = arguments.trials or (1000 if arguments.full else 200)
    losses = LOSSES + HARSHER if arguments.full else LOSSES
    found = measure(trials, losses)
    fewer = math.ceil(trials / _SHARE)
    lines = [
        f"Seconds, median / 95th percentile; {trials} trials of the first column, {fewer} of all others.",
        "",
        "From the order:",
        "",
    ]
    lines += [*table(found, losses, ORDERED), "", "From the moment at which a newcomer begins to listen:", ""]
    lines += table(found, losses, NEWCOMER)
    rate, loss, *asked = ASKED
    seconds = quantiles(found[rate, loss, URGENT])
    is_met = all(one <= bound for one, bound in zip(seconds, asked, strict=True))
    lines += ["", "{} groups/s, {} lost: {:.2f} / {:.2f} s, asked {} / {}".format(rate, loss, *seconds, *asked)]
    sys.stdout.write("\n".join([*lines, ""]))
    if arguments.plot is not None:
        _draw(arguments.plot, found)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
