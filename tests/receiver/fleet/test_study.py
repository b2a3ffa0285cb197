"""A study's sums: the same whoever works, figures worked by hand, and what circumstances do to them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from rds.errors import DeviceAbsentError, InputError
from rds.oda.draw import draw
from receiver.fleet.broadcast import WAYS, Circumstances, make_study
from receiver.fleet.daytime import DayTime
from receiver.fleet.population import FleetModel, Floats, Normal, draw_population
from receiver.fleet.simulate import Load, Scene
from receiver.fleet.study import Study, try_releases
from receiver.fleet.summary import FleetSummary, Summary, summarise
from receiver.settings import CustomerOption
from receiver.workers import Executor
from tests.receiver.broadcast import T0_MS, TS, Broadcast, halt, heartbeat, keyring

HALT = Broadcast().say(heartbeat(TS), halt(ts=TS + 1, region="FFFFF", release=1)).groups
"""From 17:00:10 for an hour, back at once."""
SMALL = FleetModel(chargers=700, chunk=300, regions={"12345": 0.5, "13000": 0.5}, hearing=0.9, opt_out=0.1)


def study(model: FleetModel = SMALL, **circumstances: Any) -> Study:  # Any: fields of many types
    return make_study(HALT, keyring(), model, Circumstances(**circumstances), start_ms=T0_MS)


def figures(one: Study) -> FleetSummary:
    return summarise(one.model, one.scene, one.load(Executor()))


def assert_same(one: Load, other: Load) -> None:
    assert np.array_equal(one.kw, other.kw)
    assert np.array_equal(one.undisturbed_kw, other.undisturbed_kw)
    assert replace(one, kw=other.kw, undisturbed_kw=other.undisturbed_kw) == other


def test_the_result_is_the_same_whatever_the_jobs() -> None:
    asked = study()
    assert asked.model.chunks == 3
    done: list[int] = []
    alone = asked.load(Executor(1), done.append)
    assert done == [1, 1, 1]
    assert_same(alone, asked.load(Executor(2)))
    assert not np.array_equal(alone.kw, study(replace(SMALL, seed=2)).load(Executor()).kw)


@pytest.fixture
def scheduler() -> Iterator[str]:
    """A Dask scheduler and a worker process of this machine, over TCP."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, worker_dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address.removeprefix("tcp://")


@pytest.mark.filterwarnings("default")  # of distributed itself, on its way out
def test_a_dask_cluster_gives_the_same_result(scheduler: str) -> None:
    asked = study()
    cluster = Executor(address=scheduler)
    assert_same(asked.load(cluster), asked.load(Executor()))
    assert sorted(cluster.results(pow, (2,), range(5), in_order=False)) == [1, 2, 4, 8, 16]


@pytest.mark.filterwarnings("default")
def test_no_dask_scheduler_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("receiver.workers.DASK_WAIT_S", 0.5)
    with pytest.raises(DeviceAbsentError, match=r"^no Dask scheduler at 127.0.0.1:9 \(\w+\); start one"):
        study().load(Executor(address="127.0.0.1:9"))


def test_one_car_worked_by_hand() -> None:
    # Plugged in at 16:30 with 7.2 kWh to go: half of it by 17:00, the halt holds from 17:01 to 18:01, then the rest.
    model = FleetModel(chargers=1, arrivals=Normal(16 * 60 + 30, timedelta()), energy_median_kwh=7.2, energy_sigma=0.0)
    asked = study(model)
    asked = replace(asked, settings=replace(asked.settings, release_minimum_s=0))
    load = asked.load(Executor())
    drawn_kw = load.kw[0]
    minutes = np.flatnonzero(drawn_kw) - (T0_MS - asked.scene.begin_ms) // 60_000
    assert minutes.tolist() == [*range(-30, 1), *range(61, 90)]
    assert drawn_kw[drawn_kw > 0] == pytest.approx(7.2)
    assert (load.needed_kwh, load.delivered_kwh) == pytest.approx((7.2, 7.2))
    summary = summarise(model, asked.scene, load)
    assert (summary.rebound, summary.total.ramp_mw_a_min) == pytest.approx((1.0, 0.0072))


