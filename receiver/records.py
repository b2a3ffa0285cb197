"""What was heard, as the objects of `-F json`: one a line, `"v":1`, sample index and time in each.

Time is that of the end of what is told: seconds from the input's first sample, and the moment in UTC where the first
sample's is known.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from rds.hex_line import format_words
from rds.oda.codes import duration_s, level_text, release_s
from rds.oda.event_fields import EventFields
from rds.oda.messages import UrgentMessage
from rds.oda.messages.curtail import Curtail
from rds.oda.messages.halt import Halt
from rds.oda.messages.load_up import LoadUp
from rds.oda.messages.test import Test
from rds.oda.target_fields import TargetFields
from rds.oda.ticks import moment_of
from receiver.chain import SignalStatus
from receiver.clock import datetime_of
from receiver.intake import Intake
from receiver.policy_arithmetic import UNLIMITED_MA
from receiver.received_group import ReceivedGroup
from receiver.station import StationFacts
from receiver.verify import Verdict

if TYPE_CHECKING:  # what drives a charger, which `decode` starts without
    from receiver.charger_control import Change
    from receiver.policy import TermStatus

VERSION: Final = 1
STATUS_EVERY_S: Final = 5.0
Record = dict[str, object]
_DIGITS: Final = 6
ACCEPTED: Final = "accepted"


@dataclass(frozen=True, slots=True)
class StreamTime:
    """Seconds of stream to the moment of day, where the first sample's moment is known."""

    start: datetime | None = None

    def stamp(self, kind: str, sample_index: int, seconds: float) -> Record:
        """What every record begins with."""
        moment = None if self.start is None else self.start + timedelta(seconds=seconds)
        return {
            "v": VERSION,
            "type": kind,
            "sample": sample_index,
            "seconds": round(seconds, _DIGITS),
            "time": None if moment is None else format_moment(moment),
        }


@dataclass(frozen=True, slots=True)
class Inflow:
    """What has come in, beside the signal's status.

    Attributes:
        groups: Of which anything was heard.
        samples_lost: As well as can be known.
        gaps: How often samples were lost, by why.
        heartbeat_age_s: Since the last verified heartbeat; None: there was none, or nobody looks.
        signal_lost: Whether there was none for so long that the receiver is on its own; None: nobody looks.
    """

    groups: int = 0
    samples_lost: int = 0
    gaps: Mapping[str, int] = field(default_factory=dict)
    heartbeat_age_s: float | None = None
    signal_lost: bool | None = None


