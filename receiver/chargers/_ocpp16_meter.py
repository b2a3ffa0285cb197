"""What a charge point tells unasked in, its reading out: energy counted and whether a car is plugged in (OCPP 1.6).

In a transaction a charge point sends its meter's values every MeterValueSampleInterval seconds (9.1), which its owner
sets; at a transaction's start and end it always does.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final, TypeGuard

from receiver.chargers.driver import ChargerReading

WHOLE: Final = 0
"""The connector that stands for the charge point as a whole (4.7)."""
CONNECTORS: Final = 16
"""As many are remembered; a charge point that names more is wrong."""
_REGISTER: Final = "Energy.Active.Import.Register"
_WH: Final = {"Wh": 1.0, "kWh": 1000.0}
_PLUGGED: Final = {
    "Available": False,
    "Preparing": True,
    "Charging": True,
    "SuspendedEV": True,
    "SuspendedEVSE": True,
    "Finishing": True,
}
"""By connector status (4.9); others, such as Faulted, do not tell."""


class Meter:
    """What one charge point has said, connection after connection. Nonsense is passed over."""

    def __init__(self) -> None:
        self._energy_wh: dict[int, int] = {}
        self._plugged: dict[int, bool] = {}
        self._connectors: dict[int, object] = {}

    @property
    def reading(self) -> ChargerReading:
        """The meter of the whole if it told, else all connectors' together."""
        energy_wh = self._energy_wh.get(WHOLE, sum(self._energy_wh.values())) if self._energy_wh else None
        return ChargerReading(energy_wh, any(self._plugged.values()) if self._plugged else None)

    def hear_values(self, connector: object, meter_value: object) -> None:
        """MeterValues.req: the energy register, of the whole connector and not of one phase."""
        for sample in _samples(meter_value):
            is_register = sample.get("measurand", _REGISTER) == _REGISTER and "phase" not in sample
            factor = _WH.get(str(sample.get("unit", "Wh")))
            if is_register and factor is not None:
                self._count(connector, sample.get("value"), factor)

    def hear_start(self, transaction: int, connector: object, energy_wh: object) -> None:
        """StartTransaction.req: the register in Wh, and the number that we gave the transaction."""
        self._connectors[transaction] = connector
        if len(self._connectors) > CONNECTORS:
            del self._connectors[next(iter(self._connectors))]
        self._count(connector, energy_wh, 1.0)

    def hear_stop(self, transaction: object, energy_wh: object) -> None:
        """StopTransaction.req: the register in Wh; it names no connector."""
        if isinstance(transaction, int):
            self._count(self._connectors.pop(transaction, None), energy_wh, 1.0)

    def hear_status(self, connector: object, status: object) -> None:
        """StatusNotification.req: whether a car is plugged in."""
        plugged = _PLUGGED.get(str(status))
        if _is_connector(connector) and connector != WHOLE and plugged is not None:
            self._plugged[connector] = plugged

    def _count(self, connector: object, value: object, factor: float) -> None:
        try:
            energy_wh = float(str(value)) * factor
        except ValueError:
            return
        if _is_connector(connector) and math.isfinite(energy_wh) and energy_wh >= 0:
            self._energy_wh[connector] = int(energy_wh)


def _is_connector(connector: object) -> TypeGuard[int]:
    return isinstance(connector, int) and 0 <= connector < CONNECTORS


def _samples(meter_value: object) -> Iterable[Mapping[str, object]]:
    """The sampled values in a list of meter values, as far as they look like some."""
    for one in meter_value if isinstance(meter_value, list) else []:
        samples = one.get("sampled_value") if isinstance(one, dict) else None
        yield from (sample for sample in (samples if isinstance(samples, list) else []) if isinstance(sample, dict))
