"""What charge points and the simulated charger say of energy and cable; nonsense says nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from receiver.chargers._ocpp16_station import Station
from receiver.chargers.driver import ChargerCommand, ChargerReading
from receiver.chargers.simulated import Driver

T0 = datetime(2026, 12, 1, 17, tzinfo=UTC)


def values(*samples: dict[str, object]) -> list[dict[str, object]]:
    return [{"timestamp": "2026-12-01T17:00:00Z", "sampled_value": list(samples)}]


def test_the_register_is_read_in_wh_and_kwh_and_is_the_default_measurand() -> None:
    meter = Station()
    assert meter.reading == ChargerReading(None, None)
    meter.hear_values(1, values({"value": "1200"}), None)
    assert meter.reading.energy_wh == 1200
    register = "Energy.Active.Import.Register"
    meter.hear_values(1, values({"value": "1.5", "measurand": register, "unit": "kWh"}), None)
    assert meter.reading.energy_wh == 1500
    meter.hear_values(
        1, values({"value": "9", "phase": "L1"}, {"value": "9", "measurand": "Voltage", "unit": "V"}), None
    )
    meter.hear_values(
        1, values({"value": "9", "unit": "varh"}, {"value": "much"}, {"value": "-3"}, {"value": "inf"}), None
    )
    assert meter.reading.energy_wh == 1500


def test_connectors_add_up_unless_the_whole_has_a_meter() -> None:
    meter = Station()
    meter.hear_start(7, 1, 1000)
    meter.hear_start(8, 2, 500)
    assert meter.reading.energy_wh == 1500
    meter.hear_stop(8, 900)
    meter.hear_stop(9, 10**6)
    assert meter.reading.energy_wh == 1900
    meter.hear_values(0, values({"value": "5000"}), None)
    assert meter.reading.energy_wh == 5000


def test_a_car_is_plugged_in_while_any_connector_has_one() -> None:
    meter = Station()
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


def current(value: object, phase: str | None = None, unit: str = "A") -> dict[str, object]:
    sample: dict[str, object] = {"value": value, "measurand": "Current.Import", "unit": unit}
    return sample if phase is None else sample | {"phase": phase}


def test_the_current_is_that_of_the_busiest_phase_of_each_connector() -> None:
    station = Station()
    station.hear_values(1, values(current("9.5", "L1"), current("16.25", "L2"), current("30", "N")), None)
    assert station.reading.current_ma == 16250
    station.hear_values(2, values(current("6000", unit="mA")), None)
    assert station.reading.current_ma == 22250
    station.hear_status(1, "Available")
    assert station.reading.current_ma == 6000, "without a car nothing flows"


def test_transactions_are_known_from_their_start_or_from_what_is_measured_in_them() -> None:
    station = Station()
    station.hear_start(5, 1, 0)
    station.hear_values(2, values(), 77)  # of an earlier run
    assert station.transactions == {1: 5, 2: 77}
    station.hear_start(6, 1, 0)
    station.hear_stop(77, 0)
    assert station.transactions == {1: 6}
    station.hear_status(1, "Available")
    assert station.transactions == {}


def test_a_value_that_cannot_be_is_an_alarm_until_one_that_can() -> None:
    station = Station()
    station.hear_values(1, values(current("16")), None)
    for value in ("-1", "1000.1", "nan", "a\nb"):
        station.hear_values(1, values(current(value)), None)
        [alarm] = station.reading.alarms
        assert alarm.startswith("the charge point says that its Current.Import is ")
        assert alarm.isprintable()
        station.hear_values(1, values({"value": "5"}), None)
        assert station.reading.alarms, "another measurand does not end it"
    assert station.reading.current_ma == 16000
    station.hear_values(1, values(current("15")), None)
    assert station.reading == ChargerReading(5, None, current_ma=15000)


def test_what_a_charge_point_calls_itself() -> None:
    station = Station()
    said = {"charge_point_vendor": "V", "charge_point_model": "M\n1", "firmware_version": "1.2", "iccid": "x"}
    station.settings = {"a": "b"}
    station.hear_boot(said)
    assert (station.identity, station.boots) == ("V M\\n1 firmware 1.2", 1)
    assert not station.settings, "they may be others now"


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sampled_value", "value", "unit", "measurand", "phase", "Current.Import"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=9,
)


@given(st.lists(st.tuples(NONSENSE, NONSENSE), max_size=9))
def test_nonsense_is_passed_over_in_bounded_memory(said: list[tuple[object, object]]) -> None:
    meter = Station()
    for number, (one, other) in enumerate(said):
        meter.hear_values(one, other, number if number % 2 else one)
        meter.hear_start(number, one, other)
        meter.hear_stop(one, other)
        meter.hear_status(one, other)
        meter.hear_boot({"charge_point_vendor": one, "charge_point_model": other})
        assert len(meter.transactions) <= 16
        assert meter.identity.isprintable()
    reading = meter.reading
    assert reading.energy_wh is None or reading.energy_wh >= 0
    assert reading.current_ma is None or reading.current_ma >= 0
    assert all(line.isprintable() and len(line) < 200 for line in reading.alarms)


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