def format_moment(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def group_record(group: ReceivedGroup, time: StreamTime) -> Record:
    """A group's words, and how sure each is."""
    return time.stamp("group", group.sample_index, group.end_s) | {
        "group_type": group.group_type,
        "words": [None if word is None else f"{word:04X}" for word in group.words],
        "corrected": list(group.corrected),
        "prior": list(group.prior),
        "confidence": [round(value, 3) for value in group.confidence],
        "evm": None if group.evm is None else round(group.evm, 3),
    }


def station_record(facts: StationFacts, group: ReceivedGroup, time: StreamTime) -> Record:
    """What the station says of itself, when a part of it has changed. Hints: none of it is signed."""
    return time.stamp("station", group.sample_index, group.end_s) | {
        "pi": _hex4(facts.pi),
        "ps": facts.ps,
        "ps_so_far": facts.ps_so_far,
        "radio_text": facts.radio_text,
        "radio_text_so_far": facts.radio_text_so_far,
        "ptyn": facts.ptyn,
        "pty": facts.pty,
        "tp": facts.tp,
        "ta": facts.ta,
        "ms": facts.ms,
        "ecc": None if facts.ecc is None else f"{facts.ecc:02X}",
        "clock_time": None if facts.clock_time is None else facts.clock_time.isoformat(),
        "af_mhz": [round(frequency_hz / 1e6, 1) for frequency_hz in facts.af_hz],
        "aids": [{"aid": _hex4(aid), "group_type": carrier} for aid, carrier in facts.aids],
    }


def status_record(
    status: SignalStatus, sample_index: int, seconds: float, time: StreamTime, *, inflow: Inflow | None = None
) -> Record:
    """How the signal is; told every few seconds, with or without synchronisation."""
    inflow = inflow or Inflow()
    values = {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(status).items()}
    seen = status.blocks_seen
    bler = None if not seen else round(1 - status.blocks_accepted / seen, 4)
    return (
        time.stamp("status", sample_index, seconds)
        | values
        | {
            "bler": bler,
            "groups": inflow.groups,
            "samples_lost": inflow.samples_lost,
            "gaps": dict(inflow.gaps),
            "heartbeat_age_s": None if inflow.heartbeat_age_s is None else round(inflow.heartbeat_age_s, 3),
            "signal_lost": inflow.signal_lost,
        }
    )


def message_record(verdict: Verdict, time: StreamTime) -> Record:
    """A message and what became of it, told when the group that completed it had ended."""
    candidate, rejection = verdict.candidate, verdict.rejection
    return time.stamp("message", candidate.sample_index, candidate.end_s) | {
        "verdict": ACCEPTED if rejection is None else rejection.word,
        "why": None if rejection is None else rejection.text,
        "message": None if verdict.message is None else _message_fields(verdict.message),
        "envelope": candidate.envelope.hex().upper(),
    }


def _message_fields(message: UrgentMessage) -> Record:
    """A message's own fields, and beside the codes what they mean."""
    named: Record = {"name": message.NAME, "type": message.TYPE}
    fields: Record = asdict(cast("Any", message))  # Any: a Protocol is no dataclass to the checker
    fields["ts_time"] = format_moment(moment_of(message.ts))
    if isinstance(message, (EventFields, TargetFields)):
        window_s = release_s(message.release)
        fields |= {"region": str(message.region), "release_s": window_s}
    if isinstance(message, EventFields):
        fields["duration_s"] = duration_s(message.duration)
    if isinstance(message, Curtail | Halt | LoadUp | Test):
        fields["asks"] = level_text(message.level)
    return named | fields


def limit_record(change: "Change") -> Record:
    """A new limit of a charger and why; `until` and `next` are moments if nothing more is heard."""
    decision = change.decision
    stamp = StreamTime(None if change.now_ms is None else datetime_of(change.now_ms - change.at_ms))
    return stamp.stamp("limit", change.sample_index, change.at_ms / 1000) | {
        "charger": change.charger or None,
        "limit_a": decision.limit_ma / 1000,
        "restricted": decision.restricted,
        "reason": decision.reason,
        "until": None if change.now_ms is None else _moment(decision.until_ms),
        "next": None if change.now_ms is None else _moment(decision.next_ms),
        "next_limit_a": None if decision.next_ma is None else decision.next_ma / 1000,
        "may_override": decision.may_override,
        "terms": [_term_fields(term) for term in decision.terms],
    }


def _term_fields(term: "TermStatus") -> Record:
    """One cause of the limit; a limit that is none is null."""
    return {
        "name": term.name,
        "kind": term.kind,
        "says": term.says,
        "limit_a": None if term.limit_ma == UNLIMITED_MA else term.limit_ma / 1000,
        "start": _moment(term.start_ms),
        "end": _moment(term.end_ms),
        "back": _moment(term.back_ms),
        "standing": term.standing.value,
        "lifts": term.lifts,
        "binds": term.binds,
    }


def _moment(ms: int | None) -> str | None:
    return None if ms is None else format_moment(datetime_of(ms))


def state_record(error: str | None, sample_index: int, seconds: float, time: StreamTime) -> Record:
    """A state file that cannot be used, or can be again; the charger is driven all the same."""
    return time.stamp("state", sample_index, seconds) | {"error": error}


def counts_record(intake: Intake, sample_index: int, seconds: float, time: StreamTime) -> Record:
    """How many messages met which verdict, and what the tracker counted."""
    verdicts = {ACCEPTED if reason is None else reason.word: count for reason, count in intake.counts.items()}
    return time.stamp("counts", sample_index, seconds) | {"verdicts": verdicts, "tracker": dict(intake.tracker_counts)}


def _hex4(value: int | None) -> str | None:
    return None if value is None else f"{value:04X}"


def format_json(record: Mapping[str, object]) -> str:
    """A record as one line of JSON."""
    return _json(record)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def format_kv(record: Mapping[str, object]) -> str:
    """A record as `name=value` pairs on one line; a value is JSON, what is unknown is left out."""
    return " ".join(f"{name}={_json(value)}" for name, value in record.items() if value is not None)


def format_hex(group: ReceivedGroup, *, offset_hz: float | None = None) -> str:
    """A group as one line of four words, and its station's offset where there are several."""
    words = format_words(group.words)
    return words if offset_hz is None else f"{words} {offset_hz:+.10g}"
