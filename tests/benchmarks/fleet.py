"""The design's fleet figures anew, beside its own: releases after a halt and a curtailment, a timer peak, the returns.

`python -m tests.benchmarks.fleet` prints them, the means of several seeds; `--million` times a million chargers;
`--plot docs/fleet.png` draws what the releases do.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rds.oda.codes import duration_code, release_code
from rds.oda.messages import UrgentMessage
from receiver.fleet.broadcast import Circumstances, make_study
from receiver.fleet.daytime import DayTime
from receiver.fleet.population import FleetModel
from receiver.fleet.simulate import Load, Scene
from receiver.fleet.study import Study
from receiver.fleet.summary import FleetSummary, summarise
from receiver.pictures import figure_type
from receiver.received_group import ReceivedGroup
from receiver.settings import CustomerOption
from receiver.whole_file import whole_file
from receiver.workers import Executor
from tests.receiver.broadcast import TS, Broadcast, curtail, halt, heartbeat, keyring
from tests.receiver.bulletins import bulletin, tell, tiers

EVENING = TS + 2 * 360
"""19:00 UTC."""
START_MS = EVENING * 10_000
NOON = TS - 5 * 360
NOON_MS = NOON * 10_000
SEEDS = range(1, 11)
RELEASES = (
    ("halt, no spreading", 0, 0, 1.52, 34.9),
    ("halt, 10 min", 0, 10, 1.51, 3.7),
    ("halt, 60 min", 0, 60, 1.30, 0.68),
    ("halt, 120 min", 0, 120, 0.96, 0.35),
    ("to Level 1, 60 min", 6, 60, 1.08, 0.49),
    ("to Level 1, 90 min", 6, 90, 0.89, 0.36),
)
TIMERS = ((10, 72.0), (60, 63.1), (120, 45.0), (240, 25.4))


def event(amperes: int, release_min: int, *, minutes: int = 60) -> Broadcast:
    """A heartbeat and an event from 19:00 on."""
    fields: dict[str, Any] = {
        "region": "FFFFF",
        "duration": duration_code(minutes),
        "release": release_code(release_min),
    }  # Any: codes and text
    message: UrgentMessage = curtail(amperes, ts=EVENING + 1, **fields) if amperes else halt(ts=EVENING + 1, **fields)
    return Broadcast().say(heartbeat(EVENING), message)


def timer(window_min: int) -> Broadcast:
    """Peak until midnight, off-peak from then on; told at noon."""
    record = tiers(region="FFFFF", start=48, stagger=release_code(window_min), tiers=(3,) * 12 + (1,) * 12)
    return tell(Broadcast().say(heartbeat(NOON)), bulletin(record, ts=NOON + 1))


def study_of(
    groups: Iterable[ReceivedGroup], model: FleetModel, *, start_ms: int, circumstances: Circumstances | None = None
) -> Study:
    """Without minimum window, as the design's model."""
    study = make_study(groups, keyring(), model, circumstances or Circumstances(), start_ms=start_ms)
    return replace(study, settings=replace(study.settings, release_minimum_s=0))


def figures(study: Study) -> tuple[FleetSummary, Load, Scene]:
    load = study.load(Executor())
    return summarise(study.model, study.scene, load), load, study.scene


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def releases() -> None:
    say("release                after/before   design   ramp MW/min (of seeds)   design   %/min   delivered")
    for name, amperes, release_min, rebound, ramp in RELEASES:
        groups = event(amperes, release_min).groups
        found = [figures(study_of(groups, FleetModel(seed=seed), start_ms=START_MS))[0] for seed in SEEDS]
        ramps = [one.total.ramp_mw_a_min for one in found]
        say(
            f"{name:22} {mean(one.rebound for one in found):12.3f} {rebound:8.2f}"
            f" {mean(ramps):8.2f} ({min(ramps):5.2f}..{max(ramps):5.2f}) {ramp:12.2f}"
            f" {100 * mean(one.ramp_share for one in found):7.2f} {100 * mean(one.delivered for one in found):9.2f} %"
        )


