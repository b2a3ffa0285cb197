"""What a charging station tells unasked in, its reading out: energy, current, cable, others' limits (OCPP 2.0.1, 2.1).

Meter values come in TransactionEvent and MeterValues, as often as the station's SampledDataCtrlr says; the cable in
StatusNotification, TransactionEvent and, in 2.1, NotifyEvent; limits that others set at the station in
NotifyChargingLimit. Nonsense is passed over.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final, TypeGuard

from receiver.chargers._ocpp201_profile import EVSES, HIGHEST_LIMIT_MA, WHOLE
from receiver.chargers.driver import ChargerReading

_ENERGY: Final = "Energy.Active.Import.Register"
_CURRENT: Final = "Current.Import"
_HIGHEST_ENERGY_WH: Final = 1e12
_PLUGGED: Final = {"Available": False, "Reserved": False, "Occupied": True}
"""By connector status; Unavailable and Faulted do not tell."""
_PLUGGED_IN_STATE: Final = {
    "Idle": False,
    "EVConnected": True,
    "Charging": True,
    "SuspendedEV": True,
    "SuspendedEVSE": True,
}
"""By the charging state of a transaction."""
_SOURCE_CHARACTERS: Final = 20
"""The longest name of a limit's source (2.1, NotifyChargingLimitRequest)."""


class Meter:
    """What one charging station has said, connection after connection."""

    def __init__(self) -> None:
        self._energy_wh: dict[int, int] = {}
        self._current_ma: dict[int, int] = {}
        self._plugged: dict[int, bool] = {}
        self._transactions: dict[str, int] = {}
        self._limited_by: str | None = None

    @property
    def reading(self) -> ChargerReading:
        """The station's own meter if it told, else all EVSEs' together."""
        return ChargerReading(
            energy_wh=_whole_or_sum(self._energy_wh),
            plugged=any(self._plugged.values()) if self._plugged else None,
            current_ma=_whole_or_sum(self._current_ma),
            overridden=self._limited_by and f"another limit is set at the charging station, by {self._limited_by}",
        )

    def hear_values(self, evse: object, meter_value: object) -> None:
        """MeterValues: the energy register and the current of an EVSE, or of the station (EVSE 0)."""
        if not _is_evse(evse):
            return
        phases_ma = []
        for sample in _samples(meter_value):
            measurand = sample.get("measurand", _ENERGY)
            value = _value(sample)
            if measurand == _ENERGY and "phase" not in sample and value is not None:
                self._energy_wh[evse] = int(value)
            if measurand == _CURRENT and sample.get("phase") != "N" and value is not None:
                phases_ma.append(round(1000 * value))
        if phases_ma and max(phases_ma) <= HIGHEST_LIMIT_MA:
            self._current_ma[evse] = max(phases_ma)

    def hear_transaction(self, said: Mapping[str, object]) -> None:
        """TransactionEvent: only its first names the EVSE for sure."""
        info = _table(said.get("transaction_info"))
        transaction, evse = str(info.get("transaction_id")), _table(said.get("evse")).get("id")
        if not _is_evse(evse):
            evse = self._transactions.get(transaction)
        if evse is None:
            return
        self._transactions[transaction] = evse
        if len(self._transactions) > EVSES:
            del self._transactions[next(iter(self._transactions))]
        plugged = _PLUGGED_IN_STATE.get(str(info.get("charging_state")))
        if plugged is not None:
            self._plugged[evse] = plugged
        self.hear_values(evse, said.get("meter_value"))
        if said.get("event_type") == "Ended":
            self._current_ma.pop(evse, None)
            self._transactions.pop(transaction, None)

    def hear_status(self, evse: object, status: object) -> None:
        """StatusNotification: whether a car is plugged in."""
        plugged = _PLUGGED.get(str(status))
        if _is_evse(evse) and evse != WHOLE and plugged is not None:
            self._plugged[evse] = plugged

    def hear_events(self, event_data: object) -> None:
        """NotifyEvent: the availability of a connector, by which 2.1 tells what StatusNotification told."""
        for event in event_data if isinstance(event_data, list) else []:
            component, variable = (_table(_table(event).get(part)) for part in ("component", "variable"))
            if component.get("name") == "Connector" and variable.get("name") == "AvailabilityState":
                self.hear_status(_table(component.get("evse")).get("id"), _table(event).get("actual_value"))

    def hear_limit(self, charging_limit: object) -> None:
        """NotifyChargingLimit: someone else limits at the station. What the station generates itself is no limit."""
        limit = _table(charging_limit)
        source = str(limit.get("charging_limit_source", "unknown"))[:_SOURCE_CHARACTERS]
        if limit.get("is_local_generation") is not True:
            self._limited_by = source if source.isprintable() else "unknown"

    def hear_limit_cleared(self) -> None:
        """ClearedChargingLimit."""
        self._limited_by = None


def _whole_or_sum(by_evse: Mapping[int, int]) -> int | None:
    return by_evse.get(WHOLE, sum(by_evse.values())) if by_evse else None


def _is_evse(evse: object) -> TypeGuard[int]:
    return isinstance(evse, int) and not isinstance(evse, bool) and WHOLE <= evse <= EVSES


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _samples(meter_value: object) -> Iterator[Mapping[str, object]]:
    """The sampled values in a list of meter values, as far as they look like some."""
    for one in meter_value if isinstance(meter_value, list) else []:
        samples = _table(one).get("sampled_value")
        yield from (sample for sample in (samples if isinstance(samples, list) else []) if isinstance(sample, dict))


def _value(sample: Mapping[str, object]) -> float | None:
    """A sample in Wh or A: its number with its power of ten; None for nonsense and for other units."""
    number, unit = sample.get("value"), _table(sample.get("unit_of_measure"))
    multiplier = unit.get("multiplier", 0)
    if not isinstance(number, int | float) or not isinstance(multiplier, int) or not -9 <= multiplier <= 9:
        return None
    # The default unit is Wh even of a current, so a current may come without one.
    factor = {"Wh": 1, "kWh": 1000, "A": 1}.get(str(unit.get("unit", "Wh")))
    if factor is None or not 0 <= number <= _HIGHEST_ENERGY_WH or math.isnan(number):
        return None
    value = float(number) * factor * 10.0**multiplier
    return value if value <= _HIGHEST_ENERGY_WH else None
