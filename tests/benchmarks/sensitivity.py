"""A sweep of noise and a list of impairments in, the share of complete groups out: a table and a plot.

    make sensitivity              # quick: 60 s of signal a point
    make sensitivity FULL=--full  # four times as much, closer points

Complete groups are counted after 2 s; "wrong" are words given out that are not what was sent. Seeded, so that two runs
differ only where the receiver does.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from rds.constants import GROUP_PERIOD_S
from receiver.chain import IqChain
from tests.benchmarks.impaired import (
    RATE_HZ,
    Broadcast,
    Iq,
    broadcast,
    clipped,
    noisy,
    rayleigh,
    second_ray,
    unbalanced,
)

_SETTLED_S: Final = 2.0
_GOOD: Final = 72.0
_REDSEA: Final = {3400: (64.7, 66.4), 2000: (69.4, 71.3)}
"""C/N0 at which the best open decoder, redsea 1.3, has 50 % and 90 % of the groups, dB-Hz (signal facts)."""
_LIMIT: Final = {3400: (62.4, 63.3), 2000: (66.8, 67.7)}
"""The same for perfect synchronisation and maximum likelihood at 1 % wrong words; 2 kHz by its 4.4 dB less."""


@dataclass(frozen=True, slots=True)
class Score:
    """What came of a signal."""

    complete: float
    """Of the groups counted, the share of which all four words are right."""
    wrong: float
    """Of the words given out, the share that is not what was sent."""
    first: int | None
    """The first complete group."""
    words: int


def score(
    one: Broadcast, iq: Iq, *, counts: Callable[[float, float], bool] | None = None, limits: bool = False
) -> Score:
    """Decodes and compares; `counts` says by its begin and end whether a group is counted."""
    chain = IqChain(one.rate_hz, has_limits=limits)
    heard = [group for start in range(0, len(iq), 1 << 16) for group in chain.feed(iq[start : start + (1 << 16)])]
    whole: set[int] = set()
    words = wrong = 0
    for group in heard + chain.flush():
        place = (group.sample_index / one.rate_hz - one.start_s(0)) * (1 + 1e-6 * one.clock_ppm) / GROUP_PERIOD_S
        number = round(place)
        sent = one.groups[number].words if 0 <= number < len(one.groups) and abs(place - number) < 0.25 else None
        given = [word for word in group.words if word is not None]
        right = 0 if sent is None else sum(word == true for word, true in zip(group.words, sent, strict=True))
        words, wrong = words + len(given), wrong + len(given) - right
        if right == len(group.words):
            whole.add(number)
    counted = [
        number
        for number in range(len(one.groups))
        if one.start_s(number) >= _SETTLED_S
        and (counts is None or counts(one.start_s(number), one.start_s(number + 1)))
    ]
    share = sum(number in whole for number in counted) / len(counted)
    return Score(share, wrong / max(1, words), min(whole, default=None), words)


def curve(rds_hz: int, points: list[float], seeds: range, groups: int) -> list[tuple[float, Score]]:
    """Scores over C/N0, the mean of some seeds a point."""
    results = []
    for cn0_db_hz in points:
        scores = []
        for seed in seeds:
            one = broadcast(groups, rds_hz=rds_hz, seed=seed)
            scores.append(score(one, noisy(one.iq, cn0_db_hz, seed=100 + seed)))
        words = sum(one.words for one in scores)
        wrong = sum(one.wrong * one.words for one in scores) / max(1, words)
        results.append((cn0_db_hz, Score(float(np.mean([one.complete for one in scores])), wrong, None, words)))
    return results


def crossing(results: list[tuple[float, Score]], share: float) -> float | None:
    """The C/N0 at which a curve first reaches a share, between points by a straight line."""
    for (low, before), (high, after) in pairwise(results):
        if before.complete < share <= after.complete:
            return low + (high - low) * (share - before.complete) / (after.complete - before.complete)
    return None


def impairments(groups: int) -> list[tuple[str, Score]]:
    """Every row of what bends real receivers."""
    one = broadcast(groups)
    times_s = one.seconds()

    def between_dropouts(begin_s: float, end_s: float) -> bool:
        return int(begin_s / 0.5) == int(end_s / 0.5) and begin_s % 0.5 >= 0.05

    def outside_silence(begin_s: float, end_s: float) -> bool:
        return end_s <= 10 or begin_s >= 10.5

    dropped = np.where(times_s % 0.5 < 0.05, np.complex64(0), one.iq)
    silenced = np.where((times_s >= 10) & (times_s < 10.5), np.complex64(0), one.iq)
    rows = [
        ("50 ms dropouts every 0.5 s, groups between them", score(one, noisy(dropped, _GOOD), counts=between_dropouts)),
        ("0.5 s of silence, groups outside of it", score(one, noisy(silenced, _GOOD), counts=outside_silence)),
    ]
    for seed in (1, 2, 3):
        faded = noisy(rayleigh(one, 5.0, seed=seed), _GOOD)
        rows.append((f"Rayleigh fading 5 Hz, seed {seed}", score(one, faded)))
    echoes = [
        score(one, noisy(second_ray(one, delay_s=10e-6, level_db=-3, phase=phase), _GOOD))
        for phase in np.arange(8) * np.pi / 4
    ]
    rows += [
        ("second ray −3 dB at 10 µs, mean of 8 phases", _mean(echoes)),
        ("the same, worst phase", min(echoes, key=lambda echo: echo.complete)),
        ("cu8 driven 12 dB into clipping", score(one, clipped(noisy(one.iq, _GOOD), 12.0), limits=True)),
        (
            "DC at half the carrier, I/Q 1 dB and 5 degrees off",
            score(one, unbalanced(noisy(one.iq, _GOOD), dc=0.5, gain_db=1.0, phase_deg=5.0)),
        ),
    ]
    for offset_hz in (20_000, -20_000):
        turned = (one.iq * np.exp(2j * np.pi * offset_hz * times_s)).astype(np.complex64)
        rows.append((f"carrier {offset_hz / 1000:+g} kHz off", score(one, noisy(turned, _GOOD))))
    for clock_ppm in (300, -300):
        for pilot in (True, False):
            slow = broadcast(groups, clock_ppm=clock_ppm, pilot=pilot)
            name = f"sample clock {clock_ppm:+d} ppm{'' if pilot else ', no pilot'}"
            rows.append((name, score(slow, noisy(slow.iq, _GOOD))))
    return [*rows, _neighbour(groups // 2)]


def _neighbour(groups: int) -> tuple[str, Score]:
    rate_hz = 1_024_000
    one, other = broadcast(groups, rate_hz=rate_hz), broadcast(groups, rate_hz=rate_hz, seed=9)
    beside = other.iq * np.exp(2j * np.pi * 200_000 * one.seconds())
    loud = (one.iq + 10 ** (30 / 20) * beside).astype(np.complex64)
    return "neighbour +30 dB at 200 kHz", score(one, noisy(loud, _GOOD, rate_hz=rate_hz))


def _mean(scores: list[Score]) -> Score:
    return Score(
        float(np.mean([one.complete for one in scores])),
        float(np.mean([one.wrong for one in scores])),
        None,
        sum(one.words for one in scores),
    )


def _draw(output: Path, curves: dict[int, list[tuple[float, Score]]]) -> None:
    """Complete groups over C/N0, with what redsea needs and what perfect synchronisation would."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for rds_hz, results in curves.items():
        (line,) = axes.plot(
            [point for point, _ in results],
            [100 * one.complete for _, one in results],
            marker=".",
            label=f"evrds, RDS {rds_hz / 1000:g} kHz",
        )
        for marker, name, known in (("x", "redsea 1.3", _REDSEA), ("+", "limit at 1 % wrong", _LIMIT)):
            label = f"{name}, {rds_hz / 1000:g} kHz"
            axes.plot(known[rds_hz], (50, 90), marker, color=line.get_color(), markersize=9, label=label)
    axes.set(xlabel="C/N0, dB-Hz", ylabel="complete groups, %", ylim=(0, 102))
    axes.set_title("random payloads, stereo music, IQ at 240 kS/s")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(output, dpi=110)


