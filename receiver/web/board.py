"""Records and groups of a receiver that runs in, what a person wants to know of it out, as objects for JSON.

It keeps a few numbers a second, whether or not anyone looks; nothing here is computed before it is asked for.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

from rds.hex_line import format_words
from rds.oda.messages.heartbeat import Heartbeat
from receiver.config import Config
from receiver.following import Hearing, StationGroup
from receiver.received_group import ReceivedGroup
from receiver.records import ACCEPTED, Record, format_moment
from receiver.signal_watch import LOST_MS
from receiver.station import Station

SILENT_S: Final = 10.0
"""Without a group: a station with RDS gives eleven in a second."""
HISTORY_S: Final = 600
_GROUPS: Final = 24
_WORDS: Final = 4
Clock = Callable[[], float]


@dataclass(slots=True)
class _Second:
    """A second of stream."""

    number: int
    blocks: int = 0
    accepted: int = 0


@dataclass(slots=True)
class _Refused:
    """Messages that were not accepted."""

    count: int = 0
    last: Record | None = None


@dataclass(slots=True)
class _Charger:
    """What was last told to a charger, and what it last said."""

    local_a: float
    limit: Record | None = None
    said: Record | None = None


@dataclass(slots=True)
class _Heard:
    """When something was last heard, by the clock of who looks."""

    group_s: float | None = None
    proof_s: float | None = None
    """A heartbeat, by which a service counts as present; before the first, anything whose signature held."""
    heartbeat: bool = False
    refused_s: float | None = None
    seconds: deque[_Second] = field(default_factory=lambda: deque(maxlen=HISTORY_S))
    types: Counter[str] = field(default_factory=Counter)
    last: deque[ReceivedGroup] = field(default_factory=lambda: deque(maxlen=_GROUPS))


class Board:
    """What is known now.

    Args:
        config: The receiver's.
        hearing: What it listens to; of several stations that which is heard best is shown.
        clock: Seconds that only rise: ages are those of the person who looks.
    """

    def __init__(self, config: Config, hearing: Hearing, *, clock: Clock = time.monotonic) -> None:
        self._hearing, self._clock = hearing, clock
        self._aid = config.keyring.domain.aid
        self._chargers = {one.name: _Charger(one.settings.local_ma / 1000) for one in config.chargers}
        self._station, self._place = Station(), (hearing.now, hearing.best_station)
        self._heard, self._refused = _Heard(), _Refused()
        self._now: datetime | None = None
        self._signal: Record = {}
        self._signal_second = -1
        self._warnings: object = []
        self._state_error: object = None

    @property
    def charger_names(self) -> list[str]:
        """In the configuration's order; the only one has an empty name."""
        return list(self._chargers)

    def tell(self, record: Record) -> None:
        """Take a record of `run`."""
        match record["type"]:
            case "limit":
                self._charger(record["charger"]).limit = record
            case "charger":
                self._charger(record["name"]).said = record
            case "message" | "bulletin":
                self._take_verdict(record)
            case "state":
                self._state_error = record["error"]
        self._warnings = record.get("warnings", self._warnings)

    def hear(self, groups: Iterable[StationGroup] | None, now: datetime | None) -> None:
        """Take the groups of a piece of input, None where there was none, and the receiver's time."""
        self._now = now
        if groups is None:
            return
        present = self._hearing.now
        best = self._hearing.best_station
        if (present, best) != self._place:
            self._place, self._station = (present, best), Station()
        for number, group in groups:
            if number == best:
                self._take_group(group)
        second = int(self._hearing.seconds_done)
        if second != self._signal_second:
            self._signal_second = second
            status = present.status(present.best)
            self._signal = {} if status is None else asdict(status)
            self._of_second(second)

    def standing(self) -> Record:
        """For the installer: the service, the limits and why."""
        facts = self._station.facts
        return {
            "time": None if self._now is None else format_moment(self._now),
            "service": self._service(),
            "station": {
                "pi": None if facts.pi is None else f"{facts.pi:04X}",
                "ps": facts.ps or facts.ps_so_far,
                "radio_text": facts.radio_text,
            },
            "chargers": [_charger_fields(name, one) for name, one in self._chargers.items()],
            "refused": {
                "count": self._refused.count,
                "last": self._refused.last,
                "age_s": self._age_s(self._heard.refused_s),
            },
            "warnings": self._warnings,
            "state_error": self._state_error,
        }

    def reception(self) -> Record:
        """For the engineer: the signal, block errors by the second, groups."""
        heard, present = self._heard, self._hearing.now
        return {
            "signal": _rounded(self._signal),
            "seconds": round(self._hearing.seconds_done, 3),
            "lost": {"samples": present.samples_lost, "gaps": dict(present.gaps)},
            "bler": [[one.number, _bler(one)] for one in heard.seconds],
            "types": dict(sorted(heard.types.items(), key=lambda one: (int(one[0][:-1]), one[0]))),
            "groups": [
                {"s": round(one.end_s, 2), "type": one.group_type, "words": format_words(one.words)}
                for one in reversed(heard.last)
            ],
        }

    def _service(self) -> Record:
        """Whether the service is here and authentic, in one word, and how old that word is."""
        heard = self._heard
        age_s, silent_s = self._age_s(heard.proof_s), self._age_s(heard.group_s)
        if age_s is not None and 1000 * age_s < LOST_MS:
            word = "authentic"
        elif silent_s is None or silent_s > SILENT_S:
            word = "silence"
        elif age_s is not None:
            word = "lost"
        elif self._aid in (aid for aid, _ in self._station.facts.aids):
            word = "unproven"
        else:
            word = "absent"
        return {"state": word, "age_s": age_s, "silent_s": silent_s}

    def _take_verdict(self, record: Record) -> None:
        if record["verdict"] != ACCEPTED:
            self._refused.count += 1
            self._refused.last = {"verdict": record["verdict"], "why": record["why"], "time": record["time"]}
            self._heard.refused_s = self._clock()
            return
        message = record.get("message")
        is_heartbeat = isinstance(message, Mapping) and message["name"] == Heartbeat.NAME
        if is_heartbeat or not self._heard.heartbeat:
            self._heard.heartbeat |= is_heartbeat
            self._heard.proof_s = self._clock()

    def _take_group(self, group: ReceivedGroup) -> None:
        second = self._of_second(int(group.end_s))
        second.blocks += _WORDS
        second.accepted += sum(word is not None for word in group.words)
        if not group.heard:
            return
        self._heard.group_s = self._clock()
        self._heard.last.append(group)
        if group.group_type is not None:
            self._heard.types[group.group_type] += 1
        self._station.feed(group)

    def _of_second(self, number: int) -> _Second:
        """A second's counts; those that were skipped are there too, as silence."""
        seconds = self._heard.seconds
        if not seconds:
            seconds.append(_Second(number))
        for missed in range(max(seconds[-1].number, number - HISTORY_S) + 1, number + 1):
            seconds.append(_Second(missed))
        return seconds[max(0, len(seconds) - 1 - (seconds[-1].number - number))]

    def _charger(self, name: object) -> _Charger:
        return self._chargers[str(name or "")]

    def _age_s(self, since_s: float | None) -> float | None:
        return None if since_s is None else round(self._clock() - since_s, 1)


def _charger_fields(name: str, charger: _Charger) -> Record:
    limit, said = charger.limit or {}, charger.said or {}
    told = ("limit_a", "restricted", "reason", "until", "next", "next_limit_a", "may_override", "terms")
    shown = ("driver", "error", "answers", "current_a", "plugged", "overridden", "alarms", "found", "warnings")
    return {
        "name": name,
        "local_a": charger.local_a,
        "limit": {one: limit.get(one) for one in told} if limit else None,
        "said": {one: said.get(one) for one in shown} if said else None,
    }


def _bler(second: _Second) -> float | None:
    return None if not second.blocks else round(1 - second.accepted / second.blocks, 4)


def _rounded(fields: Mapping[str, object]) -> Record:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in fields.items()}
