"""A fleet against the receiver itself: the same broadcast, the same devices, minute by minute the same limits."""

from collections.abc import Sequence
from datetime import UTC
from typing import Final

import numpy as np
import pytest

from rds.oda.codes import Dispatch, Severity
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.tier_now import TierNow
from rds.oda.region import EVERYONE, Region
from receiver.charger_control import ChargerSetup
from receiver.controller import Controller
from receiver.fleet.broadcast import Circumstances, make_study
from receiver.fleet.population import FleetModel, draw_population
from receiver.fleet.simulate import MINUTE_MS, limits_by_minute
from receiver.fleet.study import Study
from receiver.received_group import ReceivedGroup
from receiver.settings import CustomerOption, Settings
from receiver.store import Store
from tests.receiver.broadcast import T0_MS, TS, Broadcast, cancel, curtail, end, halt, heartbeat, keyring
from tests.receiver.bulletins import bulletin, planned, tell, tiers

CHARGERS: Final = 8
MODEL: Final = FleetModel(
    chargers=CHARGERS, seed=4, options=dict.fromkeys(CustomerOption, 0.25), regions={"12345": 0.75, "13000": 0.25}
)
CHARGE_UP: Final = LoadUp(1, TS + 90, EVERYONE, dispatch=0x80, level=178, duration=0xC1, release=8)


def spoken(*messages: object) -> Broadcast:
    return Broadcast().say(heartbeat(TS), *messages)  # type: ignore[arg-type]  # messages of many types


def evening() -> Broadcast:
    """Peak from 18:00, off-peak from 21:00, told at 17:00."""
    record = tiers(start=72, tiers=(3, 3, 4, 1) + (2,) * 20)
    return tell(spoken(), bulletin(record, ts=TS + 1))


BROADCASTS: Final = {
    "curtail": spoken(curtail(ts=TS + 1)),
    "curtail by severity": spoken(curtail(Severity.HIGH, ts=TS + 1)),
    "halt with its own release": spoken(halt(ts=TS + 1, release=12)),
    "halt of a fraction": spoken(halt(ts=TS + 1, dispatch=Dispatch(fraction=31).code)),
    "spread over ten minutes": spoken(halt(ts=TS + 1, dispatch=Dispatch(spread_s=600).code)),
    "one subgroup of 64": spoken(halt(ts=TS + 1, dispatch=Dispatch(subgroup=9).code)),
    "tiers with a stagger": evening(),
    "a tier now over the tiers": evening().until(3 * 3600).say(TierNow(1, TS + 1090, EVERYONE, 0x80, 4, 30, 0)),
    "load up in tiers": evening().until(4500).say(CHARGE_UP),
    "planned with a ramp": tell(spoken(), bulletin(planned(8, start=90, ramp=5), ts=TS + 1)),
    "two that overlap": spoken(curtail(10, ts=TS + 1), halt(ts=TS + 2, duration=0x81, release=9)),
    "more than a day's cap": spoken(*(curtail(ts=TS + n, duration=0xC4) for n in range(1, 4))),
    "ended": spoken(halt(ts=TS + 1)).until(1500).say(end(TS + 1, ts=TS + 150, release=9)),
    "cancelled": tell(spoken(), bulletin(planned(0, start=30), ts=TS + 1)).until(900).say(cancel(TS + 1, ts=TS + 90)),
    "ended by a horizon": spoken(halt(ts=TS + 1)).until(1500).say(heartbeat(TS + 150, horizon=10)),
}


def study_of(groups: Sequence[ReceivedGroup], model: FleetModel = MODEL) -> Study:
    return make_study(groups, keyring(), model, Circumstances(UTC), start_ms=T0_MS)


def heard_by_one(groups: Sequence[ReceivedGroup], settings: Settings, region: str, study: Study) -> list[int]:
    """The receiver's own limit at the beginning of each minute from T0 on, before its contactor spares a switching."""
    waiting, limits = list(groups), []
    with Store(None) as store:
        controller = Controller(
            keyring(), [Region.parse_code(region)], chargers=[ChargerSetup(settings)], store=store, start_ms=T0_MS
        )
        controller.start()
        for now_ms in range(T0_MS, study.scene.end_ms, MINUTE_MS):
            at_ms = now_ms - T0_MS
            while waiting and int(waiting[0].end_s * 1000) <= at_ms:
                controller.feed(waiting.pop(0))
            controller.pass_time(at_ms)
            assert controller.chargers[0].decision is not None
            limits.append(controller.chargers[0].decision.limit_ma)
    return limits


@pytest.mark.parametrize("name", BROADCASTS)
def test_each_charger_of_a_fleet_does_what_the_receiver_does(name: str) -> None:
    groups = BROADCASTS[name].groups
    study = study_of(groups)
    population = draw_population(MODEL, 0)
    by_minute = limits_by_minute(population, study.settings, study.scene, study.timelines)
    of_fleet = np.stack([limits.copy() for limits in by_minute], axis=1)
    from_minute = (T0_MS - study.scene.begin_ms) // MINUTE_MS
    regions = list(MODEL.regions)
    for place, device_id in enumerate(population.device_ids):
        option = list(CustomerOption)[population.option[place]]
        own = Settings(device_id, rating_ma=32_000, installer_ma=32_000, option=option)
        expected = heard_by_one(groups, own, regions[population.region[place]], study)
        assert of_fleet[place, from_minute:].tolist() == expected, (place, option)
    lowest = of_fleet.min()
    assert lowest < 32_000 or name in ("one subgroup of 64", "cancelled"), "the broadcast must do something"
