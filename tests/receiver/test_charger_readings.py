"""What charge points and the simulated charger say of energy and cable; nonsense says nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from receiver.chargers._ocpp16_meter import Meter
from receiver.chargers.driver import ChargerCommand, ChargerReading
from receiver.chargers.simulated import Driver

T0 = datetime(2026, 12, 1, 17, tzinfo=UTC)


def values(*samples: dict[str, object]) -> list[dict[str, object]]:
    return [{"timestamp": "2026-12-01T17:00:00Z", "sampled_value": list(samples)}]


def test_the_register_is_read_in_wh_and_kwh_and_is_the_default_measurand() -> None:
    meter = Meter()
    assert meter.reading == ChargerReading(None, None)
    meter.hear_values(1, values({"value": "1200"}))
    assert meter.reading.energy_wh == 1200
    register = "Energy.Active.Import.Register"
    meter.hear_values(1, values({"value": "1.5", "measurand": register, "unit": "kWh"}))
    assert meter.reading.energy_wh == 1500
    meter.hear_values(1, values({"value": "9", "phase": "L1"}, {"value": "9", "measurand": "Voltage", "unit": "V"}))
    meter.hear_values(1, values({"value": "9", "unit": "varh"}, {"value": "much"}, {"value": "-3"}, {"value": "inf"}))
    assert meter.reading.energy_wh == 1500


def test_connectors_add_up_unless_the_whole_has_a_meter() -> None:
    meter = Meter()
    meter.hear_start(7, 1, 1000)
    meter.hear_start(8, 2, 500)
    assert meter.reading.energy_wh == 1500
    meter.hear_stop(8, 900)
    meter.hear_stop(9, 10**6)
    assert meter.reading.energy_wh == 1900
    meter.hear_values(0, values({"value": "5000"}))
    assert meter.reading.energy_wh == 5000


def test_a_car_is_plugged_in_while_any_connector_has_one() -> None:
    meter = Meter()
    for connector, status, plugged in (
        (1, "Faulted", None),
        (0, "Available", None),
        (1, "Available", False),
        (2, "SuspendedEVSE", True),
        (1, "Charging", True),
        (2, "Available", True),
        (1, "Faulted", True),
        (1, "Available", False),
    ):
        meter.hear_status(connector, status)
        assert meter.reading.plugged is plugged


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["sampled_value", "value", "unit", "measurand", "phase"]), inner, max_size=3)
    ),
    max_leaves=9,
)


@given(st.lists(st.tuples(NONSENSE, NONSENSE), max_size=9))
def test_nonsense_is_passed_over_in_bounded_memory(said: list[tuple[object, object]]) -> None:
    meter = Meter()
    for number, (one, other) in enumerate(said):
        meter.hear_values(one, other)
        meter.hear_start(number, one, other)
        meter.hear_stop(one, other)
        meter.hear_status(one, other)
    assert meter.reading.energy_wh is None or meter.reading.energy_wh >= 0


def test_a_simulated_meter_counts_what_the_limit_lets_through() -> None:
    now = T0
    driver = Driver.from_options({"demand_w": 4600}, lambda: now)

    def after(hours: float) -> int | None:
        nonlocal now
        now += timedelta(hours=hours)
        return driver.reading.energy_wh

    def command(limit_ma: int, *, restricted: bool = True) -> None:
        asyncio.run(driver.apply(ChargerCommand(limit_ma, moment=now, until=None, restricted=restricted, reason="")))

    assert driver.reading == ChargerReading(0, plugged=True)
    assert after(1) == 4600
    command(10_000)
    assert after(0.5) == 4600 + 1150
    command(32_000, restricted=False)
    assert after(1) == 5750 + 4600
    assert Driver.from_options({}, lambda: now).reading == ChargerReading(None, None)