def main() -> None:
    """Prints the tables and draws the plot."""
    parser = argparse.ArgumentParser(description="How weak and how bent a signal the receiver still decodes.")
    parser.add_argument("--full", action="store_true", help="four times as much signal, closer points")
    parser.add_argument("--plot", type=Path, help="draw the curves to this PNG")
    arguments = parser.parse_args()
    seeds, step = (range(1, 5), 0.2) if arguments.full else (range(1, 2), 0.5)
    out = sys.stdout
    curves = {}
    out.write(f"IQ at {RATE_HZ // 1000} kS/s, {60 * len(seeds)} s a point\n\n")
    out.write("| RDS | C/N0 for 50 % / 90 % | redsea 1.3 | limit at 1 % wrong | most wrong at a point |\n")
    out.write("|---|---|---|---|---|\n")
    for rds_hz, first, last in ((3400, 61.0, 66.0), (2000, 65.5, 70.5)):
        curves[rds_hz] = results = curve(rds_hz, list(np.arange(first, last + 0.01, step)), seeds, 680)
        half, most = (crossing(results, share) or float("nan") for share in (0.5, 0.9))
        worst = max(one.wrong for _, one in results)
        known = " | ".join("{:.1f} / {:.1f}".format(*table[rds_hz]) for table in (_REDSEA, _LIMIT))
        out.write(f"| {rds_hz / 1000:g} kHz | {half:.1f} / {most:.1f} dB-Hz | {known} | {100 * worst:.1f} % |\n")
        out.flush()
    out.write("\n| at 72 dB-Hz, 3.4 kHz | complete | wrong |\n|---|---|---|\n")
    for name, one in impairments(340):
        out.write(f"| {name} | {100 * one.complete:.1f} % | {100 * one.wrong:.2f} % |\n")
        out.flush()
    if arguments.plot is not None:
        _draw(arguments.plot, curves)


if __name__ == "__main__":
    main()
