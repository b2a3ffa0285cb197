"""The arguments of `evrds-receiver fleet` in; the study they ask for, and the lines and files of its report out."""

import argparse
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from rds.oda.codes import RELEASE_CODES
from receiver.clock import ms_of
from receiver.fleet.broadcast import WAYS, Circumstances, make_study
from receiver.fleet.options import fleet_model, parse_zone
from receiver.fleet.plot import draw_load
from receiver.fleet.study import Study, Trial, try_releases
from receiver.fleet.summary import summarise, summary_lines, summary_record, write_csv
from receiver.keyring import Keyring
from receiver.received_group import ReceivedGroup
from receiver.workers import Executor, Progress

_TRIALS: Final = len(RELEASE_CODES) - 1


class FleetCommand:
    """One call of `fleet`.

    Raises:
        UsageError: an option is out of range.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._zone = parse_zone(arguments.timezone)
        self._model = fleet_model(arguments, ways=WAYS if arguments.lost else 1)
        self._executor = Executor(arguments.jobs, arguments.executor)

    @property
    def chunks(self) -> int:
        """How much work the report is, for a bar."""
        return self._model.chunks * (1 + (_TRIALS if self._arguments.recommend_release else 0))

    def study(self, groups: Iterable[ReceivedGroup], keyring: Keyring, start: datetime | None) -> Study:
        """What is asked.

        Raises:
            InputError: the input is bad, or tells no time.
        """
        arguments = self._arguments
        circumstances = Circumstances(
            self._zone,
            arguments.day,
            arguments.lost,
            arguments.power_cut,
            arguments.signal_loss,
            None if arguments.profile is None else 1000 * arguments.profile,
        )
        start_ms = None if start is None else ms_of(start)
        return make_study(groups, keyring, self._model, circumstances, start_ms=start_ms)

    def report(self, study: Study, progress: Progress) -> Iterator[str]:
        """The lines of the report; picture and table are written on the way.

        Raises:
            UsageError: something is not installed, or cannot be written.
            DeviceAbsentError: no Dask scheduler or worker.
            DeviceLostError: it was lost.
        """
        model, arguments = self._model, self._arguments
        load = study.load(self._executor, progress)
        summary = summarise(model, study.scene, load)
        if arguments.plot is not None:
            name = Path(arguments.input).name
            title = f"{model.chargers} chargers, {'standard input' if name == '-' else name}"
            draw_load(arguments.plot, model, study.scene, load, summary, zone=self._zone, title=title)
        if arguments.csv is not None:
            write_csv(arguments.csv, model, study.scene, load)
        trials = list(try_releases(study, self._executor, progress)) if arguments.recommend_release else []
        if arguments.output == "json":
            yield json.dumps(summary_record(summary, model) | _trial_record(trials))
        else:
            yield from summary_lines(summary, model, self._zone)
            yield from _trial_lines(trials)


def _trial_record(trials: list[Trial]) -> dict[str, object]:
    if not trials:
        return {}
    tried = [
        {
            "release_min": trial.minutes,
            "rebound": trial.summary.rebound,
            "ramp_share": trial.summary.ramp_share,
            "delivered": trial.summary.delivered,
        }
        for trial in trials
    ]
    return {"trials": tried, "recommended_release_min": next((one.minutes for one in trials if one.is_enough), None)}


def _trial_lines(trials: list[Trial]) -> Iterator[str]:
    if not trials:
        return
    yield "release  rebound  steepest ramp  delivered"
    for trial in trials:
        one = trial.summary
        yield (
            f"{trial.minutes:3} min  {one.rebound:7.3f}  {100 * one.ramp_share:7.2f} %/min"
            f"  {100 * one.delivered:7.2f} %{'  enough' if trial.is_enough else ''}"
        )
    best = next((trial for trial in trials if trial.is_enough), None)
    yield (
        "recommended release: none of the protocol's windows is enough; send to fewer at a time"
        if best is None
        else f"recommended release: {best.minutes} min (code {best.code})"
    )
