"""Nothing in; records as a receiver makes them out: station, signal, a curtailment, a charger that answers not."""

from datetime import UTC, datetime
from typing import Final

from receiver.chain import SignalStatus
from receiver.charger_control import Change
from receiver.charger_records import charger_fields
from receiver.chargers.driver import ChargerReading
from receiver.chargers_config import ChargerConfig
from receiver.clock import ms_of
from receiver.oda_tracker import Candidate
from receiver.policy import Decision
from receiver.received_group import ReceivedGroup
from receiver.records import (
    Inflow,
    Record,
    StreamTime,
    limit_record,
    message_record,
    state_record,
    station_record,
    status_record,
)
from receiver.settings import ONLOOKER
from receiver.station import StationFacts
from receiver.verify import Rejection, Verdict
from tests.receiver.broadcast import curtail, heartbeat, signed

NOON: Final = StreamTime(datetime(2026, 12, 1, 12, tzinfo=UTC))
_NOON_MS: Final = ms_of(datetime(2026, 12, 1, 12, tzinfo=UTC))
_GROUP: Final = ReceivedGroup((0x9331, 0x20B6, 0x594C, None), 12345, 1.25)
_CANDIDATE: Final = Candidate(signed(curtail()), True, 0, 12.0, None)

STATION: Final = station_record(StationFacts(pi=0x9331, ps="EVRDS\x1b1", radio_text="News"), _GROUP, NOON)
STATUS: Final[Record] = status_record(
    SignalStatus(True, 400, 392, 8, level_dbfs=-6.25, cn_db=31.5, pilot_hz=6750.0, rds_hz=2000.0, coherence=0.98),
    2_048_000,
    10.0,
    NOON,
    inflow=Inflow(100, 4096, {"queue": 2, 'the "stick"\n': 1}, heartbeat_age_s=3.5, signal_lost=False),
)
HEARTBEAT: Final = message_record(Verdict(_CANDIDATE, heartbeat(), None), NOON)
ACCEPTED: Final = message_record(Verdict(_CANDIDATE, curtail(), None), NOON)
REJECTED: Final = message_record(Verdict(_CANDIDATE, curtail(), Rejection.BAD_SIGNATURE), NOON)


def limit(limit_ma: int = 16_000, *, charger: str = "") -> Record:
    """A curtailment of a charger until one in the afternoon."""
    decision = Decision(limit_ma, True, "curtailed by the network", _NOON_MS + 3_600_000, None)
    return limit_record(Change(decision, 0, _NOON_MS, 0, charger))


def charger(name: str = "", *, answers: bool | None = True, error: str | None = None) -> Record:
    """What is new of a charger."""
    reading = ChargerReading(answers=answers, limit_ma=16_000, current_ma=15_500, energy_wh=1234)
    fields = charger_fields(ChargerConfig(name, "simulated", {}, ONLOOKER, ()), reading, None, error=error)
    return NOON.stamp("charger", 0, 0.0) | fields


EVENING: Final[list[Record]] = [
    STATION,
    limit(32_000),
    charger(),
    STATUS,
    HEARTBEAT,
    ACCEPTED,
    limit(),
    charger(answers=False, error="charger simulated does not answer"),
    REJECTED,
    state_record("the disk is full", 0, 0.0, NOON),
    NOON.stamp("something new", 0, 0.0),
]
"""Of every type that matters, in order."""