def test_a_car_that_leaves_too_early_misses_what_it_did_not_get() -> None:
    model = FleetModel(
        chargers=1,
        arrivals=Normal(16 * 60 + 30, timedelta()),
        departures=Normal(17 * 60 + 30, timedelta()),
        energy_median_kwh=7.2,
        energy_sigma=0.0,
    )
    found = figures(study(model))
    assert found.missed_mwh == pytest.approx(0.0072 * 29 / 60)
    assert found.undisturbed_missed_mwh == pytest.approx(0.0)
    assert found.short == 1


def test_who_does_not_hear_or_opts_out_goes_on() -> None:
    # The one minute of the halt's middle: as many charge as hear nothing or opted out.
    none, some = study(replace(SMALL, hearing=1.0, opt_out=0.0)), study()
    middle = (T0_MS - none.scene.begin_ms) // 60_000 + 30
    assert none.load(Executor()).kw[:, middle].sum() == 0
    load = some.load(Executor())
    assert 0.1 < load.kw[:, middle].sum() / load.undisturbed_kw[:, middle].sum() < 0.3


def test_a_region_that_is_not_meant_goes_on() -> None:
    groups = Broadcast().say(heartbeat(TS), halt(ts=TS + 1, region="12FFF", release=1)).groups
    model = replace(SMALL, hearing=1.0, opt_out=0.0)
    one = make_study(groups, keyring(), model, Circumstances(), start_ms=T0_MS)
    load = one.load(Executor())
    assert np.array_equal(load.kw[1], load.undisturbed_kw[1])
    assert not np.array_equal(load.kw[0], load.undisturbed_kw[0])


def test_with_groups_lost_some_hear_late_or_never() -> None:
    one = study(replace(SMALL, ways=WAYS, hearing=1.0, opt_out=0.0), lost=0.35)
    held = {len(timeline[-1].holdings.events) if timeline else 0 for timeline in one.timelines.values()}
    assert held == {0, 1}


def after_a_cut(minutes: int) -> tuple[Floats, Summary]:
    """The load of 3000 chargers from 19:00 on, MW, where the power is off then, and what it sums up to."""
    model = FleetModel(chargers=3000)
    cut = Circumstances(power_cut=DayTime(19 * 60, 19 * 60 + minutes))
    one = make_study([], keyring(), model, cut, start_ms=T0_MS)
    load = one.load(Executor())
    mw = load.kw[0, 7 * 60 :] / 1000
    assert mw[:minutes].sum() == 0
    return mw, summarise(model, one.scene, load).total


def test_after_a_short_power_cut_all_return_within_ten_minutes_none_at_once() -> None:
    mw, total = after_a_cut(5)
    assert 0.03 < total.ramp_share < 0.1
    assert mw[15] > 0.98 * mw[15:].max()


def test_after_a_long_power_cut_neither_rebound_nor_ramp_is_noticed() -> None:
    mw, total = after_a_cut(60)
    assert mw[60 + 15] < 0.3 * mw.max()
    assert total.rebound < 1.0
    assert total.ramp_share < 0.01


def test_the_shortest_release_that_is_enough_is_found() -> None:
    model = FleetModel(chargers=4000)
    evening = TS + 720
    groups = Broadcast().say(heartbeat(evening), halt(ts=evening + 1, region="FFFFF", release=1)).groups
    one = make_study(groups, keyring(), model, Circumstances(), start_ms=evening * 10_000)
    trials = list(try_releases(one, Executor()))
    assert [trial.minutes for trial in trials] == [0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240]
    assert trials[0].summary.ramp_share > 0.2
    assert next(trial.minutes for trial in trials if trial.is_enough) in (90, 120)


def test_the_same_seed_draws_the_same_fleet_and_draws_are_the_protocols() -> None:
    model = FleetModel(chargers=50, options=dict.fromkeys(CustomerOption, 0.25))
    one, other = draw_population(model, 0), draw_population(model, 0)
    assert one.device_ids == other.device_ids
    assert np.array_equal(one.needed_kwh, other.needed_kwh)
    assert one.drawn("R", key=1, ts=TS).tolist() == [draw("R", device, key=1, ts=TS) for device in one.device_ids]


def test_without_any_time_there_is_no_day() -> None:
    with pytest.raises(InputError, match="nothing in the input verifies"):
        make_study([], keyring(), SMALL, Circumstances(), start_ms=None)


def test_a_scene_is_a_day_from_noon() -> None:
    scene: Scene = study().scene
    assert (scene.begin_ms - scene.midnight_ms, scene.minutes) == (12 * 3_600_000, 1440)
