"""What was heard, as the objects of `-F json`: one a line, `"v":1`, sample index and time in each.

Time is that of the end of what is told: seconds from the input's first sample, and the moment in UTC where the first
sample's is known.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from rds.hex_line import format_words
from receiver.chain import SignalStatus
from receiver.received_group import ReceivedGroup
from receiver.station import StationFacts

VERSION: Final = 1
Record = dict[str, object]
_DIGITS: Final = 6


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


def format_moment(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def group_record(group: ReceivedGroup, time: StreamTime) -> Record:
    """A group's words, and how sure each is."""
    return time.stamp("group", group.sample_index, group.end_s) | {
        "group_type": group.group_type,
        "words": [None if word is None else f"{word:04X}" for word in group.words],
        "corrected": list(group.corrected),
        "confidence": [round(value, 3) for value in group.confidence],
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


def status_record(status: SignalStatus, sample_index: int, seconds: float, time: StreamTime) -> Record:
    """How the signal is; told every few seconds, with or without synchronisation."""
    values = {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(status).items()}
    seen = status.blocks_seen
    bler = None if not seen else round(1 - status.blocks_accepted / seen, 4)
    return time.stamp("status", sample_index, seconds) | values | {"bler": bler}


def _hex4(value: int | None) -> str | None:
    return None if value is None else f"{value:04X}"


def format_json(record: Mapping[str, object]) -> str:
    """A record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def format_kv(record: Mapping[str, object]) -> str:
    """A record as `name=value` pairs on one line; what is nested is JSON, what is unknown is left out."""
    pairs = (
        f"{name}={value if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)}"
        for name, value in record.items()
        if value is not None
    )
    return " ".join(pairs)


def format_hex(group: ReceivedGroup) -> str:
    """A group as one line of four words."""
    return format_words(group.words)
