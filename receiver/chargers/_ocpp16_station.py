"""What a charge point tells unasked in; its energy, current, cable, transactions and name out (OCPP 1.6).

In a transaction a charge point sends its meter's values every MeterValueSampleInterval seconds (9.1), which its owner
sets; at a transaction's start and end it always does. What it says lasts from one connection to the next.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final, TypeGuard

from receiver.chargers.driver import ChargerReading

WHOLE: Final = 0
"""The connector that stands for the charge point as a whole (4.7)."""
CONNECTORS: Final = 16
"""As many are remembered; a charge point that names more is wrong."""
HIGHEST_MA: Final = 1_000_000
"""No charge point draws more: a current above, or below zero, is nonsense."""
TEXT_CHARACTERS: Final = 60
"""As much of a text that a charge point gives is shown."""
_REGISTER: Final = "Energy.Active.Import.Register"
_CURRENT: Final = "Current.Import"
_WH: Final = {"Wh": 1.0, "kWh": 1000.0}
_MA: Final = {"A": 1000.0, "mA": 1.0}
_PLUGGED: Final = {
    "Available": False,
    "Preparing": True,
    "Charging": True,
    "SuspendedEV": True,
    "SuspendedEVSE": True,
    "Finishing": True,
}
"""By connector status (4.9); others, such as Faulted, do not tell."""
_IDENTITY: Final = {
    "charge_point_vendor": "",
    "charge_point_model": "",
    "firmware_version": "firmware ",
    "charge_point_serial_number": "serial number ",
}


class Station:
    """What one charge point has said, connection after connection. Nonsense is passed over.

    Attributes:
        identity: Maker, model, firmware and serial number as it gave them when it started; empty before.
        boots: How often it has said that it started.
        settings: Its configuration keys and their values, once asked; empty when it gave none.
    """

    def __init__(self) -> None:
        self.identity = ""
        self.boots = 0
        self.settings: dict[str, str] | None = None
        self._energy_wh: dict[int, int] = {}
        self._current_ma: dict[int, int] = {}
        self._plugged: dict[int, bool] = {}
        self._connectors: dict[int, int] = {}
        self._nonsense: str | None = None

    @property
    def reading(self) -> ChargerReading:
        """The whole's meter if it told, else all connectors' together; currents of each connector's busiest phase."""
        energy_wh = self._energy_wh.get(WHOLE, sum(self._energy_wh.values())) if self._energy_wh else None
        current_ma = self._current_ma.get(WHOLE, sum(self._current_ma.values())) if self._current_ma else None
        alarms = () if self._nonsense is None else (self._nonsense,)
        plugged = any(self._plugged.values()) if self._plugged else None
        return ChargerReading(energy_wh, plugged, current_ma=current_ma, alarms=alarms)

    @property
    def plugged(self) -> frozenset[int]:
        """The connectors that hold a car's plug."""
        return frozenset(connector for connector, is_plugged in self._plugged.items() if is_plugged)

    @property
    def transactions(self) -> dict[int, int]:
        """The running transaction of each connector that has one."""
        return {connector: number for number, connector in self._connectors.items()}

    def hear_boot(self, said: Mapping[str, object]) -> None:
        """BootNotification.req: it has started; what it is, and all that it was set to may be new."""
        self.boots += 1
        self.settings = None
        parts = (prefix + shown(said[name]) for name, prefix in _IDENTITY.items() if said.get(name))
        self.identity = " ".join(parts)

    def hear_values(self, connector: object, meter_value: object, transaction: object) -> None:
        """MeterValues.req: the energy register of the whole connector, and the current of its phases."""
        if _is_transaction(transaction) and _is_connector(connector) and connector != WHOLE:
            self._begin(transaction, connector)
        currents_ma = []
        for sample in _samples(meter_value):
            measurand, unit, value = sample.get("measurand", _REGISTER), sample.get("unit"), sample.get("value")
            if measurand == _REGISTER and "phase" not in sample:
                self._count(connector, value, _WH.get(str(unit or "Wh")))
            elif measurand == _CURRENT and sample.get("phase") != "N":
                currents_ma.append(self._number(_CURRENT, value, _MA.get(str(unit or "A")), HIGHEST_MA))
        known_ma = [current_ma for current_ma in currents_ma if current_ma is not None]
        if known_ma and _is_connector(connector):
            self._current_ma[connector] = max(known_ma)

    def hear_start(self, transaction: int, connector: object, energy_wh: object) -> None:
        """StartTransaction.req: the register in Wh, and the number that we gave the transaction."""
        if _is_connector(connector):
            self._begin(transaction, connector)
        self._count(connector, energy_wh, 1.0)

    def hear_stop(self, transaction: object, energy_wh: object) -> None:
        """StopTransaction.req: the register in Wh; it names no connector."""
        if _is_transaction(transaction):
            connector = self._connectors.pop(transaction, None)
            self._count(connector, energy_wh, 1.0)
            if connector is not None:
                self._rest(connector)

    def hear_status(self, connector: object, status: object) -> None:
        """StatusNotification.req: whether a car is plugged in. Without one there is no transaction and no current."""
        plugged = _PLUGGED.get(str(status))
        if _is_connector(connector) and connector != WHOLE and plugged is not None:
            self._plugged[connector] = plugged
            if not plugged:
                self._connectors = {number: one for number, one in self._connectors.items() if one != connector}
                self._rest(connector)

    def _begin(self, transaction: int, connector: int) -> None:
        """A connector has one transaction at a time."""
        self._connectors = {number: one for number, one in self._connectors.items() if one != connector}
        self._connectors[transaction] = connector
        if len(self._connectors) > CONNECTORS:
            del self._connectors[next(iter(self._connectors))]

    def _rest(self, connector: int) -> None:
        """No current flows any more, where one was told."""
        idle = [connector] if self._connectors else [connector, WHOLE]
        self._current_ma |= {one: 0 for one in idle if one in self._current_ma}

    def _count(self, connector: object, value: object, factor: float | None) -> None:
        energy_wh = self._number(_REGISTER, value, factor, math.inf)
        if energy_wh is not None and _is_connector(connector):
            self._energy_wh[connector] = energy_wh

    def _number(self, what: str, value: object, factor: float | None, highest: float) -> int | None:
        """A measured value, or None and an alarm for one that cannot be; the next that can ends the alarm."""
        try:
            number = float(str(value)) * (math.nan if factor is None else factor)
        except ValueError:
            number = math.nan
        if factor is None:
            return None
        if not (math.isfinite(number) and 0 <= number <= highest):
            self._nonsense = f"the charge point says that its {what} is {shown(value)}; look at its meter"
            return None
        if self._nonsense is not None and f" {what} " in self._nonsense:
            self._nonsense = None
        return int(number)


def shown(value: object) -> str:
    """What a charge point gave as a text, fit for a line: printable and not too long."""
    text = str(value)[:TEXT_CHARACTERS]
    return text if text.isprintable() else ascii(text)[1:-1][:TEXT_CHARACTERS]


def _is_connector(connector: object) -> TypeGuard[int]:
    return isinstance(connector, int) and 0 <= connector < CONNECTORS


def _is_transaction(transaction: object) -> TypeGuard[int]:
    return isinstance(transaction, int) and not isinstance(transaction, bool)


def _samples(meter_value: object) -> Iterable[Mapping[str, object]]:
    """The sampled values in a list of meter values, as far as they look like some."""
    for one in meter_value if isinstance(meter_value, list) else []:
        samples = one.get("sampled_value") if isinstance(one, dict) else None
        yield from (sample for sample in (samples if isinstance(samples, list) else []) if isinstance(sample, dict))
