"""What charging stations of OCPP 2.0.1 and 2.1 tell, to readings: vectors by the schemas, then nonsense."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.chargers._ocpp201_meter import Meter
from receiver.chargers._ocpp201_reports import PIECES, Reports
from receiver.chargers.driver import ChargerReading
from tests.receiver.chargers.test_ocpp201_profile import json_like

CURRENT = {"measurand": "Current.Import", "unit_of_measure": {"unit": "A"}}


def values(*samples: dict[str, object]) -> list[dict[str, object]]:
    return [{"timestamp": "2026-01-15T18:00:00Z", "sampled_value": list(samples)}]


def test_a_transaction_from_plug_to_plug() -> None:
    meter = Meter()
    begin = {
        "event_type": "Started",
        "evse": {"id": 1, "connector_id": 1},
        "transaction_info": {"transaction_id": "T", "charging_state": "EVConnected"},
        "meter_value": values({"value": 1.0, "unit_of_measure": {"unit": "Wh", "multiplier": 3}}),
    }
    meter.hear_transaction(begin)
    assert meter.reading == ChargerReading(1000, plugged=True)
    update = {
        "event_type": "Updated",  # names no EVSE
        "transaction_info": {"transaction_id": "T", "charging_state": "Charging"},
        "meter_value": values(
            {"value": 2250.5, "measurand": "Energy.Active.Import.Register"},
            {"value": 700.0, "measurand": "Energy.Active.Import.Register", "phase": "L1"},
            {"value": 15.2, "phase": "L1", **CURRENT},
            {"value": 15.9, "phase": "L2", **CURRENT},
            {"value": 99.0, "phase": "N", **CURRENT},
        ),
    }
    meter.hear_transaction(update)
    assert meter.reading == ChargerReading(2250, plugged=True, current_ma=15900)
    end = {"event_type": "Ended", "transaction_info": {"transaction_id": "T", "charging_state": "Idle"}}
    meter.hear_transaction(end)
    assert meter.reading == ChargerReading(2250, plugged=False)
    meter.hear_transaction({**update, "transaction_info": {"transaction_id": "unknown", "charging_state": "Charging"}})
    assert meter.reading.plugged is False


def test_evses_add_up_unless_the_station_has_a_meter_of_its_own() -> None:
    meter = Meter()
    for evse, energy_wh in ((1, 100), (2, 250)):
        meter.hear_values(evse, values({"value": energy_wh}, {"value": 10 * evse, **CURRENT}))
    assert (meter.reading.energy_wh, meter.reading.current_ma) == (350, 30000)
    meter.hear_values(0, values({"value": 1}, {"value": 0.5, "unit_of_measure": {"unit": "kWh"}}))
    assert meter.reading.energy_wh == 500


@pytest.mark.parametrize(("status", "plugged"), [("Occupied", True), ("Available", False), ("Faulted", None)])
def test_the_cable_by_status_and_by_event(status: str, plugged: bool | None) -> None:
    by_status, by_event = Meter(), Meter()
    by_status.hear_status(1, status)
    component = {"name": "Connector", "evse": {"id": 1, "connector_id": 1}}
    event = {"component": component, "variable": {"name": "AvailabilityState"}, "actual_value": status}
    by_event.hear_events([event, {**event, "component": {"name": "EVSE"}, "actual_value": "Occupied"}])
    assert by_status.reading.plugged is by_event.reading.plugged is plugged


def test_limits_of_others() -> None:
    generating, meter = Meter(), Meter()
    generating.hear_limit({"charging_limit_source": "EMS", "is_local_generation": True})
    assert generating.reading == ChargerReading()
    meter.hear_limit({"charging_limit_source": "EMS"})
    assert meter.reading.overridden == "another limit is set at the charging station, by EMS"
    meter.hear_limit_cleared()
    assert meter.reading == ChargerReading()


@given(json_like, json_like)
def test_nonsense_of_any_kind_is_passed_over(one: object, other: object) -> None:
    meter = Meter()
    meter.hear_values(one, other)
    for sampled in (one, [one], {"value": one}, [{"value": one, "measurand": other}]):
        meter.hear_values(1, [{"sampled_value": sampled}])
    meter.hear_values(1, values({"value": one, **CURRENT}, {"value": 1, "unit_of_measure": other}))
    meter.hear_values(1, values({"value": 1, "unit_of_measure": {"unit": "Wh", "multiplier": one}}))
    meter.hear_status(one, other)
    meter.hear_events(one)
    meter.hear_events([one, {"component": other, "variable": one}])
    meter.hear_limit(one)
    meter.hear_limit({"charging_limit_source": one})
    meter.hear_transaction({"transaction_info": one, "evse": other})
    meter.hear_transaction({"transaction_info": {"transaction_id": one}, "evse": {"id": other}, "meter_value": one})
    reading = meter.reading
    assert reading.energy_wh is None or 0 <= reading.energy_wh <= 10**13
    assert reading.current_ma is None or 0 <= reading.current_ma <= 10**8
    assert reading.overridden is None or reading.overridden.isprintable()


@given(st.lists(st.integers(0, 10**6), max_size=100))
def test_what_is_remembered_is_bounded(numbers: list[int]) -> None:
    meter = Meter()
    for number in numbers:
        meter.hear_transaction({"transaction_info": {"transaction_id": str(number)}, "evse": {"id": number % 40}})
    assert len(meter._transactions) <= 16


def test_a_report_is_the_pieces_that_were_asked_for_up_to_the_last() -> None:
    async def whole() -> None:
        reports = Reports()
        reports.hear({"request_id": 0, "tbc": False})  # asked by nobody
        number = reports.expect()
        for piece in (
            {"request_id": number, "tbc": True, "piece": 1},
            {"request_id": number - 1, "tbc": False},
            {"request_id": number, "piece": 2},
            {"request_id": number, "piece": 3},
        ):
            reports.hear(piece)
        assert [piece["piece"] for piece in await reports.wait(1)] == [1, 2]
        number = reports.expect()
        for _ in range(2 * PIECES):
            reports.hear({"request_id": number, "tbc": True})
        assert len(await reports.wait(1)) == PIECES
        reports.expect()
        with pytest.raises(TimeoutError):
            await reports.wait(0.01)

    asyncio.run(whole())