def timers() -> None:
    say("timer peak at midnight, window   peak MW   design")
    for window_min, wanted in TIMERS:
        groups = timer(window_min).groups
        models = [FleetModel(seed=seed, options={CustomerOption.LOW: 1.0}) for seed in SEEDS]
        found = [figures(study_of(groups, model, start_ms=NOON_MS))[0] for model in models]
        say(f"{window_min:26} min {mean(one.total.peak_after_mw for one in found):9.1f} {wanted:8.1f}")


def returns() -> None:
    """100 000 chargers get their power, or their signal, back together at 20:00."""
    evening = DayTime(19 * 60, 20 * 60)
    model = FleetModel(chargers=100_000)
    quiet = Broadcast().say(heartbeat(NOON)).groups
    for name, circumstances in (
        *(
            (f"power cut, {minutes} min to 20 h", Circumstances(power_cut=DayTime(20 * 60 - minutes, 20 * 60)))
            for minutes in (1, 5, 15, 30, 45, 60, 120)
        ),
        ("signal lost 19 to 20 h, local profile 6 A", Circumstances(signal_loss=evening, profile_ma=6000)),
        ("signal lost 19 to 20 h, local profile 0 A", Circumstances(signal_loss=evening, profile_ma=0)),
    ):
        one = figures(study_of(quiet, model, start_ms=NOON_MS, circumstances=circumstances))[0]
        say(
            f"{name}: rebound {one.rebound:.3f}, steepest ramp {100 * one.ramp_share:.2f} %/min of the connected rating"
        )


def windows() -> None:
    """The same 100 000 as after the power cut, by the window that their return is drawn from."""
    model = FleetModel(chargers=100_000)
    for window_min in (10, 30, 60, 120):
        one = figures(study_of(event(0, window_min).groups, model, start_ms=START_MS))[0]
        say(f"  all back over {window_min:3} min: rebound {one.rebound:.3f}, ramp {100 * one.ramp_share:.2f} %/min")


def draw(output: Path) -> None:
    """A halt from 19 to 20 h, and the load after it by release."""
    axes = (figure := figure_type()(figsize=(11, 5), layout="constrained")).subplots()
    hours = 12 + np.arange(24 * 60) / 60
    for release_min in (0, 10, 60, 120):
        load = figures(study_of(event(0, release_min).groups, FleetModel(), start_ms=START_MS))[1]
        axes.plot(hours, load.kw[0] / 1000, label=f"released over {release_min} min")
        if release_min == 0:
            axes.plot(hours, load.undisturbed_kw[0] / 1000, color="black", linestyle="--", label="undisturbed")
    axes.set(xlim=(14, 28), ylim=(0, None), xlabel="hours from midnight", ylabel="MW")
    axes.set_title("10 000 chargers of 7.2 kW, a halt from 19 to 20 h")
    axes.grid(alpha=0.3)
    axes.legend()
    with whole_file(output) as partial:
        figure.savefig(partial, dpi=120)


def million() -> None:
    groups = event(0, 120).groups
    began_s = time.process_time()
    figures(study_of(groups, FleetModel(chargers=1_000_000), start_ms=START_MS))
    used_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"1 000 000 chargers, a halt: {time.process_time() - began_s:.1f} s on one core, {used_mb:.0f} MB")
    groups = timer(120).groups
    began_s = time.process_time()
    low = FleetModel(chargers=1_000_000, options={CustomerOption.LOW: 1.0})
    figures(study_of(groups, low, start_ms=NOON_MS))
    used_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"1 000 000 chargers, tiers: {time.process_time() - began_s:.1f} s on one core, {used_mb:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--plot", type=Path, metavar="OUT.png")
    asked = parser.parse_args()
    if asked.million:
        million()
    else:
        releases()
        timers()
        returns()
        windows()
    if asked.plot is not None:
        draw(asked.plot)
